// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Queue pairs: creating, changing, asking, destroying.
#include "control/device.hpp"
#include "control/limits.hpp"
#include "control/qp_transitions.hpp"
#include "datapath/responder.hpp"
#include "datapath/tags.hpp"
#include "datapath/xrc.hpp"

#include <rdma/ib_user_verbs.h>

#include <algorithm>
#include <string>

namespace soft {

using verbs::fail;
using verbs::provider::Host;

namespace {

// With an SRQ, what is asked of the QP's own receive queue means nothing.
Result<void> judge_cap(const ibv_qp_cap &cap, bool has_srq) {
    struct Limit {
        const char *name;
        uint32_t value;
        uint32_t most;
    };
    const Limit limits[] = {
        {"max_send_wr", cap.max_send_wr, kMaxQpWr},
        {"max_recv_wr", has_srq ? 0 : cap.max_recv_wr, kMaxQpWr},
        {"max_send_sge", cap.max_send_sge, kMaxSge},
        {"max_recv_sge", has_srq ? 0 : cap.max_recv_sge, kMaxSge},
        {"max_inline_data", cap.max_inline_data, kMaxInline},
    };
    for (const Limit &limit : limits)
        if (limit.value > limit.most)
            return fail(EINVAL, std::string("cap.") + limit.name + " is " +
                                    std::to_string(limit.value) + ", at most " +
                                    std::to_string(limit.most));
    return {};
}

// Programs make sending XRC queue pairs by this call too: rdma-core's header has ibv_create_qp_ex
// do so.
constexpr bool kHasXrc =
#ifdef VERBS_HAVE_XRC
    true;
#else
    false;
#endif

bool is_offered(ibv_qp_type type) noexcept {
    return type == IBV_QPT_RC || type == IBV_QPT_UC || type == IBV_QPT_UD ||
           (kHasXrc && type == IBV_QPT_XRC_SEND);
}

bool matches_tags(const ibv_qp_init_attr &attr) noexcept {
    return attr.srq != nullptr && static_cast<const Srq *>(attr.srq)->tags != nullptr;
}

Result<void> judge_init(const ibv_qp_init_attr &attr) {
    const bool only_sends = attr.qp_type == IBV_QPT_XRC_SEND;
    if (!is_offered(attr.qp_type))
        return fail(EOPNOTSUPP, "QP type " + std::to_string(attr.qp_type) + " is not offered");
    if (attr.send_cq == nullptr || (attr.recv_cq == nullptr && !only_sends))
        return fail(EINVAL, "a QP needs a send CQ and a receive CQ");
    if (matches_tags(attr) && attr.qp_type != IBV_QPT_RC)
        return fail(EINVAL, "messages have tags on reliable connections alone");
    return judge_cap(attr.cap, attr.srq != nullptr || only_sends);
}

// IBTA table 45: the RNR NAK timer field, in units of 10 microseconds.
constexpr uint32_t kRnrTimers[32] = {65536, 1,    2,    3,     4,     6,     8,     12,
                                     16,    24,   32,   48,    64,    96,    128,   192,
                                     256,   384,  512,  768,   1024,  1536,  2048,  3072,
                                     4096,  6144, 8192, 12288, 16384, 24576, 32768, 49152};

int64_t rnr_timer_ns(uint8_t field) {
    return int64_t{kRnrTimers[field & 31]} * 10'000;
}

// IBTA 9.7.6.1.3: 4.096 microseconds times two to the field; 0 is for ever.
int64_t patience_ns(uint8_t timeout, uint8_t retries) {
    if (timeout == 0) return 0;
    return (int64_t{4096} << timeout) * (retries + 1);
}

// What peers may ask of the QP. Without resources for reads it takes none (IBTA 9.7.4.1.2).
uint32_t remote_access(const ibv_qp_attr &attr) {
    constexpr uint32_t kResponses = IBV_ACCESS_REMOTE_READ | IBV_ACCESS_REMOTE_ATOMIC;
    return attr.qp_access_flags & (attr.max_dest_rd_atomic == 0 ? ~kResponses : ~0u);
}

// Receives come out of the SRQ from now on.
void join(Srq &srq, Qp &qp) {
    qp.rq.taken = std::make_unique<ReceiveQueue::Taken>();
    const std::lock_guard hold(srq.lock);
    srq.waiting.reserve(srq.users.fetch_add(1) + 1);
    qp.rq.srq = &srq;
    qp.rq.pd = srq.domain->number;
}

// Of an SRQ that matches tags the queue pair takes the completion queue too, for all that it does,
// and the send queue is not the program's: rdma-core's tag_matching.md.
constexpr uint32_t kRendezvousWr = 2;  // see datapath/rendezvous.cpp

Result<void> hand_over(Qp &qp, Srq &srq, ibv_qp_cap &cap) {
    VERBS_CHECK(qp.sq.ring.allocate(srq.domain->allocator, QueueKind::send, kRendezvousWr,
                                    kMaxTagSge * sizeof(ibv_sge)));
    qp.sq.ring.close();
    cap.max_send_wr = 0;
    qp.sends_to = qp.receives_to = qp.rq.completes_to = srq.completes_to;
    qp.sq.pd = srq.domain->number;
    qp.rq.tagged = std::make_unique<TaggedReceive>();
    qp.takes_detour = true;
    return {};
}

// With tags they are in the receive queue's CQ, among those of others. There they stay: each counts
// for a program that keeps up with the list.
void drop_completions(Qp &qp) noexcept {
    if (qp.rq.tagged != nullptr) return;
    forget_completions(*qp.sends_to, qp.qp_num);
    forget_completions(*qp.receives_to, qp.qp_num);
}

// The CQs that the program named, and will not destroy before the queue pair.
void count_in_queues(Qp &qp, int step) noexcept {
    auto *sends_to = static_cast<Cq *>(qp.init_attr.send_cq);
    auto *receives_to = static_cast<Cq *>(qp.init_attr.recv_cq);
    if (qp.is_xrc) receives_to = sends_to;
    for (Cq *cq : {sends_to, receives_to})
        cq->users += static_cast<uint32_t>(step);
}

void leave_for_good(Qp &qp) {
    if (qp.rq.srq == nullptr) return;
    leave_srq(qp);
    if (qp.rq.tagged != nullptr) discard_tagged(qp);
}

// The last that a queue pair has of it: now the program may destroy it, and its CQ.
void let_go_of_srq(Qp &qp) noexcept {
    if (qp.rq.srq != nullptr) qp.rq.srq->users.fetch_sub(1);
}

void leave_queues(Qp &qp) noexcept {
    leave_queue(*qp.sends_to, qp);
    if (qp.receives_to != qp.sends_to) leave_queue(*qp.receives_to, qp);
}

// Attributes that a channel is opened with: in SQD they change by opening another one.
constexpr int kReconnecting = IBV_QP_AV | IBV_QP_RNR_RETRY;

// What the channel to the peer was opened with cannot change while messages are in it.
Result<void> judge_drained(Qp &qp, int mask) {
    if ((mask & kReconnecting) == 0) return {};
    const std::lock_guard hold(qp.sq.lock);
    if (qp.sq.is_draining)
        return fail(EINVAL, "the send queue still drains: wait for IBV_EVENT_SQ_DRAINED");
    return {};
}

// Changes the state unless the QP has failed since `from` was looked at: an error is not to be
// lost. The data path changes states under the same lock.
template <class Change>
Result<void> leave_state(Qp &qp, ibv_qp_state from, Change &&change) {
    const std::lock_guard hold(qp.sq.lock);
    const ibv_qp_state now = qp.now.load(std::memory_order_relaxed);
    if (now != from)
        return fail(EINVAL, std::string("the QP went to ") + name_of(now) + " meanwhile");
    change();
    return {};
}

}  // namespace

Result<ibv_qp *> Device::create_qp(ibv_pd *ibpd, ibv_qp_init_attr *attr) {
    VERBS_CHECK(judge_alive());
    VERBS_CHECK(judge_faults(Call::create_qp));
    VERBS_CHECK(judge_init(*attr));
    Owned<Qp>::New qp(*process_, static_cast<Pd *>(ibpd));
    ibv_qp_cap &cap = attr->cap;
    cap.max_send_sge = std::max(cap.max_send_sge, 1u);
    cap.max_recv_sge = std::max(cap.max_recv_sge, 1u);
    qp->sends_to = static_cast<Cq *>(attr->send_cq);
    qp->receives_to =
        attr->qp_type == IBV_QPT_XRC_SEND ? qp->sends_to : static_cast<Cq *>(attr->recv_cq);
    qp->async_events = &async_events_;
    qp->device = this;
    qp->rq.completes_to = qp->receives_to;
    qp->is_datagram = attr->qp_type == IBV_QPT_UD;
    qp->is_xrc = attr->qp_type == IBV_QPT_XRC_SEND;
    qp->has_one_peer = !qp->is_datagram && !qp->is_xrc;
    qp->is_reliable = attr->qp_type == IBV_QPT_RC || qp->is_xrc;
    qp->opens_ways = !qp->is_reliable || qp->is_xrc;
    qp->max_inline = cap.max_inline_data;
    qp->max_send_sge = cap.max_send_sge;
    qp->max_recv_sge = cap.max_recv_sge;
    qp->sq.signals_all = attr->sq_sig_all != 0;
    const QueueAllocator &allocator = qp->domain_pd->allocator;
    qp->rq.pd = qp->sq.pd = qp->domain_pd->number;
    if (matches_tags(*attr))
        VERBS_CHECK(hand_over(*qp, *static_cast<Srq *>(attr->srq), cap));
    else
        VERBS_CHECK(qp->sq.ring.allocate(
            allocator, QueueKind::send, cap.max_send_wr,
            std::max<std::size_t>(cap.max_send_sge * sizeof(ibv_sge), cap.max_inline_data)));
    if (qp->is_xrc) {
        cap.max_recv_wr = cap.max_recv_sge = 0;
    } else if (attr->srq != nullptr) {
        cap.max_recv_wr = cap.max_recv_sge = 0;
        join(*static_cast<Srq *>(attr->srq), *qp);
    } else {
        VERBS_CHECK(qp->rq.ring.allocate(allocator, QueueKind::receive, cap.max_recv_wr,
                                         cap.max_recv_sge * sizeof(ibv_sge)));
    }
    qp->init_attr = *attr;
    if (injector_ != nullptr) {
        qp->faults = std::make_unique<QpFaults>(injector_);
        qp->has_faults = qp->takes_detour = true;
    }
    join_queue(*qp->sends_to, *qp);
    if (qp->receives_to != qp->sends_to) join_queue(*qp->receives_to, *qp);
    if (auto enlisted = process_->enlist(*qp); !enlisted) {
        leave_queues(*qp);
        leave_for_good(*qp);
        let_go_of_srq(*qp);
        return verbs::Failure(std::move(enlisted.error()));
    }
    qp->handle = qp->qp_num;
    {
        const std::lock_guard hold(process_->mutex());
        count_in_queues(*qp, 1);
    }
    qp->domain_pd->users.fetch_add(1);
    return qps_.keep(std::move(qp));
}

Result<void> Device::take_path(Qp &qp, const ibv_qp_attr &attr, int mask) {
    if ((mask & IBV_QP_AV) == 0) return {};
    VERBS_TRY(path, resolve(attr.ah_attr));
    if (is_multicast(path.dgid)) return fail(EINVAL, "a connection to a multicast group");
    std::memcpy(qp.destination.raw, path.dgid, sizeof path.dgid);
    qp.attr.ah_attr = attr.ah_attr;
    return {};
}

void Device::apply(Qp &qp, const ibv_qp_attr &attr, int mask) {
    ibv_qp_attr &own = qp.attr;
    if ((mask & IBV_QP_PKEY_INDEX) != 0) own.pkey_index = attr.pkey_index;
    if ((mask & IBV_QP_PORT) != 0) own.port_num = attr.port_num;
    if ((mask & IBV_QP_PATH_MTU) != 0) own.path_mtu = attr.path_mtu;
    if ((mask & IBV_QP_DEST_QPN) != 0) own.dest_qp_num = attr.dest_qp_num;
    if ((mask & IBV_QP_RQ_PSN) != 0) own.rq_psn = attr.rq_psn;
    if ((mask & IBV_QP_SQ_PSN) != 0) own.sq_psn = attr.sq_psn;
    if ((mask & IBV_QP_RNR_RETRY) != 0) own.rnr_retry = attr.rnr_retry;
    if ((mask & IBV_QP_MAX_QP_RD_ATOMIC) != 0) own.max_rd_atomic = attr.max_rd_atomic;
    if ((mask & IBV_QP_MAX_DEST_RD_ATOMIC) != 0) own.max_dest_rd_atomic = attr.max_dest_rd_atomic;
    if ((mask & IBV_QP_TIMEOUT) != 0) own.timeout = attr.timeout;
    if ((mask & IBV_QP_RETRY_CNT) != 0) own.retry_cnt = attr.retry_cnt;
    if ((mask & IBV_QP_EN_SQD_ASYNC_NOTIFY) != 0)
        own.en_sqd_async_notify = attr.en_sqd_async_notify;
    if ((mask & IBV_QP_QKEY) != 0) {
        own.qkey = attr.qkey;
        qp.qkey.store(attr.qkey, std::memory_order_relaxed);
    }
    if ((mask & IBV_QP_ACCESS_FLAGS) != 0) own.qp_access_flags = attr.qp_access_flags;
    qp.remote_access.store(remote_access(own), std::memory_order_relaxed);
    {
        const std::lock_guard hold(qp.rq.lock);
        if ((mask & IBV_QP_MIN_RNR_TIMER) != 0) {
            own.min_rnr_timer = attr.min_rnr_timer;
            qp.rq.rnr_timer_ns = rnr_timer_ns(attr.min_rnr_timer);
        }
        if (qp.rq.channel != nullptr) {
            qp.rq.channel->header().responder_access.store(remote_access(own),
                                                           std::memory_order_release);
            if (qp.target != nullptr) introduce_xrc(qp, qp.rq.channel->header());
        }
    }
    const std::lock_guard hold(qp.sq.lock);
    qp.sq.patience_ns = patience_ns(own.timeout, own.retry_cnt);
    qp.sq.max_rd_atomic = own.max_rd_atomic;
    // A clock that runs was set by the old values.
    if ((mask & (IBV_QP_TIMEOUT | IBV_QP_RETRY_CNT)) != 0) qp.sq.give_up_at_ns = 0;
}

void Device::reset(Qp &qp) {
    {
        const std::lock_guard hold_sends(qp.sq.lock);
        const std::lock_guard hold_receives(qp.rq.lock);
        qp.now.store(IBV_QPS_RESET, std::memory_order_release);
        discard_sends(qp);
        discard_receives(qp);
        if (qp.has_faults) forget_conversation(qp);
    }
    if (qp.target != nullptr)
        wait_for_no_srq(qp);
    else
        leave_srq(qp);
    disconnect(qp);
    drop_completions(qp);
    qp.attr = {};
    qp.remote_access.store(0, std::memory_order_relaxed);
}

Result<void> Device::modify_qp(ibv_qp *ibqp, ibv_qp_attr *attr, int mask) {
    Qp &qp = *static_cast<Qp *>(ibqp);
    VERBS_CHECK(judge_faults(Call::modify_qp));
    std::unique_lock hold(process_->mutex());
    if (qp.handle_of != nullptr) return process_->modify_opened(qp, *attr, mask, hold);
    return change(qp, attr, mask);
}

// Under the process's mutex.
Result<void> Device::change(Qp &qp, ibv_qp_attr *attr, int mask) {
    const ibv_qp_state now = qp.now.load(std::memory_order_relaxed);
    VERBS_CHECK(judge_modify(qp.init_attr.qp_type, now, *attr, mask));
    const bool is_end = (mask & IBV_QP_STATE) != 0 &&
                        (attr->qp_state == IBV_QPS_RESET || attr->qp_state == IBV_QPS_ERR);
    if (!is_end) VERBS_CHECK(judge_alive());
    VERBS_CHECK(judge_drained(qp, mask));
    VERBS_CHECK(take_path(qp, *attr, mask));
    // Asked for anew each time.
    if (now == IBV_QPS_RTS && (mask & IBV_QP_STATE) != 0) qp.attr.en_sqd_async_notify = 0;
    apply(qp, *attr, mask);
    if (now == IBV_QPS_SQD && !qp.is_datagram && qp.target == nullptr &&
        (mask & kReconnecting) != 0) {
        stop_requesting(qp);
        process_->connect(qp);
    }
    if ((mask & IBV_QP_STATE) == 0) return {};
    if (attr->qp_state == now && now != IBV_QPS_RESET) return {};
    return enter_state(qp, now, attr->qp_state);
}

Result<void> Device::enter_state(Qp &qp, ibv_qp_state from, ibv_qp_state to) {
    const auto store = [&qp](ibv_qp_state state) {
        return [&qp, state] { qp.now.store(state, std::memory_order_release); };
    };
    switch (to) {
    case IBV_QPS_RESET:
        reset(qp);
        return {};
    case IBV_QPS_ERR:
        enter_error(qp, IBV_WC_WR_FLUSH_ERR);
        return {};
    case IBV_QPS_RTR:
        VERBS_CHECK(leave_state(qp, from, store(IBV_QPS_RTR)));
        process_->take_offers(qp);
        return {};
    case IBV_QPS_RTS:
        if (from == IBV_QPS_RTR && !qp.is_datagram && qp.target == nullptr) process_->connect(qp);
        return leave_state(qp, from, [&qp] {
            qp.now.store(IBV_QPS_RTS, std::memory_order_release);
            qp.sq.is_draining = false;
            advance_sends(qp);  // what waited in SQD
        });
    case IBV_QPS_SQD:
        return leave_state(qp, from, [&qp] { begin_drain(qp, qp.attr.en_sqd_async_notify != 0); });
    default:
        return leave_state(qp, from, store(to));
    }
}

Result<void> Device::query_qp(ibv_qp *ibqp, ibv_qp_attr *attr, int, ibv_qp_init_attr *init_attr) {
    Qp &qp = *static_cast<Qp *>(ibqp);
    std::unique_lock hold(process_->mutex());
    if (qp.handle_of != nullptr) return process_->query_opened(qp, *attr, *init_attr, hold);
    tell(qp, *attr, *init_attr);
    return {};
}

// Under the process's mutex.
void tell(Qp &qp, ibv_qp_attr &told, ibv_qp_init_attr &told_init) {
    ibv_qp_attr *attr = &told;
    // rate_limit came late to this struct, programs built before it have no room for it.
    std::memcpy(attr, &qp.attr, offsetof(ibv_qp_attr, rate_limit));
    attr->qp_state = attr->cur_qp_state = qp.now.load(std::memory_order_relaxed);
    attr->cap = qp.init_attr.cap;
    {
        const std::lock_guard hold_sends(qp.sq.lock);
        attr->sq_draining = qp.sq.is_draining ? 1 : 0;
    }
    told_init = qp.init_attr;
}

void Device::withdraw(Qp &qp) noexcept {
    leave_queues(qp);
    release_windows(qp);
    process_->delist(qp);
    discard_sends(qp);
    leave_for_good(qp);
    drop_completions(qp);
    {
        const std::lock_guard hold(process_->mutex());
        qp.counters.reset();
        count_in_queues(qp, -1);
    }
    let_go_of_srq(qp);
    if (process_->is_inherited()) return;  // the events are the parent's
    async_events_.purge(reinterpret_cast<uintptr_t>(static_cast<ibv_qp *>(&qp)),
                        sizeof(ib_uverbs_async_event_desc));
}

Result<void> Device::destroy_qp(ibv_qp *ibqp) {
    auto *qp = static_cast<Qp *>(ibqp);
    if (qp->handle_of != nullptr) return close_handle(*qp);
    {
        const std::lock_guard hold(process_->mutex());
        if (!qp->memberships.empty())
            return fail(EBUSY, "the queue pair is attached to " +
                                   std::to_string(qp->memberships.size()) + " multicast groups");
    }
    withdraw(*qp);
    Host::table().retire_qp(qp);
    Pd &domain = *qp->domain_pd;
    qps_.remove(qp);  // and its memory, by the domain's allocators
    domain.users.fetch_sub(1);
    return {};
}

Result<void> modify_target(Qp &target, ibv_qp_attr &attr, int mask) {
    return target.target->device->change(target, &attr, mask);
}

// What the program has of a QP that receives by XRC goes, and with the last one the QP.
void Device::withdraw_handle(Qp &qp) noexcept {
    process_->close_opened(qp);
    qp.handle_of->xrcd_users->fetch_sub(1);
    if (process_->is_inherited()) return;  // the events are the parent's
    async_events_.purge(reinterpret_cast<uintptr_t>(static_cast<ibv_qp *>(&qp)),
                        sizeof(ib_uverbs_async_event_desc));
}

// Nobody has a handle of it, or its device is closed.
void Device::end_target(Qp &qp) noexcept {
    process_->dismiss(qp);
    qps_.remove(&qp);
}

void end_target(Qp &target) noexcept {
    target.target->device->end_target(target);
}

// Handles first, which may end their QPs; what others still have open ends with the device.
void Device::close_xrc() noexcept {
    std::vector<Qp *> targets;
    std::vector<Qp *> handles;
    {
        // The progress thread removes targets, but no handles.
        const std::lock_guard hold(process_->mutex());
        qps_.for_each([&](Qp &qp) {
            if (qp.handle_of != nullptr) handles.push_back(&qp);
        });
    }
    for (Qp *handle : handles)
        withdraw_handle(*handle);
    const std::lock_guard hold(process_->mutex());
    qps_.for_each([&](Qp &qp) {
        if (qp.target != nullptr) targets.push_back(&qp);
    });
    for (Qp *target : targets)
        end_target(*target);
}

Result<void> Device::close_handle(Qp &qp) {
    withdraw_handle(qp);
    Host::table().retire_qp(&qp);
    qps_.remove(&qp);
    return {};
}

}  // namespace soft
