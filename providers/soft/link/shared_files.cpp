// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Finding the file behind a range of memory.
#include "link/shared_files.hpp"

#include "link/layout.hpp"
#include "link/proc_file.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

namespace soft {

using verbs::UniqueFd;

namespace {

// A descriptor of this process for the file, duplicated; closed when there is none that qualifies.
UniqueFd open_descriptor(const SharedMapping &mapping) {
    struct CloseFolder {
        void operator()(DIR *folder) const noexcept { ::closedir(folder); }
    };
    const std::unique_ptr<DIR, CloseFolder> folder(::opendir("/proc/self/fd"));
    if (folder == nullptr) return {};
    while (const dirent *entry = ::readdir(folder.get())) {
        // By its name here: other descriptors are of threads that open and close them meanwhile.
        const int fd = std::atoi(entry->d_name);
        struct stat status {};
        if (entry->d_name[0] == '.' ||
            ::fstatat(::dirfd(folder.get()), entry->d_name, &status, 0) != 0 ||
            status.st_dev != mapping.device || status.st_ino != mapping.inode)
            continue;
        const int seals = ::fcntl(fd, F_GET_SEALS);
        const int mode = ::fcntl(fd, F_GETFL);
        if (seals >= 0 && (seals & F_SEAL_SHRINK) != 0 && (seals & F_SEAL_WRITE) == 0 &&
            mode >= 0 && (mode & O_ACCMODE) == O_RDWR)
            return UniqueFd(::fcntl(fd, F_DUPFD_CLOEXEC, 0));
    }
    return {};
}

}  // namespace

SharedMapping find_shared_mapping(std::string_view maps, uint64_t address, uint64_t length) {
    while (!maps.empty()) {
        MappingLine line;
        if (!read_mapping(take_line(maps), line) || address < line.start || address >= line.end)
            continue;
        if (line.rights[1] != 'w' || line.rights[3] != 's' || line.inode == 0 ||
            length > line.end - address)
            return {};
        return {true, line.device, line.inode, line.offset + (address - line.start)};
    }
    return {};
}

SharedFiles::SharedFiles()
    : mutex_(std::make_unique<std::mutex>()),
      pagemap_(::open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC)) {}

// The kernel's page map says of a page that is there whether it belongs to a file or is shared.
bool SharedFiles::is_surely_private(const void *address) const noexcept {
    constexpr uint64_t kPresent = 1ull << 63;
    constexpr uint64_t kFileOrShared = 1ull << 61;
    static const auto kPageBytes = static_cast<uint64_t>(::sysconf(_SC_PAGESIZE));
    uint64_t page = 0;
    const auto at =
        static_cast<off_t>(reinterpret_cast<uintptr_t>(address) / kPageBytes * sizeof page);
    return ::pread(pagemap_.get(), &page, sizeof page, at) == sizeof page &&
           (page & kPresent) != 0 && (page & kFileOrShared) == 0;
}

uint32_t SharedFiles::number_of(const SharedMapping &mapping) {
    for (std::size_t i = 0; i < files_.size(); ++i)
        if (files_[i].device == mapping.device && files_[i].inode == mapping.inode)
            return static_cast<uint32_t>(i + 1);
    if (files_.size() + 1 >= kMostFiles) return 0;
    UniqueFd fd = open_descriptor(mapping);
    if (!fd.is_open()) return 0;
    files_.push_back({mapping.device, mapping.inode, std::move(fd)});
    return static_cast<uint32_t>(files_.size());
}

FilePlace SharedFiles::find(const void *address, std::size_t length) {
    const int saved = errno;
    FilePlace place;
    if (length > 0 && !is_surely_private(address)) {
        const auto maps = read_proc_file("/proc/self/maps");
        const SharedMapping mapping =
            maps ? find_shared_mapping(*maps, reinterpret_cast<uintptr_t>(address), length)
                 : SharedMapping{};
        if (mapping.exists) {
            const std::lock_guard hold(*mutex_);
            if (const uint32_t number = number_of(mapping); number != 0)
                place = {number, mapping.offset};
        }
    }
    errno = saved;
    return place;
}

int SharedFiles::descriptor(uint32_t file) const noexcept {
    const std::lock_guard hold(*mutex_);
    return file == 0 || file > files_.size() ? -1 : files_[file - 1].fd.get();
}

}  // namespace soft
