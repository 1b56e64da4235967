// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Regions of dma-bufs: mapped into this process for as long as they are registered. Their pages may
// be those of another device, which can take them back, and which the kernel does not let one
// process reach in another one: so it copies here, and peers ask for it.
#include "control/device.hpp"

#include <fcntl.h>
#include <linux/dma-buf.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>

namespace soft {

using verbs::fail;

namespace {

// Announcing the processor's access is what a dma-buf alone understands, and what it wants to hear.
Result<void> judge_descriptor(int fd) {
    for (const uint64_t step : {DMA_BUF_SYNC_START, DMA_BUF_SYNC_END}) {
        const dma_buf_sync sync{step | DMA_BUF_SYNC_RW};
        if (::ioctl(fd, DMA_BUF_IOCTL_SYNC, &sync) == 0) continue;
        if (errno == EBADF) return fail(EBADF, "there is no such descriptor");
        if (errno == ENOTTY || errno == EINVAL) return fail(EINVAL, "the descriptor is no dma-buf");
        return fail(errno, std::string("the dma-buf is refused: ") + std::strerror(errno));
    }
    return {};
}

Result<void> judge_size(int fd, uint64_t offset, size_t length) {
    const off_t size = ::lseek(fd, 0, SEEK_END);
    const auto bytes = size < 0 ? uint64_t{0} : static_cast<uint64_t>(size);
    if (offset > bytes || length > bytes - offset)
        return fail(EINVAL, "the dma-buf has " + std::to_string(bytes) + " bytes");
    return {};
}

}  // namespace

Result<ibv_mr *> Device::reg_dmabuf_mr(ibv_pd *ibpd, uint64_t offset, size_t length, uint64_t iova,
                                       int fd, int access) {
    VERBS_CHECK(judge_faults(Call::reg_mr));
    VERBS_CHECK(judge_process());
    VERBS_CHECK(judge_descriptor(fd));
    VERBS_CHECK(judge_size(fd, offset, length));
    static const auto page = static_cast<uint64_t>(::sysconf(_SC_PAGESIZE));
    const uint64_t in_page = offset % page;
    const int protection = PROT_READ | ((access & IBV_ACCESS_LOCAL_WRITE) != 0 ? PROT_WRITE : 0);
    VERBS_TRY(memory, verbs::Mapping::shared(fd, in_page + length, protection,
                                             static_cast<off_t>(offset - in_page)));
    auto &pd = *static_cast<Pd *>(ibpd);
    const uint64_t start = reinterpret_cast<uintptr_t>(memory.data()) + in_page;
    const uint32_t rights = static_cast<uint32_t>(access) | kAccessFaults | kAccessOwnersAlone;
    VERBS_TRY(mr, enter(pd, {pd.number, start, length, iova, rights}));
    mr->memory = std::move(memory);
    mr->is_fixed = true;
    return mr;
}

}  // namespace soft
