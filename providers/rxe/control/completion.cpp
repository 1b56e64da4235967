// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Completion channels and completion queues.
#include "control/device.hpp"
#include "uverbs/comp_channel.hpp"
#include "uverbs/cq.hpp"

namespace rxe {

using verbs::provider::Host;

Result<ibv_comp_channel *> RxeDevice::create_comp_channel() {
    Owned<CompChannel>::New channel;
    VERBS_TRY(descriptor, verbs::uverbs::create_comp_channel(kernel_));
    channel->fd = descriptor.get();
    channel->descriptor = std::move(descriptor);
    return channels_.keep(std::move(channel));
}

Result<void> RxeDevice::destroy_comp_channel(ibv_comp_channel *channel) {
    channels_.remove(static_cast<CompChannel *>(channel));
    return {};
}

Result<ibv_cq *> RxeDevice::create_cq(int cqe, ibv_comp_channel *channel, int comp_vector) {
    Owned<Cq>::New cq;
    verbs::uverbs::CqRequest request;
    request.user_handle = reinterpret_cast<uintptr_t>(static_cast<ibv_cq *>(&*cq));
    request.cqe = static_cast<uint32_t>(cqe);
    request.channel_fd = channel != nullptr ? channel->fd : -1;
    request.comp_vector = static_cast<uint32_t>(comp_vector);
    rxe_create_cq_resp driver{};
    VERBS_TRY(made, verbs::uverbs::create_cq(kernel_, request, verbs::uverbs::udata_out(driver)));
    cq->handle = made.handle;
    cq->kernel = &kernel_;
    auto memory = map(driver.mi);
    auto attached = memory ? attach(*cq, std::move(*memory))
                           : Result<void>(verbs::Failure(std::move(memory.error())));
    if (!attached) {
        (void)verbs::uverbs::destroy_cq(kernel_,
                                        made.handle);  // the first error is the one to tell
        return verbs::Failure(std::move(attached.error()));
    }
    return cqs_.keep(std::move(cq));
}

Result<void> RxeDevice::resize_cq(ibv_cq *cq, int cqe) {
    return resize(*static_cast<Cq *>(cq), [&]() -> Result<verbs::Mapping> {
        rxe_resize_cq_resp driver{};
        VERBS_CHECK(verbs::uverbs::resize_cq(kernel_, cq->handle, static_cast<uint32_t>(cqe),
                                             verbs::uverbs::udata_out(driver)));
        return map(driver.mi);
    });
}

Result<void> RxeDevice::destroy_cq(ibv_cq *cq) {
    VERBS_CHECK(verbs::uverbs::destroy_cq(kernel_, cq->handle));
    Host::table().retire_cq(cq);
    cqs_.remove(static_cast<Cq *>(cq));
    return {};
}

}  // namespace rxe
