// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Both ways of finding out what the program may do with its memory have to agree.
#include "control/mapped.hpp"

#include <gtest/gtest.h>

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <vector>

namespace {

using namespace soft;

const std::size_t kPage = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));

struct Way {
    const char *name;
    int (*look)(const void *, std::size_t, LookFor) noexcept;
};
std::ostream &operator<<(std::ostream &out, const Way &way) {
    return out << way.name;
}

class Mapped : public testing::TestWithParam<Way> {
protected:
    void SetUp() override {
        void *memory = ::mmap(nullptr, kCount * kPage, PROT_READ | PROT_WRITE,
                              MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        ASSERT_NE(memory, MAP_FAILED);
        pages = static_cast<uint8_t *>(memory);
        if (look(0, 1, LookFor::reading) == ENOSYS)
            GTEST_SKIP() << "this kernel is older than Linux 5.14";
    }
    void TearDown() override { ::munmap(pages, kCount * kPage); }
    [[nodiscard]] int look(std::size_t offset, std::size_t length, LookFor use) const {
        return GetParam().look(pages + offset, length, use);
    }
    void protect(std::size_t page, int protection) {
        ASSERT_EQ(::mprotect(pages + page * kPage, kPage, protection), 0);
    }

    static constexpr std::size_t kCount = 8;
    uint8_t *pages = nullptr;
};
INSTANTIATE_TEST_SUITE_P(Ways, Mapped,
                         testing::Values(Way{"ByTouch", touch_pages},
                                         Way{"ByLookUp", look_up_mappings}),
                         [](const auto &test) { return std::string(test.param.name); });

TEST_P(Mapped, MemoryOfTheProgramIsForAll) {
    EXPECT_EQ(look(0, kCount * kPage, LookFor::reading), 0);
    EXPECT_EQ(look(0, kCount * kPage, LookFor::writing), 0);
    EXPECT_EQ(look(17, 1, LookFor::writing), 0);
}

TEST_P(Mapped, PagesThatAreTouchedByOneByteCount) {
    protect(1, PROT_READ);
    EXPECT_EQ(look(0, kPage, LookFor::writing), 0);
    EXPECT_EQ(look(0, kPage + 1, LookFor::writing), EFAULT);
    EXPECT_EQ(look(2 * kPage, kPage, LookFor::writing), 0);
    EXPECT_EQ(look(2 * kPage - 1, kPage, LookFor::writing), EFAULT);
    EXPECT_EQ(look(0, kCount * kPage, LookFor::reading), 0);
}

TEST_P(Mapped, PagesWithoutRightsAreForNothing) {
    protect(5, PROT_NONE);
    EXPECT_EQ(look(5 * kPage, 1, LookFor::reading), EFAULT);
    EXPECT_EQ(look(0, kCount * kPage, LookFor::reading), EFAULT);
    EXPECT_EQ(look(0, kCount * kPage, LookFor::writing), EFAULT);
}

TEST_P(Mapped, HolesAreForNothing) {
    ASSERT_EQ(::munmap(pages + 3 * kPage, kPage), 0);
    EXPECT_EQ(look(0, kCount * kPage, LookFor::reading), EFAULT);
    EXPECT_EQ(look(3 * kPage, 1, LookFor::reading), EFAULT);
    EXPECT_EQ(look(4 * kPage, kPage, LookFor::writing), 0);
    ASSERT_NE(
        ::mmap(pages + 3 * kPage, kPage, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0),
        MAP_FAILED);
}

TEST_P(Mapped, AddressesBeyondAllMappingsAreForNothing) {
    EXPECT_EQ(GetParam().look(reinterpret_cast<void *>(8), 8, LookFor::reading), EFAULT);
    EXPECT_EQ(GetParam().look(reinterpret_cast<void *>(uintptr_t{1} << 62), 8, LookFor::reading),
              EFAULT);
}

TEST_P(Mapped, ContentsStayAsTheyAre) {
    std::fill_n(pages, kCount * kPage, uint8_t{0x77});
    ASSERT_EQ(look(0, kCount * kPage, LookFor::writing), 0);
    EXPECT_EQ(std::count(pages, pages + kCount * kPage, 0x77),
              static_cast<std::ptrdiff_t>(kCount * kPage));
}

// The list of mappings is longer than what is read of it at once.
TEST_P(Mapped, MemoryIsFoundAmongThousandsOfMappings) {
    constexpr std::size_t kMany = 4000;
    auto *many = static_cast<uint8_t *>(
        ::mmap(nullptr, kMany * kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    ASSERT_NE(many, MAP_FAILED);
    for (std::size_t i = 0; i < kMany; i += 2)
        ASSERT_EQ(::mprotect(many + i * kPage, kPage, PROT_READ), 0);
    const auto at = [&](std::size_t page, std::size_t count, LookFor use) {
        return GetParam().look(many + page * kPage, count * kPage, use);
    };
    EXPECT_EQ(at(0, kMany, LookFor::reading), 0);
    EXPECT_EQ(at(0, kMany, LookFor::writing), EFAULT);
    for (std::size_t i = 0; i < kMany; i += 371) {
        EXPECT_EQ(at(i, 1, LookFor::writing), i % 2 == 0 ? EFAULT : 0) << i;
        EXPECT_EQ(at(i, 1, LookFor::reading), 0) << i;
    }
    ::munmap(many, kMany * kPage);
}

TEST(MappedRange, ThatWrapsAroundIsInvalid) {
    const auto judged = judge_mapped(reinterpret_cast<void *>(UINTPTR_MAX - 10), 100, false);
    ASSERT_FALSE(judged);
    EXPECT_EQ(judged.error().code, EINVAL);
}

TEST(MappedRange, WithoutBytesIsNotLookedAt) {
    EXPECT_TRUE(judge_mapped(nullptr, 0, true));
}

}  // namespace
