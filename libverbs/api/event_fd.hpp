// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Taking one record from an event descriptor. May wait, and may be where a thread is cancelled
// (programs end their event threads that way), so it runs outside of the boundary's frames.
#pragma once

#include <unistd.h>

#include <cerrno>
#include <cstddef>

namespace verbs::api {

// Reads one whole record. Returns 0 or an errno value; EAGAIN and EINTR are the program's to
// handle. Leaves errno alone.
template <class Record>
int read_record(int fd, Record &record) {
    const int before = errno;
    const auto got = ::read(fd, &record, sizeof record);
    const int code = got < 0 ? errno : got == static_cast<ssize_t>(sizeof record) ? 0 : EIO;
    errno = before;
    return code;
}

}  // namespace verbs::api
