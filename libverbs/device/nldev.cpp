// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// The conversation itself, by libnl3. The kernel has queued its answer when a request has been
// sent, so nothing here waits.
#include "device/nldev.hpp"

#include <netlink/attr.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>
#include <rdma/rdma_netlink.h>

#include <cstring>

namespace verbs::device {
namespace {

struct FreeSocket {
    void operator()(nl_sock *socket) const noexcept { ::nl_socket_free(socket); }
};
struct FreeMessage {
    void operator()(nl_msg *message) const noexcept { ::nlmsg_free(message); }
};
using Message = std::unique_ptr<nl_msg, FreeMessage>;

// The kernel puts no more than this into a datagram, unless somebody reads with more room.
constexpr std::size_t kMaxDatagram = 8 * 1024;
// How often the list may change under our eyes before it is taken as it is.
constexpr int kMaxRounds = 4;

Failure refused(const char *what, int libnl_code) {
    return fail(EIO, std::string("RDMA netlink: ") + what + ": " + ::nl_geterror(libnl_code));
}

Failure out_of_memory() {
    return fail(ENOMEM, "RDMA netlink: out of memory");
}

// A request without attributes, or nullptr. libnl's own way takes a page for each, and clears it.
Message request_for(int command, int flags) {
    constexpr std::size_t kRoom = 64;  // the header and two short attributes
    Message request(::nlmsg_alloc_size(kRoom));
    if (request == nullptr ||
        ::nlmsg_put(request.get(), NL_AUTO_PORT, NL_AUTO_SEQ,
                    RDMA_NL_GET_TYPE(RDMA_NL_NLDEV, command), 0, flags) == nullptr)
        return nullptr;
    return request;
}

// What the callbacks of libnl leave behind.
struct Inbox {
    std::vector<NetlinkMessage> messages;
    int kernel_error = 0;  // a positive errno value
    bool is_short_of_memory = false;

    static int keep(nl_msg *message, void *self) noexcept {
        auto &inbox = *static_cast<Inbox *>(self);
        const nlmsghdr *header = ::nlmsg_hdr(message);
        const auto *bytes = reinterpret_cast<const std::byte *>(header);
        try {
            inbox.messages.emplace_back(bytes, bytes + header->nlmsg_len);
        } catch (...) {
            inbox.is_short_of_memory = true;  // no exception may cross libnl's frames
        }
        return NL_OK;
    }
    static int note_error(sockaddr_nl *, nlmsgerr *error, void *self) noexcept {
        static_cast<Inbox *>(self)->kernel_error = -error->error;
        return NL_STOP;
    }
};

class Conversation final : public Nldev {
public:
    [[nodiscard]] Result<void> open() {
        socket_.reset(::nl_socket_alloc());
        if (socket_ == nullptr) return out_of_memory();
        nl_sock *socket = socket_.get();
        // Each request has an answer: nobody has to confirm it as well, or to measure it first.
        ::nl_socket_disable_auto_ack(socket);
        ::nl_socket_disable_msg_peek(socket);
        ::nl_socket_set_msg_buf_size(socket, kMaxDatagram);
        if (const int code = ::nl_connect(socket, NETLINK_RDMA); code < 0)
            return refused("no connection", code);
        return {};
    }

    Result<std::vector<NetlinkMessage>> devices() override {
        for (int round = 1;; ++round) {
            const auto request = request_for(RDMA_NLDEV_CMD_GET, NLM_F_DUMP);
            if (request == nullptr) return out_of_memory();
            if (const int sent = ::nl_send_auto(socket_.get(), request.get()); sent < 0)
                return refused("the list of devices", sent);
            Inbox inbox;
            const int code = receive(inbox);
            if (code == -NLE_DUMP_INTR && round < kMaxRounds) continue;
            if (code < 0 && code != -NLE_DUMP_INTR)
                return failed(inbox, "the list of devices", code);
            return std::move(inbox.messages);
        }
    }

    Result<NetlinkMessage> uverbs_of(std::uint32_t index) override {
        const auto request = request_for(RDMA_NLDEV_CMD_GET_CHARDEV, 0);
        if (request == nullptr ||
            ::nla_put_string(request.get(), RDMA_NLDEV_ATTR_CHARDEV_TYPE, "uverbs") < 0 ||
            ::nla_put_u32(request.get(), RDMA_NLDEV_ATTR_DEV_INDEX, index) < 0)
            return out_of_memory();
        if (const int sent = ::nl_send_auto(socket_.get(), request.get()); sent < 0)
            return refused("the uverbs device", sent);
        Inbox inbox;
        if (const int code = receive(inbox); code < 0)
            return failed(inbox, "the uverbs device", code);
        if (inbox.messages.empty()) return fail(EBADMSG, "RDMA netlink: there is no answer");
        return std::move(inbox.messages.front());
    }

private:
    int receive(Inbox &inbox) {
        ::nl_socket_modify_cb(socket_.get(), NL_CB_VALID, NL_CB_CUSTOM, &Inbox::keep, &inbox);
        ::nl_socket_modify_err_cb(socket_.get(), NL_CB_CUSTOM, &Inbox::note_error, &inbox);
        const int code = ::nl_recvmsgs_default(socket_.get());
        return inbox.is_short_of_memory ? -NLE_NOMEM : code;
    }

    static Failure failed(const Inbox &inbox, const char *what, int libnl_code) {
        if (inbox.kernel_error <= 0) return refused(what, libnl_code);
        return fail(inbox.kernel_error, std::string("RDMA netlink: ") + what + ": " +
                                            std::strerror(inbox.kernel_error));
    }

    std::unique_ptr<nl_sock, FreeSocket> socket_;
};

}  // namespace

Result<std::unique_ptr<Nldev>> open_nldev() {
    auto conversation = std::make_unique<Conversation>();
    VERBS_CHECK(conversation->open());
    return Result<std::unique_ptr<Nldev>>(std::move(conversation));
}

}  // namespace verbs::device
