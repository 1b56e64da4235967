// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "datagram_stream.hpp"

#include <cstring>
#include <stdexcept>

namespace verbs_test {

uint32_t length_of(const DatagramMark &mark) {
    constexpr uint32_t kLeast = sizeof(DatagramMark);
    return kLeast + (mark.number * 37 + mark.sender * 11) % (kMostOfADatagram - kLeast + 1);
}

std::vector<uint8_t> contents_of(const DatagramMark &mark) {
    auto bytes = pattern(mark.sender << 16 ^ mark.number, length_of(mark));
    std::memcpy(bytes.data(), &mark, sizeof mark);
    return bytes;
}

namespace {

// As many requests are under way as the queue takes; each has a place of its own in the region.
class DatagramSender {
public:
    DatagramSender(ibv_context *context, uint32_t number)
        : number_(number), side_(context, options()) {
        side_.connect({});
    }
    // True as long as there is more to do.
    bool step(const std::vector<QpAddress> &receivers, uint32_t count) {
        std::array<ibv_wc, 8> wcs{};
        const int done = ibv_poll_cq(side_.send_cq(), 8, wcs.data());
        for (int i = 0; i < done; ++i)
            if (wcs.at(static_cast<size_t>(i)).status != IBV_WC_SUCCESS)
                throw std::runtime_error("a datagram failed");
        completed_ += static_cast<uint32_t>(std::max(done, 0));
        const auto all = count * static_cast<uint32_t>(receivers.size());
        if (posted_ < all && posted_ - completed_ < kUnderWay) post(receivers);
        return completed_ < all;
    }

private:
    static constexpr uint32_t kUnderWay = 32;
    static SideOptions options() {
        SideOptions options;
        options.type = IBV_QPT_UD;
        options.memory = size_t{kUnderWay} * kMostOfADatagram;
        return options;
    }
    void post(const std::vector<QpAddress> &receivers) {
        const auto ways = static_cast<uint32_t>(receivers.size());
        const DatagramMark mark{number_, posted_ / ways};
        const uint64_t place = uint64_t{posted_ % kUnderWay} * kMostOfADatagram;
        side_.store(static_cast<size_t>(place), contents_of(mark));
        const Sending request = make_send(posted_, {{place, length_of(mark)}});
        if (side_.post_send(request.to(receivers[posted_ % ways], PathOptions().qkey)) != 0)
            throw std::runtime_error("a datagram was refused");
        ++posted_;
    }

    uint32_t number_;
    LocalSide side_;
    uint32_t posted_ = 0;
    uint32_t completed_ = 0;
};

}  // namespace

void serve_datagram_stream(Exchange &exchange) {
    const auto plan = exchange.receive_value<DatagramPlan>();
    const auto receivers = exchange.receive().take_all<QpAddress>();
    const Context context = open_device();
    std::vector<std::unique_ptr<DatagramSender>> senders;
    for (uint32_t number = 0; number < plan.senders; ++number)
        senders.push_back(std::make_unique<DatagramSender>(context.get(), number));
    for (bool goes_on = true; goes_on;) {
        goes_on = false;
        for (const auto &sender : senders)
            goes_on = sender->step(receivers, plan.count) || goes_on;
    }
    exchange.send_value(true);
    exchange.receive_value<bool>(patience(60s));  // what is under way is read until here
}

}  // namespace verbs_test
