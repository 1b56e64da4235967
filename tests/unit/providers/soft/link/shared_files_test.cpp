// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Which memory counts as shared with peers, and what a peer's file has to be.
#include "link/peer_files.hpp"
#include "link/shared_files.hpp"

#include "support/verbs_objects.hpp"

#include <gtest/gtest.h>
#include <sys/mman.h>

namespace {

using namespace soft;
using verbs_test::Pages;
using verbs_test::Sharing;

constexpr char kMaps[] =
    "7f0000000000-7f0000002000 rw-p 00000000 00:00 0 \n"
    "7f0000002000-7f0000006000 rw-s 00003000 00:01 77                /memfd:x (deleted)\n"
    "7f0000006000-7f0000008000 r--s 00000000 00:01 78                /memfd:y (deleted)\n"
    "7f0000008000-7f000000a000 nonsense\n";

TEST(SharedMappings, AreFoundWithTheirPlaceInTheFile) {
    const SharedMapping found = find_shared_mapping(kMaps, 0x7f0000003000, 0x3000);
    ASSERT_TRUE(found.exists);
    EXPECT_EQ(found.inode, 77u);
    EXPECT_EQ(found.offset, 0x4000u);
}

TEST(SharedMappings, HaveToHoldAllOfTheRange) {
    EXPECT_FALSE(find_shared_mapping(kMaps, 0x7f0000003000, 0x3001).exists);
    EXPECT_FALSE(find_shared_mapping(kMaps, 0x7f0000001000, 0x2000).exists);
}

TEST(SharedMappings, HaveToBeWritable) {
    EXPECT_FALSE(find_shared_mapping(kMaps, 0x7f0000006000, 1).exists);
}

TEST(SharedMappings, AreNotFoundWhereNothingIs) {
    EXPECT_FALSE(find_shared_mapping(kMaps, 0x1000, 1).exists);
    EXPECT_FALSE(find_shared_mapping(kMaps, 0x7f0000008000, 1).exists);
    EXPECT_FALSE(find_shared_mapping("", 0x1000, 1).exists);
}

TEST(SharedFilesOfAProcess, AreSealedFilesInMemory) {
    SharedFiles files;
    const Pages pages(8192, Sharing::file);
    const FilePlace first = files.find(pages.data(), 8192);
    const FilePlace second = files.find(pages.data() + 5000, 100);
    EXPECT_EQ(first.file, 1u);
    EXPECT_EQ(first.offset, 0u);
    EXPECT_EQ(second.file, 1u);
    EXPECT_EQ(second.offset, 5000u);
    EXPECT_GE(files.descriptor(1), 0);
    EXPECT_EQ(files.descriptor(0), -1);
    EXPECT_EQ(files.descriptor(2), -1);
}

TEST(SharedFilesOfAProcess, AreFoundBeforeAndAfterTheirPagesExist) {
    SharedFiles files;
    const Pages pages(8192, Sharing::file);
    EXPECT_EQ(files.find(pages.data(), 8192).file, 1u);
    pages.data()[0] = 1;
    EXPECT_EQ(files.find(pages.data(), 8192).file, 1u);
}

TEST(SharedFilesOfAProcess, AreNotWhatOthersCannotBeGiven) {
    SharedFiles files;
    const Pages alone(8192);
    const Pages unnamed(8192, Sharing::anonymous);
    alone.data()[0] = unnamed.data()[0] = 1;
    EXPECT_EQ(files.find(alone.data(), 8192).file, 0u);
    EXPECT_EQ(files.find(unnamed.data(), 8192).file, 0u);
    EXPECT_EQ(files.find(nullptr, 0).file, 0u);
}

TEST(SharedFilesOfAProcess, AreNotFilesThatCanShrink) {
    SharedFiles files;
    const verbs::UniqueFd fd(::memfd_create("short", MFD_CLOEXEC | MFD_ALLOW_SEALING));
    ASSERT_EQ(::ftruncate(fd.get(), 4096), 0);
    auto memory = verbs::Mapping::shared(fd.get(), 4096, PROT_READ | PROT_WRITE);
    ASSERT_TRUE(memory.has_value());
    EXPECT_EQ(files.find(memory->data(), 4096).file, 0u);
}

class FilesOfAPeer : public ::testing::Test {
protected:
    static verbs::UniqueFd make(off_t size, int seals, unsigned more = 0) {
        verbs::UniqueFd fd(::memfd_create("peer", MFD_CLOEXEC | MFD_ALLOW_SEALING | more));
        EXPECT_EQ(::ftruncate(fd.get(), size), 0);
        EXPECT_EQ(::fcntl(fd.get(), F_ADD_SEALS, seals), 0);
        return fd;
    }
    PeerFiles files;
};

TEST_F(FilesOfAPeer, AreMappedAndKnowTheirBounds) {
    ASSERT_TRUE(files.is_to_be_asked_for(3));
    ASSERT_TRUE(files.map(3, make(8192, F_SEAL_SHRINK)).has_value());
    EXPECT_NE(files.find(3, 0, 8192), nullptr);
    EXPECT_EQ(files.find(3, 1, 8191), files.find(3, 0, 1) + 1);
    EXPECT_EQ(files.find(3, 1, 8192), nullptr);
    EXPECT_EQ(files.find(3, UINT64_MAX, 2), nullptr);
    EXPECT_EQ(files.find(2, 0, 1), nullptr);
    EXPECT_EQ(files.find(kMostFiles, 0, 1), nullptr);
}

TEST_F(FilesOfAPeer, AreAskedForOnce) {
    EXPECT_TRUE(files.is_to_be_asked_for(3));
    EXPECT_FALSE(files.is_to_be_asked_for(3));
    EXPECT_FALSE(files.is_to_be_asked_for(0));
    EXPECT_FALSE(files.is_to_be_asked_for(kMostFiles));
}

TEST_F(FilesOfAPeer, AreRefusedWhereNobodyAskedForThem) {
    EXPECT_FALSE(files.map(3, make(8192, F_SEAL_SHRINK)).has_value());
    EXPECT_EQ(files.find(3, 0, 1), nullptr);
}

TEST_F(FilesOfAPeer, AreRefusedWhereTheyCouldMakeUsFault) {
    ASSERT_TRUE(files.is_to_be_asked_for(3));
    EXPECT_FALSE(files.map(3, make(2 << 20, F_SEAL_SHRINK, MFD_HUGETLB)).has_value());
    EXPECT_FALSE(files.map(3, make(8192, F_SEAL_GROW)).has_value());
    EXPECT_FALSE(files.map(3, make(0, F_SEAL_SHRINK)).has_value());
    EXPECT_FALSE(files.map(3, verbs::UniqueFd()).has_value());
    EXPECT_FALSE(files.map(0, make(8192, F_SEAL_SHRINK)).has_value());
    EXPECT_FALSE(files.map(kMostFiles, make(8192, F_SEAL_SHRINK)).has_value());
}

TEST_F(FilesOfAPeer, AreNotReplaced) {
    ASSERT_TRUE(files.is_to_be_asked_for(3));
    ASSERT_TRUE(files.map(3, make(8192, F_SEAL_SHRINK)).has_value());
    EXPECT_FALSE(files.map(3, make(8192, F_SEAL_SHRINK)).has_value());
}

}  // namespace
