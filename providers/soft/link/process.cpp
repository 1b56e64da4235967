// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// The shared state's life, the opening of channels, and what programs' calls need of it. The
// progress thread's side is in link/progress.cpp.
#include "link/process.hpp"

#include "datapath/srq.hpp"
#include "datapath/tags.hpp"
#include "datapath/xrc.hpp"

#include <verbs/provider.hpp>

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <new>

namespace soft {

using verbs::fail;
using verbs::Result;
using verbs::provider::Host;

namespace {

std::mutex instance_mutex;
std::weak_ptr<Process> instance;
// Between before_fork and after: keeps the process's state whole while it is copied.
std::shared_ptr<Process> forking;

Result<void> system_failure(const char *what) {
    const int code = errno;
    return fail(code, std::string(what) + ": " + std::strerror(code));
}

}  // namespace

Result<std::shared_ptr<Process>> Process::get() {
    const std::lock_guard hold(instance_mutex);
    if (auto living = instance.lock()) return living;
    static const bool is_prepared =
        ::pthread_atfork(&before_fork, &after_fork_in_parent, &after_fork_in_child) == 0;
    if (!is_prepared) return fail(ENOMEM, "no memory to prepare for forks");
    std::shared_ptr<Process> made(new Process);
    VERBS_CHECK(made->open());
    instance = made;
    return made;
}

Result<void> Process::open() {
    VERBS_TRY(mrs, MrTable::create());
    mrs_ = std::move(mrs);
    if (::getrandom(&canary_, sizeof canary_, 0) != sizeof canary_)
        return system_failure("getrandom");
    has_barrier_ = enable_barrier_for_all();
    return {};
}

void Process::before_fork() noexcept {
    instance_mutex.lock();
    forking = instance.lock();
    if (forking == nullptr) return;
    forking->mutex_.lock();
    forking->names_mutex_.lock();
    forking->notes_lock_.lock();
}

void Process::unlock_after_fork() noexcept {
    notes_lock_.unlock();
    names_mutex_.unlock();
    mutex_.unlock();
}

void Process::after_fork_in_parent() noexcept {
    // Let go outside the locks: this may be the last one who holds it.
    const std::shared_ptr<Process> held = std::move(forking);
    forking.reset();
    if (held != nullptr) held->unlock_after_fork();
    instance_mutex.unlock();
}

void Process::after_fork_in_child() noexcept {
    EventPipe::leave_to_parent();
    const std::shared_ptr<Process> held = std::move(forking);
    forking.reset();
    if (held != nullptr) {
        held->unlock_after_fork();
        held->die_in_child();
    }
    instance.reset();
    instance_mutex.unlock();
}

namespace {

void die(Srq &srq) noexcept {
    new (&srq.lock) SpinLock;
    new (&srq.drive_lock) SpinLock;
    if (srq.tags != nullptr) new (&srq.tags->lock) SpinLock;
}

// What other threads of the parent may have held does not exist here, nor does any peer.
void die(Qp &qp) noexcept {
    new (&qp.sq.lock) SpinLock;
    new (&qp.rq.lock) SpinLock;
    for (Cq *cq : {qp.sends_to, qp.receives_to}) {
        new (&cq->lock) SpinLock;
        new (&cq->progress_lock) SpinLock;
    }
    qp.now.store(IBV_QPS_ERR, std::memory_order_relaxed);
    qp.sq.channel.reset();
    qp.sq.xrc_routes.clear();
    qp.sq.xrc_route = 0;
    qp.sq.routes.clear();
    qp.rq.channel.reset();
    qp.rq.senders.clear();
    qp.memberships.clear();
    if (qp.counters != nullptr) qp.counters->die();
    if (qp.target != nullptr) {
        new (&qp.target->lock) SpinLock;
        qp.target->guests.clear();
    }
    if (qp.rq.srq != nullptr) die(*qp.rq.srq);
}

}  // namespace

void Process::die_in_child() noexcept {
    is_inherited_ = true;
    copies_.unlock_in_child();
    numbers_.for_each([](Qp &qp) { die(qp); });
    for (const auto &qp : stand_ins_)
        die(*qp);
    for (const auto &[number, srq] : srqs_) {
        die(*srq);
        new (&srq->completes_to->progress_lock) SpinLock;
        new (&srq->completes_to->lock) SpinLock;
    }
    for (const auto &[id, known] : domains_)
        if (const auto domain = known.lock()) {
            new (&domain->lock) SpinLock;
            new (&domain->hub.progress_lock) SpinLock;
        }
    names_.clear();
    for (const auto &[channel, handle] : opened_)
        handle->handle_of->link.reset();
    opened_.clear();
    // Threads of the parent may have waited for it, and its end would wait for them.
    new (&answered_) std::condition_variable;
    // The thread did not come along: there is nothing to join, nor even to detach.
    new (&thread_) std::thread;
    sender_name_.reset();
    unanswered_joins_.clear();
    timers_.clear();
    watched_.clear();
    to_watch_.clear();
    offers_.clear();
    links_.clear();
    lives_.clear();
    attended_.clear();
    numbers_.close_listeners();
    epoll_.reset();
    wake_.reset();
}

Process::~Process() {
    if (is_inherited_) return;
    stopping_.store(true, std::memory_order_release);
    if (thread_.joinable()) {
        wake();
        thread_.join();
    }
}

Result<void> Process::ensure_thread() {
    if (is_inherited_) return fail(EIO, "the device was opened by this process's parent");
    if (thread_.joinable()) return {};
    epoll_ = verbs::UniqueFd(::epoll_create1(EPOLL_CLOEXEC));
    wake_ = verbs::UniqueFd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!epoll_.is_open() || !wake_.is_open()) return system_failure("progress thread's epoll");
    listen_to(wake_.get());
    // The thread must not take signals that the program expects in its own threads.
    sigset_t all;
    sigset_t before;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before);
    int code = 0;
    try {
        thread_ = std::thread([this] { run(); });
        ::pthread_setname_np(thread_.native_handle(), "verbs-soft");
    } catch (const std::system_error &refused) {
        code = refused.code().value();
    }
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
    if (code != 0) return fail(code, "the progress thread could not be started");
    return {};
}

Result<void> Process::enlist(Qp &qp) {
    const std::lock_guard hold(mutex_);
    VERBS_CHECK(ensure_thread());
    VERBS_TRY(qpn, numbers_.claim(qp, [this](int listener) { listen_to(listener); }));
    qp.qp_num = qpn;
    return {};
}

void Process::delist(Qp &qp) noexcept {
    const std::lock_guard hold(mutex_);
    numbers_.release(qp.qp_num);
    disconnect(qp);
    forget_timers(qp);
}

void Process::forget_timers(const Qp &qp) noexcept {
    const std::lock_guard hold(notes_lock_);
    std::erase_if(timers_, [&](const auto &timer) { return timer.second == &qp; });
}

void Process::forget(Cq &cq) noexcept {
    const std::lock_guard hold(mutex_);
    if (cq.watched_place.is_linked()) watched_.erase(watched_.iterator_to(cq));
    const std::lock_guard hold_notes(notes_lock_);
    if (cq.to_watch_place.is_linked()) to_watch_.erase(to_watch_.iterator_to(cq));
}

Result<void> Process::attend(int fd, std::function<void()> serve) {
    const std::lock_guard hold(mutex_);
    VERBS_CHECK(ensure_thread());
    attended_[fd] = std::move(serve);
    listen_to(fd);
    return {};
}

void Process::unattend(int fd) noexcept {
    const std::lock_guard hold(mutex_);
    // In a child after a fork there is neither.
    if (attended_.erase(fd) != 0) ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
}

void Process::listen_to(int fd) {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.fd = fd;
    ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event);
}

void Process::adopt(const std::shared_ptr<Link> &link) {
    link->wake_when_blocked(wake_.get());
    links_[link->socket()] = link;
    listen_to(link->socket());
    if (link->life() < 0) return;
    lives_[link->life()] = link;
    listen_to(link->life());
}

Packet Process::hello(const Link *peer) const noexcept {
    Packet packet;
    packet.kind = static_cast<uint8_t>(PacketKind::hello);
    if (peer != nullptr && peer->reaches_peer()) packet.abilities |= kCanCopy;
    if (has_barrier_) packet.abilities |= kHasBarrier;
    packet.canary_address = reinterpret_cast<uintptr_t>(&canary_);
    packet.canary = canary_;
    return packet;
}

Result<std::shared_ptr<Link>> Process::link_to(uint32_t remote_qpn) {
    if (is_inherited_) return fail(EIO, "the device was opened by this process's parent");
    const uint32_t block = block_of(remote_qpn);
    if (auto known = requester_links_[block].lock(); known != nullptr && !known->is_lost())
        return known;
    VERBS_TRY(socket, connect_to_block(block));
    ucred peer{};
    socklen_t length = sizeof peer;
    if (::getsockopt(socket.get(), SOL_SOCKET, SO_PEERCRED, &peer, &length) != 0)
        return fail(errno, "who the peer is cannot be found out");
    if (peer.uid != ::geteuid())
        return fail(EACCES, "the peer's process belongs to user " + std::to_string(peer.uid) +
                                ", this one to user " + std::to_string(::geteuid()));
    auto link = std::make_shared<Link>(std::move(socket), Link::Role::requester, peer.pid);
    adopt(link);
    requester_links_[block] = link;
    link->send(hello(nullptr), mrs_.fd().get());
    return link;
}

// 0 stands for all channels of a link.
uint32_t Process::next_channel() noexcept {
    return ++last_channel_ != 0 ? last_channel_ : ++last_channel_;
}

Result<std::unique_ptr<TxEnd>> Process::open_channel(Qp &qp, ChannelKind kind, uint32_t remote_qpn,
                                                     const ibv_gid &dgid, uint32_t rnr_retry) {
    VERBS_TRY(link, link_to(remote_qpn));
    VERBS_TRY(made, ChannelSegment::create(kind, qp.qp_num, remote_qpn, rnr_retry));
    Packet packet;
    packet.kind = static_cast<uint8_t>(PacketKind::open);
    packet.channel = next_channel();
    packet.requester_qpn = qp.qp_num;
    packet.responder_qpn = remote_qpn;
    std::memcpy(packet.dgid, dgid.raw, sizeof packet.dgid);
    auto end = std::make_unique<TxEnd>(std::move(made.first), link, packet.channel);
    link->channels[packet.channel] = &qp;
    link->send(packet, made.second.get());
    return end;
}

void Process::connect(Qp &qp) {
    auto end =
        open_channel(qp, kind_of(qp), qp.attr.dest_qp_num, qp.destination, qp.attr.rnr_retry);
    if (!end)
        Host::log(VERBS_HOST_LOG_INFO, "QP 0x%x cannot reach QP 0x%x: %s", qp.qp_num,
                  qp.attr.dest_qp_num, end.error().phrase.c_str());
    {
        const std::lock_guard polling(qp.sends_to->progress_lock);
        const std::lock_guard hold(qp.sq.lock);
        qp.sq.unreachable = !end;
        if (end) qp.sq.channel = std::move(*end);
        if (qp.is_xrc) qp.sq.xrc_routes.push_back({block_of(qp.attr.dest_qp_num), false, nullptr});
        qp.acknowledged.store(0, std::memory_order_relaxed);
    }
    if (qp.is_xrc) reopen_xrc_routes(qp);
    update_kicks(qp);
}

void Process::open_route(Qp &qp, uint32_t remote_qpn, const ibv_gid &dgid) noexcept {
    try {
        const std::lock_guard hold(mutex_);
        {
            const std::lock_guard hold_queue(qp.sq.lock);
            auto &route = qp.sq.routes[remote_qpn];
            // A lost link's channel is told to the link below; another thread may have been here.
            if (route != nullptr && !route->link().is_lost()) return;
            if (route != nullptr) route->link().channels.erase(route->id());
            route.reset();
        }
        auto end = open_channel(qp, ChannelKind::ud, remote_qpn, dgid, 7);
        if (!end) {
            Host::log(VERBS_HOST_LOG_INFO, "QP 0x%x: datagrams to QP 0x%x are lost: %s", qp.qp_num,
                      remote_qpn, end.error().phrase.c_str());
            return;
        }
        const std::lock_guard hold_queue(qp.sq.lock);
        qp.sq.routes[remote_qpn] = std::move(*end);
    } catch (...) {
        // No memory for a channel: the datagrams are lost, which datagrams may be.
        Host::log(VERBS_HOST_LOG_WARN, "out of memory, datagrams of QP 0x%x are lost", qp.qp_num);
    }
}

void Process::reconnect(Qp &qp) noexcept {
    try {
        const std::lock_guard hold(mutex_);
        if (qp.now.load(std::memory_order_relaxed) != IBV_QPS_RTS) return;
        {
            const std::lock_guard hold_queue(qp.sq.lock);
            if (qp.sq.channel != nullptr) return;
        }
        connect(qp);
    } catch (...) {
        // No memory for a channel: what is sent is lost, as it may be.
        Host::log(VERBS_HOST_LOG_WARN, "out of memory, QP 0x%x cannot reach its peer", qp.qp_num);
    }
}

void Process::set_timer(Qp &qp, int64_t at_ns) noexcept {
    bool is_first = false;
    try {
        const std::lock_guard hold(notes_lock_);
        is_first = timers_.empty() || at_ns < timers_.begin()->first;
        timers_.emplace(at_ns, &qp);
    } catch (...) {
        Host::log(VERBS_HOST_LOG_ERROR, "out of memory, a timer of QP 0x%x is lost", qp.qp_num);
    }
    if (is_first) wake();
}

void Process::watch(Cq &cq) noexcept {
    if (is_inherited_) return;  // nobody is there to watch it
    {
        const std::lock_guard hold(notes_lock_);
        if (!cq.to_watch_place.is_linked()) to_watch_.push_back(cq);
    }
    wake();
}

void Process::wake() noexcept {
    if (is_inherited_) return;
    const int saved = errno;
    const uint64_t one = 1;
    [[maybe_unused]] const ssize_t ignored = ::write(wake_.get(), &one, sizeof one);
    errno = saved;
}

}  // namespace soft
