// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// The order of things on a connection, and that nothing is lost or doubled when much is going on.
#include "rc_test.hpp"

#include <deque>
#include <random>

namespace {

using namespace verbs_test;

class RcOrder : public RcTest {};
VERBS_TEST_EVERYWHERE(RcOrder);

TEST_P(RcOrder, ASendTellsThatTheWriteBeforeItIsThere) {
    connect();
    for (uint32_t i = 0; i < static_cast<uint32_t>(iterations(50)); ++i) {
        here().store(0, pattern(i, 5000));
        ASSERT_EQ(there().post_recv(i, {{0, 8}}), 0);
        ASSERT_EQ(here().post_send(make_write(i, {{0, 5000}}, there().at(8192)).unsignaled()), 0);
        ASSERT_EQ(here().post_send(make_send(i, {{0, 8}})), 0);
        ASSERT_TRUE(succeeded(there().received(), i, IBV_WC_RECV));
        ASSERT_EQ(there().load(8192, 5000), pattern(i, 5000));
        ASSERT_TRUE(succeeded(here().sent(), i, IBV_WC_SEND));
    }
}

TEST_P(RcOrder, AReadSeesTheWriteBeforeIt) {
    connect();
    here().store(0, pattern(1, 3000));
    ASSERT_EQ(here().post_send(make_write(1, {{0, 3000}}, there().at(0)).unsignaled()), 0);
    ASSERT_EQ(here().post_send(make_read(2, {{4096, 3000}}, there().at(0))), 0);
    ASSERT_TRUE(succeeded(here().sent(), 2, IBV_WC_RDMA_READ));
    EXPECT_EQ(here().load(4096, 3000), pattern(1, 3000));
}

TEST_P(RcOrder, AReadAfterASendSeesWhatTheSendBrought) {
    connect();
    here().store(0, pattern(2, 500));
    ASSERT_EQ(there().post_recv(1, {{1000, 500}}), 0);
    ASSERT_EQ(here().post_send(make_send(2, {{0, 500}}).unsignaled()), 0);
    ASSERT_EQ(here().post_send(make_read(3, {{2000, 500}}, there().at(1000))), 0);
    ASSERT_TRUE(succeeded(here().sent(), 3, IBV_WC_RDMA_READ));
    EXPECT_EQ(here().load(2000, 500), pattern(2, 500));
    EXPECT_TRUE(succeeded(there().received(), 1, IBV_WC_RECV));
}

TEST_P(RcOrder, AFencedSendCarriesWhatTheReadBeforeItBrought) {
    connect();
    for (uint32_t i = 0; i < static_cast<uint32_t>(iterations(20)); ++i) {
        there().store(0, pattern(i, 2000));
        ASSERT_EQ(there().post_recv(i, {{10000, 2000}}), 0);
        ASSERT_EQ(here().post_send(make_read(1, {{0, 2000}}, there().at(0)).unsignaled()), 0);
        ASSERT_EQ(here().post_send(make_send(2, {{0, 2000}}).with(IBV_SEND_FENCE)), 0);
        ASSERT_TRUE(succeeded(there().received(), i, IBV_WC_RECV));
        ASSERT_TRUE(succeeded(here().sent(), 2, IBV_WC_SEND));
        ASSERT_EQ(there().load(10000, 2000), pattern(i, 2000));
    }
}

TEST_P(RcOrder, MessagesFillReceivesOneByOneInTheOrderOfBoth) {
    connect();
    const uint32_t count = 50;
    for (uint32_t i = 0; i < count; ++i) {
        ASSERT_EQ(there().post_recv(100 + i, {{i * 1000, 1000}}), 0);
    }
    here().store(0, pattern(3, 2000));
    for (uint32_t i = 0; i < count; ++i) {
        ASSERT_EQ(here().post_send(make_send(i, {{i, 2 * i + 1}})), 0);
    }
    const std::vector<ibv_wc> received = there().received(count);
    const std::vector<ibv_wc> sent = here().sent(count);
    for (uint32_t i = 0; i < count; ++i) {
        EXPECT_TRUE(succeeded(received[i], 100 + i, IBV_WC_RECV));
        EXPECT_TRUE(succeeded(sent[i], i, IBV_WC_SEND));
        EXPECT_EQ(received[i].byte_len, 2 * i + 1);
        EXPECT_EQ(there().load(i * 1000, 2 * i + 1), here().load(i, 2 * i + 1));
    }
}

TEST_P(RcOrder, CompletionsComeInTheOrderOfPostingWhateverTheKinds) {
    connect();
    for (uint64_t i = 0; i < 30; ++i) {
        ASSERT_EQ(there().post_recv(i, {{0, 8}}), 0);
    }
    for (uint64_t i = 0; i < 30; i += 3) {
        ASSERT_EQ(here().post_send(make_read(i, {{0, 4000}}, there().at(0))), 0);
        ASSERT_EQ(here().post_send(make_write(i + 1, {{8000, 10}}, there().at(8000))), 0);
        ASSERT_EQ(here().post_send(make_send(i + 2, {{8000, 8}})), 0);
    }
    const std::vector<ibv_wc> sent = here().sent(30);
    static constexpr ibv_wc_opcode kOpcodes[] = {IBV_WC_RDMA_READ, IBV_WC_RDMA_WRITE, IBV_WC_SEND};
    for (uint64_t i = 0; i < 30; ++i) {
        EXPECT_TRUE(succeeded(sent[i], i, kOpcodes[i % 3]));
    }
    EXPECT_EQ(there().received(10).size(), 10u);
}

TEST_P(RcOrder, MoreReadsThanMayBeOutstandingWaitForTheirTurn) {
    SideOptions options;
    options.path.rd_atomic = 1;
    connect(options);
    there().store(0, pattern(4, 1 << 16));
    for (uint32_t i = 0; i < 60; ++i) {
        ASSERT_EQ(here().post_send(make_read(i, {{i * 1000, 1000}}, there().at(i * 1000))), 0);
    }
    const std::vector<ibv_wc> sent = here().sent(60);
    for (uint32_t i = 0; i < 60; ++i) {
        EXPECT_TRUE(succeeded(sent[i], i, IBV_WC_RDMA_READ));
    }
    EXPECT_EQ(here().load(0, 60000), pattern(4, 60000));
}

TEST_P(RcOrder, UnsignaledRequestsCompleteInSilence) {
    connect();
    for (uint64_t i = 0; i < 20; ++i) {
        ASSERT_EQ(there().post_recv(i, {{0, 8}}), 0);
        const Sending request = make_send(i, {{0, 8}});
        ASSERT_EQ(here().post_send(i % 5 == 4 ? request : request.unsignaled()), 0);
    }
    for (uint64_t i = 4; i < 20; i += 5) {
        EXPECT_TRUE(succeeded(here().sent(), i, IBV_WC_SEND));
    }
    EXPECT_EQ(there().received(20).size(), 20u);
    EXPECT_TRUE(is_empty(here().send_cq()));
}

TEST_P(RcOrder, UnsignaledRequestsCompleteAloudWhenTheQueuePairWantsAll) {
    SideOptions options;
    options.sq_sig_all = 1;
    connect(options);
    for (uint64_t i = 0; i < 5; ++i) {
        ASSERT_EQ(there().post_recv(i, {{0, 8}}), 0);
        ASSERT_EQ(here().post_send(make_send(i, {{0, 8}}).unsignaled()), 0);
    }
    for (uint64_t i = 0; i < 5; ++i) {
        EXPECT_TRUE(succeeded(here().sent(), i, IBV_WC_SEND));
    }
}

// A seeded mix with many requests under way. A model of the peer's memory says what has to be
// there at the end; what is read and received is compared on the way.
class RcMix : public RcTest {
protected:
    static constexpr uint32_t kSlot = 2048;
    static constexpr uint32_t kSlots = 16;
    static constexpr uint32_t kSendArea = 0;                 // here: data on its way out
    static constexpr uint32_t kReadArea = kSlot * kSlots;    // here: data read
    static constexpr uint32_t kRecvArea = 0;                 // there: messages
    static constexpr uint32_t kTargetArea = kSlot * kSlots;  // there: written and read

    struct Flight {
        uint64_t id;
        ibv_wr_opcode opcode;
        uint32_t slot;
        uint32_t start;
        std::vector<uint8_t> data;
        std::vector<uint8_t> expected_read;
    };

    void launch(uint64_t id) {
        std::uniform_int_distribution<uint32_t> lengths(0, kSlot);
        std::uniform_int_distribution<uint32_t> starts(0, kSlot * kSlots);
        std::uniform_int_distribution<int> kinds(0, 2);
        const auto slot = static_cast<uint32_t>(id % kSlots);
        uint32_t length = lengths(random_);
        const uint32_t start = std::min(starts(random_), kSlot * kSlots - length);
        Flight flight{id, IBV_WR_SEND, slot, start, {}, {}};
        const uint32_t out = kSendArea + slot * kSlot;
        const Slices pieces = {{out, length / 3}, {out + length / 3, length - length / 3}};
        const Slices data = length < 3 ? Slices{} : pieces;
        if (length < 3) length = 0;
        switch (kinds(random_)) {
        case 0:
            flight.data = pattern(static_cast<uint32_t>(id), length);
            here().store(out, flight.data);
            ASSERT_EQ(there().post_recv(id, {{kRecvArea + slot * kSlot, kSlot}}), 0);
            ASSERT_EQ(here().post_send(make_send(id, data)), 0);
            break;
        case 1:
            flight.opcode = IBV_WR_RDMA_WRITE;
            flight.data = pattern(static_cast<uint32_t>(id), length);
            here().store(out, flight.data);
            std::ranges::copy(flight.data, model_.begin() + start);
            ASSERT_EQ(
                here().post_send(make_write(id, data, there().at(kTargetArea + start))
                                     .with(is_being_read(start, length) ? IBV_SEND_FENCE : 0)),
                0);
            break;
        case 2:
            flight.opcode = IBV_WR_RDMA_READ;
            flight.expected_read.assign(model_.begin() + start, model_.begin() + start + length);
            const uint32_t in = kReadArea + slot * kSlot;
            const Slices into =
                length == 0 ? Slices{}
                            : Slices{{in, length / 2}, {in + length / 2, length - length / 2}};
            ASSERT_EQ(here().post_send(make_read(id, into, there().at(kTargetArea + start))), 0);
            break;
        }
        flights_.push_back(std::move(flight));
    }
    void land() {
        const Flight flight = std::move(flights_.front());
        flights_.pop_front();
        ASSERT_TRUE(ended(here().sent(), flight.id, IBV_WC_SUCCESS));
        if (flight.opcode == IBV_WR_RDMA_READ) {
            ASSERT_EQ(here().load(kReadArea + flight.slot * kSlot, flight.expected_read.size()),
                      flight.expected_read);
        }
        if (flight.opcode == IBV_WR_SEND) {
            const ibv_wc wc = there().received();
            ASSERT_TRUE(succeeded(wc, flight.id, IBV_WC_RECV));
            ASSERT_EQ(wc.byte_len, flight.data.size());
            ASSERT_EQ(there().load(kRecvArea + flight.slot * kSlot, flight.data.size()),
                      flight.data);
        }
    }
    // A write may overtake a read unless it is fenced (IBTA volume 1, table 79).
    [[nodiscard]] bool is_being_read(uint32_t start, uint32_t length) const {
        return std::ranges::any_of(flights_, [&](const Flight &flight) {
            const auto read = static_cast<uint32_t>(flight.expected_read.size());
            return start < flight.start + read && flight.start < start + length;
        });
    }
    void check_target() { EXPECT_TRUE(there().load(kTargetArea, model_.size()) == model_); }
    [[nodiscard]] size_t in_flight() const { return flights_.size(); }

private:
    std::mt19937 random_{20240611};
    std::deque<Flight> flights_;
    std::vector<uint8_t> model_ = std::vector<uint8_t>(kSlot * kSlots);
};
VERBS_TEST_EVERYWHERE(RcMix);

TEST_P(RcMix, OfSendsWritesAndReadsIsCarriedOutAsIfOneByOne) {
    SideOptions options;
    options.memory = 2 * kSlot * kSlots;
    options.path.mtu = IBV_MTU_512;
    connect(options);
    const auto count = static_cast<uint64_t>(iterations(2000));
    for (uint64_t id = 0; id < count; ++id) {
        if (in_flight() == kSlots) {
            ASSERT_NO_FATAL_FAILURE(land());
        }
        ASSERT_NO_FATAL_FAILURE(launch(id));
    }
    while (in_flight() > 0) {
        ASSERT_NO_FATAL_FAILURE(land());
    }
    check_target();
}

}  // namespace
