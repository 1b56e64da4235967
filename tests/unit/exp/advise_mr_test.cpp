// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "extended_device.hpp"

using Advice = verbs_test::ExtendedDevice;

TEST_F(Advice, GoesToTheProvider) {
    ibv_sge ranges[2]{};
    EXPECT_EQ(
        ibv_advise_mr(pd, IBV_ADVISE_MR_ADVICE_PREFETCH_WRITE, IBV_ADVISE_MR_FLAG_FLUSH, ranges, 2),
        0);
    EXPECT_EQ(last.advice, IBV_ADVISE_MR_ADVICE_PREFETCH_WRITE);
    EXPECT_EQ(last.flags, unsigned{IBV_ADVISE_MR_FLAG_FLUSH});
    EXPECT_EQ(last.count, 2u);
}

TEST_F(Advice, IsRefusedWithTheUnknownOrAboutNothing) {
    ibv_sge range{};
    const auto advice = IBV_ADVISE_MR_ADVICE_PREFETCH;
    EXPECT_EQ(ibv_advise_mr(pd, advice, 2, &range, 1), EINVAL);
    EXPECT_EQ(ibv_advise_mr(pd, advice, 0, &range, 0), EINVAL);
    EXPECT_EQ(ibv_advise_mr(pd, static_cast<ibv_advise_mr_advice>(3), 0, &range, 1), EOPNOTSUPP);
    EXPECT_EQ(ibv_advise_mr(pd, advice, 0, nullptr, 1), EINVAL);
    EXPECT_EQ(ibv_advise_mr(nullptr, advice, 0, &range, 1), EINVAL);
    EXPECT_EQ(fake.calls_of("advise_mr"), 0);
    fail("advise_mr", ENOENT, "no such key");
    EXPECT_EQ(ibv_advise_mr(pd, advice, 0, &range, 1), ENOENT);
    EXPECT_STREQ(verbs_last_error(), "fake: advise_mr: no such key");
}
