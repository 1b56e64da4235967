// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "tag_end.hpp"

#include <arpa/inet.h>
#include <endian.h>

namespace verbs_test {

namespace {

Srq create_tag_srq(ibv_pd *pd, ibv_cq_ex *cq, uint32_t tags) {
    ibv_srq_init_attr_ex attr{};
    attr.attr.max_wr = 32;
    attr.attr.max_sge = 1;
    attr.comp_mask =
        IBV_SRQ_INIT_ATTR_TYPE | IBV_SRQ_INIT_ATTR_PD | IBV_SRQ_INIT_ATTR_CQ | IBV_SRQ_INIT_ATTR_TM;
    attr.srq_type = IBV_SRQT_TM;
    attr.pd = pd;
    attr.cq = ibv_cq_ex_to_cq(cq);
    attr.tm_cap = {tags, 16};
    Srq srq(ibv_create_srq_ex(pd->context, &attr));
    if (!srq) give_up("ibv_create_srq_ex");
    return srq;
}

Qp create_qp(ibv_pd *pd, ibv_cq *cq, ibv_srq *srq) {
    ibv_qp_init_attr attr{};
    attr.send_cq = attr.recv_cq = cq;
    attr.srq = srq;
    attr.qp_type = IBV_QPT_RC;
    if (srq == nullptr) attr.cap = {64, 64, 1, 1, 0};
    Qp qp(ibv_create_qp(pd, &attr));
    if (!qp) give_up("ibv_create_qp");
    return qp;
}

}  // namespace

TagEnd::TagEnd(ibv_context *context, const TagOptions &options)
    : pd_(alloc_pd(context)), region_(pd_.get(), kRegion),
      cq_(create_cq_ex(context, kStandardFields | IBV_WC_EX_WITH_TM_INFO, 256, options.channel)),
      owned_cq_(ibv_cq_ex_to_cq(cq_)), srq_(create_tag_srq(pd_.get(), cq_, options.tags)),
      sge_(region_.sge(0, 4096)) {}

ibv_ops_wr TagEnd::adding(uint64_t id, uint64_t tag, uint64_t mask) {
    ibv_ops_wr op{};
    op.wr_id = kOperation + id;
    op.opcode = IBV_WR_TAG_ADD;
    op.flags = IBV_OPS_SIGNALED | IBV_OPS_TM_SYNC;
    op.tm.unexpected_cnt = handled;
    op.tm.add = {id, &sge_, 1, tag, mask};
    return op;
}

uint32_t TagEnd::add(uint64_t id, uint64_t tag, uint64_t mask, unsigned flags) {
    ibv_ops_wr op = adding(id, tag, mask);
    EXPECT_TRUE(is(post(op), kOperation + id, IBV_WC_TM_ADD, flags));
    return op.tm.handle;
}

TagSeen TagEnd::remove(uint32_t handle) {
    ibv_ops_wr op{};
    op.wr_id = kOperation;
    op.opcode = IBV_WR_TAG_DEL;
    op.flags = IBV_OPS_SIGNALED;
    op.tm.handle = handle;
    return post(op);
}

TagSeen TagEnd::sync() {
    ibv_ops_wr op{};
    op.wr_id = kOperation;
    op.opcode = IBV_WR_TAG_SYNC;
    op.flags = IBV_OPS_SIGNALED | IBV_OPS_TM_SYNC;
    op.tm.unexpected_cnt = handled;
    return post(op);
}

TagSeen TagEnd::post(ibv_ops_wr &op) {
    ibv_ops_wr *bad = nullptr;
    if (const int code = ibv_post_srq_ops(srq(), &op, &bad); code != 0) {
        errno = code;
        give_up("ibv_post_srq_ops");
    }
    return seen_one();
}

void TagEnd::post_recv(uint64_t id, uint32_t length, size_t offset) {
    ibv_sge sge = region_.sge(offset, length);
    ibv_recv_wr wr{};
    wr.wr_id = id;
    wr.sg_list = &sge;
    wr.num_sge = 1;
    ibv_recv_wr *bad = nullptr;
    ASSERT_EQ(ibv_post_srq_recv(srq(), &wr, &bad), 0);
}

TagSeen TagEnd::read() const {
    TagSeen seen;
    seen.id = cq_->wr_id;
    seen.status = cq_->status;
    seen.qp_num = ibv_wc_read_qp_num(cq_);
    if (seen.status != IBV_WC_SUCCESS && seen.status != IBV_WC_TM_RNDV_INCOMPLETE) return seen;
    seen.opcode = ibv_wc_read_opcode(cq_);
    seen.flags = ibv_wc_read_wc_flags(cq_);
    seen.byte_len = ibv_wc_read_byte_len(cq_);
    seen.imm = ntohl(ibv_wc_read_imm_data(cq_));
    ibv_wc_tm_info info{};
    ibv_wc_read_tm_info(cq_, &info);
    seen.tag = info.tag;
    seen.priv = info.priv;
    return seen;
}

std::vector<TagSeen> TagEnd::seen(size_t count) const {
    std::vector<TagSeen> all;
    const auto enough = [&] {
        ibv_poll_cq_attr attr{};
        if (ibv_start_poll(cq_, &attr) != 0) return false;
        all.push_back(read());
        ibv_end_poll(cq_);
        return all.size() == count;
    };
    if (!eventually(enough, patience()))
        throw std::runtime_error("only " + std::to_string(all.size()) + " of " +
                                 std::to_string(count) + " completions came in time");
    return all;
}

bool TagEnd::is_empty() const {
    ibv_poll_cq_attr attr{};
    if (ibv_start_poll(cq_, &attr) == ENOENT) return true;
    ibv_end_poll(cq_);
    return false;
}

TagSender::TagSender(TagEnd &end, ibv_qp_state there, int access,
                     const std::function<void(ibv_qp *)> &prepare_there)
    : pd_(alloc_pd(end.pd()->context)), region_(pd_.get(), kRegion),
      cq_(create_cq(end.pd()->context)), here_(create_qp(pd_.get(), cq_.get(), nullptr)),
      there_(create_qp(end.pd(), ibv_cq_ex_to_cq(end.cq()), end.srq())) {
    if (prepare_there) prepare_there(this->there());
    PathOptions path;
    path.qp_access = access;
    must_connect_rc(here(), address_of(this->there(), path), path);
    if (there == IBV_QPS_RTS) {
        must_connect_rc(this->there(), address_of(here(), path), path);
        return;
    }
    if (rc_init(path).apply(this->there()) != 0 ||
        rc_rtr(end.pd()->context, address_of(here(), path), path).apply(this->there()) != 0)
        throw std::runtime_error("the queue pair does not get ready to receive");
}

void TagSender::write_header(uint8_t opcode, uint64_t tag, uint32_t priv) const {
    ibv_tmh header{};
    header.opcode = opcode;
    header.app_ctx = htobe32(priv);
    header.tag = htobe64(tag);
    std::memcpy(from(), &header, sizeof header);
}

void TagSender::post(uint32_t length, ibv_wr_opcode opcode) const {
    ibv_sge sge = region_.sge(0, length);
    ibv_send_wr wr{};
    wr.wr_id = 77;
    wr.sg_list = &sge;
    wr.num_sge = 1;
    wr.opcode = opcode;
    wr.send_flags = IBV_SEND_SIGNALED;
    wr.imm_data = htonl(4711);
    ibv_send_wr *bad = nullptr;
    ASSERT_EQ(ibv_post_send(here(), &wr, &bad), 0);
}

void TagSender::send(uint64_t tag, uint32_t length, uint32_t priv) const {
    write_header(IBV_TMH_EAGER, tag, priv);
    post(eager(length));
    ASSERT_TRUE(succeeded(collect_one(cq()), 77, IBV_WC_SEND));
}

void TagSender::send_rendezvous(uint64_t tag, const RemotePlace &data, uint32_t length) const {
    post_rendezvous(tag, data, length);
    ASSERT_TRUE(succeeded(collect_one(cq()), 77, IBV_WC_SEND));
}

void TagSender::post_rendezvous(uint64_t tag, const RemotePlace &data, uint32_t length) const {
    write_header(IBV_TMH_RNDV, tag, 5);
    const ibv_rvh where{htobe64(data.addr), htobe32(data.rkey), htobe32(length)};
    std::memcpy(from(sizeof(ibv_tmh)), &where, sizeof where);
    post(sizeof(ibv_tmh) + sizeof where);
}

void TagSender::post_recv(uint64_t id) const {
    ibv_sge sge = region_.sge(kAnswers, 64);
    ibv_recv_wr wr{};
    wr.wr_id = id;
    wr.sg_list = &sge;
    wr.num_sge = 1;
    ibv_recv_wr *bad = nullptr;
    ASSERT_EQ(ibv_post_recv(here(), &wr, &bad), 0);
}

bool TagSender::is_answered() const {
    std::vector<uint8_t> wanted(from(), from(sizeof(ibv_tmh) + sizeof(ibv_rvh)));
    wanted[0] = IBV_TMH_FIN;
    return std::equal(wanted.begin(), wanted.end(), from(kAnswers));
}

}  // namespace verbs_test
