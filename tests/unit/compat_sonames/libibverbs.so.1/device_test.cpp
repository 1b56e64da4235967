// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// libibverbs.so.1 with a device below it, used as programs built with rdma-core 44's header use it:
// each object made, asked and ended, and the calls that are more than a forward.
#include "open_device.hpp"

#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>

// ibv_devinfo and pyverbs call it; no installed header declares it.
enum ibv_gid_type_sysfs {
    IBV_GID_TYPE_SYSFS_IB_ROCE_V1,
    IBV_GID_TYPE_SYSFS_ROCE_V2,
};
extern "C" int ibv_query_gid_type(ibv_context *context, uint8_t port_num, unsigned int index,
                                  ibv_gid_type_sysfs *type);

namespace {

using Device = NullDevice;

TEST_F(Device, HasAnExtendedContext) {
    const verbs_context *extended = verbs_get_ctx(context_);
    ASSERT_NE(nullptr, extended);
    EXPECT_GE(extended->sz, sizeof(verbs_context));
    EXPECT_EQ(device_, context_->device);
    EXPECT_GE(context_->num_comp_vectors, 1);
}

TEST_F(Device, HasNameGuidAndIndex) {
    EXPECT_STREQ("null0", ibv_get_device_name(device_));
    EXPECT_EQ(0u, ibv_get_device_guid(device_));
    EXPECT_EQ(-1, ibv_get_device_index(device_));
}

TEST_F(Device, AnswersBothQueries) {
    ibv_device_attr attr = {};
    EXPECT_EQ(0, ibv_query_device(context_, &attr));
    EXPECT_EQ(1, attr.phys_port_cnt);
    ibv_device_attr_ex extended = {};
    EXPECT_EQ(0, ibv_query_device_ex(context_, nullptr, &extended));
    EXPECT_EQ(attr.max_qp, extended.orig_attr.max_qp);
    EXPECT_EQ(1u, extended.phys_port_cnt_ex);
}

// Parenthesised, so that the header's macro does not take the call elsewhere.
TEST_F(Device, WritesOnly48BytesOfAPortToACallerOfTheSymbol) {
    std::array<unsigned char, sizeof(ibv_port_attr)> bytes;
    bytes.fill(0xee);
    ibv_port_attr attr;
    std::memcpy(&attr, bytes.data(), sizeof attr);
    ASSERT_EQ(0, (ibv_query_port)(context_, 1, reinterpret_cast<_compat_ibv_port_attr *>(&attr)));
    EXPECT_EQ(IBV_LINK_LAYER_ETHERNET, attr.link_layer);
    std::memcpy(bytes.data(), &attr, sizeof attr);
    for (size_t i = 48; i < bytes.size(); ++i)
        EXPECT_EQ(0xee, bytes[i]) << i;
}

TEST_F(Device, WritesAllOfAPortToACallerOfTheInline) {
    ibv_port_attr attr;
    std::memset(&attr, 0xee, sizeof attr);
    ASSERT_EQ(0, ibv_query_port(context_, 1, &attr));
    EXPECT_EQ(0, attr.port_cap_flags2);
}

TEST_F(Device, RefusesAWrongPortWithTheErrorNumber) {
    ibv_port_attr attr;
    EXPECT_EQ(EINVAL, ibv_query_port(context_, 7, &attr));
    errno = 0;
    EXPECT_EQ(EINVAL,
              (ibv_query_port)(context_, 7, reinterpret_cast<_compat_ibv_port_attr *>(&attr)));
    EXPECT_EQ(EINVAL, errno);
}

TEST_F(Device, ReadsAnEmptyGidAsZeros) {
    ibv_gid gid;
    std::memset(&gid, 0xee, sizeof gid);
    EXPECT_EQ(0, ibv_query_gid(context_, 1, 0, &gid));
    EXPECT_EQ(0u, gid.global.interface_id);
    errno = 0;
    EXPECT_EQ(-1, ibv_query_gid(context_, 1, 1, &gid));
    EXPECT_EQ(EINVAL, errno);
}

TEST_F(Device, TellsAnEmptyGidEntryByEnodata) {
    ibv_gid_entry entry;
    errno = 0;
    EXPECT_EQ(ENODATA, ibv_query_gid_ex(context_, 1, 0, &entry, 0));
    EXPECT_EQ(ENODATA, errno);
    EXPECT_EQ(EINVAL, ibv_query_gid_ex(context_, 1, 1, &entry, 0));
    EXPECT_EQ(EINVAL, ibv_query_gid_ex(context_, 257, 0, &entry, 0));
}

TEST_F(Device, LeavesEmptyEntriesOutOfTheGidTable) {
    ibv_gid_entry entry;
    EXPECT_EQ(0, ibv_query_gid_table(context_, &entry, 1, 0));
}

TEST_F(Device, GivesAnEmptyGidTheTypeOfNumberZero) {
    ibv_gid_type_sysfs type = IBV_GID_TYPE_SYSFS_ROCE_V2;
    EXPECT_EQ(0, ibv_query_gid_type(context_, 1, 0, &type));
    EXPECT_EQ(IBV_GID_TYPE_SYSFS_IB_ROCE_V1, type);
    errno = 0;
    EXPECT_EQ(-1, ibv_query_gid_type(context_, 1, 1, &type));
    EXPECT_EQ(EINVAL, errno);
}

TEST_F(Device, RefusesWhatTheProviderDoesNotHave) {
    uint16_t pkey = 0;
    errno = 0;
    EXPECT_EQ(-1, ibv_query_pkey(context_, 1, 0, &pkey));
    EXPECT_EQ(EOPNOTSUPP, errno);
    EXPECT_GT(0, ibv_get_pkey_index(context_, 1, 0xffff));
}

TEST_F(Device, HasNoAsynchronousEventWaiting) {
    ASSERT_EQ(0, fcntl(context_->async_fd, F_SETFL, O_NONBLOCK));
    ibv_async_event event;
    errno = 0;
    EXPECT_EQ(-1, ibv_get_async_event(context_, &event));
    EXPECT_EQ(EAGAIN, errno);
}

class DeviceObjects : public NullDevice {
protected:
    void SetUp() override {
        NullDevice::SetUp();
        pd_ = ibv_alloc_pd(context_);
        ASSERT_NE(nullptr, pd_);
    }
    void TearDown() override {
        if (pd_) {
            EXPECT_EQ(0, ibv_dealloc_pd(pd_));
        }
        NullDevice::TearDown();
    }
    ibv_pd *pd_ = nullptr;
};

TEST_F(DeviceObjects, RegionsAreMadeInEveryWay) {
    char buffer[64];
    const int access = IBV_ACCESS_LOCAL_WRITE;
    // Wishes are dropped where they cannot be fulfilled: bit 29 means nothing to anybody.
    const unsigned int wishes = access | IBV_ACCESS_RELAXED_ORDERING | 1u << 29;
    const auto iova = reinterpret_cast<uintptr_t>(buffer);
    for (ibv_mr *mr : {(ibv_reg_mr)(pd_, buffer, sizeof buffer, access),
                       (ibv_reg_mr_iova)(pd_, buffer, sizeof buffer, iova, access),
                       ibv_reg_mr_iova2(pd_, buffer, sizeof buffer, iova, wishes)}) {
        ASSERT_NE(nullptr, mr);
        EXPECT_EQ(buffer, mr->addr);
        EXPECT_EQ(sizeof buffer, mr->length);
        EXPECT_EQ(pd_, mr->pd);
        EXPECT_EQ(0, ibv_dereg_mr(mr));
    }
}

TEST_F(DeviceObjects, RegionsWithUnknownFlagsAreRefused) {
    char buffer[64];
    errno = 0;
    EXPECT_EQ(nullptr, (ibv_reg_mr)(pd_, buffer, sizeof buffer, 1 << 19));
    EXPECT_EQ(EINVAL, errno);
}

TEST_F(DeviceObjects, RegionsThatCannotBeChangedSayWhatIsLeft) {
    char buffer[64];
    ibv_mr *mr = (ibv_reg_mr)(pd_, buffer, sizeof buffer, 0);
    ASSERT_NE(nullptr, mr);
    EXPECT_EQ(IBV_REREG_MR_ERR_INPUT, ibv_rereg_mr(mr, 0, pd_, nullptr, 0, 0));
    EXPECT_EQ(0, ibv_dereg_mr(mr));
}

TEST_F(DeviceObjects, QueuePairsAndCompletionQueuesLiveAndEnd) {
    ibv_cq *cq = ibv_create_cq(context_, 8, this, nullptr, 0);
    ASSERT_NE(nullptr, cq);
    EXPECT_EQ(this, cq->cq_context);
    ibv_wc wc;
    EXPECT_EQ(0, ibv_poll_cq(cq, 1, &wc));
    EXPECT_EQ(0, ibv_req_notify_cq(cq, 0));
    EXPECT_EQ(EOPNOTSUPP, ibv_resize_cq(cq, 16));
    ibv_ack_cq_events(cq, 0);

    ibv_qp_init_attr init = {};
    init.send_cq = init.recv_cq = cq;
    init.qp_type = IBV_QPT_RC;
    init.cap.max_send_wr = init.cap.max_recv_wr = init.cap.max_send_sge = init.cap.max_recv_sge = 1;
    ibv_qp *qp = ibv_create_qp(pd_, &init);
    ASSERT_NE(nullptr, qp);
    ibv_qp_attr attr = {};
    attr.qp_state = IBV_QPS_INIT;
    attr.port_num = 1;
    EXPECT_EQ(0,
              ibv_modify_qp(qp, &attr,
                            IBV_QP_STATE | IBV_QP_PKEY_INDEX | IBV_QP_PORT | IBV_QP_ACCESS_FLAGS));
    EXPECT_EQ(EOPNOTSUPP, ibv_query_qp(qp, &attr, IBV_QP_STATE, &init));
    ibv_gid gid = {};
    gid.raw[0] = 0xff;
    EXPECT_NE(0, ibv_attach_mcast(qp, &gid, 0));
    EXPECT_NE(0, ibv_detach_mcast(qp, &gid, 0));
    EXPECT_EQ(nullptr, ibv_qp_to_qp_ex(qp));
    EXPECT_EQ(0, ibv_query_qp_data_in_order(qp, IBV_WR_RDMA_WRITE, 0));
    EXPECT_EQ(0, ibv_destroy_qp(qp));
    EXPECT_EQ(0, ibv_destroy_cq(cq));
}

TEST_F(DeviceObjects, ThatTheProviderLacksAreNull) {
    errno = 0;
    EXPECT_EQ(nullptr, ibv_create_comp_channel(context_));
    EXPECT_EQ(EOPNOTSUPP, errno);
    ibv_srq_init_attr srq = {};
    srq.attr.max_wr = srq.attr.max_sge = 1;
    errno = 0;
    EXPECT_EQ(nullptr, ibv_create_srq(pd_, &srq));
    EXPECT_EQ(EOPNOTSUPP, errno);
    ibv_ah_attr ah = {};
    ah.port_num = 1;
    ah.is_global = 1;
    errno = 0;
    EXPECT_EQ(nullptr, ibv_create_ah(pd_, &ah));
    EXPECT_EQ(EOPNOTSUPP, errno);
}

// Inline functions of the header that go through slots of the context.
TEST_F(DeviceObjects, MemoryWindowsGoThroughTheContext) {
    ASSERT_NE(nullptr, context_->ops.alloc_mw);
    ASSERT_NE(nullptr, context_->ops.bind_mw);
    ASSERT_NE(nullptr, context_->ops.dealloc_mw);
    errno = 0;
    EXPECT_EQ(nullptr, ibv_alloc_mw(pd_, IBV_MW_TYPE_1));
    EXPECT_EQ(EOPNOTSUPP, errno);
}

TEST_F(DeviceObjects, ExtendedObjectsAreRefusedByTheHeader) {
    ibv_qp_init_attr_ex init = {};
    init.comp_mask = IBV_QP_INIT_ATTR_PD | IBV_QP_INIT_ATTR_SEND_OPS_FLAGS;
    init.pd = pd_;
    init.send_ops_flags = IBV_QP_EX_WITH_SEND;
    errno = 0;
    EXPECT_EQ(nullptr, ibv_create_qp_ex(context_, &init));
    EXPECT_EQ(EOPNOTSUPP, errno);
}

}  // namespace
