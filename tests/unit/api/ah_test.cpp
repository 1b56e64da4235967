// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "fake_device.hpp"

#include <arpa/inet.h>

namespace {

class AhApi : public verbs_test::OpenFakeDevice {
protected:
    static ibv_gid gid(std::uint8_t last) {
        ibv_gid made{};
        made.raw[0] = 0xfe;
        made.raw[1] = 0x80;
        made.raw[15] = last;
        return made;
    }
    static verbs_provider_gid entry(std::uint8_t last, std::uint32_t type) {
        return {gid(last), type, 0};
    }
    static ibv_grh grh(std::uint8_t next_header) {
        ibv_grh made{};
        made.version_tclass_flow = ::htonl(6u << 28 | 0x11u << 20 | 0x22u);
        made.next_hdr = next_header;
        made.hop_limit = 9;
        made.sgid = gid(99);
        made.dgid = gid(1);
        return made;
    }
    static ibv_wc wc(unsigned flags) {
        ibv_wc made{};
        made.wc_flags = flags;
        made.slid = 5;
        made.sl = 3;
        made.dlid_path_bits = 2;
        return made;
    }
};

constexpr std::uint8_t kUdp = 17;
constexpr std::uint8_t kIba = 0x1b;

}  // namespace

TEST_F(AhApi, HoldsWhatItWasMadeWith) {
    ibv_ah_attr attr{};
    ibv_ah *ah = ibv_create_ah(pd, &attr);
    ASSERT_NE(ah, nullptr);
    EXPECT_EQ(ah->context, context);
    EXPECT_EQ(ah->pd, pd);
    EXPECT_EQ(ibv_destroy_ah(ah), 0);
    EXPECT_EQ(ibv_create_ah(pd, nullptr), nullptr);
}

TEST_F(AhApi, FindsTheWayBackWithoutAHeader) {
    ibv_wc completion = wc(0);
    ibv_ah_attr attr{};
    EXPECT_EQ(ibv_init_ah_from_wc(context, 1, &completion, nullptr, &attr), 0);
    EXPECT_EQ(attr.dlid, 5);
    EXPECT_EQ(attr.sl, 3);
    EXPECT_EQ(attr.src_path_bits, 2);
    EXPECT_EQ(attr.port_num, 1);
    EXPECT_EQ(attr.is_global, 0);
    EXPECT_EQ(errno, kUntouched);
}

TEST_F(AhApi, FindsTheWayBackByTheHeader) {
    fake.gids = {entry(7, 2), std::nullopt, entry(1, 2)};
    ibv_wc completion = wc(IBV_WC_GRH);
    ibv_grh header = grh(kUdp);
    ibv_ah_attr attr{};
    ASSERT_EQ(ibv_init_ah_from_wc(context, 1, &completion, &header, &attr), 0)
        << verbs_last_error();
    EXPECT_EQ(attr.is_global, 1);
    EXPECT_EQ(attr.grh.sgid_index, 2);
    EXPECT_EQ(attr.grh.dgid.raw[15], 99);
    EXPECT_EQ(attr.grh.hop_limit, 9);
    EXPECT_EQ(attr.grh.traffic_class, 0x11);
    EXPECT_EQ(attr.grh.flow_label, 0x22u);
}

TEST_F(AhApi, PicksTheGidOfTheRightType) {
    fake.gids = {entry(1, 1), entry(1, 2)};
    ibv_wc completion = wc(IBV_WC_GRH);
    ibv_ah_attr attr{};
    ibv_grh header = grh(kUdp);
    ASSERT_EQ(ibv_init_ah_from_wc(context, 1, &completion, &header, &attr), 0);
    EXPECT_EQ(attr.grh.sgid_index, 1);
    header = grh(kIba);
    ASSERT_EQ(ibv_init_ah_from_wc(context, 1, &completion, &header, &attr), 0);
    EXPECT_EQ(attr.grh.sgid_index, 0);
    fake.gids = {entry(1, 2), entry(1, 0)};
    ASSERT_EQ(ibv_init_ah_from_wc(context, 1, &completion, &header, &attr), 0);
    EXPECT_EQ(attr.grh.sgid_index, 1);
}

TEST_F(AhApi, TellsWhenTheAddressedGidIsNotInTheTable) {
    fake.gids = {entry(2, 2), entry(1, 1)};
    ibv_wc completion = wc(IBV_WC_GRH);
    ibv_grh header = grh(kUdp);
    ibv_ah_attr attr{};
    attr.dlid = 77;
    EXPECT_EQ(ibv_init_ah_from_wc(context, 1, &completion, &header, &attr), -1);
    EXPECT_EQ(errno, ENOENT);
    EXPECT_EQ(attr.dlid, 77);
}

TEST_F(AhApi, RefusesAPortThatIsNotThereAndAHeaderThatIsMissing) {
    ibv_wc completion = wc(IBV_WC_GRH);
    ibv_grh header = grh(kUdp);
    ibv_ah_attr attr{};
    EXPECT_EQ(ibv_init_ah_from_wc(context, 2, &completion, &header, &attr), -1);
    EXPECT_EQ(errno, EINVAL);
    EXPECT_EQ(ibv_init_ah_from_wc(context, 1, &completion, nullptr, &attr), -1);
    EXPECT_EQ(ibv_init_ah_from_wc(context, 1, nullptr, &header, &attr), -1);
    EXPECT_EQ(ibv_init_ah_from_wc(context, 1, &completion, &header, nullptr), -1);
}

TEST_F(AhApi, IsMadeForTheWayBack) {
    fake.gids = {entry(1, 2)};
    ibv_wc completion = wc(IBV_WC_GRH);
    ibv_grh header = grh(kUdp);
    ibv_ah *ah = ibv_create_ah_from_wc(pd, &completion, &header, 1);
    ASSERT_NE(ah, nullptr) << verbs_last_error();
    EXPECT_EQ(ah->pd, pd);
    EXPECT_EQ(fake.last_ah.grh.dgid.raw[15], 99);
    EXPECT_EQ(ibv_destroy_ah(ah), 0);
}
