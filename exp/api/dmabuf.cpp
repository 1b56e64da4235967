// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Regions of memory that a dma-buf stands for.
#include "api/boundary.hpp"
#include "api/region.hpp"
#include "half.hpp"

#include <unistd.h>

using namespace verbs;

namespace {

constexpr unsigned kKnownAccess = IBV_ACCESS_LOCAL_WRITE | IBV_ACCESS_REMOTE_WRITE |
                                  IBV_ACCESS_REMOTE_READ | IBV_ACCESS_REMOTE_ATOMIC |
                                  IBV_ACCESS_RELAXED_ORDERING;

Result<void> check_place(std::uint64_t offset, std::size_t length, std::uint64_t iova) {
    static const auto page = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
    if (length == 0) return fail(EINVAL, "a region of no bytes");
    if (offset + length < offset) return fail(EINVAL, "the range wraps around");
    if ((offset ^ iova) % page != 0)
        return fail(EINVAL, "offset and iova are not at the same place in a page");
    return {};
}

}  // namespace

ibv_mr *ibv_reg_dmabuf_mr(ibv_pd *pd, std::uint64_t offset, std::size_t length, std::uint64_t iova,
                          int fd, int access) {
    return api::pointer([&]() -> Result<ibv_mr *> {
        VERBS_CHECK(api::required(pd, "pd"));
        VERBS_TRY(half, exp::Half::of(pd->context));
        VERBS_CHECK(api::check_access(static_cast<unsigned>(access), kKnownAccess));
        VERBS_CHECK(check_place(offset, length, iova));
        ibv_mr *mr = nullptr;
        VERBS_CHECK(half.call("reg_dmabuf_mr", &verbs_provider_exp_ops::reg_dmabuf_mr, pd, offset,
                              length, iova, fd, access, &mr));
        VERBS_CHECK(api::delivered(mr, "mr"));
        // The address is what programs of other libraries find there.
        api::adopt(*mr, pd, reinterpret_cast<void *>(offset), length);
        return mr;
    });
}
