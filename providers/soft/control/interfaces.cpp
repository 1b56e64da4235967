// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Interfaces and addresses over rtnetlink, by libnl3.
#include "control/interfaces.hpp"

#include <linux/if.h>
#include <netlink/addr.h>
#include <netlink/cache.h>
#include <netlink/netlink.h>
#include <netlink/route/addr.h>
#include <netlink/route/link.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <memory>

// libnl's headers and <linux/if.h> leave these two out together.
#ifndef IFF_LOWER_UP
#define IFF_LOWER_UP (1 << 16)
#endif

namespace soft {

using verbs::fail;
using verbs::Result;

namespace {

struct FreeSocket {
    void operator()(nl_sock *socket) const noexcept { ::nl_socket_free(socket); }
};
struct FreeCache {
    void operator()(nl_cache *cache) const noexcept { ::nl_cache_free(cache); }
};
using Socket = std::unique_ptr<nl_sock, FreeSocket>;
using Cache = std::unique_ptr<nl_cache, FreeCache>;

verbs::Failure netlink_failure(const char *what, int code) {
    return fail(EIO, std::string(what) + ": " + ::nl_geterror(code));
}

Result<Socket> connect_route() {
    Socket socket(::nl_socket_alloc());
    if (socket == nullptr) return fail(ENOMEM, "netlink socket");
    if (const int code = ::nl_connect(socket.get(), NETLINK_ROUTE); code < 0)
        return netlink_failure("netlink connection", code);
    return socket;
}

Interface describe(rtnl_link *link) {
    Interface interface;
    interface.index = ::rtnl_link_get_ifindex(link);
    interface.name = ::rtnl_link_get_name(link);
    const unsigned flags = ::rtnl_link_get_flags(link);
    interface.is_up = (flags & IFF_UP) != 0;
    interface.is_running = (flags & IFF_LOWER_UP) != 0;
    interface.is_loopback = (flags & IFF_LOOPBACK) != 0;
    interface.mtu = ::rtnl_link_get_mtu(link);
    if (nl_addr *mac = ::rtnl_link_get_addr(link);
        mac != nullptr && ::nl_addr_get_len(mac) == interface.mac.size())
        std::memcpy(interface.mac.data(), ::nl_addr_get_binary_addr(mac), interface.mac.size());
    return interface;
}

// 0 IPv4, 1 global IPv6, 2 link-local IPv6: the order of the GID table.
int rank(const ibv_gid &gid) noexcept {
    static constexpr uint8_t kMapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    if (std::memcmp(gid.raw, kMapped, sizeof kMapped) == 0) return 0;
    return gid.raw[0] == 0xfe && (gid.raw[1] & 0xc0) == 0x80 ? 2 : 1;
}

bool to_gid(rtnl_addr *address, ibv_gid &gid) noexcept {
    nl_addr *local = ::rtnl_addr_get_local(address);
    if (local == nullptr) return false;
    gid = {};
    if (::rtnl_addr_get_family(address) == AF_INET && ::nl_addr_get_len(local) == 4) {
        gid.raw[10] = gid.raw[11] = 0xff;
        std::memcpy(gid.raw + 12, ::nl_addr_get_binary_addr(local), 4);
        return true;
    }
    if (::rtnl_addr_get_family(address) == AF_INET6 && ::nl_addr_get_len(local) == 16) {
        std::memcpy(gid.raw, ::nl_addr_get_binary_addr(local), 16);
        return true;
    }
    return false;
}

}  // namespace

Result<std::vector<Interface>> list_interfaces() {
    VERBS_TRY(socket, connect_route());
    nl_cache *raw = nullptr;
    if (const int code = ::rtnl_link_alloc_cache(socket.get(), AF_UNSPEC, &raw); code < 0)
        return netlink_failure("list of interfaces", code);
    const Cache links(raw);
    if (const int code = ::rtnl_addr_alloc_cache(socket.get(), &raw); code < 0)
        return netlink_failure("list of addresses", code);
    const Cache addresses(raw);

    std::map<int, Interface> by_index;
    for (nl_object *at = ::nl_cache_get_first(links.get()); at != nullptr;
         at = ::nl_cache_get_next(at)) {
        Interface interface = describe(reinterpret_cast<rtnl_link *>(at));
        by_index.emplace(interface.index, std::move(interface));
    }
    for (nl_object *at = ::nl_cache_get_first(addresses.get()); at != nullptr;
         at = ::nl_cache_get_next(at)) {
        auto *address = reinterpret_cast<rtnl_addr *>(at);
        const auto found = by_index.find(::rtnl_addr_get_ifindex(address));
        ibv_gid gid;
        if (found != by_index.end() && to_gid(address, gid)) found->second.gids.push_back(gid);
    }
    std::vector<Interface> interfaces;
    for (auto &[index, interface] : by_index) {
        std::stable_sort(interface.gids.begin(), interface.gids.end(),
                         [](const auto &a, const auto &b) { return rank(a) < rank(b); });
        interfaces.push_back(std::move(interface));
    }
    std::stable_partition(interfaces.begin(), interfaces.end(),
                          [](const auto &interface) { return !interface.is_loopback; });
    return interfaces;
}

Result<std::optional<Interface>> find_interface(int index) {
    VERBS_TRY(interfaces, list_interfaces());
    for (Interface &interface : interfaces)
        if (interface.index == index) return std::optional(std::move(interface));
    return std::optional<Interface>();
}

Result<bool> is_local_address(const ibv_gid &gid) {
    // All of 127/8 is this host, whatever is configured.
    if (rank(gid) == 0 && gid.raw[12] == 127) return true;
    VERBS_TRY(interfaces, list_interfaces());
    return std::any_of(interfaces.begin(), interfaces.end(), [&](const Interface &interface) {
        return std::any_of(interface.gids.begin(), interface.gids.end(), [&](const ibv_gid &own) {
            return std::memcmp(own.raw, gid.raw, sizeof gid.raw) == 0;
        });
    });
}

}  // namespace soft
