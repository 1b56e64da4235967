// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Rendezvous messages to a queue that matches tags: the device reads the data and answers.
#include "tag_end.hpp"

#include <endian.h>

#include <map>

namespace {

using namespace verbs_test;

class Rendezvous : public TagTest {
protected:
    static constexpr size_t kData = 4096;  // in the sender's memory
    static constexpr uint32_t kHeaders = sizeof(ibv_tmh) + sizeof(ibv_rvh);

    void TearDown() override {
        drop();
        channel_ = {};
        TagTest::TearDown();
    }
    void send(uint64_t tag, uint32_t length) {
        sender().send_rendezvous(tag, sender().region().at(kData), length);
    }
    void expect_data(uint32_t length, size_t offset = 0) {
        EXPECT_EQ(std::memcmp(end().into(offset), sender().from(kData), length), 0);
    }
    void expect_answer(uint64_t id) {
        const ibv_wc wc = collect_one(sender().cq());
        EXPECT_TRUE(succeeded(wc, id, IBV_WC_RECV));
        EXPECT_EQ(wc.byte_len, kHeaders);
        EXPECT_TRUE(sender().is_answered());
    }

    Channel channel_;
};

TEST_F(Rendezvous, ReadsTheDataAndAnswers) {
    sender().post_recv(7);
    end().add(1, 10);
    send(10, 3000);
    const auto seen = end().seen(2);
    EXPECT_TRUE(is(seen[0], 1, IBV_WC_TM_RECV, kMatched));
    EXPECT_EQ(seen[0].tag, 10u);
    EXPECT_EQ(seen[0].priv, 5u);
    EXPECT_TRUE(is(seen[1], 1, IBV_WC_TM_RECV, kValid));
    EXPECT_EQ(seen[1].byte_len, 3000u);
    EXPECT_EQ(seen[1].tag, 0u);
    expect_data(3000);
    expect_answer(7);
    EXPECT_TRUE(end().is_empty());
}

TEST_F(Rendezvous, ReadsTheDataOfAMessageThatWaitedForABuffer) {
    sender().post_recv(7);
    sender().post_rendezvous(10, sender().region().at(kData), 3000);
    EXPECT_TRUE(end().is_empty());
    ibv_ops_wr op = end().adding(1, 10);
    ibv_ops_wr *bad = nullptr;
    ASSERT_EQ(ibv_post_srq_ops(end().srq(), &op, &bad), 0);
    const auto seen = end().seen(3);
    EXPECT_TRUE(is(seen[1], 1, IBV_WC_TM_RECV, kMatched));
    EXPECT_TRUE(is(seen[2], 1, IBV_WC_TM_RECV, kValid));
    expect_data(3000);
    EXPECT_TRUE(succeeded(collect_one(sender().cq()), 77, IBV_WC_SEND));
    expect_answer(7);
}

// The receiver polls all the time, so that nobody else takes what comes.
TEST_F(Rendezvous, ReadsTheDataWhileTheProgramPolls) {
    for (uint64_t i = 0; i < 200; ++i) {
        sender().post_recv(i);
        end().add(i, 10);
        sender().post_rendezvous(10, sender().region().at(kData), 64);
        const auto seen = end().seen(2);
        ASSERT_TRUE(is(seen[0], i, IBV_WC_TM_RECV, kMatched));
        ASSERT_TRUE(is(seen[1], i, IBV_WC_TM_RECV, kValid));
        ASSERT_TRUE(succeeded(collect_one(sender().cq()), 77, IBV_WC_SEND));
        ASSERT_TRUE(succeeded(collect_one(sender().cq()), i, IBV_WC_RECV));
    }
}

TEST_F(Rendezvous, ReadsMuchData) {
    constexpr uint32_t kLength = 1'000'001;
    sender().post_recv(7);
    end().set_buffer(0, kLength);
    end().add(1, 10);
    send(10, kLength);
    EXPECT_TRUE(is(end().seen(2)[1], 1, IBV_WC_TM_RECV, kValid));
    expect_data(kLength);
    expect_answer(7);
}

TEST_F(Rendezvous, ReadsNothingAndAnswersAllTheSame) {
    sender().post_recv(7);
    end().add(1, 10);
    send(10, 0);
    const auto seen = end().seen(2);
    EXPECT_TRUE(is(seen[1], 1, IBV_WC_TM_RECV, kValid));
    EXPECT_EQ(seen[1].byte_len, 0u);
    expect_answer(7);
}

TEST_F(Rendezvous, ReadsOneAfterTheOther) {
    constexpr uint64_t kCount = 8;
    for (uint64_t i = 0; i < kCount; ++i) {
        sender().post_recv(i);
        end().set_buffer(i * 4096, 4096);
        end().add(i, i);
    }
    for (uint64_t i = 0; i < kCount; ++i) {
        sender().write_header(IBV_TMH_RNDV, i);
        const RemotePlace place = sender().region().at(kData + i * 4096);
        const ibv_rvh where{htobe64(place.addr), htobe32(place.rkey), htobe32(4096)};
        std::memcpy(sender().from(sizeof(ibv_tmh)), &where, sizeof where);
        sender().post(kHeaders);
        // What is sent may be read until it is acknowledged.
        ASSERT_TRUE(eventually([&] { return !is_empty(sender().cq()); }, patience()));
    }
    std::map<uint64_t, std::vector<unsigned>> flags;
    for (const TagSeen &seen : end().seen(2 * kCount)) {
        EXPECT_EQ(seen.status, IBV_WC_SUCCESS);
        flags[seen.id].push_back(seen.flags);
    }
    for (uint64_t i = 0; i < kCount; ++i)
        EXPECT_EQ(flags[i], (std::vector<unsigned>{kMatched, kValid}));
    expect_data(kCount * 4096);
}

// A program that sleeps until it is woken gets its messages too: nobody polls.
TEST_F(Rendezvous, IsCarriedOutWhileTheProgramSleeps) {
    channel_ = create_channel(context());
    make({.channel = channel_.get()});
    sender().post_recv(7);
    end().add(1, 10);
    ASSERT_EQ(ibv_req_notify_cq(ibv_cq_ex_to_cq(end().cq()), 0), 0);
    send(10, 3000);
    expect_answer(7);
    ibv_cq *cq = nullptr;
    void *cq_context = nullptr;
    ASSERT_EQ(ibv_get_cq_event(channel_.get(), &cq, &cq_context), 0);
    ibv_ack_cq_events(cq, 1);
    EXPECT_TRUE(is(end().seen(2)[1], 1, IBV_WC_TM_RECV, kValid));
}

TEST_F(Rendezvous, AnswersWhenTheSenderHasPostedAReceive) {
    end().add(1, 10);
    send(10, 100);
    EXPECT_TRUE(is(end().seen(2)[1], 1, IBV_WC_TM_RECV, kValid)) << "the data is not waited for";
    end().add(2, 10);
    send(10, 100);
    EXPECT_TRUE(is(end().seen_one(), 2, IBV_WC_TM_RECV, kMatched));
    EXPECT_TRUE(is_empty(sender().cq()));
    sender().post_recv(7);
    expect_answer(7);
    EXPECT_TRUE(is(end().seen_one(), 2, IBV_WC_TM_RECV, kValid));
    sender().post_recv(8);
    expect_answer(8);
}

TEST_F(Rendezvous, LeavesToTheProgramWhatTheBufferCannotHold) {
    end().set_buffer(0, 99);
    end().add(1, 10);
    send(10, 100);
    const TagSeen seen = end().seen_one();
    EXPECT_EQ(seen.id, 1u);
    EXPECT_EQ(seen.status, IBV_WC_TM_RNDV_INCOMPLETE);
    EXPECT_EQ(std::memcmp(end().into(), sender().from(), kHeaders), 0);
    EXPECT_EQ(state_of(sender().there()), IBV_QPS_RTS);
    sender().post_recv(7);
    end().set_buffer(0, 100);
    end().add(2, 10);
    send(10, 100);
    EXPECT_TRUE(is(end().seen(2)[1], 2, IBV_WC_TM_RECV, kValid));
}

TEST_F(Rendezvous, TellsABufferThatIsShorterThanTheHeadersAsMuchAsItHolds) {
    end().set_buffer(0, 5);
    end().add(1, 10);
    end().into()[5] = 0x77;
    send(10, 100);
    EXPECT_EQ(end().seen_one().status, IBV_WC_TM_RNDV_INCOMPLETE);
    EXPECT_EQ(std::memcmp(end().into(), sender().from(), 5), 0);
    EXPECT_EQ(end().into()[5], 0x77);
}

TEST_F(Rendezvous, ThatFindsNoBufferIsTheProgramsAltogether) {
    constexpr uint32_t kMore = 20;
    end().post_recv(900, 4096);
    sender().write_header(IBV_TMH_RNDV, 10);
    sender().post(kHeaders + kMore);
    const TagSeen seen = end().seen_one();
    EXPECT_TRUE(is(seen, 900, IBV_WC_TM_RECV, 0));
    EXPECT_EQ(seen.byte_len, kHeaders + kMore);
    EXPECT_EQ(std::memcmp(end().into(), sender().from(), kHeaders + kMore), 0);
    end().add(1, 10, ~uint64_t{0}, IBV_WC_TM_SYNC_REQ);
}

TEST_F(Rendezvous, FailsBothSidesWhenTheDataMayNotBeRead) {
    end().add(1, 10);
    RemotePlace place = sender().region().at(kData);
    place.rkey ^= 0xff;
    sender().send_rendezvous(10, place, 100);
    const auto seen = end().seen(2);
    EXPECT_TRUE(is(seen[0], 1, IBV_WC_TM_RECV, kMatched));
    EXPECT_EQ(seen[1].id, 1u);
    EXPECT_EQ(seen[1].status, IBV_WC_REM_ACCESS_ERR);
    EXPECT_EQ(state_of(sender().there()), IBV_QPS_ERR);
    EXPECT_TRUE(eventually([&] { return state_of(sender().here()) == IBV_QPS_ERR; }, patience()));
}

TEST_F(Rendezvous, FailsWhenTheSenderLetsNobodyRead) {
    make({}, IBV_QPS_RTS, 0);
    end().add(1, 10);
    send(10, 100);
    const auto seen = end().seen(2);
    EXPECT_TRUE(is(seen[0], 1, IBV_WC_TM_RECV, kMatched));
    EXPECT_EQ(seen[1].status, IBV_WC_REM_INV_REQ_ERR);
}

// A queue pair that may not send yet matches, and reads later, or never.
TEST_F(Rendezvous, WaitsUntilTheQueuePairMaySend) {
    make({}, IBV_QPS_RTR);
    sender().post_recv(7);
    end().add(1, 10);
    send(10, 100);
    EXPECT_TRUE(is(end().seen_one(), 1, IBV_WC_TM_RECV, kMatched));
    EXPECT_TRUE(end().is_empty());
    PathOptions path;
    ASSERT_EQ(rc_rts(context(), path).apply(sender().there()), 0);
    EXPECT_TRUE(is(end().seen_one(), 1, IBV_WC_TM_RECV, kValid));
    expect_answer(7);
}

TEST_F(Rendezvous, ThatWaitsIsFlushedWithTheQueuePair) {
    make({}, IBV_QPS_RTR);
    end().add(1, 10);
    end().add(2, 10);
    end().add(3, 10);
    send(10, 100);
    send(10, 100);
    EXPECT_TRUE(is(end().seen(2)[1], 2, IBV_WC_TM_RECV, kMatched));
    ASSERT_EQ(to_state(IBV_QPS_ERR).apply(sender().there()), 0);
    const auto seen = end().seen(2);
    for (size_t i = 0; i < 2; ++i) {
        EXPECT_EQ(seen[i].id, i + 1);
        EXPECT_EQ(seen[i].status, IBV_WC_WR_FLUSH_ERR);
    }
    EXPECT_TRUE(end().is_empty()) << "the third is for others";
}

TEST_F(Rendezvous, ThatWaitsIsForgottenWithTheQueuePair) {
    make({.tags = 2}, IBV_QPS_RTR);
    end().add(1, 10);
    end().add(2, 10);
    send(10, 100);
    send(10, 100);
    EXPECT_TRUE(is(end().seen(2)[1], 2, IBV_WC_TM_RECV, kMatched));
    EXPECT_EQ(sender().owned_there().close(), 0);
    end().add(3, 10);  // both places are free
    end().add(4, 10);
    EXPECT_TRUE(end().is_empty());
}

// Two senders, and messages of all kinds: each buffer and each receive completes once.
TEST_F(Rendezvous, AndEagerMessagesOfTwoSendersAreAllAccountedFor) {
    constexpr uint64_t kRounds = 60;
    const TagSender other(end());
    const TagSender *const senders[] = {&sender(), &other};
    uint64_t matched = 0;
    uint64_t valid = 0;
    uint64_t unexpected = 0;
    const auto count = [&](const TagSeen &seen) {
        ASSERT_EQ(seen.status, IBV_WC_SUCCESS);
        if (seen.opcode != IBV_WC_TM_RECV) return;
        matched += (seen.flags & kMatched) != 0 ? 1 : 0;
        valid += (seen.flags & kValid) != 0 ? 1 : 0;
        unexpected += (seen.flags & (kMatched | kValid)) == 0 ? 1 : 0;
    };
    for (uint64_t round = 0; round < kRounds; ++round) {
        ibv_ops_wr op = end().adding(round, 1, 1);
        op.tm.unexpected_cnt = static_cast<uint32_t>(unexpected);
        ibv_ops_wr *bad = nullptr;
        ASSERT_EQ(ibv_post_srq_ops(end().srq(), &op, &bad), 0);
        end().post_recv(900, 4096, TagEnd::kRegion / 2);
        for (const TagSender *from : senders) {
            from->post_recv(7);
            if (round % 2 == 0)
                from->send_rendezvous(from == &sender() ? 1 : 2, from->region().at(kData), 500);
            else
                from->send(from == &sender() ? 2 : 1, 500);
        }
        // The operation, a match or two completions of it, and a message that fit nothing.
        for (const TagSeen &seen : end().seen(round % 2 == 0 ? 4 : 3))
            count(seen);
        if (round % 2 == 0) {
            EXPECT_TRUE(succeeded(collect_one(sender().cq()), 7, IBV_WC_RECV));
        }
        end().handled = static_cast<uint32_t>(unexpected);
        EXPECT_TRUE(is(end().sync(), TagEnd::kOperation, IBV_WC_TM_SYNC, 0));
    }
    EXPECT_EQ(matched, kRounds);
    EXPECT_EQ(valid, kRounds);
    EXPECT_EQ(unexpected, kRounds);
}

}  // namespace
