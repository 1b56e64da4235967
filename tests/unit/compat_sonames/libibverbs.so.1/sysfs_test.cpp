// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// ibv_get_sysfs_path and ibv_read_sysfs_file, on files of the test's own.
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <string>
#include <sys/wait.h>
#include <unistd.h>

extern "C" {
const char *ibv_get_sysfs_path(void);
int ibv_read_sysfs_file(const char *dir, const char *file, char *buf, size_t size);
}

namespace {

class SysfsFile : public testing::Test {
protected:
    void SetUp() override {
        char name[] = "/tmp/compat_sysfs_XXXXXX";
        ASSERT_NE(nullptr, mkdtemp(name));
        dir_ = name;
    }
    void TearDown() override { std::filesystem::remove_all(dir_); }

    void write(const std::string &text) { std::ofstream(dir_ + "/file") << text; }
    int read(size_t size) {
        buffer_.assign(16, '#');
        errno = 0;
        return ibv_read_sysfs_file(dir_.c_str(), "file", buffer_.data(), size);
    }
    std::string text() const { return buffer_.c_str(); }

    std::string dir_;
    std::string buffer_;
};

TEST_F(SysfsFile, LosesItsNewline) {
    write("4: ACTIVE\n");
    EXPECT_EQ(9, read(16));
    EXPECT_EQ("4: ACTIVE", text());
    EXPECT_EQ(0, errno);
}

TEST_F(SysfsFile, WithoutNewlineIsTerminated) {
    write("abc");
    EXPECT_EQ(3, read(16));
    EXPECT_EQ("abc", text());
}

TEST_F(SysfsFile, MayFillTheBufferWithItsNewline) {
    write("abc\n");
    EXPECT_EQ(3, read(4));
    EXPECT_EQ("abc", text());
}

TEST_F(SysfsFile, ThatDoesNotFitIsRefusedAndNothingIsWrittenBeyondTheBuffer) {
    write("abcdefgh");
    EXPECT_EQ(-1, read(4));
    EXPECT_EQ(EOVERFLOW, errno);
    EXPECT_EQ('#', buffer_[4]);
}

TEST_F(SysfsFile, ThatIsEmptyIsAnEmptyString) {
    write("");
    EXPECT_EQ(0, read(4));
    EXPECT_EQ("", text());
}

TEST_F(SysfsFile, ThatIsMissingIsMinusOneWithErrno) {
    EXPECT_EQ(-1, read(4));
    EXPECT_EQ(ENOENT, errno);
}

TEST_F(SysfsFile, OfADeviceWithoutDirectoryIsMissing) {
    char buffer[8];
    errno = 0;
    EXPECT_EQ(-1, ibv_read_sysfs_file("", "etc/hostname", buffer, sizeof buffer));
    EXPECT_EQ(ENOENT, errno);
}

TEST_F(SysfsFile, WithAnEndlessNameIsRefused) {
    char buffer[8];
    EXPECT_EQ(-1, ibv_read_sysfs_file(std::string(5000, 'a').c_str(), "x", buffer, sizeof buffer));
    EXPECT_EQ(ENAMETOOLONG, errno);
}

// Read once per process, so each question goes to a child.
std::string path_in_child(const char *value) {
    int fds[2];
    EXPECT_EQ(0, pipe(fds));
    const pid_t child = fork();
    if (child == 0) {
        value ? setenv("SYSFS_PATH", value, 1) : unsetenv("SYSFS_PATH");
        const std::string path = ibv_get_sysfs_path();
        _exit(write(fds[1], path.data(), path.size()) == static_cast<ssize_t>(path.size()) ? 0 : 1);
    }
    close(fds[1]);
    char buffer[512];
    const ssize_t length = ::read(fds[0], buffer, sizeof buffer);
    close(fds[0]);
    EXPECT_EQ(child, waitpid(child, nullptr, 0));
    return length < 0 ? "" : std::string(buffer, static_cast<size_t>(length));
}

TEST(SysfsPath, IsSysUnlessTheEnvironmentNamesAnother) {
    EXPECT_EQ("/sys", path_in_child(nullptr));
    EXPECT_EQ("/elsewhere/sys", path_in_child("/elsewhere/sys"));
}

TEST(SysfsPath, LosesTrailingSlashes) {
    EXPECT_EQ("/elsewhere", path_in_child("/elsewhere///"));
}

TEST(SysfsPath, ThatIsTooLongIsIgnored) {
    EXPECT_EQ("/sys", path_in_child(("/" + std::string(400, 'x')).c_str()));
}

}  // namespace
