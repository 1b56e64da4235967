// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "extended_device.hpp"

#include <net/if.h>

#include <array>

namespace {

class EthResolution : public verbs_test::ExtendedDevice {
protected:
    void SetUp() override {
        ExtendedDevice::SetUp();
        verbs_provider_gid own{};
        own.ifindex = ::if_nametoindex("lo");
        fake.gids = {own};
        attr.port_num = 1;
        attr.grh.dgid = {{0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4}};
        errno = kUntouched;
    }
    ibv_ah_attr attr{};
    std::array<uint8_t, ETHERNET_LL_SIZE> mac{};
    uint16_t vlan = 7;
};

}  // namespace

TEST_F(EthResolution, TellsTheLinkAddressAndThatThereIsNoVlan) {
    EXPECT_EQ(ibv_resolve_eth_l2_from_gid(context, &attr, mac.data(), &vlan), 0);
    EXPECT_EQ(errno, kUntouched);
    EXPECT_EQ(mac, (std::array<uint8_t, ETHERNET_LL_SIZE>{0x33, 0x33, 1, 2, 3, 4}));
    EXPECT_EQ(vlan, 0xffff);
    EXPECT_EQ(ibv_resolve_eth_l2_from_gid(context, &attr, mac.data(), nullptr), 0);
}

TEST_F(EthResolution, NeedsAnAddressADeviceAndAnInterface) {
    EXPECT_EQ(ibv_resolve_eth_l2_from_gid(context, nullptr, mac.data(), &vlan), EINVAL);
    EXPECT_EQ(ibv_resolve_eth_l2_from_gid(nullptr, &attr, mac.data(), &vlan), EINVAL);
    fake.gids[0]->ifindex = 0;
    EXPECT_EQ(ibv_resolve_eth_l2_from_gid(context, &attr, mac.data(), &vlan), EINVAL);
    EXPECT_STREQ(verbs_last_error(), "the own GID has no network interface");
    EXPECT_EQ(vlan, 7);
}

TEST_F(EthResolution, TellsWhyThereIsNoOwnGid) {
    fail("query_gid", EIO, "no answer");
    EXPECT_EQ(ibv_resolve_eth_l2_from_gid(context, &attr, mac.data(), &vlan), EIO);
    EXPECT_STREQ(verbs_last_error(), "fake: query_gid: no answer");
}
