// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Files in /proc have no size: they are read to their end.
#include "link/proc_file.hpp"

#include "core/fd.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
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

}  // namespace soft
