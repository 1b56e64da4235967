// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// A pipe with whole records in it.
#include "control/event_pipe.hpp"

#include <verbs/provider.hpp>

#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <vector>

namespace soft {

using verbs::fail;
using verbs::Result;
using verbs::UniqueFd;

namespace {
constexpr int kRoomyPipeBytes = 1 << 20;  // what an unprivileged process may ask for by default

std::atomic<uint32_t> forks{0};
}  // namespace

Result<EventPipe> EventPipe::create() {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) {
        const int code = errno;
        return fail(code, std::string("pipe for events: ") + std::strerror(code));
    }
    EventPipe pipe;
    pipe.read_ = UniqueFd(ends[0]);
    pipe.write_ = UniqueFd(ends[1]);
    // Only our end: whether the program's reads block is the program's choice.
    ::fcntl(pipe.write_.get(), F_SETFL, O_NONBLOCK);
    pipe.mutex_ = std::make_unique<std::mutex>();
    pipe.forks_ = forks.load(std::memory_order_relaxed);
    return pipe;
}

void EventPipe::leave_to_parent() noexcept {
    forks.fetch_add(1, std::memory_order_relaxed);
}

bool EventPipe::is_inherited() const noexcept {
    return forks_ != forks.load(std::memory_order_relaxed);
}

void EventPipe::write(const void *record, std::size_t size) noexcept {
    if (is_inherited()) return;
    const int saved = errno;
    const std::lock_guard hold(*mutex_);
    if (::write(write_.get(), record, size) != static_cast<ssize_t>(size)) {
        // 8,192 events wait unread: make room once, then give up loudly.
        ::fcntl(write_.get(), F_SETPIPE_SZ, kRoomyPipeBytes);
        if (::write(write_.get(), record, size) != static_cast<ssize_t>(size))
            verbs::provider::Host::log(VERBS_HOST_LOG_ERROR,
                                       "an event was lost: too many wait unread");
    }
    errno = saved;
}

void EventPipe::purge(uint64_t element, std::size_t size) noexcept {
    if (is_inherited()) return;
    const int saved = errno;
    const std::lock_guard hold(*mutex_);
    // A second description of the same pipe: non-blocking without changing the program's.
    char path[64];
    std::snprintf(path, sizeof path, "/proc/self/fd/%d", read_.get());
    const UniqueFd reader(::open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC));
    if (reader.is_open()) {
        try {
            std::vector<char> kept;
            char record[64];
            while (::read(reader.get(), record, size) == static_cast<ssize_t>(size))
                if (std::memcmp(record, &element, sizeof element) != 0)
                    kept.insert(kept.end(), record, record + size);
            for (std::size_t at = 0; at < kept.size(); at += size)
                if (::write(write_.get(), kept.data() + at, size) < 0) break;
        } catch (...) {
            verbs::provider::Host::log(VERBS_HOST_LOG_ERROR, "out of memory, events were lost");
        }
    }
    errno = saved;
}

}  // namespace soft
