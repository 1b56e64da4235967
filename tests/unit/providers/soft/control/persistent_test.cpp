// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "control/persistent.hpp"
#include "support/folder.hpp"

#include <gtest/gtest.h>

#include <linux/magic.h>
#include <sys/mman.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <fcntl.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

namespace {

using namespace soft;

const std::size_t kPage = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));

// Some pages of address space, of which parts are mapped to files.
class Persistent : public testing::Test {
protected:
    void SetUp() override {
        void *memory = ::mmap(nullptr, kCount * kPage, PROT_READ | PROT_WRITE,
                              MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        ASSERT_NE(memory, MAP_FAILED);
        pages = static_cast<char *>(memory);
    }
    void TearDown() override { ::munmap(pages, kCount * kPage); }

    // Puts pages of the file in place of ours.
    void map(std::size_t page, std::size_t count, const std::string &name, int how = MAP_SHARED) {
        const int fd = ::open(name.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        ASSERT_GE(fd, 0) << name;
        ASSERT_EQ(::ftruncate(fd, static_cast<off_t>(kCount * kPage)), 0);
        ASSERT_NE(::mmap(pages + page * kPage, count * kPage, PROT_READ | PROT_WRITE,
                         how | MAP_FIXED, fd, 0),
                  MAP_FAILED);
        ::close(fd);
    }
    [[nodiscard]] int refusal(std::size_t offset, std::size_t length) const {
        errno = 99;
        const auto judged = judge_persistent(pages + offset, length);
        EXPECT_EQ(errno, 99) << "errno is the program's";
        return judged ? 0 : judged.error().code;
    }

    static constexpr std::size_t kCount = 4;
    verbs_test::Folder folder;
    std::string file = folder.path() / "file";
    char *pages = nullptr;
};

// Where the temporary folder is in memory, nothing in it is persistent, and that is right.
class PersistentFile : public Persistent {
protected:
    void SetUp() override {
        Persistent::SetUp();
        struct statfs system {};
        ASSERT_EQ(::statfs(folder.path().c_str(), &system), 0);
        if (system.f_type == TMPFS_MAGIC || system.f_type == OVERLAYFS_SUPER_MAGIC)
            GTEST_SKIP() << "files of the temporary folder are in memory, or may be";
    }
};

TEST_F(PersistentFile, OutlastsTheMemory) {
    map(0, kCount, file);
    EXPECT_EQ(refusal(0, kCount * kPage), 0);
    EXPECT_EQ(refusal(17, 1), 0);
    EXPECT_EQ(refusal(0, 0), 0);
}

TEST_F(PersistentFile, MayBeSeveral) {
    map(0, 2, file);
    map(2, 2, folder.path() / "other");
    EXPECT_EQ(refusal(kPage, 2 * kPage), 0);
}

TEST_F(PersistentFile, MayHaveBlanksInItsName) {
    map(0, kCount, folder.path() / "a b  c");
    EXPECT_EQ(refusal(0, kPage), 0);
}

TEST_F(PersistentFile, HasToBeThereForAllOfTheRange) {
    map(0, 2, file);
    EXPECT_EQ(refusal(kPage, kPage), 0);
    EXPECT_EQ(refusal(kPage, kPage + 1), EINVAL);
    ::munmap(pages + 2 * kPage, kPage);
    EXPECT_EQ(refusal(kPage, kPage + 1), EFAULT);
}

TEST_F(PersistentFile, HasToHaveAName) {
    map(0, kCount, file);
    ASSERT_EQ(::unlink(file.c_str()), 0);
    EXPECT_EQ(refusal(0, kPage), EINVAL);
}

TEST_F(Persistent, IsNotAPrivateMappingOfAFile) {
    map(0, kCount, file, MAP_PRIVATE);
    EXPECT_EQ(refusal(0, kPage), EINVAL);
}

TEST_F(Persistent, IsNoMemoryWithoutAFile) {
    EXPECT_EQ(refusal(0, kPage), EINVAL);
    ASSERT_NE(::mmap(pages, kCount * kPage, PROT_READ | PROT_WRITE,
                     MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, -1, 0),
              MAP_FAILED);
    EXPECT_EQ(refusal(0, kPage), EINVAL);
}

TEST_F(Persistent, IsNoFileInMemory) {
    const int fd = ::memfd_create("memory", MFD_CLOEXEC);
    ASSERT_EQ(::ftruncate(fd, static_cast<off_t>(kCount * kPage)), 0);
    ASSERT_NE(::mmap(pages, kCount * kPage, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0),
              MAP_FAILED);
    ::close(fd);
    EXPECT_EQ(refusal(0, kPage), EINVAL);
}

TEST_F(Persistent, IsNoFileOfAFileSystemInMemory) {
    struct statfs system {};
    if (::statfs("/dev/shm", &system) != 0 || system.f_type != TMPFS_MAGIC)
        GTEST_SKIP() << "/dev/shm is no tmpfs here";
    const std::string name = "/dev/shm/verbs-test-" + std::to_string(::getpid());
    map(0, kCount, name);
    const int code = refusal(0, kPage);
    ::unlink(name.c_str());
    EXPECT_EQ(code, EINVAL);
}

TEST_F(Persistent, IsNotWhatAListInAnotherFormTells) {
    const auto judge = [](const std::string &maps) {
        return judge_persistent(maps, reinterpret_cast<void *>(0x1000), 0x1000).error().code;
    };
    EXPECT_EQ(judge(""), EFAULT);
    EXPECT_EQ(judge("no list\n"), EFAULT);
    EXPECT_EQ(judge("1000-2000 rw-s 0 00:01 7\n"), EINVAL) << "no file";
    EXPECT_EQ(judge("1000-2000 rw-s 0 00:01 7 relative/file\n"), EINVAL);
    EXPECT_EQ(judge("1000-2000 rw-s 0 00:01 7 /dev/null\n"), EINVAL) << "no ordinary one";
}

}  // namespace
