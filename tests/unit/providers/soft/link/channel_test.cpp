// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// The message ring between two processes, both ends in one process here.
#include "link/channel.hpp"

#include "link/sealed_memory.hpp"

#include <gtest/gtest.h>

#include <string>

namespace {

using namespace soft;

class Channel : public testing::Test {
protected:
    void SetUp() override {
        auto made = ChannelSegment::create(ChannelKind::rc, 0x1001, 0x2002, 7);
        ASSERT_TRUE(made.has_value()) << made.error().phrase;
        auto mapped = ChannelSegment::map(made->second);
        ASSERT_TRUE(mapped.has_value()) << mapped.error().phrase;
        tx = std::make_unique<TxEnd>(std::move(made->first), nullptr, 1);
        rx = std::make_unique<RxEnd>(std::move(*mapped), nullptr, 1);
    }

    // Puts one message with this text in; false when the ring is full.
    bool put(const std::string &text) {
        Message *message = tx->reserve(text.size());
        if (message == nullptr) return false;
        message->kind = static_cast<uint8_t>(MessageKind::send);
        message->flags = 0;
        message->payload = static_cast<uint32_t>(text.size());
        message->length = message->payload;
        std::memcpy(reinterpret_cast<char *>(message + 1), text.data(), text.size());
        tx->publish(message);
        return true;
    }

    // Takes the next message that is no padding; "" when there is none.
    std::string take() {
        Arrival arrival;
        while (rx->look(arrival) == Arrived::message) {
            const std::string text(reinterpret_cast<const char *>(arrival.data), arrival.payload);
            rx->step_over(arrival);
            rx->acknowledge();
            if (arrival.kind != MessageKind::pad) return text;
        }
        return "";
    }

    // The header of the message that the responder looks at next.
    Message &next() {
        return *reinterpret_cast<Message *>(rx->segment().ring() +
                                            rx->position() % kSlots * kSlotBytes);
    }

    std::unique_ptr<TxEnd> tx;
    std::unique_ptr<RxEnd> rx;
};

TEST_F(Channel, KnowsWhoseItIs) {
    EXPECT_EQ(rx->segment().requester_qpn(), 0x1001u);
    EXPECT_EQ(rx->segment().responder_qpn(), 0x2002u);
    EXPECT_EQ(rx->segment().rnr_retry(), 7u);
    EXPECT_EQ(rx->segment().kind(), ChannelKind::rc);
}

TEST_F(Channel, IsEmptyAtFirst) {
    Arrival arrival;
    EXPECT_EQ(rx->look(arrival), Arrived::nothing);
}

TEST_F(Channel, CarriesMessagesInOrder) {
    ASSERT_TRUE(put("first"));
    ASSERT_TRUE(put(std::string(300, 'x')));
    EXPECT_EQ(take(), "first");
    EXPECT_EQ(take(), std::string(300, 'x'));
    EXPECT_EQ(take(), "");
}

TEST_F(Channel, GoesRoundManyTimesWithMessagesOfAllSizes) {
    for (std::size_t i = 0; i < 5000; ++i) {
        const std::string text(1 + i * 37 % 8000, static_cast<char>('a' + i % 26));
        ASSERT_TRUE(put(text)) << i;
        ASSERT_EQ(take(), text) << i;
    }
}

TEST_F(Channel, IsFullWhenItsSlotsAreTakenAndGoesOnWhenTheyAreFreed) {
    const std::string text(1000, 'y');
    std::size_t count = 0;
    while (put(text))
        ++count;
    EXPECT_EQ(count, kSlots / slots_for(1000));
    EXPECT_EQ(take(), text);
    EXPECT_TRUE(put(text));
    EXPECT_FALSE(put(text));
}

TEST_F(Channel, BelievesTheAcknowledgementThatTheResponderWouldSend) {
    ASSERT_TRUE(put("first"));
    ASSERT_TRUE(put("second"));
    EXPECT_EQ(take(), "first");
    const uint32_t acknowledgement = rx->acknowledgement();
    EXPECT_EQ(take(), "second");
    tx->learn(acknowledgement);
    EXPECT_EQ(tx->freed(), 1u);
    tx->learn(rx->acknowledgement());
    EXPECT_EQ(tx->freed(), 2u);
    tx->learn(acknowledgement);
    EXPECT_EQ(tx->freed(), 2u) << "an old one says less";
}

TEST_F(Channel, DoesNotBelieveAnAcknowledgementOfAnotherChannel) {
    auto made = ChannelSegment::create(ChannelKind::rc, 0x1001, 0x2002, 7);
    ASSERT_TRUE(made.has_value());
    for (int i = 0; i < 8; ++i) {
        ASSERT_TRUE(put("text"));
        take();
    }
    const uint32_t of_the_old_one = rx->acknowledgement();
    TxEnd next(std::move(made->first), nullptr, 2);
    for (int i = 0; i < 16; ++i) {
        Message *message = next.reserve(0);
        ASSERT_NE(message, nullptr);
        next.publish(message);
    }
    next.learn(of_the_old_one);
    next.learn(0);
    EXPECT_EQ(next.freed(), 0u);
}

// One-way traffic goes on for so long that the acknowledgement that came last is that of a message
// which is still to be read, modulo 2^32.
TEST_F(Channel, TakesAnAcknowledgementForANewOneOnlyOnce) {
    constexpr std::size_t kLap = kRingBytes - sizeof(Message);  // a message that fills the ring
    ASSERT_EQ(slots_for(kLap), kSlots);
    Message *message = tx->reserve(kLap);
    ASSERT_NE(message, nullptr);
    tx->publish(message);
    const auto free_all = [&] { tx->header().freed.store(tx->position()); };
    free_all();
    ASSERT_EQ(rx->position(), 0u);
    // As the peer would have said it when he had freed that first lap.
    const auto last_heard =
        static_cast<uint32_t>(rx->acknowledgement() + static_cast<uint32_t>(kSlots));
    tx->learn(last_heard);
    ASSERT_EQ(tx->freed(), kSlots);
    for (uint64_t lap = 1; lap < (uint64_t{1} << 32) / kSlots; ++lap) {
        message = tx->reserve(kLap);
        ASSERT_NE(message, nullptr);
        tx->publish(message);
        tx->learn(last_heard);
        free_all();
    }
    tx->look_at_freed();
    const uint64_t freed = tx->freed();
    ASSERT_EQ(freed, uint64_t{1} << 32);
    message = tx->reserve(kLap);
    ASSERT_NE(message, nullptr);
    tx->publish(message);
    tx->learn(last_heard);
    EXPECT_EQ(tx->freed(), freed) << "nobody has read that message";
}

TEST_F(Channel, DoesNotTakeOldPayloadForAMessage) {
    // Every eight bytes of a whole lap look like the tag that the next lap would begin with,
    // unless tags depend on something that a payload's author does not know.
    std::string forged(8000, '\0');
    for (std::size_t at = 0; at + 8 <= forged.size(); at += 8) {
        const uint64_t guess = kSlots;
        std::memcpy(forged.data() + at, &guess, sizeof guess);
    }
    for (int i = 0; i < 20; ++i) {
        ASSERT_TRUE(put(forged));
        ASSERT_EQ(take(), forged);
        Arrival arrival;
        ASSERT_EQ(rx->look(arrival), Arrived::nothing);
    }
}

TEST_F(Channel, JudgesAMessageOfNoSlotsAsGarbage) {
    ASSERT_TRUE(put("text"));
    next().slots = 0;
    Arrival arrival;
    EXPECT_EQ(rx->look(arrival), Arrived::garbage);
}

TEST_F(Channel, JudgesAMessageBeyondTheRingsEndAsGarbage) {
    ASSERT_TRUE(put("text"));
    next().slots = kSlots + 1;
    Arrival arrival;
    EXPECT_EQ(rx->look(arrival), Arrived::garbage);
}

TEST_F(Channel, JudgesAPayloadLargerThanItsSlotsAsGarbage) {
    ASSERT_TRUE(put("text"));
    next().payload = kSlotBytes;
    Arrival arrival;
    EXPECT_EQ(rx->look(arrival), Arrived::garbage);
    next().payload = 0xffffffff;
    EXPECT_EQ(rx->look(arrival), Arrived::garbage);
}

TEST_F(Channel, DoesNotBelieveARespondersImpossibleProgress) {
    const std::string text(1000, 'z');
    while (put(text)) {
    }
    rx->header().freed.store(tx->position() + 1000);
    EXPECT_FALSE(put(text));
    rx->header().freed.store(~0ull);
    EXPECT_FALSE(put(text));
}

TEST(ChannelSegment, RefusesMemoryThatCanShrink) {
    const verbs::UniqueFd fd(::memfd_create("unsealed", MFD_CLOEXEC | MFD_ALLOW_SEALING));
    ASSERT_EQ(::ftruncate(fd.get(), kChannelBytes), 0);
    const auto mapped = ChannelSegment::map(fd);
    ASSERT_FALSE(mapped.has_value());
    EXPECT_EQ(mapped.error().code, EPROTO);
    EXPECT_NE(mapped.error().phrase.find("change its size"), std::string::npos);
}

TEST(ChannelSegment, RefusesMemoryThatIsTooSmall) {
    const auto fd = make_sealed_memory("small", kChannelBytes - 1);
    ASSERT_TRUE(fd.has_value());
    EXPECT_FALSE(ChannelSegment::map(*fd).has_value());
}

TEST(ChannelSegment, RefusesMemoryWithoutItsMagic) {
    const auto fd = make_sealed_memory("zeros", kChannelBytes);
    ASSERT_TRUE(fd.has_value());
    const auto mapped = ChannelSegment::map(*fd);
    ASSERT_FALSE(mapped.has_value());
    EXPECT_NE(mapped.error().phrase.find("magic"), std::string::npos);
}

TEST(ChannelSegment, RefusesAnotherLayoutVersionAndNamesBoth) {
    const auto made = ChannelSegment::create(ChannelKind::rc, 1, 2, 0);
    ASSERT_TRUE(made.has_value());
    made->first.header().version = 99;
    const auto mapped = ChannelSegment::map(made->second);
    ASSERT_FALSE(mapped.has_value());
    EXPECT_NE(mapped.error().phrase.find("99"), std::string::npos);
}

TEST(ChannelSegment, RefusesAnUnknownKind) {
    const auto made = ChannelSegment::create(ChannelKind::rc, 1, 2, 0);
    ASSERT_TRUE(made.has_value());
    made->first.header().kind = 77;
    EXPECT_FALSE(ChannelSegment::map(made->second).has_value());
}

}  // namespace
