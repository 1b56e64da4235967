// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Address handles, and the way back to the sender of a UD message.
#include "api/boundary.hpp"
#include "api/gid.hpp"
#include "api/grh.hpp"
#include "api/handle.hpp"

#include <cstring>

using namespace verbs;

namespace {

constexpr std::uint32_t kRoceV2 = 2;  // verbs_provider_gid.type

bool fits(const verbs_provider_gid &entry, const api::WayBack &way) {
    if (std::memcmp(entry.gid.raw, way.addressed.raw, sizeof entry.gid.raw) != 0) return false;
    if (way.type == api::WayBack::GidType::any) return true;
    return (entry.type == kRoceV2) == (way.type == api::WayBack::GidType::roce_v2);
}

// The entry of the GID table that was addressed; the answer has to leave from it.
Result<std::uint8_t> index_of(device::Context &context, std::uint8_t port_num,
                              const api::WayBack &way) {
    ibv_port_attr port{};
    VERBS_CHECK(context.call("query_port", context.ops().query_port, port_num, &port, sizeof port));
    // An address handle has 8 bits for the index.
    const int end = std::min(port.gid_tbl_len, UINT8_MAX + 1);
    for (int index = 0; index < end; ++index) {
        const auto entry = api::gid_entry(context, port_num, index);
        if (entry && fits(*entry, way)) return static_cast<std::uint8_t>(index);
        if (!entry && entry.error().code != ENODATA) return Failure(entry.error());
    }
    return fail(ENOENT, "the GID that was addressed is not in the table of port " +
                            std::to_string(port_num));
}

Result<ibv_ah_attr> way_back(device::Context &context, std::uint8_t port_num, const ibv_wc &wc,
                             const ibv_grh *grh) {
    ibv_ah_attr attr{};
    attr.dlid = wc.slid;
    attr.sl = wc.sl;
    attr.src_path_bits = wc.dlid_path_bits;
    attr.port_num = port_num;
    if ((wc.wc_flags & IBV_WC_GRH) == 0) return attr;
    VERBS_CHECK(api::required(grh, "grh"));
    VERBS_TRY(way, api::read_grh(*grh));
    VERBS_TRY(index, index_of(context, port_num, way));
    attr.is_global = 1;
    attr.grh.dgid = way.sender;
    attr.grh.sgid_index = index;
    attr.grh.flow_label = way.flow_label;
    attr.grh.hop_limit = way.hop_limit;
    attr.grh.traffic_class = way.traffic_class;
    return attr;
}

Result<ibv_ah *> create(device::Context &context, ibv_pd *pd, ibv_ah_attr *attr) {
    ibv_ah *ah = nullptr;
    VERBS_CHECK(context.call("create_ah", context.ops().create_ah, pd, attr, &ah));
    VERBS_CHECK(api::delivered(ah, "ah"));
    ah->context = pd->context;
    ah->pd = pd;
    return ah;
}

}  // namespace

ibv_ah *ibv_create_ah(ibv_pd *pd, ibv_ah_attr *attr) {
    return api::pointer([&]() -> Result<ibv_ah *> {
        VERBS_TRY(self, api::owner_of(pd, "pd"));
        VERBS_CHECK(api::required(attr, "attr"));
        return create(*self, pd, attr);
    });
}

int ibv_init_ah_from_wc(ibv_context *context, uint8_t port_num, ibv_wc *wc, ibv_grh *grh,
                        ibv_ah_attr *ah_attr) {
    return api::minus_one([&]() -> Result<void> {
        VERBS_TRY(self, device::Context::of(context));
        VERBS_CHECK(api::required(wc, "wc"));
        VERBS_CHECK(api::required(ah_attr, "ah_attr"));
        VERBS_TRY(attr, way_back(*self, port_num, *wc, grh));
        *ah_attr = attr;
        return {};
    });
}

ibv_ah *ibv_create_ah_from_wc(ibv_pd *pd, ibv_wc *wc, ibv_grh *grh, uint8_t port_num) {
    return api::pointer([&]() -> Result<ibv_ah *> {
        VERBS_TRY(self, api::owner_of(pd, "pd"));
        VERBS_CHECK(api::required(wc, "wc"));
        VERBS_TRY(attr, way_back(*self, port_num, *wc, grh));
        return create(*self, pd, &attr);
    });
}

int ibv_destroy_ah(ibv_ah *ah) {
    return api::errno_value([&]() -> Result<void> {
        VERBS_TRY(self, api::owner_of(ah, "ah"));
        return self->call("destroy_ah", self->ops().destroy_ah, ah);
    });
}
