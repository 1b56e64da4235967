// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Copying between processes; the other process is this one.
#include "link/remote_memory.hpp"

#include <gtest/gtest.h>

#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <numeric>
#include <vector>

namespace {

using namespace soft;

TEST(RemoteMemory, IsCopiedAlongListsThatDoNotMatch) {
    std::vector<char> from(10'000);
    std::iota(from.begin(), from.end(), 0);
    std::vector<char> to(10'000);
    iovec local[3] = {{to.data(), 1}, {to.data() + 1, 6000}, {to.data() + 6001, 3999}};
    iovec remote[2] = {{from.data(), 4096}, {from.data() + 4096, 5904}};
    EXPECT_EQ(copy_across(::getpid(), Direction::from_peer, local, 3, remote, 2, 10'000), 0);
    EXPECT_EQ(from, to);
}

TEST(RemoteMemory, IsWrittenToo) {
    std::vector<char> from(100, 'a');
    std::vector<char> to(100);
    iovec local{from.data(), 100};
    iovec remote{to.data(), 100};
    EXPECT_EQ(copy_across(::getpid(), Direction::to_peer, &local, 1, &remote, 1, 100), 0);
    EXPECT_EQ(from, to);
}

TEST(RemoteMemory, ThatIsNotThereIsAFaultEvenAfterAGoodBeginning) {
    const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
    void *memory =
        ::mmap(nullptr, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ASSERT_NE(memory, MAP_FAILED);
    ::munmap(static_cast<char *>(memory) + page, page);
    std::vector<char> to(2 * page);
    iovec local{to.data(), 2 * page};
    iovec remote{memory, 2 * page};
    EXPECT_EQ(copy_across(::getpid(), Direction::from_peer, &local, 1, &remote, 1, 2 * page),
              EFAULT);
    ::munmap(memory, page);
}

TEST(RemoteMemory, OfAProcessThatIsGoneIsNoMemory) {
    const pid_t child = ::fork();
    if (child == 0) ::_exit(0);
    ASSERT_EQ(::waitpid(child, nullptr, 0), child);
    char byte = 0;
    iovec local{&byte, 1};
    iovec remote{&byte, 1};
    errno = 0;
    EXPECT_EQ(copy_across(child, Direction::from_peer, &local, 1, &remote, 1, 1), ESRCH);
    EXPECT_EQ(errno, 0) << "errno belongs to the program";
}

}  // namespace
