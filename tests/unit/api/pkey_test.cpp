// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "fake_device.hpp"

namespace {
class PkeyApi : public verbs_test::OpenFakeDevice {
protected:
    PkeyApi() { fake.pkeys_be = {0xffff, 0x1234, 0x8001}; }
};
}  // namespace

TEST_F(PkeyApi, ReadsAnEntry) {
    __be16 pkey = 0;
    EXPECT_EQ(ibv_query_pkey(context, 1, 1, &pkey), 0);
    EXPECT_EQ(pkey, 0x1234);
}

TEST_F(PkeyApi, RefusesAnIndexOutsideTheTable) {
    __be16 pkey = 7;
    EXPECT_EQ(ibv_query_pkey(context, 1, 3, &pkey), -1);
    EXPECT_EQ(errno, EINVAL);
    EXPECT_EQ(ibv_query_pkey(context, 1, -1, &pkey), -1);
    EXPECT_EQ(pkey, 7);
}

TEST_F(PkeyApi, FindsTheIndexOfAKey) {
    EXPECT_EQ(ibv_get_pkey_index(context, 1, 0xffff), 0);
    EXPECT_EQ(ibv_get_pkey_index(context, 1, 0x8001), 2);
    EXPECT_EQ(errno, kUntouched);
}

TEST_F(PkeyApi, DoesNotFindAKeyWithoutItsMembershipBit) {
    EXPECT_EQ(ibv_get_pkey_index(context, 1, 0x0001), -1);
    EXPECT_EQ(errno, EINVAL);
}
