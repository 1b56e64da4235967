// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// What libibverbs.so.1 refuses where no experimental library has it, called as a program built with
// rdma-core's header calls it: the shape of the answer, and errno beside it. Also what it answers
// without a device.
#include <cerrno>
#include <cstring>
#include <gtest/gtest.h>
#include <infiniband/verbs.h>

// Names that are younger than the distribution's header may be.
extern "C" {
struct ibv_buf;
struct ibv_comp_cntr;
struct ibv_comp_cntr_caps;
struct ibv_comp_cntr_init_attr;
struct ibv_dmah;
struct ibv_dmah_init_attr;
struct ibv_mr_init_attr;
struct ibv_qp_attach_comp_cntr_attr;
ibv_dmah *ibv_alloc_dmah(ibv_context *context, ibv_dmah_init_attr *attr);
int ibv_dealloc_dmah(ibv_dmah *dmah);
ibv_mr *ibv_reg_mr_ex(ibv_pd *pd, ibv_mr_init_attr *mr_init_attr);
int ibv_dm_export_dmabuf_fd(ibv_dm *dm);
int ibv_query_port_speed(ibv_context *context, uint32_t port_num, uint64_t *port_speed);
void *ibv_alloc_buf(ibv_pd *pd, size_t size, ibv_buf **buf);
void ibv_free_buf(ibv_buf *buf);
ibv_mr *ibv_reg_buf_mr(ibv_pd *pd, ibv_buf *buf, void *addr, size_t length, int access);
int ibv_export_buf_dmabuf_fd(ibv_buf *buf);
int _ibv_query_comp_cntr_caps(ibv_context *context, ibv_comp_cntr_caps *caps, size_t caps_size);
ibv_comp_cntr *ibv_create_comp_cntr(ibv_context *context, ibv_comp_cntr_init_attr *cc_attr);
int ibv_destroy_comp_cntr(ibv_comp_cntr *comp_cntr);
int ibv_set_comp_cntr(ibv_comp_cntr *comp_cntr, uint64_t value);
int ibv_set_err_comp_cntr(ibv_comp_cntr *comp_cntr, uint64_t value);
int ibv_inc_comp_cntr(ibv_comp_cntr *comp_cntr, uint64_t amount);
int ibv_inc_err_comp_cntr(ibv_comp_cntr *comp_cntr, uint64_t amount);
int ibv_read_comp_cntr(ibv_comp_cntr *comp_cntr, uint64_t *value);
int ibv_read_err_comp_cntr(ibv_comp_cntr *comp_cntr, uint64_t *value);
int ibv_qp_attach_comp_cntr(ibv_qp *qp, ibv_comp_cntr *comp_cntr,
                            ibv_qp_attach_comp_cntr_attr *attr);
}

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

TEST_F(Refusal, OfRegionsByAttributesIsNull) {
    expect_null(ibv_reg_mr_ex(nullptr, nullptr));
}

TEST_F(Refusal, OfDmaHandlesIsOfTheirShapes) {
    expect_null(ibv_alloc_dmah(nullptr, nullptr));
    errno = kErrnoBefore;
    expect_error_number(ibv_dealloc_dmah(nullptr));
}

TEST_F(Refusal, OfBuffersIsNull) {
    expect_null(ibv_alloc_buf(nullptr, 4096, nullptr));
    errno = kErrnoBefore;
    expect_null(ibv_reg_buf_mr(nullptr, nullptr, nullptr, 4096, 0));
    errno = kErrnoBefore;
    ibv_free_buf(nullptr);
    expect_errno_untouched();
}

TEST_F(Refusal, OfExportedMemoryIsMinusOne) {
    EXPECT_EQ(ibv_export_buf_dmabuf_fd(nullptr), -1);
    EXPECT_EQ(EOPNOTSUPP, errno);
    errno = kErrnoBefore;
    EXPECT_EQ(ibv_dm_export_dmabuf_fd(nullptr), -1);
    EXPECT_EQ(EOPNOTSUPP, errno);
}

TEST_F(Refusal, OfThePortsSpeedIsAnErrorNumber) {
    uint64_t speed = 0;
    expect_error_number(ibv_query_port_speed(nullptr, 1, &speed));
}

TEST_F(Refusal, OfCountersIsNullOrAnErrorNumber) {
    expect_null(ibv_create_comp_cntr(nullptr, nullptr));
    uint64_t value = 0;
    for (const int returned :
         {ibv_destroy_comp_cntr(nullptr), ibv_set_comp_cntr(nullptr, 1),
          ibv_set_err_comp_cntr(nullptr, 1), ibv_inc_comp_cntr(nullptr, 1),
          ibv_inc_err_comp_cntr(nullptr, 1), ibv_read_comp_cntr(nullptr, &value),
          ibv_read_err_comp_cntr(nullptr, &value),
          ibv_qp_attach_comp_cntr(nullptr, nullptr, nullptr),
          _ibv_query_comp_cntr_caps(nullptr, nullptr, 0)})
        EXPECT_EQ(EOPNOTSUPP, returned);
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
