// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "fake_rxe.hpp"

#include <algorithm>

namespace verbs::test {
namespace {

using RxeDevice = FakeRxe;

TEST_F(RxeDevice, GivesTheContextItsDescriptorsAndDataPath) {
    EXPECT_EQ(context_.cmd_fd, kernel_.node());
    EXPECT_EQ(context_.async_fd, kernel_.async_fd);
    EXPECT_EQ(context_.num_comp_vectors, kVectors);
    EXPECT_NE(context_.ops.poll_cq, nullptr);
    EXPECT_NE(context_.ops.req_notify_cq, nullptr);
    EXPECT_NE(context_.ops.post_send, nullptr);
    EXPECT_NE(context_.ops.post_recv, nullptr);
    EXPECT_NE(context_.ops.post_srq_recv, nullptr);
}

TEST_F(RxeDevice, TellsItsLimits) {
    kernel_.on_command<ib_uverbs_query_device, ib_uverbs_query_device_resp>(
        IB_USER_VERBS_CMD_QUERY_DEVICE, [](auto &, auto &response, auto &) {
            response.fw_ver = 0x0001'0002'0003;
            response.max_qp = UINT32_MAX;
            response.max_cqe = 32767;
            response.max_pkeys = 64;
            response.atomic_cap = IBV_ATOMIC_HCA;
            response.phys_port_cnt = 1;
            return 0;
        });
    const auto attr = device_->query_device();
    ASSERT_TRUE(attr) << attr.error().phrase;
    EXPECT_STREQ(attr->fw_ver, "1.2.3");
    EXPECT_EQ(attr->max_qp, INT_MAX);
    EXPECT_EQ(attr->max_cqe, 32767);
    EXPECT_EQ(attr->max_pkeys, 64);
    EXPECT_EQ(attr->atomic_cap, IBV_ATOMIC_HCA);
    EXPECT_EQ(attr->phys_port_cnt, 1);
}

TEST_F(RxeDevice, TellsItsPort) {
    kernel_.on_method(UVERBS_OBJECT_DEVICE, UVERBS_METHOD_QUERY_PORT, [](MethodCall &call) {
        ib_uverbs_query_port_resp_ex answer{};
        answer.legacy_resp.state = IBV_PORT_ACTIVE;
        answer.legacy_resp.active_mtu = IBV_MTU_1024;
        answer.legacy_resp.gid_tbl_len = 1024;
        answer.legacy_resp.link_layer = IBV_LINK_LAYER_ETHERNET;
        answer.legacy_resp.flags = IB_UVERBS_QPF_GRH_REQUIRED;
        answer.port_cap_flags2 = 9;
        call.out(UVERBS_ATTR_QUERY_PORT_RESP, answer);
        return 0;
    });
    const auto port = device_->query_port(1);
    ASSERT_TRUE(port) << port.error().phrase;
    EXPECT_EQ(port->state, IBV_PORT_ACTIVE);
    EXPECT_EQ(port->active_mtu, IBV_MTU_1024);
    EXPECT_EQ(port->gid_tbl_len, 1024);
    EXPECT_EQ(port->link_layer, IBV_LINK_LAYER_ETHERNET);
    EXPECT_EQ(port->flags, IBV_QPF_GRH_REQUIRED);
    EXPECT_EQ(port->port_cap_flags2, 9);
}

TEST_F(RxeDevice, TellsItsGids) {
    kernel_.on_method(UVERBS_OBJECT_DEVICE, UVERBS_METHOD_QUERY_GID_ENTRY, [](MethodCall &call) {
        if (call.in<std::uint64_t>(UVERBS_ATTR_QUERY_GID_ENTRY_GID_INDEX) != 1) return ENODATA;
        ib_uverbs_gid_entry entry{};
        entry.gid[1] = 5;
        entry.gid_type = IB_UVERBS_GID_TYPE_ROCE_V2;
        entry.netdev_ifindex = 3;
        call.out(UVERBS_ATTR_QUERY_GID_ENTRY_RESP_ENTRY, entry);
        return 0;
    });
    const auto entry = device_->query_gid(1, 1);
    ASSERT_TRUE(entry) << entry.error().phrase;
    EXPECT_EQ(entry->gid.global.interface_id, 5u);
    EXPECT_EQ(entry->type, 2u);
    EXPECT_EQ(entry->ifindex, 3u);
    const auto missing = device_->query_gid(1, 4711);
    EXPECT_EQ(missing.error().code, ENODATA);
    EXPECT_NE(missing.error().phrase.find("port 1, GID index 4711"), std::string::npos);
}

TEST_F(RxeDevice, TellsItsGidTableByOneCommand) {
    kernel_.on_method(UVERBS_OBJECT_DEVICE, UVERBS_METHOD_QUERY_GID_TABLE, [](MethodCall &call) {
        ib_uverbs_gid_entry entry{};
        entry.gid[1] = 5;
        entry.gid_index = 2;
        entry.port_num = 1;
        entry.gid_type = IB_UVERBS_GID_TYPE_ROCE_V2;
        entry.netdev_ifindex = 3;
        call.out(UVERBS_ATTR_QUERY_GID_TABLE_RESP_ENTRIES, entry);
        call.out(UVERBS_ATTR_QUERY_GID_TABLE_RESP_NUM_ENTRIES, std::uint64_t{1});
        return 0;
    });
    verbs_provider_gid_entry entries[4];
    const auto told = device_->query_gid_table(entries, std::size(entries));
    ASSERT_TRUE(told) << told.error().phrase;
    ASSERT_EQ(*told, 1u);
    EXPECT_EQ(entries[0].gid.global.interface_id, 5u);
    EXPECT_EQ(entries[0].index, 2u);
    EXPECT_EQ(entries[0].port_num, 1u);
    EXPECT_EQ(entries[0].type, 2u);
    EXPECT_EQ(entries[0].ifindex, 3u);
}

TEST_F(RxeDevice, GivesBackWhatAProgramLeftWhenItIsClosed) {
    auto *cq = create_cq();
    auto attr = qp_request(cq, IBV_QPT_RC);
    ASSERT_TRUE(device_->create_qp(&pd_, &attr));
    ASSERT_TRUE(device_->alloc_pd());
    EXPECT_TRUE(device_->close());
    device_.reset();  // a leak would be seen by the sanitizer
}

TEST_F(RxeDevice, ThatWasRemovedMakesNothingNewAndLetsGoOfWhatThereIs) {
    auto *cq = create_cq();
    auto attr = qp_request(cq, IBV_QPT_RC);
    const auto qp = device_->create_qp(&pd_, &attr);
    ASSERT_TRUE(qp) << qp.error().phrase;
    const auto pd = device_->alloc_pd();
    char memory[8];
    const auto mr = device_->reg_mr(*pd, memory, sizeof memory, 0, 0);
    ASSERT_TRUE(mr) << mr.error().phrase;
    remove_device();
    const auto refused = device_->create_cq(1, nullptr, 0);
    EXPECT_EQ(refused.error().code, EIO);
    EXPECT_NE(refused.error().phrase.find("removed"), std::string::npos);
    ibv_qp_attr change{};
    EXPECT_EQ(device_->modify_qp(*qp, &change, IBV_QP_STATE).error().code, EIO);
    EXPECT_TRUE(device_->destroy_qp(*qp));
    EXPECT_TRUE(device_->destroy_cq(cq));
    EXPECT_TRUE(device_->dereg_mr(*mr));
    EXPECT_TRUE(device_->dealloc_pd(*pd));
    EXPECT_TRUE(device_->close());
}

// Places that cannot be mapped: between pages, and so far away that the number turns negative.
TEST_F(RxeDevice, IsGivenBackObjectsWhoseQueuesCannotBeMapped) {
    auto *cq = create_cq();
    ASSERT_EQ(objects_.size(), 1u);
    for (const std::uint64_t offset : {std::uint64_t{1}, std::uint64_t{5000}, UINT64_MAX,
                                       UINT64_MAX - 4095, std::uint64_t{1} << 63}) {
        offset_of_queues = offset;
        EXPECT_FALSE(device_->create_cq(10, nullptr, 0)) << offset;
        auto attr = qp_request(cq, IBV_QPT_RC);
        EXPECT_FALSE(device_->create_qp(&pd_, &attr)) << offset;
        ibv_srq_init_attr srq{};
        srq.attr = {10, 2, 0};
        EXPECT_FALSE(device_->create_srq(&pd_, &srq)) << offset;
        EXPECT_EQ(objects_.size(), 1u) << offset;
    }
}

TEST_F(RxeDevice, IsGivenBackObjectsWhoseQueuesAreOfOddSizes) {
    auto *cq = create_cq();
    for (const std::uint32_t size : {0u, 1u, 127u, 383u, 384u, 500u}) {
        size_of_queues = size;
        for (const auto type : {IBV_QPT_RC, IBV_QPT_UC, IBV_QPT_UD}) {
            auto attr = qp_request(cq, type);
            EXPECT_EQ(device_->create_qp(&pd_, &attr).error().code, EPROTO) << size;
        }
        ibv_srq_init_attr srq{};
        srq.attr = {10, 2, 0};
        EXPECT_EQ(device_->create_srq(&pd_, &srq).error().code, EPROTO) << size;
        EXPECT_EQ(device_->create_cq(10, nullptr, 0).error().code, EPROTO) << size;
        EXPECT_EQ(objects_.size(), 1u) << size;
    }
}

}  // namespace
}  // namespace verbs::test
