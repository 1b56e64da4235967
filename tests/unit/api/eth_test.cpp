// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "abi/hooks.h"

#include "fake_device.hpp"

#include <net/if.h>

#include <array>

namespace {

constexpr ibv_gid kGroup = {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 239, 1, 2, 3}};
constexpr ibv_gid kLoopback = {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 127, 0, 0, 1}};

class EthApi : public verbs_test::OpenFakeDevice {
protected:
    void SetUp() override {
        OpenFakeDevice::SetUp();
        verbs_provider_gid own{};
        own.gid = kLoopback;
        own.ifindex = ::if_nametoindex("lo");
        verbs_provider_gid without_interface{};
        fake.gids = {own, without_interface, std::nullopt};
        attr.port_num = 1;
        attr.grh.dgid = kGroup;
        mac.fill(0xee);
        errno = kUntouched;
    }
    int resolve() { return hooks->resolve_eth(context, &attr, mac.data(), &vlan); }
    void expect_refusal(int code, const char *reason) {
        EXPECT_EQ(resolve(), code);
        EXPECT_EQ(errno, code);
        EXPECT_STREQ(verbs_last_error(), reason);
        EXPECT_EQ(mac[0], 0xee);
        EXPECT_EQ(vlan, 7);
    }

    const verbs_hooks *hooks = verbs_private_hooks(VERBS_HOOKS_VERSION);
    ibv_ah_attr attr{};
    std::array<std::uint8_t, 6> mac{};
    std::uint16_t vlan = 7;
};

}  // namespace

TEST_F(EthApi, TellsTheLinkAddressAndThatThereIsNoVlan) {
    EXPECT_EQ(resolve(), 0);
    EXPECT_EQ(errno, kUntouched);
    EXPECT_EQ(mac, (std::array<std::uint8_t, 6>{0x01, 0x00, 0x5e, 0x01, 0x02, 0x03}));
    EXPECT_EQ(vlan, 0xffff);
}

TEST_F(EthApi, TellsOneWithoutTheOther) {
    EXPECT_EQ(hooks->resolve_eth(context, &attr, mac.data(), nullptr), 0);
    EXPECT_EQ(mac[0], 0x01);
    EXPECT_EQ(hooks->resolve_eth(context, &attr, nullptr, &vlan), 0);
    EXPECT_EQ(vlan, 0xffff);
}

TEST_F(EthApi, AsksTheKernelForTheWay) {
    attr.grh.dgid = kLoopback;
    EXPECT_EQ(resolve(), 0) << verbs_last_error();
    EXPECT_EQ(mac, (std::array<std::uint8_t, 6>{}));
}

TEST_F(EthApi, LeavesWhatItWouldFillAloneWhereThereIsNoWay) {
    attr.grh.dgid = {};
    attr.grh.dgid.raw[0] = 0x20;
    expect_refusal(EAFNOSUPPORT, "no way to the GID on the Ethernet");
}

TEST_F(EthApi, NeedsAnOwnGidWithAnInterface) {
    attr.grh.sgid_index = 1;
    expect_refusal(EINVAL, "the own GID has no network interface");
    attr.grh.sgid_index = 2;
    EXPECT_EQ(resolve(), ENODATA);
    attr.grh.sgid_index = 3;
    EXPECT_EQ(resolve(), EINVAL);
}

TEST_F(EthApi, NeedsAnAddressAndADevice) {
    EXPECT_EQ(hooks->resolve_eth(context, nullptr, mac.data(), &vlan), EINVAL);
    EXPECT_EQ(hooks->resolve_eth(nullptr, &attr, mac.data(), &vlan), EINVAL);
    EXPECT_EQ(errno, EINVAL);
}
