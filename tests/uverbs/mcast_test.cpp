// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "uverbs/mcast.hpp"

#include "uverbs/fake_kernel.hpp"

#include <array>

namespace verbs::test {
namespace {

constexpr std::array<std::uint8_t, 16> kGroup{0xff, 0x0e, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 1, 2};

class Mcast : public EveryAge {
protected:
    void answer(int code) {
        const auto judge = [code](const auto &request, auto &, auto &) {
            EXPECT_EQ(std::memcmp(request.gid, kGroup.data(), kGroup.size()), 0);
            EXPECT_EQ(request.qp_handle, 9u);
            EXPECT_EQ(request.mlid, 0xc001);
            return code;
        };
        kernel_.on_command<ib_uverbs_attach_mcast, NoAnswer>(IB_USER_VERBS_CMD_ATTACH_MCAST, judge);
        kernel_.on_command<ib_uverbs_detach_mcast, NoAnswer>(IB_USER_VERBS_CMD_DETACH_MCAST, judge);
    }
};

TEST_P(Mcast, NamesGroupAndQueuePair) {
    const auto context = kernel_.context();
    answer(0);
    EXPECT_TRUE(uverbs::attach_mcast(context, 9, kGroup, 0xc001));
    EXPECT_TRUE(uverbs::detach_mcast(context, 9, kGroup, 0xc001));
}

TEST_P(Mcast, CanBeLeftWhenTheDeviceIsGoneButNotJoined) {
    const auto context = kernel_.context();
    answer(EIO);
    EXPECT_EQ(uverbs::attach_mcast(context, 9, kGroup, 0xc001).error().code, EIO);
    EXPECT_TRUE(uverbs::detach_mcast(context, 9, kGroup, 0xc001));
    answer(EINVAL);
    EXPECT_EQ(uverbs::detach_mcast(context, 9, kGroup, 0xc001).error().code, EINVAL);
}

UVERBS_EVERY_AGE(Mcast);

}  // namespace
}  // namespace verbs::test
