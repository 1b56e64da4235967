// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Handles of receiving QPs: opening, what they do to the QP, and closing, on both sides. All under
// the mutex. A call of another process is answered by the progress thread.
#include "link/xrc_handle.hpp"

#include "datapath/xrc.hpp"
#include "link/process.hpp"
#include "link/sealed_memory.hpp"

#include <verbs/provider.hpp>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace soft {

using verbs::fail;
using verbs::Result;

namespace {

HandlePage &page_of(const verbs::Mapping &calls) noexcept {
    return *static_cast<HandlePage *>(calls.data());
}

Result<void> map_page(const verbs::UniqueFd &fd, verbs::Mapping &calls) {
    VERBS_TRY(memory, verbs::Mapping::shared(fd.get(), kHandlePageBytes, PROT_READ | PROT_WRITE));
    calls = std::move(memory);
    return {};
}

verbs::Failure is_gone() {
    return fail(EIO, "the queue pair is gone: its process has ended or closed the device");
}

verbs::Failure does_not_answer() {
    return fail(ETIMEDOUT, "the queue pair's process does not answer");
}

Packet about(PacketKind kind, uint32_t channel) noexcept {
    Packet packet;
    packet.kind = static_cast<uint8_t>(kind);
    packet.channel = channel;
    return packet;
}

void forget_target(Qp &handle) noexcept {
    handle.handle_of->target = nullptr;
    handle.handle_of->link.reset();
    report_qp_event(handle, IBV_EVENT_QP_FATAL);
}

}  // namespace

Result<void> Process::open_handle(Qp &handle, uint32_t qpn, const XrcDomain &domain) {
    std::unique_lock hold(mutex_);
    VERBS_CHECK(ensure_thread());
    XrcHandle &own = *handle.handle_of;
    handle.qp_num = handle.handle = qpn;
    if (Qp *target = numbers_.find(qpn); target != nullptr) {
        if (target->target == nullptr || target->xrc.get() != &domain)
            return fail(EINVAL, "the XRC domain has no such queue pair");
        const std::lock_guard hold_handles(target->target->lock);
        target->target->handles.push_back(&handle);
        own.target = target;
        return {};
    }
    if (numbers_.owns_block(block_of(qpn)))
        return fail(EINVAL, "the XRC domain has no such queue pair");
    auto link = link_to(qpn);
    if (!link) return fail(EINVAL, std::move(link.error().phrase));
    VERBS_TRY(fd, make_sealed_memory("verbs-soft-handle", kHandlePageBytes));
    VERBS_CHECK(map_page(fd, own.calls));
    std::copy(domain.id.begin(), domain.id.end(), page_of(own.calls).domain);
    own.link = *link;
    own.channel = next_channel();
    opened_[own.channel] = &handle;
    Packet packet = about(PacketKind::open_qp, own.channel);
    packet.responder_qpn = qpn;
    const int code = ask(handle, packet, fd.get(), hold);
    if (code == 0) return {};
    opened_.erase(own.channel);
    if (code == ETIMEDOUT && own.link != nullptr)
        own.link->send(about(PacketKind::close_qp, own.channel));
    return fail(code, "the queue pair's process did not open it");
}

// One call at a time has the page, and the other process has it until it has answered: who gave up
// waiting does not know how far that is with the call. False: it is not to be had for now.
bool Process::await_turn(const Qp &handle, std::unique_lock<std::mutex> &hold) {
    const XrcHandle &own = *handle.handle_of;
    return answered_.wait_for(hold, answer_patience_, [&] {
        return own.link == nullptr || (!own.is_calling && own.answered == own.call);
    });
}

// Sends and waits for the answer: 0 or an errno value.
int Process::ask(Qp &handle, Packet packet, int fd, std::unique_lock<std::mutex> &hold) {
    XrcHandle &own = *handle.handle_of;
    const uint32_t call = ++own.call;
    packet.requester_qpn = page_of(own.calls).number = call;
    own.is_calling = true;
    own.link->send(packet, fd);
    const auto is_over = [&] { return own.answered == call || own.link == nullptr; };
    const bool was_answered = answered_.wait_for(hold, answer_patience_, is_over);
    own.is_calling = false;
    answered_.notify_all();
    if (was_answered) return own.link == nullptr ? EIO : own.code;
    // What has not begun is not to be done later, when nobody expects it.
    page_of(own.calls).number = kNoCall;
    return ETIMEDOUT;
}

Result<void> Process::modify_opened(Qp &handle, ibv_qp_attr &attr, int mask,
                                    std::unique_lock<std::mutex> &hold) {
    XrcHandle &own = *handle.handle_of;
    if (!await_turn(handle, hold)) return does_not_answer();
    if (own.target != nullptr) return modify_target(*own.target, attr, mask);
    if (own.link == nullptr) return is_gone();
    HandlePage &page = page_of(own.calls);
    page.call = static_cast<uint32_t>(HandleCall::modify);
    page.mask = mask;
    std::memcpy(&page.attr, &attr, offsetof(ibv_qp_attr, rate_limit));
    const int code = ask(handle, about(PacketKind::call_qp, own.channel), -1, hold);
    if (code == ETIMEDOUT) return does_not_answer();
    if (code != 0) return fail(code, "the queue pair's process refused the change");
    return {};
}

Result<void> Process::query_opened(Qp &handle, ibv_qp_attr &attr, ibv_qp_init_attr &init_attr,
                                   std::unique_lock<std::mutex> &hold) {
    XrcHandle &own = *handle.handle_of;
    if (!await_turn(handle, hold)) return does_not_answer();
    if (own.target != nullptr) {
        tell(*own.target, attr, init_attr);
        return {};
    }
    if (own.link == nullptr) return is_gone();
    HandlePage &page = page_of(own.calls);
    page.call = static_cast<uint32_t>(HandleCall::query);
    if (const int code = ask(handle, about(PacketKind::call_qp, own.channel), -1, hold); code != 0)
        return fail(code, "the queue pair's process did not answer");
    std::memcpy(&attr, &page.attr, offsetof(ibv_qp_attr, rate_limit));
    init_attr = {};
    init_attr.qp_type = IBV_QPT_XRC_RECV;
    return {};
}

void Process::close_opened(Qp &handle) noexcept {
    const std::lock_guard hold(mutex_);
    XrcHandle &own = *handle.handle_of;
    if (own.link != nullptr) {
        opened_.erase(own.channel);
        if (!is_inherited_) own.link->send(about(PacketKind::close_qp, own.channel));
    }
    Qp *target = std::exchange(own.target, nullptr);
    own.link.reset();
    if (target == nullptr) return;
    {
        const std::lock_guard hold_handles(target->target->lock);
        std::erase(target->target->handles, &handle);
    }
    end_if_nobody_has(*target);
}

void Process::end_if_nobody_has(Qp &target) noexcept {
    if (target.target->handles.empty() && target.target->guests.empty()) end_target(target);
}

// The queue pair ends although somebody has it open.
void Process::forget_handles(Qp &target) noexcept {
    XrcTarget &own = *target.target;
    for (Qp *handle : own.handles)
        forget_target(*handle);
    for (const XrcTarget::Guest &guest : own.guests)
        guest.link->send(about(PacketKind::qp_gone, guest.channel));
    const std::lock_guard hold(own.lock);
    own.handles.clear();
    own.guests.clear();
}

namespace {

// The first guest of a link, or the one of a number on it.
auto find_guest(XrcTarget &target, const Link &link, uint32_t channel) noexcept {
    return std::find_if(
        target.guests.begin(), target.guests.end(), [&](const XrcTarget::Guest &guest) {
            return guest.link.get() == &link && (channel == 0 || guest.channel == channel);
        });
}

int answer_call(Qp &target, HandlePage &page) {
    if (page.call == static_cast<uint32_t>(HandleCall::query)) {
        ibv_qp_attr attr{};
        ibv_qp_init_attr init_attr{};
        tell(target, attr, init_attr);
        page.attr = attr;
        return 0;
    }
    ibv_qp_attr attr = page.attr;
    const auto modified = modify_target(target, attr, page.mask);
    return modified ? 0 : modified.error().code;
}

}  // namespace

int Process::take_guest(const std::shared_ptr<Link> &link, const Received &received) {
    Qp *target = numbers_.find(received.packet.responder_qpn);
    if (target == nullptr || target->target == nullptr) return EINVAL;
    XrcTarget::Guest guest{link, received.packet.channel, {}};
    if (!judge_sealed_memory(received.fd, kHandlePageBytes) || !map_page(received.fd, guest.calls))
        return EINVAL;
    XrcDomainId id;
    std::copy(std::begin(page_of(guest.calls).domain), std::end(page_of(guest.calls).domain),
              id.begin());
    if (id != target->xrc->id) return EINVAL;
    const std::lock_guard hold(target->target->lock);
    target->target->guests.push_back(std::move(guest));
    return 0;
}

Qp *Process::target_of(const Link &link, uint32_t channel) noexcept {
    Qp *found = nullptr;
    numbers_.for_each([&](Qp &qp) {
        if (qp.target != nullptr &&
            find_guest(*qp.target, link, channel) != qp.target->guests.end())
            found = &qp;
    });
    return found;
}

// The side of the QP.
void Process::serve_guest(const std::shared_ptr<Link> &link, const Received &received) {
    const Packet &packet = received.packet;
    Packet answer = about(PacketKind::qp_answer, packet.channel);
    answer.requester_qpn = packet.requester_qpn;
    answer.status = EINVAL;
    Qp *target = packet.channel != 0 ? target_of(*link, packet.channel) : nullptr;
    if (static_cast<PacketKind>(packet.kind) == PacketKind::close_qp) {
        if (target != nullptr) drop_guest(*target, *link, packet.channel);
        return;
    }
    if (static_cast<PacketKind>(packet.kind) == PacketKind::open_qp) {
        if (packet.channel != 0 && target == nullptr) answer.status = take_guest(link, received);
    } else if (target != nullptr) {
        const auto guest = find_guest(*target->target, *link, packet.channel);
        HandlePage &page = page_of(guest->calls);
        // Who gave up waiting for this call has taken it back.
        answer.status = page.number == packet.requester_qpn ? answer_call(*target, page) : ESTALE;
    }
    link->send(answer);
}

namespace {

constexpr int kLargestErrno = 4095;

// Events of another kind have another object in them.
bool is_about_qps(int type) noexcept {
    switch (type) {
    case IBV_EVENT_QP_FATAL:
    case IBV_EVENT_QP_REQ_ERR:
    case IBV_EVENT_QP_ACCESS_ERR:
    case IBV_EVENT_COMM_EST:
    case IBV_EVENT_SQ_DRAINED:
    case IBV_EVENT_QP_LAST_WQE_REACHED:
        return true;
    default:
        return false;
    }
}

}  // namespace

// The side of the handle. Another peer may have guessed the number: it is of one link.
void Process::serve_handle(const Link &link, const Packet &packet) noexcept {
    const auto found = opened_.find(packet.channel);
    if (found == opened_.end() || found->second->handle_of->link.get() != &link) return;
    Qp &handle = *found->second;
    XrcHandle &own = *handle.handle_of;
    switch (static_cast<PacketKind>(packet.kind)) {
    case PacketKind::qp_answer:
        if (packet.requester_qpn != own.call) break;
        own.answered = packet.requester_qpn;
        own.code = packet.status >= 0 && packet.status <= kLargestErrno ? packet.status : EPROTO;
        break;
    case PacketKind::qp_event:
        if (is_about_qps(packet.status))
            report_qp_event(handle, static_cast<ibv_event_type>(packet.status));
        break;
    default:
        opened_.erase(found);
        forget_target(handle);
    }
    answered_.notify_all();
}

void Process::drop_guest(Qp &target, const Link &link, uint32_t channel) noexcept {
    {
        const std::lock_guard hold(target.target->lock);
        target.target->guests.erase(find_guest(*target.target, link, channel));
    }
    end_if_nobody_has(target);
}

// Both sides.
void Process::lose_handles(const Link &link) noexcept {
    while (Qp *target = target_of(link, 0))
        drop_guest(*target, link, 0);
    for (auto at = opened_.begin(); at != opened_.end();) {
        Qp &handle = *at->second;
        if (handle.handle_of->link.get() != &link) {
            ++at;
            continue;
        }
        at = opened_.erase(at);
        forget_target(handle);
    }
    answered_.notify_all();
}

}  // namespace soft
