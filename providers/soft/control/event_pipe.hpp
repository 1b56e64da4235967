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

    // The end that a program polls and reads; the program may make it non-blocking.
    [[nodiscard]] int read_fd() const noexcept { return read_.get(); }

    // Appends one record. Never blocks; a record that finds no room is logged and dropped.
    void write(const void *record, std::size_t size) noexcept;
    // Takes unread records about `element` out again: its object is about to go. Each record is
    // `size` bytes and begins with the element.
    void purge(uint64_t element, std::size_t size) noexcept;

private:
    verbs::UniqueFd read_;
    verbs::UniqueFd write_;
    std::unique_ptr<std::mutex> mutex_;  // leaf; keeps writers away during purge()
};

}  // namespace soft
