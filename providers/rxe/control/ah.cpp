// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Address handles, and multicast.
#include "uverbs/ah.hpp"

#include "control/attributes.hpp"
#include "control/device.hpp"
#include "uverbs/mcast.hpp"

#include <cstring>

namespace rxe {

namespace {

// IPv4 inside of an IPv6 address, as GIDs of RoCE have it: ::ffff:a.b.c.d
bool is_ipv4(const ibv_gid &gid) {
    static constexpr uint8_t kPrefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    return std::memcmp(gid.raw, kPrefix, sizeof kPrefix) == 0;
}

template <class Address>
void fill(Address &address, const ibv_gid &gid) {
    if (is_ipv4(gid)) {
        address._sockaddr_in.sin_family = AF_INET;
        std::memcpy(&address._sockaddr_in.sin_addr, gid.raw + 12, 4);
    } else {
        address._sockaddr_in6.sin6_family = AF_INET6;
        std::memcpy(&address._sockaddr_in6.sin6_addr, gid.raw, 16);
    }
}

std::span<const std::uint8_t, 16> bytes_of(const ibv_gid &gid) {
    return std::span<const std::uint8_t, 16>(gid.raw);
}

}  // namespace

// Only for kernels that do not number address handles (before 5.18): there each datagram tells.
Result<void> RxeDevice::describe_way(Ah &ah, const ibv_ah_attr &attr) {
    VERBS_TRY(source, query_gid(attr.port_num, attr.grh.sgid_index));
    rxe_av &av = ah.av;
    av.port_num = attr.port_num;
    av.network_type = is_ipv4(source.gid) ? RXE_NETWORK_TYPE_IPV4 : RXE_NETWORK_TYPE_IPV6;
    std::memcpy(av.grh.dgid.raw, attr.grh.dgid.raw, sizeof av.grh.dgid.raw);
    av.grh.flow_label = attr.grh.flow_label;
    av.grh.sgid_index = attr.grh.sgid_index;
    av.grh.hop_limit = attr.grh.hop_limit;
    av.grh.traffic_class = attr.grh.traffic_class;
    fill(av.sgid_addr, source.gid);
    fill(av.dgid_addr, attr.grh.dgid);
    return {};
}

Result<ibv_ah *> RxeDevice::create_ah(ibv_pd *pd, ibv_ah_attr *attr) {
    if (attr->is_global == 0)
        return verbs::fail(EINVAL, "address handles of RoCE need a GID: is_global is not set");
    Owned<Ah>::New ah;
    rxe_create_ah_resp driver{};
    VERBS_TRY(handle,
              verbs::uverbs::create_ah(kernel_, pd->handle,
                                       reinterpret_cast<uintptr_t>(static_cast<ibv_ah *>(&*ah)),
                                       to_kernel(*attr), verbs::uverbs::udata_out(driver)));
    ah->handle = handle;
    ah->domain = use(pd);
    ah->ah_num = driver.ah_num;
    if (driver.ah_num == 0) {
        if (auto described = describe_way(*ah, *attr); !described) {
            (void)verbs::uverbs::destroy_ah(kernel_, handle);
            return verbs::Failure(std::move(described.error()));
        }
    }
    return ahs_.keep(std::move(ah));
}

Result<void> RxeDevice::destroy_ah(ibv_ah *ah) {
    VERBS_CHECK(verbs::uverbs::destroy_ah(kernel_, ah->handle));
    ahs_.remove(static_cast<Ah *>(ah));
    return {};
}

Result<void> RxeDevice::attach_mcast(ibv_qp *qp, const ibv_gid *gid, uint16_t lid) {
    return verbs::uverbs::attach_mcast(kernel_, qp->handle, bytes_of(*gid), lid);
}

Result<void> RxeDevice::detach_mcast(ibv_qp *qp, const ibv_gid *gid, uint16_t lid) {
    return verbs::uverbs::detach_mcast(kernel_, qp->handle, bytes_of(*gid), lid);
}

}  // namespace rxe
