// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// The two system calls, for the thread that runs an input; for others there is no such process.
#include "fuzz/peer_memory.hpp"

#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>

namespace fuzz {

namespace {

thread_local PeerMemory *living = nullptr;
thread_local Choices *choices_of_peer = nullptr;
thread_local uint64_t canary_of_peer = 0;
// While a fuzzer runs inputs, no copy of any thread reaches a real process.
bool is_staged = false;

// How many bytes the call moves: -1 with errno, or at most `asked`.
ssize_t answer(uint64_t asked) noexcept {
    if (living == nullptr || living->is_dead) {
        errno = ESRCH;
        return -1;
    }
    switch (choices_of_peer->below(12)) {
    case 1:
        living->is_dead = true;
        errno = ESRCH;
        return -1;
    case 2:
        errno = EFAULT;
        return -1;
    case 3:
        errno = EPERM;
        return -1;
    case 4:
        return 0;
    case 5:
        return static_cast<ssize_t>(asked / 2);
    default:
        return static_cast<ssize_t>(asked);
    }
}

bool is_peers(uint64_t address, uint64_t length) noexcept {
    return address >= PeerMemory::kStart && length <= PeerMemory::kSize &&
           address - PeerMemory::kStart <= PeerMemory::kSize - length;
}

// Goes along both lists as the kernel does, and touches every local byte.
ssize_t move(bool is_read, const iovec *local, unsigned long local_count, const iovec *remote,
             unsigned long remote_count) noexcept {
    uint64_t here = 0;
    uint64_t there = 0;
    for (unsigned long i = 0; i < local_count; ++i)
        here += local[i].iov_len;
    for (unsigned long i = 0; i < remote_count; ++i) {
        if (!is_peers(reinterpret_cast<uintptr_t>(remote[i].iov_base), remote[i].iov_len)) break;
        there += remote[i].iov_len;
    }
    if (there == 0 && remote_count != 0 && remote[0].iov_len != 0) {
        errno = EFAULT;
        return -1;
    }
    const ssize_t moved = answer(std::min(here, there));
    uint64_t left = moved > 0 ? static_cast<uint64_t>(moved) : 0;
    for (unsigned long i = 0; i < local_count && left > 0; ++i) {
        const uint64_t step = std::min<uint64_t>(left, local[i].iov_len);
        auto *bytes = static_cast<uint8_t *>(local[i].iov_base);
        for (uint64_t j = 0; j < step; ++j) {
            if (is_read)
                bytes[j] = static_cast<uint8_t>(0x40 + j % 31);
            else
                (void)*static_cast<const volatile uint8_t *>(bytes + j);
        }
        left -= step;
    }
    if (is_read && moved == sizeof canary_of_peer && remote_count == 1 &&
        reinterpret_cast<uintptr_t>(remote[0].iov_base) == PeerMemory::kStart)
        std::memcpy(local[0].iov_base, &canary_of_peer, sizeof canary_of_peer);
    return moved;
}

}  // namespace

PeerMemory::PeerMemory(Choices &choices, uint64_t canary) noexcept {
    living = this;
    choices_of_peer = &choices;
    canary_of_peer = canary;
    is_staged = true;
}

PeerMemory::~PeerMemory() {
    living = nullptr;
    choices_of_peer = nullptr;
}

}  // namespace fuzz

extern "C" ssize_t process_vm_readv(pid_t pid, const iovec *local, unsigned long local_count,
                                    const iovec *remote, unsigned long remote_count,
                                    unsigned long flags) {
    if (fuzz::is_staged) return fuzz::move(true, local, local_count, remote, remote_count);
    return ::syscall(SYS_process_vm_readv, pid, local, local_count, remote, remote_count, flags);
}

extern "C" ssize_t process_vm_writev(pid_t pid, const iovec *local, unsigned long local_count,
                                     const iovec *remote, unsigned long remote_count,
                                     unsigned long flags) {
    if (fuzz::is_staged) return fuzz::move(false, local, local_count, remote, remote_count);
    return ::syscall(SYS_process_vm_writev, pid, local, local_count, remote, remote_count, flags);
}
