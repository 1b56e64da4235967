// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// What libibverbs.so.1 refuses for now, called as a program built with rdma-core 44's header calls
// it: the shape of the answer, and errno beside it. Also what it answers without a device.
#include <cerrno>
#include <cstring>
#include <gtest/gtest.h>
#include <infiniband/verbs.h>

namespace {

constexpr int kErrnoBefore = 12345;

class Refusal : public testing::Test {
protected:
    void SetUp() override { errno = kErrnoBefore; }

    template <class T>
    void expect_null(T *pointer) {
        EXPECT_EQ(nullptr, pointer);
        EXPECT_EQ(EOPNOTSUPP, errno);
    }
    void expect_error_number(int returned) {
        EXPECT_EQ(EOPNOTSUPP, returned);
        EXPECT_EQ(EOPNOTSUPP, errno);
    }
    void expect_errno_untouched() { EXPECT_EQ(kErrnoBefore, errno); }
};

TEST_F(Refusal, OfImportedDevicesIsNull) {
    expect_null(ibv_import_device(-1));
}
TEST_F(Refusal, OfImportedDomainsIsNull) {
    expect_null(ibv_import_pd(nullptr, 0));
}
TEST_F(Refusal, OfImportedRegionsIsNull) {
    expect_null(ibv_import_mr(nullptr, 0));
}
TEST_F(Refusal, OfImportedDeviceMemoryIsNull) {
    expect_null(ibv_import_dm(nullptr, 0));
}

TEST_F(Refusal, HasNothingToUnimport) {
    ibv_unimport_pd(nullptr);
    ibv_unimport_mr(nullptr);
    ibv_unimport_dm(nullptr);
    expect_errno_untouched();
}

TEST_F(Refusal, OfDmaBufRegionsIsNull) {
    expect_null(ibv_reg_dmabuf_mr(nullptr, 0, 4096, 0, -1, IBV_ACCESS_LOCAL_WRITE));
}

TEST_F(Refusal, OfExtendedQueuePairsIsNull) {
    EXPECT_EQ(ibv_qp_to_qp_ex(nullptr), nullptr);
}

TEST_F(Refusal, OfConnectionEstablishmentOptionsIsAnErrorNumber) {
    ibv_ece ece = {};
    expect_error_number(ibv_query_ece(nullptr, &ece));
    errno = kErrnoBefore;
    expect_error_number(ibv_set_ece(nullptr, &ece));
}

TEST_F(Refusal, OfTheLinkAddressWithoutAnAddressOrADeviceIsEinval) {
    ibv_ah_attr attr = {};
    uint8_t mac[ETHERNET_LL_SIZE];
    uint16_t vlan = 0;
    EXPECT_EQ(EINVAL, ibv_resolve_eth_l2_from_gid(nullptr, nullptr, mac, &vlan));
    EXPECT_EQ(EINVAL, ibv_resolve_eth_l2_from_gid(nullptr, &attr, mac, &vlan));
    EXPECT_EQ(EINVAL, errno);
}

TEST_F(Refusal, OfInOrderDataIsTheAnswerNo) {
    EXPECT_EQ(0, ibv_query_qp_data_in_order(nullptr, IBV_WR_RDMA_WRITE, 0));
    expect_errno_untouched();
}

TEST_F(Refusal, OfUnknownGidFlagsIsEinval) {
    ibv_gid_entry entry;
    EXPECT_EQ(EINVAL, ibv_query_gid_ex(nullptr, 1, 0, &entry, 1));
    EXPECT_EQ(EINVAL, errno);
    EXPECT_EQ(-EINVAL, ibv_query_gid_table(nullptr, &entry, 1, 1));
}

TEST_F(Refusal, OfGidTablesWithoutRoomIsEinval) {
    ibv_gid_entry entry;
    EXPECT_EQ(-EINVAL, ibv_query_gid_table(nullptr, &entry, 0, 0));
    EXPECT_EQ(EINVAL, errno);
    EXPECT_EQ(-EINVAL, _ibv_query_gid_table(nullptr, &entry, 1, 0, 0));
    EXPECT_EQ(EINVAL, _ibv_query_gid_ex(nullptr, 1, 0, &entry, 0, 0));
}

TEST(WithoutADevice, ForkIsAlwaysPossible) {
    EXPECT_EQ(0, ibv_fork_init());
    const ibv_fork_status status = ibv_is_fork_initialized();
    EXPECT_TRUE(status == IBV_FORK_ENABLED || status == IBV_FORK_UNNEEDED) << status;
}

// Providers call these two; no installed header declares them.
extern "C" int ibv_dontfork_range(void *base, size_t size);
extern "C" int ibv_dofork_range(void *base, size_t size);

TEST(WithoutADevice, ForkRangesAreAccepted) {
    char page[64];
    EXPECT_EQ(0, ibv_dontfork_range(page, sizeof page));
    EXPECT_EQ(0, ibv_dofork_range(page, sizeof page));
}

TEST(WithoutADevice, NumbersHaveNames) {
    EXPECT_STRNE("", ibv_node_type_str(IBV_NODE_CA));
    EXPECT_STRNE("", ibv_port_state_str(IBV_PORT_ACTIVE));
    EXPECT_STRNE("", ibv_event_type_str(IBV_EVENT_CQ_ERR));
    EXPECT_STRNE("", ibv_wc_status_str(IBV_WC_SUCCESS));
}

TEST(WithoutADevice, RatesConvertBothWays) {
    EXPECT_EQ(4, ibv_rate_to_mult(IBV_RATE_10_GBPS));
    EXPECT_EQ(IBV_RATE_10_GBPS, mult_to_ibv_rate(4));
    EXPECT_EQ(10000, ibv_rate_to_mbps(IBV_RATE_10_GBPS));
    EXPECT_EQ(IBV_RATE_10_GBPS, mbps_to_ibv_rate(10000));
}

}  // namespace
