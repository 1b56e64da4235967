// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// DMA handles. Registering with one is ibv_reg_mr_ex's.
#include "api/boundary.hpp"
#include "half.hpp"

using namespace verbs;

namespace {

constexpr std::uint32_t kKnown = IBV_DMAH_INIT_ATTR_MASK_CPU_ID | IBV_DMAH_INIT_ATTR_MASK_PH |
                                 IBV_DMAH_INIT_ATTR_MASK_TPH_MEM_TYPE;
constexpr std::uint8_t kMostHint = 3;  // two bits on the bus

// What the mask does not name may be anything in the program's attributes.
Result<ibv_dmah_init_attr> checked(const ibv_dmah_init_attr &asked) {
    const auto has = [&](std::uint32_t bit) { return (asked.comp_mask & bit) != 0; };
    if (has(~kKnown)) return fail(EINVAL, "unknown bits in comp_mask");
    ibv_dmah_init_attr attr{};
    attr.comp_mask = asked.comp_mask;
    if (has(IBV_DMAH_INIT_ATTR_MASK_CPU_ID)) attr.cpu_id = asked.cpu_id;
    if (has(IBV_DMAH_INIT_ATTR_MASK_PH)) attr.ph = asked.ph;
    if (has(IBV_DMAH_INIT_ATTR_MASK_TPH_MEM_TYPE)) attr.tph_mem_type = asked.tph_mem_type;
    if (attr.ph > kMostHint) return fail(EINVAL, "ph has two bits");
    if (attr.tph_mem_type > IBV_TPH_MEM_TYPE_PM)
        return fail(EINVAL, "memory is volatile or persistent");
    return attr;
}

}  // namespace

ibv_dmah *ibv_alloc_dmah(ibv_context *context, ibv_dmah_init_attr *attr) {
    return api::pointer([&]() -> Result<ibv_dmah *> {
        VERBS_TRY(half, exp::Half::of(context));
        VERBS_CHECK(api::required(attr, "attr"));
        VERBS_TRY(known, checked(*attr));
        ibv_dmah *dmah = nullptr;
        VERBS_CHECK(half.call("alloc_dmah", &verbs_provider_exp_ops::alloc_dmah, &known, &dmah));
        VERBS_CHECK(api::delivered(dmah, "dmah"));
        dmah->context = context;
        return dmah;
    });
}

int ibv_dealloc_dmah(ibv_dmah *dmah) {
    return api::errno_value([&]() -> Result<void> {
        VERBS_CHECK(api::required(dmah, "dmah"));
        VERBS_TRY(half, exp::Half::of(dmah->context));
        return half.call("dealloc_dmah", &verbs_provider_exp_ops::dealloc_dmah, dmah);
    });
}
