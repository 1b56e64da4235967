// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Finding devices, opening them, and what they say about themselves, their port and its tables.
#include "device_under_test.hpp"

#include <arpa/inet.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <set>
#include <string>
#include <vector>

namespace {

using namespace verbs_test;

struct DeviceList {
    int count = -1;
    ibv_device **devices = ibv_get_device_list(&count);
    DeviceList() = default;
    DeviceList(const DeviceList &) = delete;
    DeviceList &operator=(const DeviceList &) = delete;
    ~DeviceList() { ibv_free_device_list(devices); }
};

class Devices : public DeviceTest {};

TEST_F(Devices, AreListedUpToANullPointer) {
    const DeviceList list;
    ASSERT_NE(list.devices, nullptr);
    ASSERT_GE(list.count, 1);
    for (int i = 0; i < list.count; ++i) {
        EXPECT_NE(list.devices[i], nullptr);
    }
    EXPECT_EQ(list.devices[list.count], nullptr);
}

TEST_F(Devices, AreListedWithoutAskingForTheirNumber) {
    ibv_device **list = ibv_get_device_list(nullptr);
    ASSERT_NE(list, nullptr);
    EXPECT_NE(list[0], nullptr);
    ibv_free_device_list(list);
}

TEST_F(Devices, HaveTheSamePointerOnEachCall) {
    const DeviceList first;
    const DeviceList second;
    ASSERT_EQ(first.count, second.count);
    EXPECT_NE(first.devices, second.devices);
    for (int i = 0; i < first.count; ++i) {
        EXPECT_EQ(first.devices[i], second.devices[i]);
    }
}

TEST_F(Devices, KeepTheirPointerWhileOpenWithoutAnyList) {
    ibv_device *device = context()->device;
    for (int i = 0; i < 10; ++i) {
        const DeviceList list;
        EXPECT_EQ(std::count(list.devices, list.devices + list.count, device), 1);
    }
}

TEST_F(Devices, HaveNamesOfTheirOwn) {
    const DeviceList list;
    std::set<std::string> names;
    for (int i = 0; i < list.count; ++i) {
        const char *name = ibv_get_device_name(list.devices[i]);
        ASSERT_NE(name, nullptr);
        EXPECT_STREQ(name, list.devices[i]->name);
        EXPECT_NE(*name, '\0');
        names.insert(name);
    }
    EXPECT_EQ(names.size(), static_cast<size_t>(list.count));
}

TEST_F(Devices, AreChannelAdaptersOfTheInfinibandTransport) {
    EXPECT_EQ(context()->device->node_type, IBV_NODE_CA);
    EXPECT_EQ(context()->device->transport_type, IBV_TRANSPORT_IB);
}

TEST_F(Devices, HaveAGuidBeforeTheyAreOpenedThatIsTheNodeGuid) {
    EXPECT_NE(ibv_get_device_guid(context()->device), 0u);
    EXPECT_EQ(ibv_get_device_guid(context()->device), device_limits(context()).node_guid);
}

TEST_F(Devices, CanBeOpenedAfterTheListWasFreedWhenTheyAreOpenAlready) {
    ibv_device *device = context()->device;
    { const DeviceList list; }
    const Context again(ibv_open_device(device));
    EXPECT_TRUE(again);
}

TEST_F(Devices, CanBeOpenedOftenAndIndependently) {
    std::vector<Context> contexts;
    std::set<ibv_context *> pointers;
    for (int i = 0; i < 8; ++i) {
        contexts.push_back(open_device());
        pointers.insert(contexts.back().get());
        EXPECT_EQ(contexts.back()->device, context()->device);
    }
    EXPECT_EQ(pointers.size(), 8u);
    EXPECT_EQ(contexts[3].close(), 0);
    EXPECT_TRUE(alloc_pd(contexts[4].get()));
}

TEST_F(Devices, CanBeOpenedAndClosedAgainAndAgain) {
    for (int i = 0; i < iterations(50); ++i) {
        Context again = open_device();
        ASSERT_EQ(again.close(), 0);
    }
}

class OpenDevice : public DeviceTest {};

TEST_F(OpenDevice, HasAtLeastOneCompletionVector) {
    EXPECT_GE(context()->num_comp_vectors, 1);
}

TEST_F(OpenDevice, HasAnAsynchronousDescriptorThatCanBePolled) {
    pollfd entry{context()->async_fd, POLLIN, 0};
    ASSERT_GE(entry.fd, 0);
    EXPECT_EQ(::poll(&entry, 1, 0), 0);
    EXPECT_EQ(entry.revents, 0);
}

TEST_F(OpenDevice, HasACommandDescriptorThatCanBeHandedOn) {
    const int copy = ::dup(context()->cmd_fd);
    EXPECT_GE(copy, 0);
    ::close(copy);
}

TEST_F(OpenDevice, IsOfTheExtendedKindOfContext) {
    EXPECT_EQ(context()->abi_compat, reinterpret_cast<void *>(UINTPTR_MAX));
}

TEST_F(OpenDevice, TellsSaneLimits) {
    const ibv_device_attr attr = device_limits(context());
    EXPECT_EQ(attr.phys_port_cnt, 1);
    EXPECT_GE(attr.max_qp, 256);
    EXPECT_GE(attr.max_qp_wr, 1024);
    EXPECT_GE(attr.max_sge, 2);
    EXPECT_GE(attr.max_sge_rd, 1);
    EXPECT_GE(attr.max_cq, 256);
    EXPECT_GE(attr.max_mr, 1024);
    EXPECT_GE(attr.max_pd, 256);
    EXPECT_GE(attr.max_ah, 256);
    EXPECT_GE(attr.max_qp_rd_atom, 1);
    EXPECT_GE(attr.max_qp_init_rd_atom, 1);
    EXPECT_GE(attr.max_res_rd_atom, attr.max_qp_rd_atom);
    EXPECT_GE(attr.max_pkeys, 1);
    EXPECT_GE(attr.max_mr_size, uint64_t{1} << 32);
    EXPECT_LE(attr.local_ca_ack_delay, 31);
}

TEST_F(OpenDevice, OffersCompletionQueuesOfFourMillionEntries) {
    EXPECT_GE(device_limits(context()).max_cqe, 4 * 1024 * 1024);
}

TEST_F(OpenDevice, SupportsThePagesOfThisMachine) {
    EXPECT_NE(device_limits(context()).page_size_cap & 4096u, 0u);
}

TEST_F(OpenDevice, NamesItsFirmwareInAString) {
    const ibv_device_attr attr = device_limits(context());
    EXPECT_NE(std::memchr(attr.fw_ver, 0, sizeof attr.fw_ver), nullptr);
}

TEST_F(OpenDevice, TellsTheSameLimitsOnEachCallAndOnEachContext) {
    const Context again = open_device();
    ibv_device_attr first;
    ibv_device_attr second;
    std::memset(&first, 0x00, sizeof first);
    std::memset(&second, 0x00, sizeof second);
    ASSERT_EQ(ibv_query_device(context(), &first), 0);
    ASSERT_EQ(ibv_query_device(again.get(), &second), 0);
    EXPECT_EQ(std::memcmp(&first, &second, sizeof first), 0);
}

TEST_F(OpenDevice, FillsEveryMemberOfItsLimits) {
    ibv_device_attr zeros;
    ibv_device_attr ones;
    std::memset(&zeros, 0x00, sizeof zeros);
    std::memset(&ones, 0xff, sizeof ones);
    ASSERT_EQ(ibv_query_device(context(), &zeros), 0);
    ASSERT_EQ(ibv_query_device(context(), &ones), 0);
    EXPECT_STREQ(zeros.fw_ver, ones.fw_ver);
    EXPECT_EQ(zeros.max_raw_ethy_qp, ones.max_raw_ethy_qp);
    EXPECT_EQ(zeros.max_map_per_fmr, ones.max_map_per_fmr);
    EXPECT_EQ(zeros.max_srq, ones.max_srq);
    EXPECT_EQ(zeros.max_mw, ones.max_mw);
    EXPECT_EQ(zeros.max_mcast_grp, ones.max_mcast_grp);
    EXPECT_EQ(zeros.sys_image_guid, ones.sys_image_guid);
    EXPECT_EQ(zeros.atomic_cap, ones.atomic_cap);
    EXPECT_EQ(zeros.device_cap_flags, ones.device_cap_flags);
}

class Port : public DeviceTest {};

TEST_F(Port, IsActive) {
    const ibv_port_attr attr = port_attributes(context());
    EXPECT_EQ(attr.state, IBV_PORT_ACTIVE);
    EXPECT_EQ(attr.phys_state, 5);  // link up
}

TEST_F(Port, HasEthernetAsItsLinkLayer) {
    EXPECT_EQ(port_attributes(context()).link_layer, IBV_LINK_LAYER_ETHERNET);
}

TEST_F(Port, CanDoEveryMtu) {
    const ibv_port_attr attr = port_attributes(context());
    EXPECT_EQ(attr.max_mtu, IBV_MTU_4096);
    EXPECT_GE(attr.active_mtu, IBV_MTU_256);
    EXPECT_LE(attr.active_mtu, attr.max_mtu);
}

TEST_F(Port, TellsSaneAttributes) {
    const ibv_port_attr attr = port_attributes(context());
    EXPECT_GE(attr.max_msg_sz, 1u << 23);
    EXPECT_GE(attr.pkey_tbl_len, 1);
    EXPECT_NE(attr.active_width, 0);
    EXPECT_NE(attr.active_speed, 0);
}

TEST_F(Port, HasASmallGidTable) {
    const ibv_port_attr attr = port_attributes(context());
    EXPECT_GE(attr.gid_tbl_len, 1);
    EXPECT_LE(attr.gid_tbl_len, 32);
}

TEST_F(Port, HasAGidTableOfWhichEachEntryCanBeRead) {
    const int length = port_attributes(context()).gid_tbl_len;
    int used = 0;
    for (int i = 0; i < length; ++i) {
        ibv_gid gid{};
        EXPECT_EQ(ibv_query_gid(context(), kPort, i, &gid), 0) << "entry " << i;
        if (!is_zero(gid)) ++used;
    }
    EXPECT_GE(used, 1);
}

TEST_F(Port, RefusesGidsOutsideItsTable) {
    ibv_gid gid{};
    EXPECT_EQ(ibv_query_gid(context(), kPort, -1, &gid), -1);
    EXPECT_EQ(ibv_query_gid(context(), kPort, port_attributes(context()).gid_tbl_len, &gid), -1);
    EXPECT_EQ(ibv_query_gid(context(), kPort, 1 << 20, &gid), -1);
}

TEST_F(Port, HasTheDefaultPartitionKeyFirst) {
    uint16_t pkey = 0;
    ASSERT_EQ(ibv_query_pkey(context(), kPort, 0, &pkey), 0);
    EXPECT_EQ(ntohs(pkey), 0xffff);
}

TEST_F(Port, RefusesPartitionKeysOutsideItsTable) {
    uint16_t pkey = 0;
    EXPECT_EQ(ibv_query_pkey(context(), kPort, -1, &pkey), -1);
    EXPECT_EQ(ibv_query_pkey(context(), kPort, port_attributes(context()).pkey_tbl_len, &pkey), -1);
}

TEST_F(Port, FindsTheDefaultPartitionKeyAndNoOther) {
    EXPECT_EQ(ibv_get_pkey_index(context(), kPort, htons(0xffff)), 0);
    EXPECT_EQ(ibv_get_pkey_index(context(), kPort, htons(0x1234)), -1);
}

class WrongPort : public DeviceTest, public ::testing::WithParamInterface<int> {
protected:
    static uint8_t port() { return static_cast<uint8_t>(GetParam()); }
};

TEST_P(WrongPort, HasNoAttributes) {
    ibv_port_attr attr{};
    EXPECT_EQ(ibv_query_port(context(), port(), &attr), EINVAL);
}

TEST_P(WrongPort, HasNoTables) {
    ibv_gid gid{};
    uint16_t pkey = 0;
    EXPECT_EQ(ibv_query_gid(context(), port(), 0, &gid), -1);
    EXPECT_EQ(ibv_query_pkey(context(), port(), 0, &pkey), -1);
    EXPECT_EQ(ibv_get_pkey_index(context(), port(), htons(0xffff)), -1);
}

INSTANTIATE_TEST_SUITE_P(Numbers, WrongPort, ::testing::Values(0, 2, 255));

TEST(Strings, DescribeEveryNumberTheyAreGiven) {
    for (int number : {-1, 0, 1, 4, 5, 20, 21, 1000}) {
        EXPECT_NE(ibv_node_type_str(static_cast<ibv_node_type>(number)), nullptr);
        EXPECT_NE(ibv_port_state_str(static_cast<ibv_port_state>(number)), nullptr);
        EXPECT_NE(ibv_event_type_str(static_cast<ibv_event_type>(number)), nullptr);
        EXPECT_NE(ibv_wc_status_str(static_cast<ibv_wc_status>(number)), nullptr);
    }
    EXPECT_STRNE(ibv_wc_status_str(IBV_WC_SUCCESS), ibv_wc_status_str(IBV_WC_WR_FLUSH_ERR));
}

}  // namespace
