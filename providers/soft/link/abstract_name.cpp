// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Binding the names, and finding them in /proc/net/unix.
#include "link/abstract_name.hpp"

#include "link/proc_file.hpp"

#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstddef>
#include <cstdio>
#include <cstring>

namespace soft {

using verbs::fail;
using verbs::Result;
using verbs::UniqueFd;

namespace {

constexpr char kList[] = "/proc/self/net/unix";

}  // namespace

Result<UniqueFd> take_name(const std::string &prefix, uint32_t number) {
    UniqueFd fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    // The leading zero byte makes the name abstract, as that of a block of QP numbers.
    const int length = std::snprintf(address.sun_path + 1, sizeof address.sun_path - 1, "%s%06x",
                                     prefix.c_str(), number);
    const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 +
                                             static_cast<std::size_t>(length));
    if (!fd.is_open() ||
        ::bind(fd.get(), reinterpret_cast<const sockaddr *>(&address), size) != 0) {
        const int code = errno;
        return fail(code, "the name " + prefix + ": " + std::strerror(code));
    }
    return fd;
}

std::vector<uint32_t> numbers_named(const std::string &list, const std::string &prefix) {
    std::vector<uint32_t> numbers;
    // The kernel writes @ for the zero byte that an abstract name begins with.
    const std::string mark = " @" + prefix;
    for (std::size_t at = list.find(mark); at != std::string::npos; at = list.find(mark, at)) {
        at += mark.size();
        const std::size_t end = std::min(list.find('\n', at), list.size());
        uint32_t number = 0;
        const auto [rest, error] = std::from_chars(list.data() + at, list.data() + end, number, 16);
        if (error == std::errc() && rest == list.data() + end && end - at == 6)
            numbers.push_back(number);
    }
    std::sort(numbers.begin(), numbers.end());
    numbers.erase(std::unique(numbers.begin(), numbers.end()), numbers.end());
    return numbers;
}

Result<std::vector<uint32_t>> list_names(const std::string &prefix) {
    VERBS_TRY(list, read_proc_file(kList));
    return numbers_named(list, prefix);
}

}  // namespace soft
