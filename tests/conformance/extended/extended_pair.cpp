// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "extended_pair.hpp"

#include <arpa/inet.h>

namespace verbs_test {

ibv_cq_ex *create_cq_ex(ibv_context *context, uint64_t wc_flags, uint32_t cqe,
                        ibv_comp_channel *channel, ibv_pd *parent_domain) {
    ibv_cq_init_attr_ex attr{};
    attr.cqe = cqe;
    attr.channel = channel;
    attr.wc_flags = wc_flags;
    if (parent_domain != nullptr) {
        attr.comp_mask = IBV_CQ_INIT_ATTR_MASK_PD;
        attr.parent_domain = parent_domain;
    }
    ibv_cq_ex *cq = ibv_create_cq_ex(context, &attr);
    if (cq == nullptr) give_up("ibv_create_cq_ex");
    return cq;
}

namespace {

Qp create_qp(ibv_pd *pd, const PairOptions &options, ibv_cq_ex *sent, ibv_cq_ex *received,
             uint64_t send_ops, ibv_qp_cap *granted) {
    ibv_qp_init_attr_ex attr{};
    attr.send_cq = ibv_cq_ex_to_cq(sent);
    attr.recv_cq = ibv_cq_ex_to_cq(received);
    attr.cap = {options.depth, options.depth, 4, 4, options.max_inline_data};
    attr.qp_type = options.type;
    attr.pd = pd;
    attr.comp_mask = IBV_QP_INIT_ATTR_PD;
    if (send_ops != 0) {
        attr.comp_mask |= IBV_QP_INIT_ATTR_SEND_OPS_FLAGS;
        attr.send_ops_flags = send_ops;
    }
    Qp qp(ibv_create_qp_ex(pd->context, &attr));
    if (!qp) give_up("ibv_create_qp_ex");
    if (granted != nullptr) *granted = attr.cap;
    return qp;
}

Pd alloc_parent(ibv_pd *pd, const ibv_parent_domain_init_attr *asked) {
    if (asked == nullptr) return {};
    ibv_parent_domain_init_attr attr = *asked;
    attr.pd = pd;
    Pd parent(ibv_alloc_parent_domain(pd->context, &attr));
    if (!parent) give_up("ibv_alloc_parent_domain");
    return parent;
}

}  // namespace

ExtendedPair::ExtendedPair(ibv_context *context, const PairOptions &options)
    : options_(options), pd_(alloc_pd(context)), parent_(alloc_parent(pd_.get(), options.parent)),
      sent_(create_cq_ex(context, options.wc_flags, 256, nullptr, parent_.get())),
      owned_sent_(ibv_cq_ex_to_cq(sent_)),
      received_(create_cq_ex(context, options.wc_flags, 256, options.channel, parent_.get())),
      owned_received_(ibv_cq_ex_to_cq(received_)), pages_(kRegion),
      mr_(reg_mr(pd_.get(), pages_.data(), kRegion, options.memory_access)),
      here_(create_qp(domain(), options, sent_, sent_, options.send_ops, &cap_)),
      sender_(ibv_qp_to_qp_ex(here_.get())),
      there_(create_qp(domain(), options, received_, received_, 0, nullptr)) {
    path_.qp_access = options.access;
    connect();
}

void ExtendedPair::connect() {
    if (options_.type == IBV_QPT_UD) {
        if (activate_ud(here(), path_) != 0 || activate_ud(there(), path_) != 0)
            throw std::runtime_error("the queue pairs do not come up");
        ibv_ah_attr route = route_to(pd_->context, address_of(there(), path_).gid, path_);
        ah_ = Ah(ibv_create_ah(pd(), &route));
        if (!ah_) give_up("ibv_create_ah");
        return;
    }
    must_connect_rc(here(), address_of(there(), path_), path_);
    must_connect_rc(there(), address_of(here(), path_), path_);
}

void ExtendedPair::post_recv(uint64_t id, uint32_t length, size_t offset) {
    ibv_sge sge{address(into(offset)), length, lkey()};
    ibv_recv_wr wr{};
    wr.wr_id = id;
    wr.sg_list = &sge;
    wr.num_sge = 1;
    ibv_recv_wr *bad = nullptr;
    ASSERT_EQ(ibv_post_recv(there(), &wr, &bad), 0);
}

Seen ExtendedPair::read(ibv_cq_ex *cq) const {
    Seen seen;
    seen.id = cq->wr_id;
    seen.status = cq->status;
    // The rest of a failed completion has no meaning.
    if (seen.status != IBV_WC_SUCCESS) return seen;
    const auto is_told = [&](uint64_t field) { return (options_.wc_flags & field) != 0; };
    seen.opcode = ibv_wc_read_opcode(cq);
    seen.flags = ibv_wc_read_wc_flags(cq);
    if (is_told(IBV_WC_EX_WITH_BYTE_LEN)) seen.byte_len = ibv_wc_read_byte_len(cq);
    if (is_told(IBV_WC_EX_WITH_IMM)) {
        seen.imm = ntohl(ibv_wc_read_imm_data(cq));
        seen.invalidated_rkey = ibv_wc_read_invalidated_rkey(cq);
    }
    if (is_told(IBV_WC_EX_WITH_QP_NUM)) seen.qp_num = ibv_wc_read_qp_num(cq);
    if (is_told(IBV_WC_EX_WITH_SRC_QP)) seen.src_qp = ibv_wc_read_src_qp(cq);
    if (is_told(IBV_WC_EX_WITH_COMPLETION_TIMESTAMP)) seen.ticks = ibv_wc_read_completion_ts(cq);
    if (is_told(IBV_WC_EX_WITH_COMPLETION_TIMESTAMP_WALLCLOCK))
        seen.wallclock_ns = ibv_wc_read_completion_wallclock_ns(cq);
    return seen;
}

std::vector<Seen> ExtendedPair::collect(ibv_cq_ex *cq, size_t count) const {
    std::vector<Seen> all;
    const auto enough = [&] {
        ibv_poll_cq_attr attr{};
        int code = ibv_start_poll(cq, &attr);
        if (code == ENOENT) return false;
        for (; code == 0; code = ibv_next_poll(cq)) {
            all.push_back(read(cq));
            if (all.size() == count) break;
        }
        ibv_end_poll(cq);
        if (code != 0 && code != ENOENT) throw std::runtime_error("polling failed");
        return all.size() == count;
    };
    if (!eventually(enough, patience()))
        throw std::runtime_error("only " + std::to_string(all.size()) + " of " +
                                 std::to_string(count) + " completions came in time");
    return all;
}

}  // namespace verbs_test
