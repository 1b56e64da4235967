// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Buffers that the library allocates in the way that is best for the device. Where a device has no
// way of its own they are ordinary memory, so that a program need not ask.
#include "buffer.hpp"

#include "api/boundary.hpp"
#include "half.hpp"

#include <sys/mman.h>

#include <cerrno>
#include <cstdint>
#include <memory>

using namespace verbs;

struct ibv_buf {
    ibv_context *context;
    void *addr;
    std::size_t size;
    bool is_ordinary;
};

namespace {

Result<void *> ordinary_memory(std::size_t size) {
    void *const addr =
        ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (addr == MAP_FAILED) return fail(errno, "no memory for the buffer");
    return addr;
}

// Memory of the provider's; NULL where it has no such thing.
Result<void *> special_memory(ibv_pd *pd, std::size_t size) {
    void *addr = nullptr;
    const auto half = exp::Half::of(pd->context);
    if (half) {
        const auto made =
            half->call("alloc_buf", &verbs_provider_exp_ops::alloc_buf, pd, size, &addr);
        if (made) VERBS_CHECK(api::delivered(addr, "addr"));
        if (made || made.error().code == EOPNOTSUPP) return addr;
        return Failure(made.error());
    }
    if (half.error().code == EOPNOTSUPP) return addr;
    return Failure(half.error());
}

}  // namespace

Result<void> exp::check_part(const ibv_pd &pd, const ibv_buf *buf, const void *addr,
                             std::size_t length) {
    VERBS_CHECK(api::required(buf, "buf"));
    VERBS_CHECK(api::same_device(pd.context, buf, "buf"));
    const auto offset =
        reinterpret_cast<std::uintptr_t>(addr) - reinterpret_cast<std::uintptr_t>(buf->addr);
    if (offset > buf->size || length > buf->size - offset)
        return fail(EINVAL, "not all of the region is inside of the buffer");
    return {};
}

void *ibv_alloc_buf(ibv_pd *pd, size_t size, ibv_buf **buf) {
    return api::pointer([&]() -> Result<void *> {
        VERBS_CHECK(api::required(pd, "pd"));
        VERBS_CHECK(api::required(buf, "buf"));
        if (size == 0) return fail(EINVAL, "a buffer of no bytes");
        auto made = std::make_unique<ibv_buf>();
        made->context = pd->context;
        made->size = size;
        VERBS_TRY(special, special_memory(pd, size));
        made->addr = special;
        made->is_ordinary = special == nullptr;
        if (made->is_ordinary) {
            VERBS_TRY(ordinary, ordinary_memory(size));
            made->addr = ordinary;
        }
        *buf = made.release();
        return (*buf)->addr;
    });
}

void ibv_free_buf(ibv_buf *buf) {
    const std::unique_ptr<ibv_buf> owned(buf);
    if (buf == nullptr) return;
    if (buf->is_ordinary) {
        ::munmap(buf->addr, buf->size);
        return;
    }
    const int saved = errno;
    api::errno_value([&]() -> Result<void> {
        VERBS_TRY(half, exp::Half::of(buf->context));
        return half.call("free_buf", &verbs_provider_exp_ops::free_buf, buf->addr, buf->size);
    });
    errno = saved;
}

ibv_mr *ibv_reg_buf_mr(ibv_pd *pd, ibv_buf *buf, void *addr, size_t length, int access) {
    return api::pointer([&]() -> Result<ibv_mr *> {
        VERBS_CHECK(api::required(pd, "pd"));
        VERBS_CHECK(exp::check_part(*pd, buf, addr, length));
        ibv_mr *const mr = ibv_reg_mr(pd, addr, length, access);
        if (mr == nullptr) return exp::left_behind();
        return mr;
    });
}

int ibv_export_buf_dmabuf_fd(ibv_buf *buf) {
    return api::minus_one([&]() -> Result<void> {
        VERBS_CHECK(api::required(buf, "buf"));
        return fail(EOPNOTSUPP, "no dma-buf is behind the buffer");
    });
}
