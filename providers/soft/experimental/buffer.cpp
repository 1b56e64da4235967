// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Buffers of the library's: memory that peers map, so that RDMA to and from it is a copy of their
// own, without the kernel.
#include "control/device.hpp"

namespace soft {

Result<void *> Device::alloc_buf(ibv_pd * /*pd*/, size_t size) {
    VERBS_CHECK(judge_process());
    return process_->arena().take(size);
}

// In a child the memory is shared with the parent, whose it is.
Result<void> Device::free_buf(void *addr, size_t size) {
    if (!process_->is_inherited()) process_->arena().give(addr, size);
    return {};
}

}  // namespace soft
