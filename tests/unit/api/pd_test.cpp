// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "fake_device.hpp"

namespace {
class PdApi : public verbs_test::OpenFakeDevice {};
}  // namespace

TEST_F(PdApi, HangsBelowItsContext) {
    EXPECT_EQ(pd->context, context);
}

TEST_F(PdApi, StaysWhenTheProviderRefusesToEndIt) {
    fail("dealloc_pd", EBUSY);
    EXPECT_EQ(ibv_dealloc_pd(pd), EBUSY);
    EXPECT_EQ(pd->context, context);
}
