// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "uverbs/failure.hpp"

#include <gtest/gtest.h>
#include <sys/resource.h>

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

// Nobody is sent to raise a limit that there is not.
TEST(Failure, DoesNotBlameALimitThatThereIsNot) {
    rlimit before{};
    ASSERT_EQ(::getrlimit(RLIMIT_MEMLOCK, &before), 0);
    if (before.rlim_max != RLIM_INFINITY) {
        EXPECT_NE(memlock_advice(), "");
        return;
    }
    const rlimit none{RLIM_INFINITY, RLIM_INFINITY};
    ASSERT_EQ(::setrlimit(RLIMIT_MEMLOCK, &none), 0);
    const Error error = refused("create_cq", ENOMEM).value();
    ASSERT_EQ(::setrlimit(RLIMIT_MEMLOCK, &before), 0);
    EXPECT_EQ(error.code, ENOMEM);
    EXPECT_EQ(error.phrase.find("memlock"), std::string::npos) << error.phrase;
}

TEST(Failure, KeepsOtherNumbers) {
    EXPECT_EQ(refused("alloc_pd", EBUSY).value().code, EBUSY);
}

}  // namespace
}  // namespace verbs::uverbs
