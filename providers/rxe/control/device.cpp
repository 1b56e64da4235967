// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Opening, closing, and what the device can do.
#include "control/device.hpp"

#include "control/attributes.hpp"
#include "uverbs/device.hpp"

#include <rdma/ib_user_ioctl_verbs.h>

namespace rxe {

using verbs::Mapping;

Result<std::unique_ptr<RxeDevice>> RxeDevice::open(const verbs_provider_device &which,
                                                   ibv_context &context,
                                                   const verbs::uverbs::Kernel &kernel) {
    VERBS_TRY(opened, verbs::uverbs::Context::open(which.dev_name, RDMA_DRIVER_RXE, {}, kernel));
    std::unique_ptr<RxeDevice> device(new RxeDevice(std::move(opened), which.ibdev_path));
    context.cmd_fd = device->kernel_.fd();
    context.async_fd = device->kernel_.async_fd();
    context.num_comp_vectors = device->kernel_.num_comp_vectors();
    context.ops.poll_cq = &poll_cq;
    context.ops.req_notify_cq = &req_notify_cq;
    context.ops.post_send = &post_send;
    context.ops.post_recv = &post_recv;
    context.ops.post_srq_recv = &post_srq_recv;
    return device;
}

// The kernel destroys what is left when the node is closed.
Result<void> RxeDevice::close() {
    return {};
}

Result<ibv_device_attr> RxeDevice::query_device() {
    VERBS_TRY(told, verbs::uverbs::query_device(kernel_));
    return to_public(told);
}

Result<Mapping> RxeDevice::map(const mminfo &queue) const {
    if (queue.size == 0) return verbs::fail(EPROTO, "the driver has not said where its queue is");
    return Mapping::shared(kernel_.fd(), queue.size, PROT_READ | PROT_WRITE,
                           static_cast<off_t>(queue.offset));
}

}  // namespace rxe
