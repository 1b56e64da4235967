// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// What a device lacks it refuses with EOPNOTSUPP, and does not claim. With a feature that the
// device has, its test here is skipped.
#include "extended_pair.hpp"

namespace {

using namespace verbs_test;

class Lacking : public DeviceTest {
protected:
    void SetUp() override {
        DeviceTest::SetUp();
        if (IsSkipped()) return;
        ASSERT_EQ(ibv_query_device_ex(context(), nullptr, &attr), 0);
        pair = std::make_unique<ExtendedPair>(context());
        errno = 0;
    }
    void TearDown() override {
        pair.reset();
        DeviceTest::TearDown();
    }
    bool lacks(const char *feature) {
        require_lack_of(feature);
        return !IsSkipped();
    }
    ibv_device_attr_ex attr{};
    std::unique_ptr<ExtendedPair> pair;
};

TEST_F(Lacking, SteeringRefusesRules) {
    if (!lacks("flow steering")) return;
    ibv_flow_attr rule{};
    rule.type = IBV_FLOW_ATTR_ALL_DEFAULT;
    rule.size = sizeof rule;
    rule.port = kPort;
    EXPECT_EQ(ibv_create_flow(pair->here(), &rule), nullptr);
    EXPECT_EQ(errno, EOPNOTSUPP);
}

TEST_F(Lacking, EncryptionRefusesActions) {
    if (!lacks("flow actions")) return;
    ibv_flow_action_esp esp{};
    ibv_flow_action_esp_attr action{};
    action.esp_attr = &esp;
    EXPECT_EQ(ibv_create_flow_action_esp(context(), &action), nullptr);
    EXPECT_EQ(errno, EOPNOTSUPP);
}

TEST_F(Lacking, CountersRefusesSetsOfThem) {
    if (!lacks("flow counters")) return;
    ibv_counters_init_attr init{};
    EXPECT_EQ(ibv_create_counters(context(), &init), nullptr);
    EXPECT_EQ(errno, EOPNOTSUPP);
}

TEST_F(Lacking, WorkQueuesRefusesThemAndTheirTables) {
    if (!lacks("work queues")) return;
    EXPECT_EQ(attr.max_wq_type_rq, 0u);
    EXPECT_EQ(attr.rss_caps.supported_qpts, 0u);
    ibv_wq_init_attr init{};
    init.wq_type = IBV_WQT_RQ;
    init.max_wr = 8;
    init.max_sge = 1;
    init.pd = pair->pd();
    init.cq = ibv_cq_ex_to_cq(pair->received());
    EXPECT_EQ(ibv_create_wq(context(), &init), nullptr);
    EXPECT_EQ(errno, EOPNOTSUPP);
}

TEST_F(Lacking, PacingRefusesLimits) {
    if (!lacks("rate limits")) return;
    EXPECT_EQ(attr.packet_pacing_caps.qp_rate_limit_max, 0u);
    ibv_qp_rate_limit_attr limit{};
    limit.rate_limit = 1000;
    EXPECT_EQ(ibv_modify_qp_rate_limit(pair->here(), &limit), EOPNOTSUPP);
}

TEST_F(Lacking, ConnectionOptionsRefusesToTellAndToTakeThem) {
    if (!lacks("connection options")) return;
    ibv_ece ece{};
    EXPECT_EQ(ibv_query_ece(pair->here(), &ece), EOPNOTSUPP);
    ece.vendor_id = 1;
    EXPECT_EQ(ibv_set_ece(pair->here(), &ece), EOPNOTSUPP);
}

TEST_F(Lacking, PagingOnDemandClaimsNone) {
    if (!lacks("paging on demand")) return;
    EXPECT_EQ(attr.odp_caps.general_caps, 0u);
    EXPECT_EQ(attr.odp_caps.per_transport_caps.rc_odp_caps, 0u);
    EXPECT_EQ(ibv_reg_mr(pair->pd(), pair->from(), 64, IBV_ACCESS_ON_DEMAND), nullptr);
}

TEST_F(Lacking, ARegionOfEverythingClaimsNone) {
    if (!lacks("a region of everything")) return;
    EXPECT_EQ(attr.odp_caps.general_caps & IBV_ODP_SUPPORT_IMPLICIT, 0u);
    EXPECT_EQ(ibv_reg_mr(pair->pd(), nullptr, SIZE_MAX, IBV_ACCESS_ON_DEMAND), nullptr);
}

TEST_F(Lacking, DmaBufsRefusesRegionsOfThem) {
    if (!lacks("dma-bufs")) return;
    const int file = ::memfd_create("memory", MFD_CLOEXEC);
    ASSERT_GE(file, 0);
    errno = 0;
    EXPECT_EQ(ibv_reg_dmabuf_mr(pair->pd(), 0, 4096, 0, file, IBV_ACCESS_LOCAL_WRITE), nullptr);
    EXPECT_EQ(errno, EOPNOTSUPP);
    ::close(file);
}

TEST_F(Lacking, ImportRefusesADescriptor) {
    if (!lacks("import")) return;
    EXPECT_EQ(ibv_import_device(context()->cmd_fd), nullptr);
    EXPECT_EQ(errno, EOPNOTSUPP);
}

// Queue pairs of a type that the device does not have, made in either way.
class LackingType : public Lacking {
protected:
    void expect_no_queue_pair(ibv_qp_type type) {
        init.send_cq = init.recv_cq = ibv_cq_ex_to_cq(pair->sent());
        init.cap = {1, 1, 1, 1, 0};
        init.qp_type = type;
        init.pd = pair->pd();
        constexpr uint32_t kLeast = IBV_QP_INIT_ATTR_PD;
        for (const uint32_t mask : {kLeast, kLeast | IBV_QP_INIT_ATTR_CREATE_FLAGS}) {
            init.comp_mask = mask;
            errno = 0;
            EXPECT_EQ(ibv_create_qp_ex(context(), &init), nullptr);
            EXPECT_EQ(errno, EOPNOTSUPP);
        }
        ibv_qp_init_attr plain{};
        plain.send_cq = init.send_cq;
        plain.recv_cq = init.recv_cq;
        plain.cap = init.cap;
        plain.qp_type = type;
        errno = 0;
        EXPECT_EQ(ibv_create_qp(pair->pd(), &plain), nullptr);
        EXPECT_EQ(errno, EOPNOTSUPP);
    }
    // An operation that no queue pair of the device has is invalid, or not supported.
    void expect_no_request(ibv_wr_opcode opcode) {
        ibv_send_wr request{};
        request.opcode = opcode;
        ibv_send_wr *bad = nullptr;
        const int code = ibv_post_send(pair->here(), &request, &bad);
        EXPECT_TRUE(code == EOPNOTSUPP || code == EINVAL) << code;
        EXPECT_EQ(bad, &request);
    }
    ibv_qp_init_attr_ex init{};
};

TEST_F(LackingType, RawPacketsRefusesQueuePairs) {
    if (!lacks("raw packets")) return;
    EXPECT_EQ(attr.raw_packet_caps, 0u);
    expect_no_queue_pair(IBV_QPT_RAW_PACKET);
}

// Such as dynamically connected ones: what they do is the vendor's affair.
TEST_F(LackingType, OfAVendorRefusesQueuePairs) {
    if (!lacks("a vendor's queue pairs")) return;
    expect_no_queue_pair(IBV_QPT_DRIVER);
    expect_no_request(IBV_WR_DRIVER1);
}

TEST_F(LackingType, SegmentationRefusesQueuePairsAndRequests) {
    if (!lacks("segmentation")) return;
    EXPECT_EQ(attr.tso_caps.max_tso, 0u);
    EXPECT_EQ(attr.tso_caps.supported_qpts, 0u);
    init.send_cq = init.recv_cq = ibv_cq_ex_to_cq(pair->sent());
    init.cap = {1, 1, 1, 1, 0};
    init.pd = pair->pd();
    init.max_tso_header = 64;
    init.send_ops_flags = IBV_QP_EX_WITH_SEND | IBV_QP_EX_WITH_TSO;
    for (const ibv_qp_type type : {IBV_QPT_UD, IBV_QPT_RC}) {
        init.qp_type = type;
        for (const unsigned member :
             {IBV_QP_INIT_ATTR_MAX_TSO_HEADER, IBV_QP_INIT_ATTR_SEND_OPS_FLAGS}) {
            init.comp_mask = IBV_QP_INIT_ATTR_PD | member;
            errno = 0;
            EXPECT_EQ(ibv_create_qp_ex(context(), &init), nullptr);
            EXPECT_EQ(errno, EOPNOTSUPP);
        }
    }
    expect_no_request(IBV_WR_TSO);
}

}  // namespace
