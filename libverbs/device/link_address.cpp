// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "device/link_address.hpp"

#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <memory>
#include <string>

namespace verbs::device {
namespace {

using Clock = std::chrono::steady_clock;

constexpr auto kPatience = std::chrono::seconds(3);  // as long as the kernel asks for a neighbour
constexpr uint16_t kDiscardPort = 9;
constexpr unsigned kKnown =
    NUD_REACHABLE | NUD_STALE | NUD_DELAY | NUD_PROBE | NUD_PERMANENT | NUD_NOARP;

struct FreeSocket {
    void operator()(nl_sock *socket) const noexcept { ::nl_socket_free(socket); }
};
struct FreeMessage {
    void operator()(nl_msg *message) const noexcept { ::nlmsg_free(message); }
};
using Socket = std::unique_ptr<nl_sock, FreeSocket>;
using Message = std::unique_ptr<nl_msg, FreeMessage>;

// A GID as an IP address.
struct Address {
    int family = AF_INET6;
    uint8_t bytes[16] = {};
    int size = 16;

    explicit Address(const ibv_gid &gid) {
        static constexpr uint8_t kMapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
        if (std::memcmp(gid.raw, kMapped, sizeof kMapped) == 0) {
            family = AF_INET;
            size = 4;
            std::memcpy(bytes, gid.raw + 12, 4);
        } else {
            std::memcpy(bytes, gid.raw, 16);
        }
    }
};

// Groups have addresses by rule (RFC 1112, RFC 2464).
bool is_group(const Address &address, LinkAddress &mac) {
    if (address.family == AF_INET && (address.bytes[0] & 0xf0) == 0xe0) {
        mac = {0x01,
               0x00,
               0x5e,
               static_cast<uint8_t>(address.bytes[1] & 0x7f),
               address.bytes[2],
               address.bytes[3]};
        return true;
    }
    if (address.family == AF_INET6 && address.bytes[0] == 0xff) {
        mac[0] = mac[1] = 0x33;
        std::memcpy(mac.data() + 2, address.bytes + 12, 4);
        return true;
    }
    return false;
}

// The answer to one question: a copy of the message, or an errno value.
struct Answer {
    Message message;
    int code = 0;

    static int keep(nl_msg *message, void *self) noexcept {
        auto &answer = *static_cast<Answer *>(self);
        if (answer.message == nullptr) {
            ::nlmsg_get(message);
            answer.message.reset(message);
        }
        return NL_OK;
    }
    static int note_error(sockaddr_nl *, nlmsgerr *error, void *self) noexcept {
        static_cast<Answer *>(self)->code = -error->error;
        return NL_STOP;
    }
};

Socket connect_route() {
    Socket socket(::nl_socket_alloc());
    if (socket == nullptr) return nullptr;
    ::nl_socket_disable_auto_ack(socket.get());
    if (::nl_connect(socket.get(), NETLINK_ROUTE) < 0) return nullptr;
    return socket;
}

Answer ask(nl_sock *socket, nl_msg *question) {
    Answer answer;
    ::nl_socket_modify_cb(socket, NL_CB_VALID, NL_CB_CUSTOM, &Answer::keep, &answer);
    ::nl_socket_modify_err_cb(socket, NL_CB_CUSTOM, &Answer::note_error, &answer);
    const bool is_over =
        ::nl_send_auto(socket, question) >= 0 && ::nl_recvmsgs_default(socket) >= 0;
    if (answer.code == 0 && (!is_over || answer.message == nullptr)) answer.code = EIO;
    return answer;
}

template <class Header>
Message question_with(int type, const Header &header) {
    Message question(::nlmsg_alloc_simple(type, NLM_F_REQUEST));
    Header copy = header;
    if (question && ::nlmsg_append(question.get(), &copy, sizeof copy, NLMSG_ALIGNTO) < 0)
        question.reset();
    return question;
}

bool put(nl_msg *question, int attribute, const Address &address) {
    return ::nla_put(question, attribute, address.size, address.bytes) == 0;
}

// The attributes of an answer whose own header is `header_size` long.
template <std::size_t Size>
int attributes_of(const Answer &answer, int header_size, nlattr *(&attributes)[Size]) {
    if (answer.code != 0) return answer.code;
    return ::nlmsg_parse(::nlmsg_hdr(answer.message.get()), header_size, attributes, Size - 1,
                         nullptr) < 0
               ? EBADMSG
               : 0;
}

bool take_mac(const nlattr *attribute, LinkAddress &mac) {
    if (attribute == nullptr || ::nla_len(attribute) != static_cast<int>(mac.size())) return false;
    std::memcpy(mac.data(), ::nla_data(attribute), mac.size());
    return true;
}

Answer ask_link(nl_sock *socket, uint32_t interface) {
    ifinfomsg header{};
    header.ifi_index = static_cast<int>(interface);
    const Message question = question_with(RTM_GETLINK, header);
    if (question == nullptr) return {nullptr, ENOMEM};
    return ask(socket, question.get());
}

int own_mac(nl_sock *socket, uint32_t interface, LinkAddress &mac) {
    const Answer answer = ask_link(socket, interface);
    nlattr *attributes[IFLA_MAX + 1];
    if (const int code = attributes_of(answer, sizeof(ifinfomsg), attributes)) return code;
    return take_mac(attributes[IFLA_ADDRESS], mac) ? 0 : EADDRNOTAVAIL;
}

struct Route {
    bool is_local = false;  // the destination is an address of this host
    Address hop;            // who is to be asked on the way there
};

// The kernel's choice; through one interface and from one address where `source` is given.
int find_route(nl_sock *socket, const Address &destination, const Address *source,
               uint32_t interface, Route &route) {
    rtmsg header{};
    header.rtm_family = static_cast<unsigned char>(destination.family);
    header.rtm_dst_len = static_cast<unsigned char>(destination.size * 8);
    if (source != nullptr) header.rtm_src_len = static_cast<unsigned char>(source->size * 8);
    const Message question = question_with(RTM_GETROUTE, header);
    if (question == nullptr || !put(question.get(), RTA_DST, destination)) return ENOMEM;
    if (source != nullptr && (!put(question.get(), RTA_SRC, *source) ||
                              ::nla_put_u32(question.get(), RTA_OIF, interface) != 0))
        return ENOMEM;
    const Answer answer = ask(socket, question.get());
    nlattr *attributes[RTA_MAX + 1];
    if (const int code = attributes_of(answer, sizeof(rtmsg), attributes)) return code;
    const auto *found = static_cast<const rtmsg *>(::nlmsg_data(::nlmsg_hdr(answer.message.get())));
    route.is_local = found->rtm_type == RTN_LOCAL;
    route.hop = destination;
    const nlattr *gateway = attributes[RTA_GATEWAY];
    if (gateway != nullptr && ::nla_len(gateway) == destination.size)
        std::memcpy(route.hop.bytes, ::nla_data(gateway),
                    static_cast<std::size_t>(destination.size));
    return 0;
}

// 0, ENOENT while the neighbour is not known, EHOSTUNREACH when it does not answer.
int look_up(nl_sock *socket, uint32_t interface, const Address &hop, LinkAddress &mac) {
    ndmsg header{};
    header.ndm_family = static_cast<__u8>(hop.family);
    header.ndm_ifindex = static_cast<__s32>(interface);
    const Message question = question_with(RTM_GETNEIGH, header);
    if (question == nullptr || !put(question.get(), NDA_DST, hop)) return ENOMEM;
    const Answer answer = ask(socket, question.get());
    nlattr *attributes[NDA_MAX + 1];
    if (const int code = attributes_of(answer, sizeof(ndmsg), attributes)) return code;
    const auto *found = static_cast<const ndmsg *>(::nlmsg_data(::nlmsg_hdr(answer.message.get())));
    if ((found->ndm_state & NUD_FAILED) != 0) return EHOSTUNREACH;
    const bool is_known = (found->ndm_state & kKnown) != 0;
    return is_known && take_mac(attributes[NDA_LLADDR], mac) ? 0 : ENOENT;
}

// Makes the kernel ask for the neighbour: it has something to send there now.
void send_something(uint32_t interface, const Address &hop) {
    const int socket = ::socket(hop.family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (socket < 0) return;
    const char nothing = 0;
    if (hop.family == AF_INET) {
        const in_addr_t any_on_interface = htonl(interface);
        ::setsockopt(socket, IPPROTO_IP, IP_UNICAST_IF, &any_on_interface, sizeof any_on_interface);
        sockaddr_in to{};
        to.sin_family = AF_INET;
        to.sin_port = htons(kDiscardPort);
        std::memcpy(&to.sin_addr, hop.bytes, sizeof to.sin_addr);
        ::sendto(socket, &nothing, 1, 0, reinterpret_cast<sockaddr *>(&to), sizeof to);
    } else {
        sockaddr_in6 to{};
        to.sin6_family = AF_INET6;
        to.sin6_port = htons(kDiscardPort);
        to.sin6_scope_id = interface;
        std::memcpy(&to.sin6_addr, hop.bytes, sizeof to.sin6_addr);
        ::sendto(socket, &nothing, 1, 0, reinterpret_cast<sockaddr *>(&to), sizeof to);
    }
    ::close(socket);
}

// Waits for any change among neighbours; false when `until` has passed.
bool wait_for_change(nl_sock *changes, Clock::time_point until) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(until - Clock::now()).count();
    if (left <= 0) return false;
    pollfd entry{::nl_socket_get_fd(changes), POLLIN, 0};
    if (::poll(&entry, 1, static_cast<int>(left)) != 1) return false;
    ::nl_recvmsgs_default(changes);
    return true;
}

int find_neighbour(nl_sock *socket, uint32_t interface, const Address &hop, LinkAddress &mac) {
    if (const int code = look_up(socket, interface, hop, mac); code == 0) return 0;
    // From here on no change is missed.
    const Socket changes = connect_route();
    if (changes == nullptr) return EIO;
    ::nl_socket_disable_seq_check(changes.get());
    if (::nl_socket_add_memberships(changes.get(), RTNLGRP_NEIGH, 0) < 0) return EIO;
    send_something(interface, hop);
    const auto until = Clock::now() + kPatience;
    for (;;) {
        const int code = look_up(socket, interface, hop, mac);
        if (code != ENOENT) return code;
        if (!wait_for_change(changes.get(), until)) return EHOSTUNREACH;
    }
}

int find_link_address(std::uint32_t interface, const Address &here, const Address &there,
                      LinkAddress &mac) {
    if (is_group(there, mac)) return 0;
    if (there.family != here.family) return EAFNOSUPPORT;
    const Socket socket = connect_route();
    if (socket == nullptr) return EIO;
    // Told of an interface, the kernel sees its own addresses, and networks without a route, on it.
    Route route{false, there};
    if (const int code = find_route(socket.get(), there, nullptr, 0, route)) return code;
    if (route.is_local) return own_mac(socket.get(), interface, mac);
    if (const int code = find_route(socket.get(), there, &here, interface, route)) return code;
    return find_neighbour(socket.get(), interface, route.hop, mac);
}

int find_vlan(std::uint32_t interface, std::uint16_t &vlan) {
    const Socket socket = connect_route();
    if (socket == nullptr) return EIO;
    const Answer answer = ask_link(socket.get(), interface);
    nlattr *attributes[IFLA_MAX + 1];
    if (const int code = attributes_of(answer, sizeof(ifinfomsg), attributes)) return code;
    nlattr *info[IFLA_INFO_MAX + 1] = {};
    nlattr *data[IFLA_VLAN_MAX + 1] = {};
    const auto parse = [](nlattr **parts, int most, nlattr *whole) {
        return whole != nullptr && ::nla_parse_nested(parts, most, whole, nullptr) >= 0;
    };
    const bool is_vlan = parse(info, IFLA_INFO_MAX, attributes[IFLA_LINKINFO]) &&
                         info[IFLA_INFO_KIND] != nullptr &&
                         ::nla_strcmp(info[IFLA_INFO_KIND], "vlan") == 0 &&
                         parse(data, IFLA_VLAN_MAX, info[IFLA_INFO_DATA]);
    if (is_vlan && data[IFLA_VLAN_ID] != nullptr && ::nla_len(data[IFLA_VLAN_ID]) >= 2)
        vlan = ::nla_get_u16(data[IFLA_VLAN_ID]);
    return 0;
}

}  // namespace

Result<LinkAddress> resolve_link_address(std::uint32_t interface, const ibv_gid &source,
                                         const ibv_gid &destination) {
    LinkAddress mac{};
    if (const int code = find_link_address(interface, Address(source), Address(destination), mac))
        return fail(code, "no way to the GID on the Ethernet");
    return mac;
}

Result<std::uint16_t> vlan_of(std::uint32_t interface) {
    std::uint16_t vlan = kNoVlan;
    if (const int code = find_vlan(interface, vlan))
        return fail(code,
                    "the kernel tells nothing of network interface " + std::to_string(interface));
    return vlan;
}

}  // namespace verbs::device
