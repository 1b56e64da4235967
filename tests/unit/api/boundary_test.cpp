// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// The five shapes, and what stays untouched.
#include "api/boundary.hpp"
#include "core/reason.hpp"

#include <gtest/gtest.h>

#include <pthread.h>

#include <stdexcept>
#include <thread>

using verbs::fail;
using verbs::Result;
namespace api = verbs::api;
namespace reason = verbs::reason;

namespace {

constexpr int kUntouched = 7777;

class Boundary : public testing::Test {
protected:
    void SetUp() override {
        errno = kUntouched;
        reason::set("before");
    }
    static void expect_untouched() {
        EXPECT_EQ(errno, kUntouched);
        EXPECT_STREQ(reason::text(), "before");
    }
    static void expect_failed(int code, const char *text) {
        EXPECT_EQ(errno, code);
        EXPECT_STREQ(reason::text(), text);
    }
};

// Disturbs errno on its way, as calls into the system do.
Result<void> succeed() {
    errno = EINTR;
    return {};
}
Result<void> refuse() {
    return fail(EBUSY, "it is busy");
}

}  // namespace

TEST_F(Boundary, PointerGivesTheValue) {
    int object = 0;
    EXPECT_EQ(api::pointer([&]() -> Result<int *> {
                  errno = EINTR;
                  return &object;
              }),
              &object);
    expect_untouched();
}

TEST_F(Boundary, PointerGivesNullAndErrno) {
    EXPECT_EQ(api::pointer([]() -> Result<int *> { return fail(EBUSY, "it is busy"); }), nullptr);
    expect_failed(EBUSY, "it is busy");
}

TEST_F(Boundary, ErrnoValueGivesZeroOrTheNumber) {
    EXPECT_EQ(api::errno_value(succeed), 0);
    expect_untouched();
    EXPECT_EQ(api::errno_value(refuse), EBUSY);
    expect_failed(EBUSY, "it is busy");
}

TEST_F(Boundary, MinusOneGivesZeroOrMinusOne) {
    EXPECT_EQ(api::minus_one(succeed), 0);
    expect_untouched();
    EXPECT_EQ(api::minus_one(refuse), -1);
    expect_failed(EBUSY, "it is busy");
}

TEST_F(Boundary, CountGivesTheValueOrANegativeNumber) {
    EXPECT_EQ(api::count([]() -> Result<int> { return 3; }), 3);
    expect_untouched();
    EXPECT_EQ(api::count([]() -> Result<int> { return fail(EBUSY, "it is busy"); }), -1);
    expect_failed(EBUSY, "it is busy");
}

TEST_F(Boundary, CountTakesTheFailureAsItIsAtTheEnd) {
    int failure = -1;
    EXPECT_EQ(api::count(
                  [&]() -> Result<int> {
                      failure = -4;
                      return fail(EIO, "broken");
                  },
                  failure),
              -4);
}

TEST_F(Boundary, NothingLeavesErrnoAloneEvenOnFailure) {
    api::nothing(refuse);
    expect_failed(kUntouched, "it is busy");
}

TEST_F(Boundary, ValueLeavesErrnoAloneEvenOnFailure) {
    EXPECT_EQ(api::value_or(-1, []() -> Result<int> { return fail(EBUSY, "it is busy"); }), -1);
    expect_failed(kUntouched, "it is busy");
    EXPECT_EQ(api::value_or(-1, []() -> Result<int> { return 5; }), 5);
}

TEST_F(Boundary, NoExceptionLeavesIt) {
    EXPECT_EQ(api::errno_value([]() -> Result<void> { throw std::runtime_error("stray"); }), EIO);
    expect_failed(EIO, "stray");
    EXPECT_EQ(api::errno_value([]() -> Result<void> { throw std::bad_alloc(); }), ENOMEM);
    expect_failed(ENOMEM, "out of memory");
    EXPECT_EQ(api::errno_value([]() -> Result<void> { throw 7; }), EIO);
}

// In a second thread: the only one of a process is not cancelled by anybody.
TEST_F(Boundary, IsNoCancellationPoint) {
    int during = -1;
    int after = -1;
    std::thread([&] {
        EXPECT_EQ(api::errno_value([&]() -> Result<void> {
                      ::pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &during);
                      return {};
                  }),
                  0);
        ::pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, &after);
    }).join();
    EXPECT_EQ(during, PTHREAD_CANCEL_DISABLE);
    EXPECT_EQ(after, PTHREAD_CANCEL_ENABLE);
}
