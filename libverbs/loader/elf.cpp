// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "loader/elf.hpp"

#include "core/fd.hpp"

#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <sys/stat.h>

#include <cstring>

namespace verbs::loader {
namespace {

constexpr unsigned char kOwnClass = sizeof(void *) == 8 ? ELFCLASS64 : ELFCLASS32;

Failure system_failure() {
    return fail(errno, std::strerror(errno));
}

// Reads exactly `size` bytes at `offset`.
Result<void> read_at(int fd, void *to, std::size_t size, std::uint64_t offset) {
    const auto got = ::pread(fd, to, size, static_cast<off_t>(offset));
    if (got < 0) return system_failure();
    if (static_cast<std::size_t>(got) != size) return fail(ENOEXEC, "file is cut short");
    return {};
}

}  // namespace

Result<void> check_elf_is_whole(const std::filesystem::path &file) {
    // O_NONBLOCK: a fifo must not stop the process.
    const UniqueFd fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
    struct stat facts {};
    if (!fd.is_open() || ::fstat(fd.get(), &facts) != 0) return system_failure();
    if (!S_ISREG(facts.st_mode)) return fail(ENOEXEC, "no regular file");
    const auto file_size = static_cast<std::uint64_t>(facts.st_size);

    ElfW(Ehdr) header{};
    VERBS_CHECK(read_at(fd.get(), &header, sizeof header, 0));
    if (std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 || header.e_ident[EI_CLASS] != kOwnClass)
        return fail(ENOEXEC, "no ELF file of this machine's kind");
    if (header.e_type != ET_DYN || header.e_phentsize != sizeof(ElfW(Phdr)))
        return fail(ENOEXEC, "no shared object");
    for (unsigned i = 0; i < header.e_phnum; ++i) {
        ElfW(Phdr) segment{};
        VERBS_CHECK(read_at(fd.get(), &segment, sizeof segment,
                            header.e_phoff + std::uint64_t{i} * sizeof segment));
        if (segment.p_type != PT_LOAD) continue;
        if (segment.p_filesz > file_size || segment.p_offset > file_size - segment.p_filesz)
            return fail(ENOEXEC, "file is cut short");
    }
    return {};
}

}  // namespace verbs::loader
