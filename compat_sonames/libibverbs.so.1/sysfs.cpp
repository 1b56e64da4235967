// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// The kernel's text files: where they are, and reading one. Programs use these for what verbs do
// not tell, such as a board's name; a device without a kernel device has no such directory.
#include "frozen.hpp"
#include "refuse.hpp"
#include "symver.hpp"

#include <climits>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <unistd.h>

using namespace verbs::compat;

namespace {

// As long as the longest name that struct ibv_device has room for.
constexpr size_t kSysfsPathMax = IBV_SYSFS_PATH_MAX;

struct SysfsPath {
    char text[kSysfsPathMax] = "/sys";

    // Privileged programs do not let their caller choose what they read.
    SysfsPath() {
        const char *chosen = secure_getenv("SYSFS_PATH");
        if (!chosen) return;
        size_t length = std::strlen(chosen);
        while (length > 0 && chosen[length - 1] == '/')
            --length;
        if (length >= kSysfsPathMax) return;
        std::memcpy(text, chosen, length);
        text[length] = '\0';
    }
};

// The whole of what fits, or -1 with errno set.
ssize_t read_once(const char *path, char *buf, size_t size) {
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return -1;
    ssize_t length = 0;
    do {
        length = read(fd, buf, size);
    } while (length < 0 && errno == EINTR);
    const int reason = errno;
    close(fd);
    errno = reason;
    return length;
}

}  // namespace

VERBS_SYMVER(ibv_get_sysfs_path, "@@IBVERBS_1.0");
const char *compat_ibv_get_sysfs_path() {
    static const SysfsPath path;
    return path.text;
}

// Returns the length of the text without its newline, or -1 with errno set. The text is always
// terminated: a file that fills the buffer to its end and has no newline there is an error.
VERBS_SYMVER(ibv_read_sysfs_file, "@@IBVERBS_1.0");
int compat_ibv_read_sysfs_file(const char *dir, const char *file, char *buf, size_t size) {
    // An empty directory is a device without a kernel device, not the root of the file system.
    if (!dir || !*dir || !file || !buf || !size || size > INT_MAX) {
        errno = dir && !*dir ? ENOENT : EINVAL;
        return -1;
    }
    char path[PATH_MAX];
    const int path_length = snprintf(path, sizeof path, "%s/%s", dir, file);
    if (path_length < 0 || static_cast<size_t>(path_length) >= sizeof path) {
        errno = ENAMETOOLONG;
        return -1;
    }
    const ssize_t length = read_once(path, buf, size);
    if (length <= 0) {
        if (length == 0) buf[0] = '\0';
        return static_cast<int>(length);
    }
    if (buf[length - 1] == '\n') {
        buf[length - 1] = '\0';
        return static_cast<int>(length - 1);
    }
    if (static_cast<size_t>(length) == size) {
        errno = EOVERFLOW;
        return -1;
    }
    buf[length] = '\0';
    return static_cast<int>(length);
}
