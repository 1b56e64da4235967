// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "device/context.hpp"

#include <pthread.h>

#include <algorithm>

namespace verbs::device {

namespace {

// Data path slots that a provider did not fill.
int refuse_poll(ibv_cq * /*cq*/, int /*num_entries*/, ibv_wc * /*wc*/) noexcept {
    return -1;
}
int refuse_notify(ibv_cq * /*cq*/, int /*solicited_only*/) noexcept {
    return EOPNOTSUPP;
}
int refuse_send(ibv_qp * /*qp*/, ibv_send_wr *wr, ibv_send_wr **bad_wr) noexcept {
    *bad_wr = wr;
    return EOPNOTSUPP;
}
int refuse_recv(ibv_qp * /*qp*/, ibv_recv_wr *wr, ibv_recv_wr **bad_wr) noexcept {
    *bad_wr = wr;
    return EOPNOTSUPP;
}
int refuse_srq_recv(ibv_srq * /*srq*/, ibv_recv_wr *wr, ibv_recv_wr **bad_wr) noexcept {
    *bad_wr = wr;
    return EOPNOTSUPP;
}

void fill_refusals(ibv_context_ops &ops) noexcept {
    if (ops.poll_cq == nullptr) ops.poll_cq = &refuse_poll;
    if (ops.req_notify_cq == nullptr) ops.req_notify_cq = &refuse_notify;
    if (ops.post_send == nullptr) ops.post_send = &refuse_send;
    if (ops.post_recv == nullptr) ops.post_recv = &refuse_recv;
    if (ops.post_srq_recv == nullptr) ops.post_srq_recv = &refuse_srq_recv;
}

}  // namespace

const char Context::kOwner = 0;

constinit thread_local const void *closed_here = nullptr;

namespace {

// A context's mutex comes into being like a static one, for which there is nothing to take down:
// binding the calls for that would cost as much as half of closing a device.
constexpr pthread_mutex_t kUnlocked = PTHREAD_MUTEX_INITIALIZER;

}  // namespace

Context::Context(std::shared_ptr<Device> device) noexcept
    : Owned{&kOwner}, device_(std::move(device)) {}

Failure Context::is_foreign(const ibv_context *context) {
    if (context == nullptr) return fail(EINVAL, "the context is NULL");
    return fail(EINVAL, "the object belongs to another copy of a verbs library");
}

// What the library owns in the ibv_context, whatever a provider wrote there.
void Context::claim() noexcept {
    tail().slot(kSlotSize) = ContextTail::kSize;
    tail().slot(kSlotPrivate) = reinterpret_cast<std::uintptr_t>(this);
    handle().device = &device().base;
    handle().abi_compat = is_extended();
}

Result<Context *> Context::open(std::shared_ptr<Device> device) {
    VERBS_CHECK(device->provider().ready());
    auto block = std::make_unique<ContextBlock>(std::move(device));
    ibv_context &context = block->tail.context;
    context.cmd_fd = -1;
    context.async_fd = -1;
    context.num_comp_vectors = 1;
    Context &core = block->core;
    core.claim();
    VERBS_CHECK(core.device_->provider().call("open_device", core.ops().open_device,
                                              &core.device_->announced(), &context,
                                              &core.provider_device_));
    core.claim();
    context.num_comp_vectors = std::max(context.num_comp_vectors, 1);
    fill_refusals(context.ops);
    context.mutex = kUnlocked;
    return &block.release()->core;
}

Result<void> Context::close(Context &context) {
    VERBS_CHECK(context.call("close_device", context.ops().close_device));
    delete reinterpret_cast<ContextBlock *>(&context);
    return {};
}

}  // namespace verbs::device
