// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "uverbs/kernel.hpp"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

namespace verbs::uverbs {
namespace {

int open_node(void * /*self*/, const char *path) {
    return ::open(path, O_RDWR | O_CLOEXEC);
}

int run_ioctl(void * /*self*/, int fd, unsigned long request, void *argument) {
    return ::ioctl(fd, request, argument);
}

ssize_t run_write(void * /*self*/, int fd, const void *bytes, std::size_t size) {
    return ::write(fd, bytes, size);
}

constexpr Kernel kRunning = {nullptr, &open_node, &run_ioctl, &run_write};

}  // namespace

const Kernel &running_kernel() noexcept {
    return kRunning;
}

}  // namespace verbs::uverbs
