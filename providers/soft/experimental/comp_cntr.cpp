// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Counters of completions. What peers do to our memory is not counted: most of it they do without
// this process.
#include "control/device.hpp"
#include "control/limits.hpp"

#include <mutex>
#include <string>

namespace soft {

using verbs::fail;

namespace {

constexpr uint32_t kOfSends = IBV_QP_ATTACH_COMP_CNTR_OP_SEND |
                              IBV_QP_ATTACH_COMP_CNTR_OP_RDMA_READ |
                              IBV_QP_ATTACH_COMP_CNTR_OP_RDMA_WRITE;
constexpr uint32_t kOperations = kOfSends | IBV_QP_ATTACH_COMP_CNTR_OP_RECV;

struct Kind {
    uint32_t operation;
    Counted kind;
};
constexpr Kind kKinds[] = {
    {IBV_QP_ATTACH_COMP_CNTR_OP_SEND, Counted::send},
    {IBV_QP_ATTACH_COMP_CNTR_OP_RECV, Counted::receive},
    {IBV_QP_ATTACH_COMP_CNTR_OP_RDMA_READ, Counted::rdma_read},
    {IBV_QP_ATTACH_COMP_CNTR_OP_RDMA_WRITE, Counted::rdma_write},
};

CompCntr &own(ibv_comp_cntr *comp_cntr) noexcept {
    return *static_cast<CompCntr *>(comp_cntr);
}

Result<void> judge_attachable(const Qp &qp, uint32_t operations) {
    const uint32_t known = qp.is_xrc ? kOfSends : kOperations;
    if ((operations & ~known) != 0)
        return fail(EOPNOTSUPP,
                    "what peers do, and what a queue pair of XRC receives, is not counted");
    if (qp.handle_of != nullptr || qp.target != nullptr)
        return fail(EOPNOTSUPP, "a queue pair that receives by XRC has no counters");
    const ibv_qp_state now = qp.now.load(std::memory_order_relaxed);
    if (now != IBV_QPS_RESET && now != IBV_QPS_INIT)
        return fail(EINVAL, "counters are attached in the states RESET and INIT");
    if (qp.counters == nullptr) return {};
    for (const Kind &one : kKinds)
        if ((operations & one.operation) != 0 && qp.counters->has(one.kind))
            return fail(EBUSY, "one of the operations has a counter already");
    return {};
}

}  // namespace

Result<ibv_comp_cntr_caps> Device::query_comp_cntr_caps() {
    return ibv_comp_cntr_caps{UINT64_MAX, kMaxCompCntrs, kOperations};
}

Result<ibv_comp_cntr *> Device::create_comp_cntr(ibv_comp_cntr_init_attr *attr) {
    Owned<CompCntr>::New comp_cntr;  // before it is counted: there may be no memory for it
    if (comp_cntr_count_.fetch_add(1) >= kMaxCompCntrs) {
        comp_cntr_count_.fetch_sub(1);
        return fail(ENOMEM, "all " + std::to_string(kMaxCompCntrs) + " counters are in use");
    }
    comp_cntr->handle = handles_.fetch_add(1);
    comp_cntr->counter.counts_bytes = attr->type == IBV_COMP_CNTR_TYPE_BYTES;
    return comp_cntrs_.keep(std::move(comp_cntr));
}

Result<void> Device::destroy_comp_cntr(ibv_comp_cntr *comp_cntr) {
    if (own(comp_cntr).counter.is_attached())
        return fail(EBUSY, "the counter is still attached to a queue pair");
    comp_cntrs_.remove(&own(comp_cntr));
    comp_cntr_count_.fetch_sub(1);
    return {};
}

Result<void> Device::set_comp_cntr(ibv_comp_cntr *comp_cntr, uint64_t value) {
    own(comp_cntr).counter.successes.store(value, std::memory_order_release);
    return {};
}

Result<void> Device::set_err_comp_cntr(ibv_comp_cntr *comp_cntr, uint64_t value) {
    own(comp_cntr).counter.errors.store(value, std::memory_order_release);
    return {};
}

Result<void> Device::inc_comp_cntr(ibv_comp_cntr *comp_cntr, uint64_t amount) {
    own(comp_cntr).counter.successes.fetch_add(amount, std::memory_order_release);
    return {};
}

Result<void> Device::inc_err_comp_cntr(ibv_comp_cntr *comp_cntr, uint64_t amount) {
    own(comp_cntr).counter.errors.fetch_add(amount, std::memory_order_release);
    return {};
}

Result<uint64_t> Device::read_comp_cntr(ibv_comp_cntr *comp_cntr) {
    Counter &counter = own(comp_cntr).counter;
    drive(counter);
    return counter.successes.load(std::memory_order_acquire);
}

Result<uint64_t> Device::read_err_comp_cntr(ibv_comp_cntr *comp_cntr) {
    Counter &counter = own(comp_cntr).counter;
    drive(counter);
    return counter.errors.load(std::memory_order_acquire);
}

Result<void> Device::qp_attach_comp_cntr(ibv_qp *ibqp, ibv_comp_cntr *comp_cntr,
                                         ibv_qp_attach_comp_cntr_attr *attr) {
    Qp &qp = *static_cast<Qp *>(ibqp);
    const std::lock_guard hold(process_->mutex());
    VERBS_CHECK(judge_attachable(qp, attr->op_mask));
    Counter &counter = own(comp_cntr).counter;
    auto counters = qp.counters == nullptr ? std::make_unique<QpCounters>() : nullptr;
    const std::lock_guard hold_counter(counter.lock);
    counter.driven.reserve(counter.driven.size() + 2);
    // Who completes something has one of these.
    const std::lock_guard hold_sends(qp.sq.lock);
    const std::lock_guard hold_receives(qp.rq.lock);
    if (counters != nullptr) qp.counters = std::move(counters);
    for (const Kind &one : kKinds) {
        if ((attr->op_mask & one.operation) == 0) continue;
        Cq &cq = one.kind == Counted::receive ? *qp.receives_to : *qp.sends_to;
        qp.counters->attach(one.kind, counter, cq);
    }
    return {};
}

}  // namespace soft
