// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// pread and pwrite between a memfd and the program's memory, and a futex operation as a probe.
#include "link/own_memory.hpp"

#include "link/sealed_memory.hpp"

#include <verbs/provider.hpp>

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <stdexcept>

namespace soft {

namespace {

// Without the C library in between, in whose place sanitizers stand: to them a peer's access is
// like a device's, no matter of this program's threads.
static_assert(sizeof(long) == 8, "elsewhere the offset takes two registers");

ssize_t read_at(int fd, void *to, std::size_t length, int64_t offset) noexcept {
    return ::syscall(SYS_pread64, fd, to, length, offset);
}
ssize_t write_at(int fd, const void *from, std::size_t length, int64_t offset) noexcept {
    return ::syscall(SYS_pwrite64, fd, from, length, offset);
}

// Of one call that moves all or meets a fault on its way.
int code_of(ssize_t moved, std::size_t length) noexcept {
    if (moved < 0) return errno;
    return static_cast<std::size_t>(moved) == length ? 0 : EFAULT;
}

}  // namespace

bool OwnMemory::is_open() noexcept {
    // acquire pairs with the release below: who sees it open sees the berths.
    if (is_open_.load(std::memory_order_acquire)) return true;
    const std::lock_guard hold(mutex_);
    if (is_open_.load(std::memory_order_relaxed)) return true;
    try {
        auto fd = make_sealed_memory("verbs-soft-berths", kBerths * kMost);
        if (!fd) throw std::runtime_error(fd.error().phrase);
        auto memory = verbs::Mapping::shared(fd->get(), kBerths * kMost, PROT_READ | PROT_WRITE);
        if (!memory) throw std::runtime_error(memory.error().phrase);
        fd_ = std::move(*fd);
        memory_ = std::move(*memory);
    } catch (const std::exception &problem) {
        verbs::provider::Host::log(VERBS_HOST_LOG_ERROR, "peers' requests cannot be served: %s",
                                   problem.what());
        return false;
    }
    for (std::size_t i = 0; i < kBerths; ++i) {
        berths_[i].memory = static_cast<uint8_t *>(memory_.data()) + i * kMost;
        berths_[i].offset = static_cast<int64_t>(i * kMost);
    }
    is_open_.store(true, std::memory_order_release);
    return true;
}

OwnMemory::Berth &OwnMemory::take_berth() noexcept {
    for (Berth &berth : berths_)
        if (berth.lock.try_lock()) return berth;
    berths_[0].lock.lock();
    return berths_[0];
}

int OwnMemory::write(uint64_t to, const void *from, std::size_t length) noexcept {
    if (length == 0) return 0;
    if (length > kMost) return EINVAL;
    const int saved = errno;
    if (!is_open()) return ENOMEM;
    Berth &berth = take_berth();
    std::memcpy(berth.memory, from, length);
    const ssize_t moved = read_at(fd_.get(), reinterpret_cast<void *>(to), length, berth.offset);
    const int code = code_of(moved, length);
    berth.lock.unlock();
    errno = saved;
    return code;
}

int OwnMemory::read(void *to, uint64_t from, std::size_t length) noexcept {
    if (length == 0) return 0;
    if (length > kMost) return EINVAL;
    const int saved = errno;
    if (!is_open()) return ENOMEM;
    Berth &berth = take_berth();
    const ssize_t moved =
        write_at(fd_.get(), reinterpret_cast<const void *>(from), length, berth.offset);
    const int code = code_of(moved, length);
    if (code == 0) std::memcpy(to, berth.memory, length);
    berth.lock.unlock();
    errno = saved;
    return code;
}

bool OwnMemory::can_write_word(uint64_t address) noexcept {
    // Has the kernel OR 0 into the word's first half, in one step towards everybody else, and finds
    // out so. Nobody waits on the other futex that the call wants.
    static uint32_t nobodys = 0;
    constexpr long kOrNothing = FUTEX_OP(FUTEX_OP_OR, 0, FUTEX_OP_CMP_EQ, 0);
    const int saved = errno;
    const bool faulted = ::syscall(SYS_futex, &nobodys, FUTEX_WAKE_OP | FUTEX_PRIVATE_FLAG, 0, 0,
                                   address, kOrNothing) < 0 &&
                         errno == EFAULT;
    errno = saved;
    return !faulted;
}

}  // namespace soft
