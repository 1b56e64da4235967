// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Registering memory by attributes: one call for what the others are for.
#include "api/boundary.hpp"
#include "api/region.hpp"
#include "buffer.hpp"
#include "half.hpp"

using namespace verbs;

namespace {

constexpr std::uint64_t kKnown = IBV_REG_MR_MASK_IOVA | IBV_REG_MR_MASK_ADDR | IBV_REG_MR_MASK_FD |
                                 IBV_REG_MR_MASK_FD_OFFSET | IBV_REG_MR_MASK_DMAH |
                                 IBV_REG_MR_MASK_BUF;

Result<void> check(const ibv_mr_init_attr &attr) {
    const auto has = [&](std::uint64_t bit) { return (attr.comp_mask & bit) != 0; };
    if (has(~kKnown)) return fail(EINVAL, "unknown bits in comp_mask");
    if (has(IBV_REG_MR_MASK_ADDR) == has(IBV_REG_MR_MASK_FD))
        return fail(EINVAL, "either addr or fd says which memory it is");
    if (has(IBV_REG_MR_MASK_FD_OFFSET) && !has(IBV_REG_MR_MASK_FD))
        return fail(EINVAL, "fd_offset is of no descriptor");
    if (has(IBV_REG_MR_MASK_BUF) && (has(IBV_REG_MR_MASK_FD) || has(IBV_REG_MR_MASK_IOVA)))
        return fail(EINVAL, "of a buffer addr alone says which part it is");
    return {};
}

// With a DMA handle the provider has the attributes as a whole. Members that do not count are what
// they are without, and a buffer is the memory that it is.
Result<ibv_mr *> register_with_handle(ibv_pd *pd, const ibv_mr_init_attr &asked) {
    const auto has = [&](std::uint64_t bit) { return (asked.comp_mask & bit) != 0; };
    VERBS_CHECK(api::required(asked.dmah, "dmah"));
    VERBS_CHECK(api::same_device(pd->context, asked.dmah, "dmah"));
    VERBS_TRY(half, exp::Half::of(pd->context));
    if (has(IBV_REG_MR_MASK_BUF))
        VERBS_CHECK(exp::check_part(*pd, asked.buf, asked.addr, asked.length));
    const bool is_file = has(IBV_REG_MR_MASK_FD);
    ibv_mr_init_attr attr{};
    attr.comp_mask = asked.comp_mask & ~std::uint64_t{IBV_REG_MR_MASK_BUF};
    attr.length = asked.length;
    attr.access = asked.access;
    attr.dmah = asked.dmah;
    attr.fd = is_file ? asked.fd : -1;
    if (!is_file) attr.addr = asked.addr;
    if (has(IBV_REG_MR_MASK_FD_OFFSET)) attr.fd_offset = asked.fd_offset;
    const std::uint64_t first =
        is_file ? attr.fd_offset : reinterpret_cast<std::uintptr_t>(attr.addr);
    attr.iova = has(IBV_REG_MR_MASK_IOVA) ? asked.iova : first;
    ibv_mr *mr = nullptr;
    VERBS_CHECK(half.call("reg_mr_ex", &verbs_provider_exp_ops::reg_mr_ex, pd, &attr, &mr));
    VERBS_CHECK(api::delivered(mr, "mr"));
    // The address of a dma-buf is the one that ibv_reg_dmabuf_mr tells.
    api::adopt(*mr, pd, reinterpret_cast<void *>(first), attr.length);
    return mr;
}

}  // namespace

ibv_mr *ibv_reg_mr_ex(ibv_pd *pd, ibv_mr_init_attr *mr_init_attr) {
    return api::pointer([&]() -> Result<ibv_mr *> {
        VERBS_CHECK(api::required(pd, "pd"));
        VERBS_CHECK(api::required(mr_init_attr, "mr_init_attr"));
        const ibv_mr_init_attr &attr = *mr_init_attr;
        VERBS_CHECK(check(attr));
        if ((attr.comp_mask & IBV_REG_MR_MASK_DMAH) != 0) return register_with_handle(pd, attr);
        const bool has_iova = (attr.comp_mask & IBV_REG_MR_MASK_IOVA) != 0;
        ibv_mr *mr = nullptr;
        if ((attr.comp_mask & IBV_REG_MR_MASK_BUF) != 0) {
            mr = ::ibv_reg_buf_mr(pd, attr.buf, attr.addr, attr.length, attr.access);
        } else if ((attr.comp_mask & IBV_REG_MR_MASK_ADDR) != 0) {
            const auto address = reinterpret_cast<std::uintptr_t>(attr.addr);
            mr = ::ibv_reg_mr_iova(pd, attr.addr, attr.length, has_iova ? attr.iova : address,
                                   attr.access);
        } else {
            const bool has_offset = (attr.comp_mask & IBV_REG_MR_MASK_FD_OFFSET) != 0;
            const std::uint64_t offset = has_offset ? attr.fd_offset : 0;
            mr = ::ibv_reg_dmabuf_mr(pd, offset, attr.length, has_iova ? attr.iova : offset,
                                     attr.fd, attr.access);
        }
        if (mr == nullptr) return exp::left_behind();
        return mr;
    });
}
