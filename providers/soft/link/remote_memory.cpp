// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// process_vm_readv and process_vm_writev, gone on with until all is copied: one call moves 2 GiB at
// most and may stop early at a page that is not there.
#include "link/remote_memory.hpp"

#include <cerrno>

namespace soft {

namespace {

// Steps over what a call has moved.
void advance(iovec *&list, std::size_t &count, std::size_t moved) noexcept {
    while (count > 0 && moved >= list->iov_len) {
        moved -= list->iov_len;
        ++list;
        --count;
    }
    if (count > 0) {
        list->iov_base = static_cast<char *>(list->iov_base) + moved;
        list->iov_len -= moved;
    }
}

}  // namespace

int copy_across(pid_t pid, Direction direction, iovec *local, std::size_t local_count,
                iovec *remote, std::size_t remote_count, uint64_t length) noexcept {
    const int saved = errno;
    int code = 0;
    while (length > 0) {
        const ssize_t moved =
            direction == Direction::to_peer
                ? ::process_vm_writev(pid, local, local_count, remote, remote_count, 0)
                : ::process_vm_readv(pid, local, local_count, remote, remote_count, 0);
        if (moved <= 0) {
            code = moved == 0 ? EFAULT : errno;
            break;
        }
        const auto step = static_cast<uint64_t>(moved);
        length = step < length ? length - step : 0;
        advance(local, local_count, static_cast<std::size_t>(moved));
        advance(remote, remote_count, static_cast<std::size_t>(moved));
    }
    errno = saved;
    return code;
}

}  // namespace soft
