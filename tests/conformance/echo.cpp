// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// One player of the ping-pong: its queue pair, its way of waiting, and a check of every message.
#include "echo.hpp"

#include <fcntl.h>
#include <poll.h>

#include <optional>
#include <stdexcept>

namespace verbs_test {

namespace {

constexpr size_t kGrh = 40;

// Takes one completion, by polling or by sleeping on the channel.
class Waiter {
public:
    explicit Waiter(ibv_comp_channel *channel) : channel_(channel) {}

    ibv_wc next(ibv_cq *cq) const {
        if (channel_ == nullptr) return collect_one(cq);
        const Deadline deadline;
        for (bool is_armed = false;; is_armed = !is_armed) {
            ibv_wc wc{};
            if (ibv_poll_cq(cq, 1, &wc) == 1) return wc;
            if (is_armed) {
                take_event(deadline);
            } else if (ibv_req_notify_cq(cq, 0) != 0) {
                throw std::runtime_error("ibv_req_notify_cq failed");
            }
        }
    }

private:
    void take_event(const Deadline &deadline) const {
        if (!wait_readable(channel_->fd, Milliseconds(deadline.left_ms()))) {
            throw std::runtime_error("no completion event in time");
        }
        ibv_cq *cq = nullptr;
        void *context = nullptr;
        if (ibv_get_cq_event(channel_, &cq, &context) != 0) give_up("ibv_get_cq_event");
        ibv_ack_cq_events(cq, 1);
    }

    ibv_comp_channel *channel_;
};

void expect(bool claim, const char *what) {
    if (!claim) throw std::runtime_error(what);
}

SideOptions side_options(const PingPong &game) {
    SideOptions options;
    options.type = game.type;
    options.memory = 2 * (kGrh + size_t{game.size});
    return options;
}

}  // namespace

bool wait_readable(int fd, Milliseconds limit) {
    const Deadline deadline(limit);
    for (;;) {
        pollfd entry{fd, POLLIN, 0};
        const int ready = ::poll(&entry, 1, deadline.left_ms());
        if (ready > 0) return (entry.revents & POLLIN) != 0;
        if (ready == 0) return false;
    }
}

void make_nonblocking(int fd) {
    const int flags = ::fcntl(fd, F_GETFL);
    if (flags < 0 || ::fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0) give_up("fcntl");
}

void play_ping_pong(ibv_context *context, Exchange &exchange, const PingPong &game, bool begins) {
    std::optional<Channel> channel;
    if (game.sleeps != 0) channel = create_channel(context);
    ibv_comp_channel *raw_channel = channel ? channel->get() : nullptr;
    LocalSide side(context, side_options(game), raw_channel);
    const Waiter waiter(raw_channel);

    const size_t head = game.type == IBV_QPT_UD ? kGrh : 0;
    const auto whole = static_cast<uint32_t>(head + game.size);
    const Slice inbox{0, whole};
    const Slice outbox{whole, game.size};
    exchange.send_value(side.address());
    const auto peer = exchange.receive_value<QpAddress>();
    side.connect(peer);
    expect(side.post_recv(0, {inbox}) == 0, "the first receive was refused");
    exchange.send_value(true);
    exchange.receive_value<bool>();

    const auto say = [&](uint64_t round) {
        side.store(outbox.offset, pattern(static_cast<uint32_t>(2 * round + begins), game.size));
        const Sending message = make_send(round, {outbox}).to(peer, PathOptions().qkey);
        expect(side.post_send(message) == 0, "a send was refused");
        const ibv_wc wc = waiter.next(side.send_cq());
        expect(succeeded(wc, round, IBV_WC_SEND), "a send failed");
    };
    const auto hear = [&](uint64_t round) {
        const ibv_wc wc = waiter.next(side.recv_cq());
        expect(succeeded(wc, round, IBV_WC_RECV), "a receive failed");
        expect(wc.byte_len == whole, "a message has the wrong length");
        expect(side.load(head, game.size) ==
                   pattern(static_cast<uint32_t>(2 * round + !begins), game.size),
               "a message has the wrong content");
        expect(side.post_recv(round + 1, {inbox}) == 0, "a receive was refused");
    };
    for (uint64_t round = 0; round < static_cast<uint64_t>(game.rounds); ++round) {
        if (begins) say(round);
        hear(round);
        if (!begins) say(round);
    }
    // Neither takes its queue pair away while the other may still wait for an acknowledgement.
    exchange.send_value(true);
    exchange.receive_value<bool>();
}

void serve_echo(Exchange &exchange) {
    const auto game = exchange.receive_value<PingPong>();
    const Context context = open_device();
    play_ping_pong(context.get(), exchange, game, false);
}

}  // namespace verbs_test
