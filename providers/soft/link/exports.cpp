// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "link/exports.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <string>

namespace soft {

using verbs::fail;
using verbs::Result;

Result<Exports::File> Exports::file_of(int fd) {
    struct stat status {};
    if (::fstat(fd, &status) != 0)
        return fail(errno, "descriptor " + std::to_string(fd) + ": " + std::strerror(errno));
    return File{status.st_dev, status.st_ino};
}

void Exports::add_context(const File &file, int device) {
    const std::lock_guard hold(mutex_);
    contexts_.emplace(file, device);
}

void Exports::remove_context(const File &file, int device) noexcept {
    const std::lock_guard hold(mutex_);
    if (const auto at = contexts_.find({file, device}); at != contexts_.end()) contexts_.erase(at);
}

bool Exports::has_context(const File &file, int device) const noexcept {
    const std::lock_guard hold(mutex_);
    return contexts_.contains({file, device});
}

void Exports::add_pd(uint32_t number, int device) {
    const std::lock_guard hold(mutex_);
    pds_.emplace(number, device);
}

void Exports::remove_pd(uint32_t number) noexcept {
    const std::lock_guard hold(mutex_);
    pds_.erase(number);
}

bool Exports::has_pd(uint32_t number, int device) const noexcept {
    const std::lock_guard hold(mutex_);
    const auto at = pds_.find(number);
    return at != pds_.end() && at->second == device;
}

uint32_t Exports::add_dm(int file, std::size_t bytes, int device) {
    const std::lock_guard hold(mutex_);
    dms_.emplace(++last_dm_, DmPlace{file, bytes, device});
    return last_dm_;
}

void Exports::remove_dm(uint32_t handle) noexcept {
    const std::lock_guard hold(mutex_);
    dms_.erase(handle);
}

Result<Exports::Dm> Exports::find_dm(uint32_t handle, int device) const {
    const std::lock_guard hold(mutex_);
    const auto at = dms_.find(handle);
    if (at == dms_.end() || at->second.device != device)
        return fail(ENOENT, "there is no device memory of the handle " + std::to_string(handle));
    verbs::UniqueFd file(::fcntl(at->second.file, F_DUPFD_CLOEXEC, 0));
    if (!file.is_open()) return fail(errno, std::string("dup: ") + std::strerror(errno));
    return Dm{std::move(file), at->second.bytes};
}

}  // namespace soft
