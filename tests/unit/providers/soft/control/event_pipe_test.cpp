// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Event records on a file descriptor.
#include "control/event_pipe.hpp"

#include <gtest/gtest.h>

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <vector>

namespace {

using namespace soft;

class Events : public testing::Test {
protected:
    void SetUp() override {
        auto made = EventPipe::create();
        ASSERT_TRUE(made.has_value());
        pipe = std::make_unique<EventPipe>(std::move(*made));
    }
    void write(uint64_t element) { pipe->write(&element, sizeof element); }
    std::vector<uint64_t> read_all() {
        ::fcntl(pipe->read_fd(), F_SETFL, O_NONBLOCK);
        std::vector<uint64_t> all;
        uint64_t one = 0;
        while (::read(pipe->read_fd(), &one, sizeof one) == sizeof one)
            all.push_back(one);
        return all;
    }
    std::unique_ptr<EventPipe> pipe;
};

TEST_F(Events, CanBePolledFor) {
    pollfd entry{pipe->read_fd(), POLLIN, 0};
    EXPECT_EQ(::poll(&entry, 1, 0), 0);
    write(1);
    EXPECT_EQ(::poll(&entry, 1, 0), 1);
}

TEST_F(Events, ComeInOrder) {
    for (uint64_t i = 0; i < 100; ++i)
        write(i);
    const auto all = read_all();
    ASSERT_EQ(all.size(), 100u);
    for (uint64_t i = 0; i < 100; ++i)
        EXPECT_EQ(all[i], i);
}

TEST_F(Events, OfAnObjectThatGoesAreTakenBackAndNoOthers) {
    for (const uint64_t element : {1, 2, 1, 3, 1})
        write(element);
    pipe->purge(1, sizeof(uint64_t));
    EXPECT_EQ(read_all(), (std::vector<uint64_t>{2, 3}));
}

TEST_F(Events, ArePurgedWithoutBlockingOnABlockingDescriptor) {
    pipe->purge(1, sizeof(uint64_t));
    EXPECT_EQ(::fcntl(pipe->read_fd(), F_GETFL) & O_NONBLOCK, 0)
        << "whether reads block is the program's choice";
}

TEST_F(Events, FindRoomForMoreThanAPipeHoldsAtFirst) {
    for (uint64_t i = 0; i < 20'000; ++i)
        write(i);
    EXPECT_EQ(read_all().size(), 20'000u);
}

TEST_F(Events, ThatFindNoRoomDoNotBlockAndLeaveErrnoAlone) {
    errno = 0;
    for (uint64_t i = 0; i < 200'000; ++i)
        write(i);
    EXPECT_EQ(errno, 0);
    EXPECT_GE(read_all().size(), 8192u);
}

}  // namespace
