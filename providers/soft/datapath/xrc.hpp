// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// The extended reliable connection (IBTA annex A14): receiving queue pairs without a receive queue.
// Each message names a shared receive queue of the queue pair's XRC domain, which gives the
// receive, the completion queue, and the protection domain in which the message's keys are judged.
//
// A sender has one channel to its peer. Receive queues of another process of the domain it reaches
// by a channel to that process, where a queue pair that no program sees stands in for the peer. One
// channel is in use at a time, so that messages take effect in order.
#pragma once

#include "datapath/qp.hpp"
#include "datapath/transmit.hpp"

#include <array>
#include <cstdint>
#include <memory>
#include <unordered_map>
#include <vector>

namespace soft {

// A file by device and inode and the device's GUID, or what chance gave to a domain without a name.
using XrcDomainId = std::array<uint64_t, 3>;

// What this process has of an XRC domain.
struct XrcDomain {
    XrcDomain(Process &process, const XrcDomainId &named) noexcept : id(named), hub(process) {}
    XrcDomain(const XrcDomain &) = delete;
    XrcDomain &operator=(const XrcDomain &) = delete;
    ~XrcDomain();  // and of its name

    [[nodiscard]] Srq *find(uint32_t number) noexcept {
        const std::lock_guard hold(lock);
        const auto found = queues.find(number);
        return found != queues.end() ? found->second : nullptr;
    }

    const XrcDomainId id;
    // The CQ of the receiving queue pairs: never filled, it stands for those of the receive queues
    // (Cq::hubs). Its `polled` are the domain's queue pairs.
    Cq hub;
    SpinLock lock;  // leaf; to change `queues` the process's mutex is needed as well
    std::unordered_map<uint32_t, Srq *> queues;
};

// A receiving queue pair. It is there as long as somebody has a handle of it, in this process or in
// another one, and as the device is open that made it.
struct XrcTarget {
    // A handle in another process.
    struct Guest {
        std::shared_ptr<Link> link;
        uint32_t channel;      // the number that stands for the handle on the link
        verbs::Mapping calls;  // HandlePage
    };

    explicit XrcTarget(Device &owner) noexcept : device(&owner) {}

    Device *const device;
    SpinLock lock;              // leaf; to change the two the process's mutex is needed as well
    std::vector<Qp *> handles;  // of this process
    std::vector<Guest> guests;
};

// What the program has of a receiving queue pair: by `target` where that is in this process.
struct XrcHandle {
    std::atomic<uint32_t> *xrcd_users = nullptr;
    // The rest under the process's mutex. Without target and link the QP is gone.
    Qp *target = nullptr;
    std::shared_ptr<Link> link;
    uint32_t channel = 0;
    verbs::Mapping calls;     // HandlePage
    uint32_t call = 0;        // the number of the last one
    bool is_calling = false;  // somebody waits for its answer: the page is in use
    uint32_t answered = 0;
    int code = 0;  // the answer to it
};

// The next two under the process's mutex. A queue pair or a receive queue comes to its domain.
void join_domain(Qp &qp);
void join_domain(Srq &srq);
// Or leaves it: messages for the receive queue are refused from now on; the queue pair does not
// wait for receives any more. Under the process's mutex, and none of the others.
void leave_domain(Qp &qp) noexcept;
void leave_domain(Srq &srq) noexcept;

// Finds the receive queue that a message names, for rq.srq. False: there is none in the domain.
// Under the receive queue's lock.
[[nodiscard]] bool choose_srq(Qp &qp, RxEnd &end, uint32_t number) noexcept;

// Whether the QP of the receiving end only stands in for one of another process.
[[nodiscard]] inline bool is_stand_in(const Qp &qp) noexcept {
    return qp.is_xrc && qp.xrc != nullptr && qp.target == nullptr;
}
// Writes what a queue pair's requester has to pass on to stand-ins; under the receive queue's lock.
void introduce_xrc(const Qp &qp, ChannelHeader &header) noexcept;

// The queue pair does not wait for receives any more.
void wait_for_no_srq(Qp &qp) noexcept;

// What handles do to it: in control/qp.cpp, under the process's mutex.
verbs::Result<void> modify_target(Qp &target, ibv_qp_attr &attr, int mask);
void tell(Qp &qp, ibv_qp_attr &attr, ibv_qp_init_attr &init_attr);
void end_target(Qp &target) noexcept;

// Tells all handles.
void report_event(XrcTarget &target, ibv_event_type type) noexcept;

// The rest is the sender's, under the send queue's lock.

// The channel to the connected peer, which for others is the only one.
[[nodiscard]] inline TxEnd *channel_to_peer(const SendQueue &sq) noexcept {
    if (sq.xrc_route == 0) return sq.channel.get();
    return sq.xrc_routes.front().parked.get();
}
[[nodiscard]] XrcRoute *find_route(SendQueue &sq, uint32_t block) noexcept;
// The place of the channel among the routes, but not of that to the peer. 0: there is none.
template <class Matches>
[[nodiscard]] std::size_t find_further_route(const SendQueue &sq, Matches &&matches) noexcept {
    for (std::size_t i = 1; i < sq.xrc_routes.size(); ++i) {
        const TxEnd *end = i == sq.xrc_route ? sq.channel.get() : sq.xrc_routes[i].parked.get();
        if (end != nullptr && matches(*end)) return i;
    }
    return 0;
}
// Takes another channel into use. Nothing is under way in the one that is.
void use_route(SendQueue &sq, std::size_t route) noexcept;

[[nodiscard]] Transmission transmit_xrc(Qp &qp, SendWqe &wqe, Untold &untold) noexcept;

}  // namespace soft
