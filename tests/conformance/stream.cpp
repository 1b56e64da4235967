// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Message n of a stream has a length and a content that follow from n, and comes as the n-th.
#include "stream.hpp"

#include <stdexcept>

namespace verbs_test {

namespace {

constexpr uint32_t kDepth = 16;  // messages under way
constexpr uint32_t kSlot = 1 << 15;
constexpr size_t kInboxes = size_t{kDepth} * kSlot;

// Short ones that travel with the request, and long ones that do not.
uint32_t length_of(uint32_t number) {
    return number % 3 == 0 ? 20000 + number % 1000 : 1 + number % 200;
}

size_t slot_of(uint32_t number) {
    return size_t{number % kDepth} * kSlot;
}

[[noreturn]] void fail(const std::string &what, uint32_t number) {
    throw std::runtime_error(what + ", message " + std::to_string(number));
}

// The next completion if there is one; a failure is thrown.
bool take(ibv_cq *cq, uint64_t expected) {
    ibv_wc wc{};
    const int taken = ibv_poll_cq(cq, 1, &wc);
    if (taken < 0) throw std::runtime_error("ibv_poll_cq failed");
    if (taken == 0) return false;
    if (const auto result = ended(wc, expected, IBV_WC_SUCCESS); !result) {
        throw std::runtime_error(result.message());
    }
    return true;
}

}  // namespace

SideOptions stream_options() {
    SideOptions options;
    options.memory = 2 * kInboxes;
    // A peer that is stopped has not failed, and its receives were posted before.
    options.path.timeout = 14;  // 67 ms
    options.path.retry_cnt = 7;
    return options;
}

void StreamSender::pump() {
    while (completed_ < posted_ && take(side_->send_cq(), completed_)) {
        ++completed_;
    }
    while (posted_ < count_ && posted_ - completed_ < kDepth) {
        const size_t at = kInboxes + slot_of(posted_);
        side_->store(at, pattern(posted_, length_of(posted_)));
        if (side_->post_send(make_send(posted_, {{at, length_of(posted_)}})) != 0) {
            fail("a send was refused", posted_);
        }
        ++posted_;
    }
}

void StreamReceiver::pump() {
    while (posted_ < count_ && posted_ - completed_ < kDepth) {
        if (side_->post_recv(posted_, {{slot_of(posted_), kSlot}}) != 0) {
            fail("a receive was refused", posted_);
        }
        ++posted_;
    }
    while (completed_ < posted_ && take(side_->recv_cq(), completed_)) {
        const uint32_t length = length_of(completed_);
        if (side_->load(slot_of(completed_), length) != pattern(completed_, length)) {
            fail("wrong content", completed_);
        }
        ++completed_;
    }
}

void StreamWriter::pump() {
    if (is_done()) return;
    const uint32_t length = length_of(completed_);
    if (!is_posted_) {
        side_->store(kInboxes, pattern(completed_, length));
        const Sending write = make_write(0, {{kInboxes, length}}, target_);
        const Sending read = make_read(1, {{0, length}}, target_);
        if (side_->post_send(write.unsignaled()) != 0 || side_->post_send(read) != 0) {
            fail("a request was refused", completed_);
        }
        is_posted_ = true;
    }
    if (!take(side_->send_cq(), 1)) return;
    if (side_->load(0, length) != pattern(completed_, length)) fail("wrong content", completed_);
    is_posted_ = false;
    ++completed_;
}

void serve_stream(Exchange &exchange) {
    const auto plan = exchange.receive_value<StreamPlan>();
    const Context context = open_device();
    LocalSide side(context.get(), stream_options());
    exchange.send_value(side.address());
    exchange.send_value(side.memory());
    side.connect(exchange.receive_value<QpAddress>());
    StreamReceiver receiver(side, plan.part == Part::kReceives ? plan.count : 0);
    StreamSender sender(side, plan.part == Part::kSends ? plan.count : 0);
    receiver.pump();
    exchange.send_value(true);
    exchange.receive_value<bool>();
    const bool all = eventually(
        [&] {
            receiver.pump();
            sender.pump();
            return receiver.is_done() && sender.is_done();
        },
        patience(120s));
    if (!all) throw std::runtime_error("the stream did not come to its end");
    exchange.send_value(true);
    exchange.receive_value<bool>(patience(120s));
}

}  // namespace verbs_test
