// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Messages are only looked at for the interface that they are about: what it is like after a burst
// of them, or after some were lost, is asked for as a whole.
#include "control/interface_watch.hpp"

#include "link/process.hpp"

#include <linux/rtnetlink.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>

#include <cerrno>
#include <string>

namespace soft {

using verbs::fail;
using verbs::Result;

namespace {

// The index of the interface that a message is about, or 0.
int subject_of(nl_msg *message) noexcept {
    nlmsghdr *header = ::nlmsg_hdr(message);
    switch (header->nlmsg_type) {
    case RTM_NEWLINK:
    case RTM_DELLINK:
        if (::nlmsg_valid_hdr(header, sizeof(ifinfomsg)) == 0) return 0;
        return static_cast<ifinfomsg *>(::nlmsg_data(header))->ifi_index;
    case RTM_NEWADDR:
    case RTM_DELADDR:
        if (::nlmsg_valid_hdr(header, sizeof(ifaddrmsg)) == 0) return 0;
        return static_cast<int>(static_cast<ifaddrmsg *>(::nlmsg_data(header))->ifa_index);
    default:
        return 0;
    }
}

}  // namespace

void InterfaceWatch::Close::operator()(nl_sock *socket) const noexcept {
    ::nl_socket_free(socket);
}

Result<std::unique_ptr<InterfaceWatch>> InterfaceWatch::open(Process &process, int index) {
    std::unique_ptr<InterfaceWatch> watch(new InterfaceWatch(process, index));
    watch->socket_.reset(::nl_socket_alloc());
    nl_sock *socket = watch->socket_.get();
    if (socket == nullptr) return fail(ENOMEM, "netlink socket");
    // Changes are nobody's answer, so they are numbered by nobody.
    ::nl_socket_disable_seq_check(socket);
    int code = ::nl_connect(socket, NETLINK_ROUTE);
    if (code == 0)
        code = ::nl_socket_add_memberships(socket, RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR,
                                           RTNLGRP_IPV6_IFADDR, 0);
    if (code == 0) code = ::nl_socket_set_nonblocking(socket);
    if (code != 0)
        return fail(EIO, std::string("watching network interfaces: ") + ::nl_geterror(code));
    ::nl_socket_modify_cb(
        socket, NL_CB_VALID, NL_CB_CUSTOM,
        [](nl_msg *message, void *self) -> int {
            auto &own = *static_cast<InterfaceWatch *>(self);
            if (subject_of(message) == own.index_) own.concerns_us_ = true;
            return NL_OK;
        },
        watch.get());
    return watch;
}

InterfaceWatch::~InterfaceWatch() {
    if (is_started_) process_->unattend(::nl_socket_get_fd(socket_.get()));
}

Result<void> InterfaceWatch::start(std::function<void()> changed) {
    changed_ = std::move(changed);
    VERBS_CHECK(process_->attend(::nl_socket_get_fd(socket_.get()), [this] { listen(); }));
    is_started_ = true;
    return {};
}

void InterfaceWatch::listen() noexcept {
    concerns_us_ = false;
    int code = 0;
    while ((code = ::nl_recvmsgs_default(socket_.get())) >= 0) {
    }
    // NLE_NOMEM is how libnl tells ENOBUFS: more changed than the socket could hold.
    if (code != -NLE_AGAIN) concerns_us_ = true;
    if (concerns_us_) changed_();
}

}  // namespace soft
