// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "core/mapping.hpp"

#include "core/fd.hpp"

#include <gtest/gtest.h>

using verbs::Mapping;
using verbs::UniqueFd;

TEST(Mapping, SharesTheBytesOfAFile) {
    const UniqueFd fd(::memfd_create("mapping_test", MFD_CLOEXEC));
    ASSERT_EQ(::ftruncate(fd.get(), 4096), 0);
    auto one = Mapping::shared(fd.get(), 4096, PROT_READ | PROT_WRITE);
    auto two = Mapping::shared(fd.get(), 4096, PROT_READ);
    ASSERT_TRUE(one && two);
    static_cast<char *>(one->data())[100] = 'v';
    EXPECT_EQ(static_cast<const char *>(two->data())[100], 'v');
}

TEST(Mapping, MayBeginInsideOfTheFile) {
    const UniqueFd fd(::memfd_create("mapping_test", MFD_CLOEXEC));
    ASSERT_EQ(::ftruncate(fd.get(), 8192), 0);
    ASSERT_EQ(::pwrite(fd.get(), "v", 1, 4096), 1);
    const auto mapping = Mapping::shared(fd.get(), 4096, PROT_READ, 4096);
    ASSERT_TRUE(mapping);
    EXPECT_EQ(static_cast<const char *>(mapping->data())[0], 'v');
}

TEST(Mapping, TellsWhyItFailed) {
    const auto mapping = Mapping::shared(-1, 4096, PROT_READ);
    ASSERT_FALSE(mapping);
    EXPECT_EQ(mapping.error().code, EBADF);
    EXPECT_NE(mapping.error().phrase.find("4096"), std::string::npos);
}

TEST(Mapping, IsEmptyAfterAReset) {
    const UniqueFd fd(::memfd_create("mapping_test", MFD_CLOEXEC));
    ASSERT_EQ(::ftruncate(fd.get(), 4096), 0);
    auto mapping = Mapping::shared(fd.get(), 4096, PROT_READ);
    ASSERT_TRUE(mapping);
    mapping->reset();
    EXPECT_EQ(mapping->data(), nullptr);
    EXPECT_EQ(mapping->size(), 0u);
}
