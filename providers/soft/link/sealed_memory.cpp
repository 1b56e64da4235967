// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// memfd_create and its seals.
#include "link/sealed_memory.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <cstring>
#include <string>

namespace soft {

using verbs::fail;
using verbs::Result;
using verbs::UniqueFd;

namespace {

constexpr int kSizeSeals = F_SEAL_SHRINK | F_SEAL_GROW;

verbs::Failure system_failure(const char *what) {
    const int code = errno;
    return fail(code, std::string(what) + ": " + std::strerror(code));
}

}  // namespace

Result<UniqueFd> make_sealed_memory(const char *name, std::size_t size) {
    UniqueFd fd(::memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING));
    if (!fd.is_open()) return system_failure("memfd_create");
    if (::ftruncate(fd.get(), static_cast<off_t>(size)) != 0)
        return system_failure("sizing shared memory");
    if (::fcntl(fd.get(), F_ADD_SEALS, kSizeSeals) != 0)
        return system_failure("sealing shared memory");
    return fd;
}

Result<void> seal_writes(const UniqueFd &fd) {
    if (::fcntl(fd.get(), F_ADD_SEALS, F_SEAL_FUTURE_WRITE | F_SEAL_SEAL) != 0)
        return system_failure("sealing shared memory against writes");
    return {};
}

Result<void> judge_sealed_memory(const UniqueFd &fd, std::size_t size) {
    const int seals = ::fcntl(fd.get(), F_GET_SEALS);
    if (seals < 0 || (seals & kSizeSeals) != kSizeSeals)
        return fail(EPROTO, "shared memory of a peer can change its size");
    struct stat status {};
    if (::fstat(fd.get(), &status) != 0) return system_failure("fstat of shared memory");
    if (status.st_size < static_cast<off_t>(size))
        return fail(EPROTO, "shared memory of a peer has " + std::to_string(status.st_size) +
                                " bytes, " + std::to_string(size) + " needed");
    return {};
}

}  // namespace soft
