// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Touching memory of this process that may be gone.
#include "link/own_memory.hpp"

#include <gtest/gtest.h>

#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <numeric>
#include <thread>
#include <vector>

namespace {

using namespace soft;

const std::size_t kPage = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));

class OwnMemoryTest : public testing::Test {
protected:
    void SetUp() override {
        void *memory =
            ::mmap(nullptr, 4 * kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        ASSERT_NE(memory, MAP_FAILED);
        pages = static_cast<uint8_t *>(memory);
    }
    void TearDown() override { ::munmap(pages, 4 * kPage); }
    [[nodiscard]] uint64_t at(std::size_t offset) const {
        return reinterpret_cast<uint64_t>(pages + offset);
    }
    // Stays mapped, so that nobody else gets the place.
    void take_rights(std::size_t page, int left) {
        ASSERT_EQ(::mprotect(pages + page * kPage, kPage, left), 0);
    }
    static std::vector<uint8_t> counting(std::size_t size) {
        std::vector<uint8_t> bytes(size);
        std::iota(bytes.begin(), bytes.end(), 1);
        return bytes;
    }

    OwnMemory own;
    uint8_t *pages = nullptr;
};

TEST_F(OwnMemoryTest, IsWrittenAndReadExactly) {
    const auto bytes = counting(10'001);
    ASSERT_EQ(own.write(at(3), bytes.data(), bytes.size()), 0);
    EXPECT_EQ(std::memcmp(pages + 3, bytes.data(), bytes.size()), 0);
    EXPECT_EQ(pages[2], 0);
    EXPECT_EQ(pages[3 + bytes.size()], 0);
    std::vector<uint8_t> back(bytes.size());
    ASSERT_EQ(own.read(back.data(), at(3), back.size()), 0);
    EXPECT_EQ(back, bytes);
}

TEST_F(OwnMemoryTest, LeavesErrnoAlone) {
    uint8_t byte = 1;
    errno = 4711;
    ASSERT_EQ(own.write(at(0), &byte, 1), 0);
    take_rights(0, PROT_NONE);
    ASSERT_EQ(own.read(&byte, at(0), 1), EFAULT);
    ASSERT_FALSE(OwnMemory::can_write_word(at(0)));
    EXPECT_EQ(errno, 4711);
}

TEST_F(OwnMemoryTest, ThatIsReadOnlyIsAFaultForWriting) {
    const auto bytes = counting(100);
    std::vector<uint8_t> back(100);
    take_rights(0, PROT_READ);
    EXPECT_EQ(own.write(at(0), bytes.data(), 100), EFAULT);
    EXPECT_EQ(pages[0], 0);
    EXPECT_EQ(own.read(back.data(), at(0), 100), 0);
}

TEST_F(OwnMemoryTest, ThatEndsTooEarlyIsAFault) {
    const auto bytes = counting(2 * kPage);
    std::vector<uint8_t> back(2 * kPage);
    take_rights(1, PROT_NONE);
    EXPECT_EQ(own.write(at(0), bytes.data(), 2 * kPage), EFAULT);
    EXPECT_EQ(own.read(back.data(), at(0), 2 * kPage), EFAULT);
}

TEST_F(OwnMemoryTest, WithoutBytesIsNotLookedAt) {
    EXPECT_EQ(own.write(0, nullptr, 0), 0);
    EXPECT_EQ(own.read(nullptr, 0, 0), 0);
}

TEST_F(OwnMemoryTest, IsNotCopiedBeyondWhatPassesAtOnce) {
    std::vector<uint8_t> bytes(OwnMemory::kMost + 1);
    EXPECT_EQ(own.write(at(0), bytes.data(), bytes.size()), EINVAL);
    EXPECT_EQ(own.read(bytes.data(), at(0), bytes.size()), EINVAL);
}

TEST_F(OwnMemoryTest, WordIsFoundOutWithoutAChange) {
    const uint64_t value = 0x8899aabbccddeeff;
    std::memcpy(pages + 8, &value, sizeof value);
    EXPECT_TRUE(OwnMemory::can_write_word(at(8)));
    EXPECT_TRUE(OwnMemory::can_write_word(at(3 * kPage))) << "a page that was never touched";
    take_rights(0, PROT_READ);
    EXPECT_FALSE(OwnMemory::can_write_word(at(8)));
    EXPECT_EQ(std::memcmp(pages + 8, &value, sizeof value), 0);
    take_rights(0, PROT_NONE);
    EXPECT_FALSE(OwnMemory::can_write_word(at(8)));
    EXPECT_FALSE(OwnMemory::can_write_word(8));
}

// More at once than there are places to pass through: nobody gets another one's bytes.
TEST_F(OwnMemoryTest, IsCopiedByManyThreadsAtOnce) {
    std::atomic<int> wrong{0};
    std::vector<std::thread> threads;
    for (uint8_t self = 1; self <= 8; ++self)
        threads.emplace_back([&, self] {
            std::vector<uint8_t> mine(kPage / 2, self);
            std::vector<uint8_t> back(kPage / 2);
            const uint64_t place = at((self - 1) * (kPage / 2));
            for (int i = 0; i < 200; ++i) {
                if (own.write(place, mine.data(), mine.size()) != 0) ++wrong;
                if (own.read(back.data(), place, back.size()) != 0 || back != mine) ++wrong;
            }
        });
    for (auto &thread : threads)
        thread.join();
    EXPECT_EQ(wrong.load(), 0);
}

}  // namespace
