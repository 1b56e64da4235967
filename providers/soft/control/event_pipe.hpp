// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// EventPipe: a file descriptor from which the library reads events in the kernel's own records.
// Completion channels and asynchronous events are both one of these.
#pragma once

#include "core/fd.hpp"
#include "core/result.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>

namespace soft {

class EventPipe {
public:
    static verbs::Result<EventPipe> create();

    // In a child after fork(): the pipes that exist are the parent's, whose events are no business
    // of the child's. From now on it neither writes to them nor takes anything out.
    static void leave_to_parent() noexcept;

    // The end that a program polls and reads; the program may make it non-blocking.
    [[nodiscard]] int read_fd() const noexcept { return read_.get(); }

    // Appends one record. Never blocks; a record that finds no room is logged and dropped.
    void write(const void *record, std::size_t size) noexcept;
    // Takes unread records about `element` out again: its object is about to go. Each record is
    // `size` bytes and begins with the element.
    void purge(uint64_t element, std::size_t size) noexcept;

private:
    [[nodiscard]] bool is_inherited() const noexcept;

    verbs::UniqueFd read_;
    verbs::UniqueFd write_;
    std::unique_ptr<std::mutex> mutex_;  // leaf; keeps writers away during purge()
    uint32_t forks_ = 0;                 // that this process was the child of, when it was made
};

}  // namespace soft
