// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Finding the files behind a range of memory, and what they lie on.
#include "control/persistent.hpp"

#include "link/proc_file.hpp"

#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace soft {

using verbs::fail;
using verbs::Result;

namespace {

constexpr std::array<uint32_t, 4> kInMemory = {TMPFS_MAGIC, RAMFS_MAGIC, HUGETLBFS_MAGIC,
                                               OVERLAYFS_SUPER_MAGIC};

// The kernel says " (deleted)" behind the path of a file that has no name any more, so that there
// is none of that name.
Result<void> judge_file(const std::string &path) {
    struct stat status {};
    struct statfs system {};
    const bool has_path = !path.empty() && path.front() == '/';
    const int looked = has_path && ::stat(path.c_str(), &status) != 0 ? errno : 0;
    if (looked != 0 && looked != ENOENT) return fail(looked, path + ": " + std::strerror(looked));
    if (!has_path || looked != 0 || !S_ISREG(status.st_mode))
        return fail(EINVAL, "the memory is not that of an ordinary file, which would outlast it");
    if (::statfs(path.c_str(), &system) != 0)
        return fail(errno, path + ": the file system cannot be asked what it is");
    if (std::ranges::find(kInMemory, static_cast<uint32_t>(system.f_type)) != kInMemory.end())
        return fail(EINVAL, path + ": the file system may have the file in memory alone");
    return {};
}

}  // namespace

Result<void> judge_persistent(const std::string &maps, const void *addr, std::size_t length) {
    uint64_t next = reinterpret_cast<uintptr_t>(addr);  // up to here all is well
    const uint64_t end = next + length;
    for (std::string_view rest = maps; next < end && !rest.empty();) {
        MappingLine line;
        if (!read_mapping(take_line(rest), line)) break;
        if (line.end <= next) continue;
        if (line.start > next) break;
        if (line.rights[3] != 's')
            return fail(EINVAL, "the mapping is private: what is written to it is in no file");
        VERBS_CHECK(judge_file(line.path));
        next = line.end;
    }
    if (next < end) return fail(EFAULT, "not all of the memory range is mapped");
    return {};
}

Result<void> judge_persistent(const void *addr, std::size_t length) {
    const int saved = errno;
    auto judged = [&]() -> Result<void> {
        VERBS_TRY(maps, read_proc_file("/proc/self/maps"));
        return judge_persistent(maps, addr, length);
    }();
    errno = saved;
    return judged;
}

}  // namespace soft
