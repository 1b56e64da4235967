// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Regions that peers may flush. Flushing them is a send request, which is built inline.
#include "api/boundary.hpp"
#include "half.hpp"

using namespace verbs;

namespace {

constexpr unsigned kToFlush = IBV_ACCESS_FLUSH_GLOBAL | IBV_ACCESS_FLUSH_PERSISTENT;
constexpr unsigned kKnownAccess =
    kToFlush | IBV_ACCESS_LOCAL_WRITE | IBV_ACCESS_REMOTE_WRITE | IBV_ACCESS_REMOTE_READ |
    IBV_ACCESS_REMOTE_ATOMIC | IBV_ACCESS_MW_BIND | IBV_ACCESS_ZERO_BASED | IBV_ACCESS_ON_DEMAND |
    IBV_ACCESS_HUGETLB | IBV_ACCESS_OPTIONAL_RANGE;

Result<ibv_mr *> reg(ibv_pd *pd, void *addr, std::size_t length, std::uint64_t iova, int access) {
    VERBS_CHECK(api::required(pd, "pd"));
    VERBS_TRY(half, exp::Half::of(pd->context));
    VERBS_CHECK(api::check_access(static_cast<unsigned>(access), kKnownAccess));
    if (length > UINTPTR_MAX - reinterpret_cast<std::uintptr_t>(addr))
        return fail(EINVAL, "the memory range wraps around");
    ibv_mr *mr = nullptr;
    VERBS_CHECK(half.call("reg_flushable_mr", &verbs_provider_exp_ops::reg_flushable_mr, pd, addr,
                          length, iova, access, &mr));
    VERBS_CHECK(api::delivered(mr, "mr"));
    mr->context = pd->context;
    mr->pd = pd;
    mr->addr = addr;
    mr->length = length;
    return mr;
}

}  // namespace

// Without such rights it is the stable call, at the price of a comparison.
ibv_mr *verbs_exp_reg_mr_iova(ibv_pd *pd, void *addr, std::size_t length, std::uint64_t iova,
                              int access) {
    if ((static_cast<unsigned>(access) & kToFlush) == 0)
        return (ibv_reg_mr_iova)(pd, addr, length, iova, access);
    return api::pointer([&] { return reg(pd, addr, length, iova, access); });
}
