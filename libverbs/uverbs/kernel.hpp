// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Kernel: the system calls by which commands reach the kernel, as a table that a test replaces.
// Nothing else in uverbs makes a system call of its own on a device.
#pragma once

#include <sys/types.h>

#include <cstddef>

namespace verbs::uverbs {

// Each does what the call of its name does: -1 and errno on failure.
struct Kernel {
    void *self = nullptr;  // handed to each call; a test's own
    int (*open)(void *self, const char *path) = nullptr;
    int (*ioctl)(void *self, int fd, unsigned long request, void *argument) = nullptr;
    ssize_t (*write)(void *self, int fd, const void *bytes, std::size_t size) = nullptr;
};

// The one that runs below us. Valid for ever.
[[nodiscard]] const Kernel &running_kernel() noexcept;

}  // namespace verbs::uverbs
