// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// What contexts of one process can import from each other.
#include "link/exports.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>

namespace {

using namespace soft;

class ExportsTest : public testing::Test {
protected:
    void SetUp() override {
        file = verbs::UniqueFd(::memfd_create("exported", MFD_CLOEXEC));
        ASSERT_TRUE(file.is_open());
    }
    Exports::File identity() const { return *Exports::file_of(file.get()); }
    verbs::UniqueFd file;
    Exports exports;
};

TEST_F(ExportsTest, KnowAFileByEachOfItsDescriptors) {
    const verbs::UniqueFd duplicate(::fcntl(file.get(), F_DUPFD_CLOEXEC, 0));
    EXPECT_EQ(*Exports::file_of(duplicate.get()), identity());
    const verbs::UniqueFd other(::memfd_create("other", MFD_CLOEXEC));
    EXPECT_NE(*Exports::file_of(other.get()), identity());
    EXPECT_EQ(Exports::file_of(-1).error().code, EBADF);
}

TEST_F(ExportsTest, HaveAContextOfItsDeviceAsLongAsOneIsOpen) {
    exports.add_context(identity(), 1);
    exports.add_context(identity(), 1);
    EXPECT_TRUE(exports.has_context(identity(), 1));
    EXPECT_FALSE(exports.has_context(identity(), 2));
    exports.remove_context(identity(), 1);
    EXPECT_TRUE(exports.has_context(identity(), 1));
    exports.remove_context(identity(), 1);
    exports.remove_context(identity(), 1);
    EXPECT_FALSE(exports.has_context(identity(), 1));
}

TEST_F(ExportsTest, HaveADomainOfItsDeviceUntilItGoes) {
    exports.add_pd(5, 1);
    EXPECT_TRUE(exports.has_pd(5, 1));
    EXPECT_FALSE(exports.has_pd(5, 2));
    EXPECT_FALSE(exports.has_pd(6, 1));
    exports.remove_pd(5);
    exports.remove_pd(5);
    EXPECT_FALSE(exports.has_pd(5, 1));
}

TEST_F(ExportsTest, GiveDeviceMemoryWithADescriptorOfItsOwn) {
    const uint32_t handle = exports.add_dm(file.get(), 100, 1);
    const auto found = exports.find_dm(handle, 1);
    ASSERT_TRUE(found.has_value()) << found.error().phrase;
    EXPECT_EQ(found->bytes, 100u);
    EXPECT_NE(found->file.get(), file.get());
    EXPECT_EQ(*Exports::file_of(found->file.get()), identity());
    EXPECT_EQ(exports.find_dm(handle, 2).error().code, ENOENT);
    exports.remove_dm(handle);
    EXPECT_EQ(exports.find_dm(handle, 1).error().code, ENOENT);
    EXPECT_NE(exports.add_dm(file.get(), 100, 1), handle);
}

}  // namespace
