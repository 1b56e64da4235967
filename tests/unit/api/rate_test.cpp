// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <gtest/gtest.h>
#include <infiniband/verbs.h>

// In any_number.c: the sum of both conversions.
extern "C" int rate_of_any_number(int number);

TEST(Rate, HasTheMultiplesThatProgramsKnow) {
    EXPECT_EQ(ibv_rate_to_mult(IBV_RATE_2_5_GBPS), 1);
    EXPECT_EQ(ibv_rate_to_mult(IBV_RATE_10_GBPS), 4);
    EXPECT_EQ(ibv_rate_to_mult(IBV_RATE_120_GBPS), 48);
    EXPECT_EQ(ibv_rate_to_mult(IBV_RATE_28_GBPS), 11);
    EXPECT_EQ(ibv_rate_to_mult(IBV_RATE_1200_GBPS), 480);
    EXPECT_EQ(ibv_rate_to_mult(IBV_RATE_100_GBPS), -1);
    EXPECT_EQ(ibv_rate_to_mult(IBV_RATE_MAX), -1);
}

TEST(Rate, HasRealNumbersOfMegabits) {
    EXPECT_EQ(ibv_rate_to_mbps(IBV_RATE_14_GBPS), 14062);
    EXPECT_EQ(ibv_rate_to_mbps(IBV_RATE_100_GBPS), 103125);
    EXPECT_EQ(ibv_rate_to_mbps(IBV_RATE_MAX), -1);
}

TEST(Rate, IsFoundFromWhatItGives) {
    for (int code = 0; code <= IBV_RATE_1200_GBPS; ++code) {
        const auto rate = static_cast<enum ibv_rate>(code);
        const int mbps = ibv_rate_to_mbps(rate);
        EXPECT_TRUE(mbps == -1 || mbps_to_ibv_rate(mbps) == rate) << code;
        const int mult = ibv_rate_to_mult(rate);
        EXPECT_TRUE(mult == -1 || mult_to_ibv_rate(mult) == rate) << code;
    }
}

TEST(Rate, IsTheGreatestForANumberWithoutOne) {
    for (const int number : {-1, 0, 3, 12345}) {
        EXPECT_EQ(mult_to_ibv_rate(number), IBV_RATE_MAX);
        EXPECT_EQ(mbps_to_ibv_rate(number), IBV_RATE_MAX);
    }
}

TEST(Rate, OfAnyOtherNumberHasNone) {
    for (const int number : {-1, 1, 25, 63, 1000})
        EXPECT_EQ(rate_of_any_number(number), -2);
}
