// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "core/fd.hpp"

#include <gtest/gtest.h>

#include <fcntl.h>

using verbs::UniqueFd;

namespace {

int some_fd() {
    return ::open("/dev/null", O_RDONLY | O_CLOEXEC);
}
bool is_valid(int fd) {
    return ::fcntl(fd, F_GETFD) >= 0;
}

}  // namespace

TEST(UniqueFd, ClosesWhatItOwns) {
    const int number = some_fd();
    { const UniqueFd fd(number); }
    EXPECT_FALSE(is_valid(number));
}

TEST(UniqueFd, HandsOverByMove) {
    UniqueFd from(some_fd());
    const int number = from.get();
    const UniqueFd to(std::move(from));
    EXPECT_EQ(to.get(), number);
    EXPECT_TRUE(is_valid(number));
}

TEST(UniqueFd, GivesUpWhatIsReleased) {
    UniqueFd fd(some_fd());
    const UniqueFd other(fd.release());
    EXPECT_FALSE(fd.is_open());
    EXPECT_TRUE(is_valid(other.get()));
}
