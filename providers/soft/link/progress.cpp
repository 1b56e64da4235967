// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// The progress thread: sleeps in epoll, answers peers, drives queue pairs whose program is not
// polling, fires timers, and notices peers that are gone.
#include "link/process.hpp"

#include "datapath/xrc.hpp"

#include <verbs/provider.hpp>

#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <iterator>

namespace soft {

using verbs::fail;
using verbs::Result;
using verbs::provider::Host;

namespace {

// How long a program may pause its polling before the thread takes over again.
constexpr int kPollerPatienceMs = 2;

}  // namespace

void Process::run() noexcept {
    while (!stopping_.load(std::memory_order_acquire)) {
        try {
            turn(sleep_ms());
        } catch (const std::exception &stray) {
            Host::log(VERBS_HOST_LOG_ERROR, "progress thread: %s", stray.what());
        }
    }
}

int Process::sleep_ms() {
    const std::lock_guard hold(mutex_);
    if (!watched_.empty()) return kPollerPatienceMs;
    const std::lock_guard hold_notes(notes_lock_);
    if (!to_watch_.empty()) return 0;
    if (timers_.empty()) return -1;
    const int64_t wait_ns = timers_.begin()->first - monotonic_ns();
    return wait_ns <= 0 ? 0 : static_cast<int>(std::min<int64_t>(wait_ns / 1'000'000 + 1, 60'000));
}

void Process::turn(int timeout_ms) {
    epoll_event events[32];
    const int count = ::epoll_wait(epoll_.get(), events, 32, timeout_ms);
    const std::lock_guard hold(mutex_);
    for (int i = 0; i < count; ++i) {
        const int fd = events[i].data.fd;
        if (fd == wake_.get()) {
            uint64_t ignored = 0;
            [[maybe_unused]] const ssize_t size = ::read(fd, &ignored, sizeof ignored);
        } else if (numbers_.is_listener(fd)) {
            accept_on(fd);
        } else if (const auto link = links_.find(fd); link != links_.end()) {
            const std::shared_ptr<Link> held = link->second;
            if ((events[i].events & EPOLLOUT) != 0) held->flush();
            serve(*held);
        } else if (const auto ended = lives_.find(fd); ended != lives_.end()) {
            const std::shared_ptr<Link> held = ended->second;
            serve(*held);  // what it said last
            if (!held->is_lost()) lose(held, "the peer's process ended");
        } else if (const auto attended = attended_.find(fd); attended != attended_.end()) {
            attended->second();
        }
    }
    for (const auto &[fd, link] : links_) {
        // Sockets that are full are rare: asking for EPOLLOUT is worked out here each time.
        epoll_event event{};
        event.events = link->is_blocked() ? EPOLLIN | EPOLLOUT : EPOLLIN;
        event.data.fd = fd;
        if (link->is_blocked() != link->asks_for_room) {
            link->asks_for_room = link->is_blocked();
            ::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, fd, &event);
        }
    }
    fire_timers();
    look_after_pollers();
}

void Process::accept_on(int listener) {
    for (;;) {
        verbs::UniqueFd socket(::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
        if (!socket.is_open()) return;
        ucred peer{};
        socklen_t length = sizeof peer;
        if (::getsockopt(socket.get(), SOL_SOCKET, SO_PEERCRED, &peer, &length) != 0) continue;
        if (peer.uid != ::geteuid()) {
            Host::log(VERBS_HOST_LOG_WARN, "process %d of user %u was not let in",
                      static_cast<int>(peer.pid), peer.uid);
            continue;
        }
        adopt(std::make_shared<Link>(std::move(socket), Link::Role::responder, peer.pid));
    }
}

void Process::serve(Link &link) {
    const std::shared_ptr<Link> held = links_.at(link.socket());
    for (;;) {
        auto received = receive_packet(held->socket());
        if (!received) {
            if (received.error().code == EAGAIN || received.error().code == EINTR) return;
            return lose(held, received.error().phrase);
        }
        if (auto handled = handle(held, std::move(*received)); !handled)
            return lose(held, handled.error().phrase);
    }
}

Result<void> Process::handle(const std::shared_ptr<Link> &link, Received received) {
    const Packet &packet = received.packet;
    const bool is_responder = link->role() == Link::Role::responder;
    const auto kind = static_cast<PacketKind>(packet.kind);
    if (kind == PacketKind::hello) {
        VERBS_CHECK(link->greet(packet, received.fd));
        if (is_responder) link->send(hello(link.get()), mrs_.fd().get());
        if (link->reaches_peer())
            Host::log(VERBS_HOST_LOG_INFO, "process %d: data moves by direct copies",
                      static_cast<int>(link->pid()));
        else
            Host::log(VERBS_HOST_LOG_WARN,
                      "the memory of process %d cannot be reached directly: data moves through "
                      "the rings",
                      static_cast<int>(link->pid()));
        for (const auto &[number, qp] : link->channels)
            update_kicks(*qp);
        handle_kick(*link, 0);  // requests may have waited for this
        return {};
    }
    if (!link->is_up()) return fail(EPROTO, "a packet before the hello");
    if (kind == PacketKind::kick) {
        handle_kick(*link, packet.channel);
        return {};
    }
    if (is_responder && kind == PacketKind::joined) {
        group_changes_.fetch_add(1);
        Packet answer;
        answer.kind = static_cast<uint8_t>(PacketKind::noted);
        answer.channel = packet.channel;
        link->send(answer);
        return {};
    }
    if (!is_responder && kind == PacketKind::noted) {
        unanswered_joins_.erase(packet.channel);
        answered_.notify_all();
        return {};
    }
    if (is_responder && kind == PacketKind::want_file) {
        const int fd = files_.descriptor(packet.channel);
        Packet answer;
        answer.kind = static_cast<uint8_t>(PacketKind::file);
        answer.channel = packet.channel;
        answer.status = fd < 0 ? ENOENT : 0;
        link->send(answer, fd);
        return {};
    }
    if (!is_responder && kind == PacketKind::file) {
        if (packet.status != 0) return {};
        // A file that cannot be mapped here is only a slower way to the same memory.
        if (auto mapped = link->files.map(packet.channel, received.fd); !mapped)
            Host::log(VERBS_HOST_LOG_WARN, "process %d: %s", static_cast<int>(link->pid()),
                      mapped.error().phrase.c_str());
        else
            Host::log(VERBS_HOST_LOG_INFO, "process %d: shared file %u is mapped here",
                      static_cast<int>(link->pid()), packet.channel);
        return {};
    }
    if (is_responder && kind == PacketKind::open) {
        // 0 stands for all channels, and one number for one channel: QPs leave by it.
        if (packet.channel == 0 || is_open(*link, packet.channel))
            return fail(EPROTO, "channel " + std::to_string(packet.channel) + " is open already");
        VERBS_TRY(segment, ChannelSegment::map(received.fd));
        Offer offer{link, packet.channel, std::move(segment), {}};
        std::memcpy(offer.dgid.raw, packet.dgid, sizeof packet.dgid);
        Packet answer;
        answer.kind = static_cast<uint8_t>(PacketKind::opened);
        answer.channel = packet.channel;
        answer.status = consider(offer);
        if (answer.status == 0)
            attach(std::move(offer));
        else
            offers_.push_back(std::move(offer));  // its QP may become ready
        link->send(answer);
        return {};
    }
    if (is_responder && kind == PacketKind::open_srq) return take_srq_channel(link, received);
    if (is_responder && (kind == PacketKind::open_qp || kind == PacketKind::call_qp ||
                         kind == PacketKind::close_qp)) {
        serve_guest(link, received);
        return {};
    }
    if (!is_responder && (kind == PacketKind::qp_answer || kind == PacketKind::qp_event ||
                          kind == PacketKind::qp_gone)) {
        serve_handle(*link, packet);
        return {};
    }
    const auto channel = link->channels.find(packet.channel);
    if (is_responder && kind == PacketKind::close) {
        std::erase_if(offers_, [&](const Offer &offer) {
            return offer.link == link && offer.channel == packet.channel;
        });
        if (channel == link->channels.end()) return {};
        Qp &qp = *channel->second;
        link->channels.erase(channel);
        requester_closed(qp, *link, packet.channel);
        if (is_stand_in_here(qp))
            end_stand_in(qp);
        else
            take_offers(qp);
        return {};
    }
    if (is_responder || (kind != PacketKind::opened && kind != PacketKind::closed))
        return fail(EPROTO, "a packet of kind " + std::to_string(packet.kind) + " from this side");
    if (channel == link->channels.end()) return {};  // closed meanwhile
    Qp &qp = *channel->second;
    if (kind == PacketKind::closed || packet.status != 0) {
        responder_unready(qp, packet.channel,
                          kind == PacketKind::closed || packet.status != EAGAIN);
    } else {
        responder_ready(qp);
    }
    return {};
}

// By number: what is attached, and what waits to be.
bool Process::is_open(const Link &link, uint32_t channel) const noexcept {
    return link.channels.contains(channel) ||
           std::any_of(offers_.begin(), offers_.end(), [&](const Offer &offer) {
               return offer.link.get() == &link && offer.channel == channel;
           });
}

// Whether the offered channel's QP would take it now: 0, EAGAIN not yet, ENOENT there is none.
int Process::consider(const Offer &offer) noexcept {
    Qp *qp = numbers_.find(offer.segment.responder_qpn());
    if (qp == nullptr || kind_of(*qp) != offer.segment.kind()) return ENOENT;
    if (qp->is_xrc && qp->target == nullptr) return ENOENT;  // the sending end
    const bool is_ud = qp->is_datagram;
    // What a group's member takes is judged message by message.
    if (!owns_gid(*qp->device, offer.dgid.raw) && !(is_ud && is_multicast(offer.dgid.raw)))
        return ENOENT;
    const ibv_qp_state state = qp->now.load(std::memory_order_relaxed);
    if (!takes_messages(state)) return EAGAIN;
    if (is_ud) return 0;
    // One channel at a time: the links would keep a QP that has more beyond its end.
    if (qp->attr.dest_qp_num != offer.segment.requester_qpn() || qp->rq.channel != nullptr)
        return EAGAIN;
    return 0;
}

void Process::attach(Offer offer) {
    Qp &qp = *numbers_.find(offer.segment.responder_qpn());
    offer.link->channels[offer.channel] = &qp;
    auto end = std::make_unique<RxEnd>(std::move(offer.segment), offer.link, offer.channel);
    if (!qp.is_datagram) end->sit_down(copies_);
    attach_responder(qp, std::move(end));
}

void Process::take_offers(Qp &qp) {
    for (std::size_t i = 0; i < offers_.size();) {
        if (offers_[i].segment.responder_qpn() != qp.qp_num || consider(offers_[i]) != 0) {
            ++i;
            continue;
        }
        Offer offer = std::move(offers_[i]);
        offers_.erase(offers_.begin() + static_cast<std::ptrdiff_t>(i));
        Packet answer;
        answer.kind = static_cast<uint8_t>(PacketKind::opened);
        answer.channel = offer.channel;
        const std::shared_ptr<Link> link = offer.link;
        attach(std::move(offer));
        link->send(answer);
    }
}

void Process::handle_kick(Link &link, uint32_t channel) {
    if (channel != 0) {
        if (const auto found = link.channels.find(channel); found != link.channels.end())
            progress(*found->second);
        return;
    }
    // Driving a QP does not change who is on the link.
    for (const auto &[number, qp] : link.channels)
        progress(*qp);
}

void Process::lose(const std::shared_ptr<Link> &link, const std::string &reason) {
    Host::log(VERBS_HOST_LOG_INFO, "process %d: %s", static_cast<int>(link->pid()), reason.c_str());
    link->mark_lost();
    ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, link->socket(), nullptr);
    links_.erase(link->socket());
    if (link->life() >= 0) {
        ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, link->life(), nullptr);
        lives_.erase(link->life());
    }
    std::erase_if(requester_links_, [&](const auto &entry) {
        return entry.second.expired() || entry.second.lock() == link;
    });
    std::erase_if(offers_, [&](const Offer &offer) { return offer.link == link; });
    const auto channels = std::move(link->channels);
    link->channels.clear();
    // What the peer had done on any of its queue pairs completes before what it left undone on the
    // first one: programs share a CQ among them, and count.
    for (const auto &[number, qp] : channels)
        progress(*qp);
    for (const auto &[number, qp] : channels) {
        if (is_stand_in_here(*qp)) {
            end_stand_in(*qp);
            continue;
        }
        link_lost(*qp, *link);
        take_offers(*qp);
    }
    lose_handles(*link);
}

void Process::fire_timers() {
    for (;;) {
        Qp *due = nullptr;
        const int64_t now = monotonic_ns();
        {
            const std::lock_guard hold(notes_lock_);
            if (timers_.empty() || timers_.begin()->first > now) return;
            due = timers_.begin()->second;
            timers_.erase(timers_.begin());
        }
        // A timer that is no longer wanted finds nothing due; QPs leave timers_ when they go.
        timer_fired(*due, now);
    }
}

void Process::look_after_pollers() {
    {
        const std::lock_guard hold(notes_lock_);
        while (!to_watch_.empty()) {
            Cq &cq = to_watch_.front();
            to_watch_.pop_front();
            if (!cq.watched_place.is_linked()) watched_.push_back(cq);
        }
    }
    const int64_t now = monotonic_ns();
    if (now < next_look_ns_) return;
    next_look_ns_ = now + kPollerPatienceMs * 900'000LL;
    const auto is_still_polled = [](Cq &cq) {
        if (!cq.is_polled.load(std::memory_order_relaxed)) return false;
        const uint32_t polls = cq.polls.load(std::memory_order_relaxed);
        if (polls != cq.polls_seen.exchange(polls, std::memory_order_relaxed)) return true;
        end_polling(cq);
        return false;
    };
    for (auto at = watched_.begin(); at != watched_.end();)
        at = is_still_polled(*at) ? std::next(at) : watched_.erase(at);
}

}  // namespace soft
