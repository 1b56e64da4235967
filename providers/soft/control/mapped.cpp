// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// madvise for short ranges, /proc/self/maps for long ones and on old kernels.
#include "control/mapped.hpp"

#include "core/fd.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstdint>
#include <cstring>
#include <string_view>

// Older headers do not have them.
#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22
#endif
#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

namespace soft {

using verbs::fail;
using verbs::Result;

namespace {

// As far as the pages are touched: a region of that size is one that its program is about to use.
constexpr std::size_t kTouchedBytes = 64 * 1024;

struct Pages {
    uintptr_t first;
    uintptr_t end;
};

Pages pages_of(const void *addr, std::size_t length) noexcept {
    static const auto page = static_cast<uintptr_t>(::sysconf(_SC_PAGESIZE));
    const auto start = reinterpret_cast<uintptr_t>(addr);
    return {start & ~(page - 1), (start + length + page - 1) & ~(page - 1)};
}

int populate(const Pages &pages, LookFor use) noexcept {
    return ::madvise(reinterpret_cast<void *>(pages.first), pages.end - pages.first,
                     use == LookFor::writing ? MADV_POPULATE_WRITE : MADV_POPULATE_READ);
}

bool has_populate() noexcept {
    static const bool has = [] {
        const int here = 0;
        return populate(pages_of(&here, sizeof here), LookFor::reading) == 0;
    }();
    return has;
}

// Goes through the lines of the list of mappings, which is in ascending order.
class Coverage {
public:
    Coverage(const Pages &pages, LookFor use) noexcept
        : next_(pages.first), end_(pages.end), right_at_(use == LookFor::writing ? 1 : 0),
          right_(use == LookFor::writing ? 'w' : 'r') {}

    // "start-end rwxp ...". False when there is nothing more to learn.
    bool take(std::string_view line) noexcept {
        uintptr_t start = 0;
        uintptr_t end = 0;
        const char *last = line.data() + line.size();
        const auto from = std::from_chars(line.data(), last, start, 16);
        if (from.ec != std::errc() || from.ptr == last) return false;
        const auto to = std::from_chars(from.ptr + 1, last, end, 16);
        if (to.ec != std::errc() || last - to.ptr < 5) return false;
        if (end <= next_) return true;
        if (start > next_ || to.ptr[1 + right_at_] != right_) return false;
        next_ = end;
        return !is_complete();
    }
    [[nodiscard]] bool is_complete() const noexcept { return next_ >= end_; }

private:
    uintptr_t next_;  // up to here all is well
    uintptr_t end_;
    std::size_t right_at_;
    char right_;
};

}  // namespace

int touch_pages(const void *addr, std::size_t length, LookFor use) noexcept {
    if (!has_populate()) return ENOSYS;
    // What it says of memory that is not there, of the wrong rights and of a device's registers
    // differs between kernels.
    return populate(pages_of(addr, length), use) == 0 ? 0 : EFAULT;
}

int look_up_mappings(const void *addr, std::size_t length, LookFor use) noexcept {
    const verbs::UniqueFd fd(::open("/proc/self/maps", O_RDONLY | O_CLOEXEC));
    if (!fd.is_open()) return errno;
    Coverage coverage(pages_of(addr, length), use);
    std::array<char, 16 * 1024> text;  // longer than any line
    std::size_t filled = 0;
    for (;;) {
        const ssize_t size = ::read(fd.get(), text.data() + filled, text.size() - filled);
        if (size < 0 && errno == EINTR) continue;
        if (size <= 0) return EFAULT;
        filled += static_cast<std::size_t>(size);
        std::string_view rest(text.data(), filled);
        for (std::size_t at = rest.find('\n'); at != std::string_view::npos; at = rest.find('\n')) {
            if (!coverage.take(rest.substr(0, at))) return coverage.is_complete() ? 0 : EFAULT;
            rest.remove_prefix(at + 1);
        }
        filled = rest.size();
        std::memmove(text.data(), rest.data(), filled);
    }
}

Result<void> judge_mapped(const void *addr, std::size_t length, bool is_written) {
    if (length == 0) return {};
    const auto start = reinterpret_cast<uintptr_t>(addr);
    if (start + length < start) return fail(EINVAL, "the memory range wraps around");
    const int saved = errno;
    const LookFor use = is_written ? LookFor::writing : LookFor::reading;
    const Pages pages = pages_of(addr, length);
    int code = ENOSYS;
    if (pages.end - pages.first <= kTouchedBytes) code = touch_pages(addr, length, use);
    if (code == ENOSYS) code = look_up_mappings(addr, length, use);
    // Where there is no /proc either, no more can be known than whether all is mapped. MS_ASYNC
    // does nothing on Linux but look.
    if (code != 0 && code != EFAULT)
        code = ::msync(reinterpret_cast<void *>(pages.first), pages.end - pages.first, MS_ASYNC);
    errno = saved;
    if (code == 0) return {};
    return fail(EFAULT, is_written ? "not all of the memory range is mapped for writing"
                                   : "not all of the memory range is mapped for reading");
}

}  // namespace soft
