// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// First fit: programs allocate few buffers, and large ones.
#include "link/shared_arena.hpp"

#include "link/sealed_memory.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <new>

namespace soft {

using verbs::fail;
using verbs::Result;

Result<std::size_t> SharedArena::whole_pages(std::size_t size) {
    static const auto kPage = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
    if (size == 0 || size > PTRDIFF_MAX - kPage) return fail(EINVAL, "no buffer has such a size");
    return (size + kPage - 1) / kPage * kPage;
}

void *SharedArena::take_from(File &file, std::size_t bytes) {
    const auto found = std::find_if(file.unused.begin(), file.unused.end(),
                                    [bytes](const auto &range) { return range.second >= bytes; });
    if (found == file.unused.end()) return nullptr;
    const auto [offset, length] = *found;
    if (length > bytes) file.unused.emplace(offset + bytes, length - bytes);
    file.unused.erase(found);
    return static_cast<char *>(file.memory.data()) + offset;
}

Result<void *> SharedArena::take(std::size_t size) {
    VERBS_TRY(bytes, whole_pages(size));
    const std::lock_guard hold(mutex_);
    for (const auto &file : files_)
        if (void *const start = take_from(*file, bytes)) return start;
    auto file = std::make_unique<File>();
    const std::size_t whole = std::max(bytes, kFileBytes);
    VERBS_TRY(fd, make_sealed_memory("verbs-soft-buffers", whole));
    VERBS_TRY(memory, verbs::Mapping::shared(fd.get(), whole, PROT_READ | PROT_WRITE));
    file->fd = std::move(fd);
    file->memory = std::move(memory);
    file->unused.emplace(0, whole);
    files_.push_back(std::move(file));
    return take_from(*files_.back(), bytes);
}

void SharedArena::insert(Ranges &ranges, std::size_t offset, std::size_t bytes) {
    auto next = ranges.lower_bound(offset);
    if (next != ranges.end() && next->first == offset + bytes) {
        bytes += next->second;
        next = ranges.erase(next);
    }
    if (next != ranges.begin()) {
        const auto before = std::prev(next);
        if (before->first + before->second == offset) {
            before->second += bytes;
            return;
        }
    }
    ranges.emplace(offset, bytes);
}

void SharedArena::give(void *start, std::size_t size) noexcept {
    const auto bytes = whole_pages(size);
    if (!bytes) return;
    const std::lock_guard hold(mutex_);
    for (const auto &file : files_) {
        const auto offset =
            reinterpret_cast<uintptr_t>(start) - reinterpret_cast<uintptr_t>(file->memory.data());
        if (offset >= file->memory.size()) continue;
        // What is not zero again must not be handed out again.
        if (::fallocate(file->fd.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                        static_cast<off_t>(offset), static_cast<off_t>(*bytes)) != 0)
            return;
        try {
            insert(file->unused, offset, *bytes);
        } catch (const std::bad_alloc &) {
            // The place stays unused.
        }
        return;
    }
}

}  // namespace soft
