// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Process's part in XRC: which domains there are, the numbers of their receive queues, and channels
// to receive queues of other processes.
//
// A domain that a file names has, in each process that has it open, a name of its own for all to
// see (link/abstract_name.hpp): so it is known on the host whether it is there, and it goes with
// its last process.
#include "datapath/xrc.hpp"
#include "datapath/srq.hpp"
#include "link/abstract_name.hpp"
#include "link/process.hpp"

#include <verbs/provider.hpp>

#include <fcntl.h>
#include <sys/random.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace soft {

using verbs::fail;
using verbs::Result;
using verbs::UniqueFd;
using verbs::provider::Host;

namespace {

constexpr uint32_t kNumbers = 1 << 24;
constexpr int kTries = 16;

std::string prefix_of(const XrcDomainId &id) {
    char text[64];
    std::snprintf(text, sizeof text, "verbs-soft/xrc/%llx-%llx-%llx/",
                  static_cast<unsigned long long>(id[0]), static_cast<unsigned long long>(id[1]),
                  static_cast<unsigned long long>(id[2]));
    return text;
}

Result<UniqueFd> take_any_name(const std::string &prefix) {
    for (int tried = 0; tried < kTries; ++tried) {
        uint32_t number = 0;
        if (::getrandom(&number, sizeof number, 0) != sizeof number)
            return fail(errno, "getrandom failed");
        auto name = take_name(prefix, number % kNumbers);
        if (name || name.error().code != EADDRINUSE) return name;
    }
    return fail(EAGAIN, "no name for the XRC domain was free");
}

Result<bool> is_there(const std::string &prefix) {
    VERBS_TRY(numbers, list_names(prefix));
    return !numbers.empty();
}

// The name of this process in a domain that no object of it has open yet, by the flags of open(2).
// One who insists on making it holds another name meanwhile, so that of two only one can.
Result<UniqueFd> enter(const XrcDomainId &id, int oflags) {
    const std::string prefix = prefix_of(id);
    const bool creates = (oflags & O_CREAT) != 0;
    if (!creates) {
        VERBS_TRY(exists, is_there(prefix));
        if (!exists) return fail(ENOENT, "no XRC domain is there for this file");
    } else if ((oflags & O_EXCL) != 0) {
        auto making = take_name(prefix + "making-", 0);
        if (!making && making.error().code != EADDRINUSE)
            return verbs::Failure(std::move(making.error()));
        VERBS_TRY(exists, is_there(prefix));
        if (!making || exists) return fail(EEXIST, "an XRC domain is there for this file");
        return take_any_name(prefix);
    }
    return take_any_name(prefix);
}

Result<XrcDomainId> id_of(int fd, uint64_t guid) {
    if (fd == -1) {
        XrcDomainId id;
        if (::getrandom(id.data(), sizeof id, 0) != sizeof id)
            return fail(errno, "getrandom failed");
        return id;
    }
    struct stat file {};
    if (::fstat(fd, &file) != 0) {
        const int code = errno;
        return fail(code, std::string("the file of an XRC domain: ") + std::strerror(code));
    }
    return XrcDomainId{file.st_dev, file.st_ino, guid};
}

}  // namespace

Result<std::shared_ptr<XrcDomain>> Process::open_domain(int fd, int oflags, uint64_t guid) {
    if (is_inherited_) return fail(EIO, "the device was opened by this process's parent");
    if (fd == -1 && (oflags & O_CREAT) == 0)
        return fail(EINVAL, "an XRC domain without a file is always a new one: O_CREAT");
    VERBS_TRY(id, id_of(fd, guid));
    const std::lock_guard hold(mutex_);
    std::erase_if(domains_, [](const auto &entry) { return entry.second.expired(); });
    if (const auto known = domains_.find(id); known != domains_.end()) {
        // Its last object may go at this moment: that is not under the mutex.
        if (auto living = known->second.lock()) {
            if ((oflags & O_CREAT) != 0 && (oflags & O_EXCL) != 0)
                return fail(EEXIST, "an XRC domain is there for this file");
            return living;
        }
    }
    auto domain = std::make_shared<XrcDomain>(*this, id);
    if (fd != -1) {
        VERBS_TRY(name, enter(id, oflags));
        const std::lock_guard hold_names(names_mutex_);
        names_[domain.get()] = std::move(name);
    }
    domains_[id] = domain;
    return domain;
}

void Process::drop_name(const XrcDomain &domain) noexcept {
    const std::lock_guard hold(names_mutex_);
    names_.erase(&domain);
}

Result<void> Process::enlist(Srq &srq) {
    const std::lock_guard hold(mutex_);
    VERBS_CHECK(ensure_thread());
    VERBS_TRY(number, numbers_.claim([this](int listener) { listen_to(listener); }));
    srq.number = number;
    try {
        srqs_[number] = &srq;
        join_domain(srq);
    } catch (...) {
        srqs_.erase(number);
        numbers_.release(number);
        throw;
    }
    ++srq.completes_to->users;
    return {};
}

void Process::dismiss(Srq &srq) noexcept {
    const std::lock_guard hold(mutex_);
    leave_domain(srq);
    srqs_.erase(srq.number);
    numbers_.release(srq.number);
    --srq.completes_to->users;
    if (!srq.xrc->queues.empty()) return;
    // Nothing is left here that a queue pair of another process could have messages for.
    for (std::size_t i = stand_ins_.size(); i-- > 0;)
        if (stand_ins_[i]->xrc == srq.xrc) end_stand_in(*stand_ins_[i]);
}

Result<void> Process::enlist(Qp &target, Qp &handle) {
    const std::lock_guard hold(mutex_);
    VERBS_CHECK(ensure_thread());
    target.target->handles.push_back(&handle);
    join_domain(target);
    auto number = numbers_.claim(target, [this](int listener) { listen_to(listener); });
    if (!number) {
        leave_domain(target);
        return verbs::Failure(std::move(number.error()));
    }
    target.qp_num = handle.qp_num = *number;
    target.handle = handle.handle = *number;
    handle.handle_of->target = &target;
    return {};
}

void Process::dismiss(Qp &target) noexcept {
    forget_handles(target);
    numbers_.release(target.qp_num);
    leave(target);
}

// Under the mutex: neither peers nor the thread nor a poller know the queue pair afterwards.
void Process::leave(Qp &receiver) noexcept {
    disconnect(receiver);
    leave_domain(receiver);
    forget_timers(receiver);
}

void Process::open_xrc_route(Qp &qp, uint32_t number) noexcept {
    try {
        const std::lock_guard hold(mutex_);
        const uint32_t block = block_of(number);
        {
            const std::lock_guard polling(qp.sends_to->progress_lock);
            const std::lock_guard hold_queue(qp.sq.lock);
            SendQueue &sq = qp.sq;
            const XrcRoute *route = find_route(sq, block);
            if (sq.xrc_routes.empty() || (route != nullptr && !route->is_refused)) return;
            if (route != nullptr) {
                // Messages that are not done yet are to fail first.
                if (!sq.ring.is_empty()) return;
                use_route(sq, 0);
                const auto at = sq.xrc_routes.begin() + (route - &sq.xrc_routes[0]);
                if (at->parked != nullptr) close_channel(*at->parked);
                sq.xrc_routes.erase(at);
            }
        }
        add_xrc_route(qp, number);
    } catch (...) {
        Host::log(VERBS_HOST_LOG_WARN, "out of memory, QP 0x%x does not reach a receive queue",
                  qp.qp_num);
    }
}

void Process::add_xrc_route(Qp &qp, uint32_t number) {
    auto end = open_srq_channel(qp, number);
    if (!end)
        Host::log(VERBS_HOST_LOG_INFO, "QP 0x%x cannot reach the receive queue 0x%x: %s", qp.qp_num,
                  number, end.error().phrase.c_str());
    const std::lock_guard hold(qp.sq.lock);
    qp.sq.xrc_routes.push_back(
        {block_of(number), !end, end ? std::move(*end) : std::unique_ptr<TxEnd>()});
}

// What was posted before the connection was opened anew.
void Process::reopen_xrc_routes(Qp &qp) {
    std::vector<uint32_t> missing;
    {
        const std::lock_guard hold(qp.sq.lock);
        SendQueue &sq = qp.sq;
        for (uint32_t at = sq.sent; at != sq.ring.tail; ++at)
            if (const SendWqe &wqe = sq.ring.at(at); wqe.opcode < kOpcodeBind)
                missing.push_back(wqe.qkey_or_srqn);
    }
    for (const uint32_t number : missing) {
        bool is_known = false;
        {
            const std::lock_guard hold(qp.sq.lock);
            is_known = find_route(qp.sq, block_of(number)) != nullptr;
        }
        if (!is_known) add_xrc_route(qp, number);
    }
}

Result<std::unique_ptr<TxEnd>> Process::open_srq_channel(Qp &qp, uint32_t number) {
    VERBS_TRY(link, link_to(number));
    VERBS_TRY(made, ChannelSegment::create(ChannelKind::xrc, qp.qp_num, qp.attr.dest_qp_num,
                                           qp.attr.rnr_retry));
    Packet packet;
    packet.kind = static_cast<uint8_t>(PacketKind::open_srq);
    packet.channel = next_channel();
    packet.requester_qpn = qp.qp_num;
    packet.responder_qpn = number;
    auto end = std::make_unique<TxEnd>(std::move(made.first), link, packet.channel);
    link->channels[packet.channel] = &qp;
    link->send(packet, made.second.get());
    return end;
}

// A channel from a queue pair whose peer is in another process, for the receive queues here.
Result<void> Process::take_srq_channel(const std::shared_ptr<Link> &link,
                                       const Received &received) {
    const Packet &packet = received.packet;
    if (packet.channel == 0 || is_open(*link, packet.channel))
        return fail(EPROTO, "channel " + std::to_string(packet.channel) + " is open already");
    VERBS_TRY(segment, ChannelSegment::map(received.fd));
    if (segment.kind() != ChannelKind::xrc) return fail(EPROTO, "a channel of the wrong kind");
    Packet answer;
    answer.kind = static_cast<uint8_t>(PacketKind::opened);
    answer.channel = packet.channel;
    const auto srq = srqs_.find(packet.responder_qpn);
    if (srq == srqs_.end()) {
        answer.status = ENOENT;
        link->send(answer);
        return {};
    }
    auto qp = std::make_unique<Qp>(*this, nullptr);
    qp->xrc = srq->second->xrc;
    qp->is_xrc = qp->is_reliable = true;
    qp->has_one_peer = false;
    qp->qp_num = segment.responder_qpn();
    qp->sends_to = qp->receives_to = qp->rq.completes_to = &qp->xrc->hub;
    qp->now.store(IBV_QPS_RTR, std::memory_order_release);
    auto end = std::make_unique<RxEnd>(std::move(segment), link, packet.channel);
    end->sit_down(copies_);
    join_domain(*qp);
    stand_ins_.push_back(std::move(qp));
    Qp &stand_in = *stand_ins_.back();
    link->channels[packet.channel] = &stand_in;
    attach_responder(stand_in, std::move(end));
    link->send(answer);
    return {};
}

bool Process::is_stand_in_here(const Qp &qp) const noexcept {
    return qp.is_xrc && std::any_of(stand_ins_.begin(), stand_ins_.end(),
                                    [&](const auto &one) { return one.get() == &qp; });
}

void Process::end_stand_in(Qp &qp) noexcept {
    // A receive in hand, whose message does not come to its end, completes.
    enter_error(qp, IBV_WC_WR_FLUSH_ERR);
    leave(qp);
    std::erase_if(stand_ins_, [&](const auto &one) { return one.get() == &qp; });
}

}  // namespace soft
