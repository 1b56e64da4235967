// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Device memory. Copying to and from it is inline, by the provider's functions in struct ibv_dm.
#include "api/boundary.hpp"
#include "api/region.hpp"
#include "half.hpp"

using namespace verbs;

namespace {

constexpr unsigned kKnownAccess = IBV_ACCESS_LOCAL_WRITE | IBV_ACCESS_REMOTE_WRITE |
                                  IBV_ACCESS_REMOTE_READ | IBV_ACCESS_REMOTE_ATOMIC |
                                  IBV_ACCESS_MW_BIND | IBV_ACCESS_ZERO_BASED |
                                  IBV_ACCESS_OPTIONAL_RANGE;

Result<void> check_access(unsigned access) {
    if ((access & ~kKnownAccess) == 0 && (access & IBV_ACCESS_ZERO_BASED) == 0)
        return fail(EINVAL, "regions of device memory need IBV_ACCESS_ZERO_BASED");
    return api::check_access(access, kKnownAccess);
}

}  // namespace

ibv_dm *ibv_alloc_dm(ibv_context *context, ibv_alloc_dm_attr *attr) {
    return api::pointer([&]() -> Result<ibv_dm *> {
        VERBS_TRY(half, exp::Half::of(context));
        VERBS_CHECK(api::required(attr, "attr"));
        if (attr->comp_mask != 0) return fail(EINVAL, "unknown bits in comp_mask");
        ibv_dm *dm = nullptr;
        VERBS_CHECK(half.call("alloc_dm", &verbs_provider_exp_ops::alloc_dm, attr, &dm));
        VERBS_CHECK(api::delivered(dm, "dm"));
        dm->context = context;
        return dm;
    });
}

int ibv_free_dm(ibv_dm *dm) {
    return api::errno_value([&]() -> Result<void> {
        VERBS_CHECK(api::required(dm, "dm"));
        VERBS_TRY(half, exp::Half::of(dm->context));
        return half.call("free_dm", &verbs_provider_exp_ops::free_dm, dm);
    });
}

ibv_mr *ibv_reg_dm_mr(ibv_pd *pd, ibv_dm *dm, uint64_t dm_offset, size_t length,
                      unsigned int access) {
    return api::pointer([&]() -> Result<ibv_mr *> {
        VERBS_CHECK(api::required(pd, "pd"));
        VERBS_TRY(half, exp::Half::of(pd->context));
        VERBS_CHECK(api::required(dm, "dm"));
        VERBS_CHECK(api::same_device(pd->context, dm, "dm"));
        VERBS_CHECK(check_access(access));
        ibv_mr *mr = nullptr;
        VERBS_CHECK(half.call("reg_dm_mr", &verbs_provider_exp_ops::reg_dm_mr, pd, dm, dm_offset,
                              length, access, &mr));
        VERBS_CHECK(api::delivered(mr, "mr"));
        // There is no address of the program's.
        api::adopt(*mr, pd, nullptr, length);
        return mr;
    });
}
