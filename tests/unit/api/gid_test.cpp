// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "fake_device.hpp"

namespace {
class GidApi : public verbs_test::OpenFakeDevice {};
}  // namespace

TEST_F(GidApi, ReadsAnEntry) {
    verbs_provider_gid entry{};
    entry.gid.raw[15] = 9;
    fake.gids = {entry};
    ibv_gid gid{};
    EXPECT_EQ(ibv_query_gid(context, 1, 0, &gid), 0);
    EXPECT_EQ(gid.raw[15], 9);
}

TEST_F(GidApi, ReadsAnEmptyEntryAsZeros) {
    fake.gids = {std::nullopt};
    ibv_gid gid{};
    gid.raw[0] = 1;
    EXPECT_EQ(ibv_query_gid(context, 1, 0, &gid), 0);
    EXPECT_EQ(gid.raw[0], 0);
    EXPECT_EQ(errno, kUntouched);
}

TEST_F(GidApi, RefusesAnIndexOutsideTheTable) {
    fake.gids = {std::nullopt};
    ibv_gid gid{};
    gid.raw[0] = 1;
    for (const int index : {-1, 1, 1 << 30}) {
        errno = 0;
        EXPECT_EQ(ibv_query_gid(context, 1, index, &gid), -1) << index;
        EXPECT_EQ(errno, EINVAL) << index;
    }
    EXPECT_EQ(gid.raw[0], 1);
    EXPECT_EQ(ibv_query_gid(context, 1, 0, nullptr), -1);
}
