// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "uverbs/failure.hpp"

#include <gtest/gtest.h>

namespace verbs::uverbs {
namespace {

TEST(Failure, SaysWhatTheKernelLacks) {
    for (const int code : {ENOTTY, EPROTONOSUPPORT, EOPNOTSUPP, ENOSYS}) {
        const Error error = refused("create_flow", code).value();
        EXPECT_EQ(error.code, EOPNOTSUPP) << code;
        EXPECT_EQ(error.phrase.find("create_flow"), 0u);
    }
}

TEST(Failure, SaysThatADeviceIsGone) {
    const Error error = refused("alloc_pd", EIO).value();
    EXPECT_EQ(error.code, EIO);
    EXPECT_NE(error.phrase.find("removed"), std::string::npos);
}

TEST(Failure, KeepsOtherNumbers) {
    EXPECT_EQ(refused("alloc_pd", EBUSY).value().code, EBUSY);
}

}  // namespace
}  // namespace verbs::uverbs
