// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Regions that peers may flush. Flushing them is a send request, which is built inline.
#include "api/boundary.hpp"
#include "api/region.hpp"
#include "half.hpp"

using namespace verbs;

namespace {

constexpr unsigned kToFlush = IBV_ACCESS_FLUSH_GLOBAL | IBV_ACCESS_FLUSH_PERSISTENT;

Result<ibv_mr *> reg(ibv_pd *pd, void *addr, std::size_t length, std::uint64_t iova, int access) {
    VERBS_CHECK(api::required(pd, "pd"));
    VERBS_TRY(half, exp::Half::of(pd->context));
    VERBS_CHECK(api::check_access(static_cast<unsigned>(access), kToFlush | api::kRegionAccess));
    VERBS_CHECK(api::check_range(addr, length));
    ibv_mr *mr = nullptr;
    VERBS_CHECK(half.call("reg_flushable_mr", &verbs_provider_exp_ops::reg_flushable_mr, pd, addr,
                          length, iova, access, &mr));
    VERBS_CHECK(api::delivered(mr, "mr"));
    api::adopt(*mr, pd, addr, length);
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
