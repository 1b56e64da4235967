// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Files in /proc have no size: they are read to their end.
#include "link/proc_file.hpp"

#include "core/fd.hpp"

#include <fcntl.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cinttypes>
#include <cstdio>
#include <cstring>

namespace soft {

verbs::Result<std::string> read_proc_file(const char *path) {
    const verbs::UniqueFd fd(::open(path, O_RDONLY | O_CLOEXEC));
    std::string text;
    char part[16384];
    ssize_t size = fd.is_open() ? ::read(fd.get(), part, sizeof part) : -1;
    for (; size > 0; size = ::read(fd.get(), part, sizeof part))
        text.append(part, static_cast<std::size_t>(size));
    if (size < 0) {
        const int code = errno;
        return verbs::fail(code, std::string(path) + ": " + std::strerror(code));
    }
    return text;
}

std::string_view take_line(std::string_view &text) noexcept {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    return line;
}

bool read_mapping(std::string_view line, MappingLine &mapping) {
    unsigned device_major = 0;
    unsigned device_minor = 0;
    int path_at = 0;
    const std::string text(line);
    if (std::sscanf(text.c_str(), "%" SCNx64 "-%" SCNx64 " %4s %" SCNx64 " %x:%x %" SCNu64 " %n",
                    &mapping.start, &mapping.end, mapping.rights, &mapping.offset, &device_major,
                    &device_minor, &mapping.inode, &path_at) != 7)
        return false;
    mapping.device = ::makedev(device_major, device_minor);
    mapping.path = path_at > 0 ? text.substr(static_cast<std::size_t>(path_at)) : std::string();
    return true;
}

}  // namespace soft
