// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Judging and mapping a file that came from a peer.
#include "link/peer_files.hpp"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include <string>

namespace soft {

using verbs::fail;
using verbs::Result;
using verbs::UniqueFd;

Result<void> PeerFiles::map(uint32_t file, const UniqueFd &fd) {
    if (file == 0 || file >= kMostFiles || !asked_[file].load(std::memory_order_relaxed) ||
        files_[file].load(std::memory_order_relaxed) != nullptr)
        return fail(EPROTO, "a shared file that was not asked for");
    // Without the seal the peer could make us fault by cutting the file off.
    const int seals = ::fcntl(fd.get(), F_GET_SEALS);
    if (seals < 0 || (seals & F_SEAL_SHRINK) == 0)
        return fail(EPROTO, "a shared file of a peer can shrink");
    struct stat status {};
    if (::fstat(fd.get(), &status) != 0 || status.st_size <= 0)
        return fail(EPROTO, "a shared file of a peer has no size");
    // Its pages may run out after they were promised, which raises a signal.
    struct statfs home {};
    if (::fstatfs(fd.get(), &home) != 0 || home.f_type == HUGETLBFS_MAGIC)
        return fail(EPROTO, "a shared file of a peer is made of huge pages");
    VERBS_TRY(memory, verbs::Mapping::shared(fd.get(), static_cast<std::size_t>(status.st_size),
                                             PROT_READ | PROT_WRITE));
    owned_.push_back(std::make_unique<const Mapped>(Mapped{std::move(memory)}));
    // release pairs with the acquire in find()
    files_[file].store(owned_.back().get(), std::memory_order_release);
    return {};
}

}  // namespace soft
