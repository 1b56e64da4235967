// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Many datagrams of another process to several queue pairs that have few receives: some may be lost
// where nobody is ready for them, but what comes is whole, comes once, and in its order.
#include "datagram_stream.hpp"

#include <poll.h>

#include <cstring>
#include <map>

namespace {

using namespace verbs_test;

constexpr uint32_t kSenders = 4;
constexpr uint32_t kReceivers = 4;
constexpr uint32_t kReceives = 8;
constexpr uint32_t kGrh = 40;
constexpr uint32_t kPlace = kGrh + kMostOfADatagram;

// Counts what comes to one queue pair.
class DatagramReceiver {
public:
    explicit DatagramReceiver(ibv_context *context) : side_(context, options()) {
        side_.connect({});
        for (uint64_t id = 0; id < kReceives; ++id)
            post(id);
    }
    QpAddress address() { return side_.address(); }
    // True when something came.
    bool step() {
        ibv_wc wc{};
        if (ibv_poll_cq(side_.recv_cq(), 1, &wc) != 1) return false;
        judge(wc);
        post(wc.wr_id);
        return true;
    }
    [[nodiscard]] uint32_t came() const { return came_; }

private:
    static SideOptions options() {
        SideOptions options;
        options.type = IBV_QPT_UD;
        options.memory = size_t{kReceives} * kPlace;
        return options;
    }
    void post(uint64_t id) { EXPECT_EQ(side_.post_recv(id, {{id * kPlace, kPlace}}), 0); }
    void judge(const ibv_wc &wc) {
        ASSERT_EQ(wc.status, IBV_WC_SUCCESS);
        ASSERT_GE(wc.byte_len, kGrh + sizeof(DatagramMark));
        const auto bytes =
            side_.load(static_cast<size_t>(wc.wr_id) * kPlace + kGrh, wc.byte_len - kGrh);
        DatagramMark mark;
        std::memcpy(&mark, bytes.data(), sizeof mark);
        ASSERT_LT(mark.sender, kSenders);
        ASSERT_EQ(bytes, contents_of(mark)) << "number " << mark.number << " of " << mark.sender;
        const auto [from, is_new] = senders_.emplace(mark.sender, wc.src_qp);
        ASSERT_EQ(from->second, wc.src_qp);
        uint32_t &next = next_[mark.sender];
        ASSERT_GE(mark.number, next) << "again, or behind a later one";
        next = mark.number + 1;
        ++came_;
    }

    LocalSide side_;
    std::map<uint32_t, uint32_t> senders_;  // their queue pairs
    std::map<uint32_t, uint32_t> next_;     // the lowest number that may come, by sender
    uint32_t came_ = 0;
};

bool is_readable(int fd) {
    pollfd entry{fd, POLLIN, 0};
    return ::poll(&entry, 1, 0) == 1;
}

class DatagramStream : public DeviceTest {};

TEST_F(DatagramStream, BringsWhatComesWholeOnceAndInOrder) {
    std::vector<std::unique_ptr<DatagramReceiver>> receivers;
    std::vector<QpAddress> addresses;
    for (uint32_t i = 0; i < kReceivers; ++i) {
        receivers.push_back(std::make_unique<DatagramReceiver>(context()));
        addresses.push_back(receivers.back()->address());
    }
    const DatagramPlan plan{kSenders, static_cast<uint32_t>(iterations(300))};
    PeerProcess peer("datagram-stream");
    peer.exchange().send_value(plan);
    Message message;
    peer.exchange().send(message.put_all(std::span<const QpAddress>(addresses)));
    const auto step = [&] {
        bool came = false;
        for (const auto &receiver : receivers)
            came = receiver->step() || came;
        return came;
    };
    ASSERT_TRUE(eventually(
        [&] {
            step();
            return HasFailure() || is_readable(peer.exchange().fd());
        },
        patience(60s)));
    if (HasFailure()) return;
    peer.exchange().receive_value<bool>();
    while (eventually(step, kQuiet)) {
    }
    for (const auto &receiver : receivers)
        EXPECT_GT(receiver->came(), 0u);
    peer.exchange().send_value(true);
    EXPECT_TRUE(peer.ends_well());
}

}  // namespace
