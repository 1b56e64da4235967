// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// What using a device costs the process: descriptors and threads are given back, and programs that
// are started inherit nothing.
#include "side.hpp"

#include <fcntl.h>

#include <filesystem>
#include <set>

namespace {

using namespace verbs_test;

std::set<int> descriptors() {
    std::set<int> open;
    for (const auto &entry : std::filesystem::directory_iterator("/proc/self/fd")) {
        const int fd = std::stoi(entry.path().filename());
        // The one that reads the directory is gone by now, or will be.
        open.insert(fd);
    }
    std::erase_if(open, [](int fd) { return ::fcntl(fd, F_GETFD) < 0; });
    return open;
}

size_t threads() {
    const std::filesystem::directory_iterator all("/proc/self/task");
    return static_cast<size_t>(std::distance(begin(all), end(all)));
}

// Everything a program can have, used once.
void use_the_device() {
    const Context context = open_device();
    const Channel channel = create_channel(context.get());
    LocalSide one(context.get(), {}, channel.get());
    LocalSide other(context.get());
    SideOptions ud;
    ud.type = IBV_QPT_UD;
    LocalSide datagrams(context.get(), ud);
    join(one, other);
    datagrams.connect({});
    ASSERT_EQ(other.post_recv(1, {{0, 64}}), 0);
    ASSERT_EQ(one.post_send(make_send(2, {{0, 64}})), 0);
    ASSERT_TRUE(succeeded(other.received(), 1, IBV_WC_RECV));
    ASSERT_TRUE(succeeded(one.sent(), 2, IBV_WC_SEND));
    ASSERT_EQ(datagrams.post_recv(3, {{0, 200}}), 0);
    ASSERT_EQ(
        datagrams.post_send(make_send(4, {{300, 64}}).to(datagrams.address(), PathOptions().qkey)),
        0);
    ASSERT_TRUE(succeeded(datagrams.received(), 3, IBV_WC_RECV));
    ASSERT_TRUE(succeeded(datagrams.sent(), 4, IBV_WC_SEND));
}

class Resources : public DeviceTest {
protected:
    void SetUp() override {
        DeviceTest::SetUp();
        if (IsSkipped()) return;
        ASSERT_EQ(owned_context().close(), 0);
        use_the_device();  // what stays for the life of the process is there now
    }
};

TEST_F(Resources, AreGivenBackWhenAllIsClosed) {
    const std::set<int> before = descriptors();
    const size_t threads_before = threads();
    for (int i = 0; i < iterations(10); ++i) {
        use_the_device();
    }
    EXPECT_EQ(descriptors(), before);
    EXPECT_TRUE(eventually([&] { return threads() <= threads_before; }));
}

TEST_F(Resources, AreGivenBackWhenThePeerWasAnotherProcess) {
    const auto talk = [] {
        const Context context = open_device();
        LocalSide here(context.get());
        RemoteSide there;
        join(here, there);
        ASSERT_EQ(there.post_recv(1, {{0, 64}}), 0);
        ASSERT_EQ(here.post_send(make_send(2, {{0, 64}})), 0);
        ASSERT_TRUE(succeeded(there.received(), 1, IBV_WC_RECV));
        ASSERT_TRUE(succeeded(here.sent(), 2, IBV_WC_SEND));
    };
    talk();
    const std::set<int> before = descriptors();
    const size_t threads_before = threads();
    for (int i = 0; i < iterations(5); ++i) {
        talk();
    }
    EXPECT_EQ(descriptors(), before);
    EXPECT_TRUE(eventually([&] { return threads() <= threads_before; }));
}

TEST_F(Resources, AreNotInheritedByProgramsThatAreStarted) {
    const std::set<int> before = descriptors();
    const Context context = open_device();
    const Channel channel = create_channel(context.get());
    LocalSide one(context.get(), {}, channel.get());
    RemoteSide other;
    join(one, other);
    ASSERT_EQ(other.post_recv(1, {{0, 64}}), 0);
    ASSERT_EQ(one.post_send(make_send(2, {{0, 64}})), 0);
    ASSERT_TRUE(succeeded(one.sent(), 2, IBV_WC_SEND));
    for (const int fd : descriptors()) {
        if (before.contains(fd)) continue;
        EXPECT_NE(::fcntl(fd, F_GETFD) & FD_CLOEXEC, 0) << "descriptor " << fd;
    }
}

}  // namespace
