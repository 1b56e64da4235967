// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// What a device lacks it refuses with EOPNOTSUPP, and it does not advertise it. Which features
// these are is said by the deviations; with a feature the device has, its test here is skipped.
#include "side.hpp"

namespace {

using namespace verbs_test;

class Unsupported : public DeviceTest {
protected:
    // False (and the test skipped) when the device has the feature.
    bool lacks(const char *feature) {
        require_lack_of(feature);
        errno = 0;
        return !IsSkipped();
    }
};

TEST_F(Unsupported, UnreliableConnectionsAreRefused) {
    if (!lacks("uc")) return;
    const Pd pd = alloc_pd(context());
    const Cq cq = create_cq(context());
    ibv_qp_init_attr init{};
    init.send_cq = cq.get();
    init.recv_cq = cq.get();
    init.qp_type = IBV_QPT_UC;
    init.cap = {1, 1, 1, 1, 0};
    EXPECT_FALSE(Qp(ibv_create_qp(pd.get(), &init)));
    EXPECT_EQ(errno, EOPNOTSUPP);
}

TEST_F(Unsupported, SharedReceiveQueuesAreRefusedAndNotAdvertised) {
    if (!lacks("srq")) return;
    const ibv_device_attr limits = device_limits(context());
    EXPECT_EQ(limits.max_srq, 0);
    EXPECT_EQ(limits.max_srq_wr, 0);
    EXPECT_EQ(limits.max_srq_sge, 0);
    const Pd pd = alloc_pd(context());
    ibv_srq_init_attr init{};
    init.attr.max_wr = 1;
    init.attr.max_sge = 1;
    errno = 0;
    EXPECT_FALSE(Srq(ibv_create_srq(pd.get(), &init)));
    EXPECT_EQ(errno, EOPNOTSUPP);
}

TEST_F(Unsupported, AtomicsAreRefusedAndNotAdvertised) {
    if (!lacks("atomics")) return;
    EXPECT_EQ(device_limits(context()).atomic_cap, IBV_ATOMIC_NONE);
    LocalSide side(context());
    join(side, side);
    for (const ibv_wr_opcode opcode : {IBV_WR_ATOMIC_CMP_AND_SWP, IBV_WR_ATOMIC_FETCH_AND_ADD}) {
        Sending request = make_read(1, {{0, 8}}, side.at(8));
        request.opcode = opcode;
        EXPECT_EQ(side.post_send(request), EOPNOTSUPP);
    }
    EXPECT_TRUE(is_empty(side.send_cq()));
}

TEST_F(Unsupported, MemoryWindowsAreRefusedAndNotAdvertised) {
    if (!lacks("mw")) return;
    const ibv_device_attr limits = device_limits(context());
    EXPECT_EQ(limits.max_mw, 0);
    EXPECT_EQ(limits.device_cap_flags & IBV_DEVICE_MEM_WINDOW, 0u);
    const Pd pd = alloc_pd(context());
    for (const ibv_mw_type type : {IBV_MW_TYPE_1, IBV_MW_TYPE_2}) {
        errno = 0;
        EXPECT_EQ(ibv_alloc_mw(pd.get(), type), nullptr);
        EXPECT_EQ(errno, EOPNOTSUPP);
    }
}

TEST_F(Unsupported, MulticastIsRefusedAndNotAdvertised) {
    if (!lacks("multicast")) return;
    EXPECT_EQ(device_limits(context()).max_mcast_grp, 0);
    SideOptions options;
    options.type = IBV_QPT_UD;
    LocalSide side(context(), options);
    side.connect({});
    const ibv_gid group{{0xff, 0x0e, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 239, 1, 1, 1}};
    EXPECT_EQ(ibv_attach_mcast(side.qp(), &group, 0), EOPNOTSUPP);
    EXPECT_EQ(ibv_detach_mcast(side.qp(), &group, 0), EOPNOTSUPP);
}

TEST_F(Unsupported, ResizingACompletionQueueIsRefusedAndLeavesItAsItWas) {
    if (!lacks("resize_cq")) return;
    const Cq cq = create_cq(context(), 16);
    const int before = cq->cqe;
    EXPECT_EQ(ibv_resize_cq(cq.get(), 1000), EOPNOTSUPP);
    EXPECT_EQ(cq->cqe, before);
    EXPECT_TRUE(is_empty(cq.get()));
}

TEST_F(Unsupported, ReregisteringIsRefusedAndLeavesTheRegionAsItWas) {
    if (!lacks("rereg_mr")) return;
    const Pd pd = alloc_pd(context());
    Region region(pd.get(), 8192);
    const uint32_t rkey = region.mr()->rkey;
    errno = 0;
    EXPECT_LT(ibv_rereg_mr(region.mr().get(), IBV_REREG_MR_CHANGE_ACCESS, nullptr, nullptr, 0,
                           IBV_ACCESS_LOCAL_WRITE),
              0);
    EXPECT_EQ(errno, EOPNOTSUPP);
    EXPECT_EQ(region.mr()->rkey, rkey);
}

TEST_F(Unsupported, DrainingTheSendQueueIsRefusedAndLeavesTheQueuePairWorking) {
    if (!lacks("sqd")) return;
    LocalSide side(context());
    join(side, side);
    EXPECT_EQ(side.change_state(IBV_QPS_SQD), EOPNOTSUPP);
    EXPECT_EQ(side.state(), IBV_QPS_RTS);
}

}  // namespace
