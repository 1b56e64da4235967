// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Interfaces and addresses by libnl3, as root of the new namespace.
#include "network.hpp"

#include <netlink/netlink.h>
#include <netlink/route/addr.h>
#include <netlink/route/link.h>
#include <netlink/route/link/veth.h>

#include <net/if.h>
#include <sched.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <stdexcept>

namespace verbs_test {

namespace {

template <auto kPut>
struct Put {
    template <class T>
    void operator()(T *object) const {
        kPut(object);
    }
};
using LinkObject = std::unique_ptr<rtnl_link, Put<rtnl_link_put>>;
using AddressObject = std::unique_ptr<rtnl_addr, Put<rtnl_addr_put>>;
using Address = std::unique_ptr<nl_addr, Put<nl_addr_put>>;

void must(int code, const std::string &what) {
    if (code < 0) throw std::runtime_error(what + ": " + ::nl_geterror(code));
}

LinkObject link_of(nl_sock *socket, const char *name) {
    rtnl_link *link = nullptr;
    must(::rtnl_link_get_kernel(socket, 0, name, &link), name);
    return LinkObject(link);
}

}  // namespace

Network::Network() : socket_(nullptr) {
    // Root may at once; others in a user namespace of their own.
    if (::unshare(CLONE_NEWNET) != 0 && ::unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0)
        throw std::runtime_error(std::string("no network namespace: ") + std::strerror(errno));
    socket_ = ::nl_socket_alloc();
    must(::nl_connect(socket_, NETLINK_ROUTE), "netlink");
    must(::rtnl_link_veth_add(socket_, kNear, kFar, ::getpid()), "no virtual cable");
}

Network::~Network() {
    ::nl_socket_free(socket_);
}

void Network::set_up(const char *interface, bool is_up) {
    const LinkObject link = link_of(socket_, interface);
    const LinkObject change(::rtnl_link_alloc());
    if (is_up)
        ::rtnl_link_set_flags(change.get(), IFF_UP);
    else
        ::rtnl_link_unset_flags(change.get(), IFF_UP);
    must(::rtnl_link_change(socket_, link.get(), change.get(), 0), interface);
}

void Network::change_address(const char *interface, const char *address, bool is_there) {
    nl_addr *parsed = nullptr;
    must(::nl_addr_parse(address, AF_UNSPEC, &parsed), address);
    const Address local(parsed);
    const AddressObject object(::rtnl_addr_alloc());
    const int index = ::rtnl_link_get_ifindex(link_of(socket_, interface).get());
    ::rtnl_addr_set_ifindex(object.get(), index);
    must(::rtnl_addr_set_local(object.get(), local.get()), address);
    must(is_there ? ::rtnl_addr_add(socket_, object.get(), 0)
                  : ::rtnl_addr_delete(socket_, object.get(), 0),
         address);
}

void Network::add_address(const char *interface, const char *address) {
    change_address(interface, address, true);
}

void Network::remove_address(const char *interface, const char *address) {
    change_address(interface, address, false);
}

void Network::remove_interface(const char *interface) {
    must(::rtnl_link_delete(socket_, link_of(socket_, interface).get()), interface);
}

}  // namespace verbs_test
