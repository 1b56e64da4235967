// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// A software device on the loopback interface without the library above it, and what the library
// would do to the objects that it makes.
#pragma once

#include "control/device.hpp"

#include <gtest/gtest.h>
#include <net/if.h>

#include <cstring>
#include <memory>
#include <string>

namespace soft_test {

class Loopback : public testing::Test {
protected:
    Loopback() {
        verbs::provider::Host::attach(&kHost, "soft");
        verbs_provider_device which{};
        std::strcpy(which.name, "soft_lo");
        which.cookie = ::if_nametoindex("lo");
        auto opened = soft::Device::open(which, context_);
        if (!opened) throw std::runtime_error(opened.error().phrase);
        device_ = std::move(*opened);
        pd_ = *device_->alloc_pd();
    }
    ~Loopback() override { EXPECT_TRUE(device_->close()); }

    ibv_cq_ex *create_cq(uint64_t fields, uint32_t cqe = 64) {
        ibv_cq_init_attr_ex attr{};
        attr.cqe = cqe;
        attr.wc_flags = fields;
        auto cq = device_->create_cq_ex(&attr);
        EXPECT_TRUE(cq) << cq.error().phrase;
        (*cq)->context = &context_;
        return *cq;
    }
    ibv_qp_init_attr_ex request(ibv_cq_ex *cq, ibv_qp_type type, uint64_t ops) {
        ibv_qp_init_attr_ex attr{};
        attr.send_cq = attr.recv_cq = reinterpret_cast<ibv_cq *>(cq);
        attr.qp_type = type;
        attr.cap = {8, 8, 2, 2, 64};
        attr.comp_mask = IBV_QP_INIT_ATTR_PD | IBV_QP_INIT_ATTR_SEND_OPS_FLAGS;
        attr.pd = pd_;
        attr.send_ops_flags = ops;
        return attr;
    }
    ibv_qp_ex *create_qp(ibv_cq_ex *cq, ibv_qp_type type, uint64_t ops) {
        auto attr = request(cq, type, ops);
        auto qp = device_->create_qp_ex(&attr);
        EXPECT_TRUE(qp) << qp.error().phrase;
        (*qp)->context = &context_;
        (*qp)->qp_type = type;
        return soft::Device::qp_to_qp_ex(*qp);
    }
    // Ready to send to the QP of that number on the same device. Connected ones.
    void connect(ibv_qp_ex *qp, uint32_t peer) {
        ibv_qp_attr attr{};
        attr.qp_state = IBV_QPS_INIT;
        attr.port_num = 1;
        attr.qp_access_flags = IBV_ACCESS_REMOTE_WRITE | IBV_ACCESS_REMOTE_READ |
                               IBV_ACCESS_REMOTE_ATOMIC | IBV_ACCESS_LOCAL_WRITE;
        modify(qp, attr, IBV_QP_STATE | IBV_QP_PORT | IBV_QP_PKEY_INDEX | IBV_QP_ACCESS_FLAGS);
        attr.qp_state = IBV_QPS_RTR;
        attr.path_mtu = IBV_MTU_1024;
        attr.dest_qp_num = peer;
        attr.max_dest_rd_atomic = 1;
        attr.min_rnr_timer = 12;
        attr.ah_attr = way();
        modify(qp, attr,
               IBV_QP_STATE | IBV_QP_AV | IBV_QP_PATH_MTU | IBV_QP_DEST_QPN | IBV_QP_RQ_PSN |
                   IBV_QP_MAX_DEST_RD_ATOMIC | IBV_QP_MIN_RNR_TIMER);
        attr.qp_state = IBV_QPS_RTS;
        attr.timeout = 14;
        attr.retry_cnt = attr.rnr_retry = 7;
        attr.max_rd_atomic = 1;
        modify(qp, attr,
               IBV_QP_STATE | IBV_QP_TIMEOUT | IBV_QP_RETRY_CNT | IBV_QP_RNR_RETRY | IBV_QP_SQ_PSN |
                   IBV_QP_MAX_QP_RD_ATOMIC);
    }
    // The same for datagrams.
    void ready(ibv_qp_ex *qp, uint32_t qkey) {
        ibv_qp_attr attr{};
        attr.qp_state = IBV_QPS_INIT;
        attr.port_num = 1;
        attr.qkey = qkey;
        modify(qp, attr, IBV_QP_STATE | IBV_QP_PORT | IBV_QP_PKEY_INDEX | IBV_QP_QKEY);
        attr.qp_state = IBV_QPS_RTR;
        modify(qp, attr, IBV_QP_STATE);
        attr.qp_state = IBV_QPS_RTS;
        modify(qp, attr, IBV_QP_STATE | IBV_QP_SQ_PSN);
    }
    void modify(ibv_qp_ex *qp, ibv_qp_attr &attr, int mask) {
        const auto modified = device_->modify_qp(&qp->qp_base, &attr, mask);
        ASSERT_TRUE(modified) << modified.error().phrase;
        qp->qp_base.state = attr.qp_state;
    }
    // To the device itself.
    ibv_ah_attr way() {
        ibv_ah_attr attr{};
        attr.port_num = 1;
        attr.is_global = 1;
        for (int index = 0;; ++index) {
            const auto entry = device_->query_gid(1, index);
            if (!entry && entry.error().code == ENODATA) continue;
            if (!entry) throw std::runtime_error(entry.error().phrase);
            attr.grh.dgid = entry->gid;
            attr.grh.sgid_index = static_cast<uint8_t>(index);
            return attr;
        }
    }
    ibv_mr *reg(void *memory, size_t length) {
        const auto mr = device_->reg_mr(pd_, memory, length, reinterpret_cast<uintptr_t>(memory),
                                        IBV_ACCESS_LOCAL_WRITE | IBV_ACCESS_REMOTE_WRITE |
                                            IBV_ACCESS_REMOTE_READ | IBV_ACCESS_REMOTE_ATOMIC);
        if (!mr) throw std::runtime_error(mr.error().phrase);
        return *mr;
    }
    void post_recv(ibv_qp_ex *qp, uint64_t wr_id, ibv_sge sge) {
        ibv_recv_wr wr{};
        wr.wr_id = wr_id;
        wr.sg_list = &sge;
        wr.num_sge = 1;
        ibv_recv_wr *bad = nullptr;
        ASSERT_EQ(context_.ops.post_recv(&qp->qp_base, &wr, &bad), 0);
    }
    // Steps to the next completion, which comes as the device is polled. end_poll has to follow.
    static void wait(ibv_cq_ex *cq) {
        ibv_poll_cq_attr nothing{};
        int code = ENOENT;
        while (code == ENOENT)
            code = cq->start_poll(cq, &nothing);
        ASSERT_EQ(code, 0);
    }

    ibv_context context_{};
    std::unique_ptr<soft::Device> device_;
    ibv_pd *pd_ = nullptr;

private:
    static constexpr verbs_host kHost = [] {
        verbs_host host{};
        host.log_wants = [](int) { return 0; };
        host.set_reason = [](const char *) {};
        host.environment = [](const char *) -> const char * { return nullptr; };
        host.retire_qp = [](ibv_qp *) {};
        host.retire_cq = [](ibv_cq *) {};
        return host;
    }();
};

}  // namespace soft_test
