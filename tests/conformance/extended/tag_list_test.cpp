// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// The list of tagged buffers: adding and removing, messages that find none, and keeping the list in
// step with the program. ibv_post_srq_ops(3).
#include "tag_end.hpp"

namespace {

using namespace verbs_test;

class TagList : public TagTest {
protected:
    static constexpr size_t kReceives = TagEnd::kRegion / 2;

    void expect_match(uint64_t tag, uint64_t id) {
        sender().send(tag, 8);
        EXPECT_TRUE(is(end().seen_one(), id, IBV_WC_TM_RECV, kMatched | kValid));
    }
    // Takes a receive, headers and all.
    void expect_no_match(uint64_t tag, uint32_t length = 8) {
        end().post_recv(900, TagSender::eager(length), kReceives);
        sender().send(tag, length);
        const TagSeen seen = end().seen_one();
        EXPECT_TRUE(is(seen, 900, IBV_WC_TM_RECV, 0));
        EXPECT_EQ(seen.byte_len, TagSender::eager(length));
        EXPECT_EQ(seen.tag, 0u);
        EXPECT_EQ(std::memcmp(end().into(kReceives), sender().from(), TagSender::eager(length)), 0);
    }
    void expect_refused(ibv_ops_wr op, int code) {
        ibv_ops_wr *bad = nullptr;
        EXPECT_EQ(ibv_post_srq_ops(end().srq(), &op, &bad), code);
        EXPECT_EQ(bad, &op);
    }
};

// --- adding and removing

TEST_F(TagList, ForgetsABufferThatIsRemoved) {
    const uint32_t handle = end().add(1, 10);
    EXPECT_TRUE(is(end().remove(handle), TagEnd::kOperation, IBV_WC_TM_DEL, 0));
    expect_no_match(10);
}

TEST_F(TagList, RemovesAnyOfItsBuffers) {
    const uint32_t first = end().add(1, 0, 0);
    const uint32_t middle = end().add(2, 0, 0);
    end().add(3, 0, 0);
    const uint32_t last = end().add(4, 0, 0);
    for (const uint32_t handle : {middle, last, first})
        EXPECT_TRUE(is(end().remove(handle), TagEnd::kOperation, IBV_WC_TM_DEL, 0));
    expect_match(10, 3);
    end().add(5, 0, 0);
    expect_match(11, 5);
}

TEST_F(TagList, CannotRemoveABufferThatAMessageHasFound) {
    const uint32_t handle = end().add(1, 10);
    expect_match(10, 1);
    const TagSeen seen = end().remove(handle);
    EXPECT_EQ(seen.id, TagEnd::kOperation);
    EXPECT_EQ(seen.status, IBV_WC_TM_ERR);
}

TEST_F(TagList, CannotRemoveABufferTwice) {
    const uint32_t handle = end().add(1, 10);
    EXPECT_EQ(end().remove(handle).status, IBV_WC_SUCCESS);
    EXPECT_EQ(end().remove(handle).status, IBV_WC_TM_ERR);
}

TEST_F(TagList, NamesEachBufferAnew) {
    make({.tags = 1});
    const uint32_t old = end().add(1, 10);
    expect_match(10, 1);
    const uint32_t now = end().add(2, 10);
    EXPECT_NE(now, old);
    EXPECT_EQ(end().remove(old).status, IBV_WC_TM_ERR);
    expect_match(10, 2);
}

TEST_F(TagList, HoldsAsManyBuffersAsWereAskedFor) {
    make({.tags = 3});
    uint32_t handles[3];
    for (uint32_t i = 0; i < 3; ++i)
        handles[i] = end().add(i, i);
    expect_refused(end().adding(9, 9), ENOMEM);
    expect_match(1, 1);
    end().add(9, 9);
    expect_refused(end().adding(10, 10), ENOMEM);
    EXPECT_EQ(end().remove(handles[2]).status, IBV_WC_SUCCESS);
    end().add(10, 10);
    for (const uint64_t id : {0, 10, 9})
        expect_match(id, id);
}

TEST_F(TagList, CarriesOutAListOfOperationsUpToTheFirstThatDoesNotGo) {
    make({.tags = 2});
    ibv_ops_wr ops[4];
    for (uint64_t i = 0; i < 4; ++i) {
        ops[i] = end().adding(i, i);
        ops[i].next = i < 3 ? &ops[i + 1] : nullptr;
    }
    ibv_ops_wr *bad = nullptr;
    EXPECT_EQ(ibv_post_srq_ops(end().srq(), ops, &bad), ENOMEM);
    EXPECT_EQ(bad, &ops[2]);
    const auto seen = end().seen(2);
    for (uint64_t i = 0; i < 2; ++i)
        EXPECT_TRUE(is(seen[i], TagEnd::kOperation + i, IBV_WC_TM_ADD, 0));
    EXPECT_TRUE(end().is_empty());
    EXPECT_NE(ops[0].tm.handle, ops[1].tm.handle);
    expect_match(1, 1);
    expect_match(0, 0);
}

TEST_F(TagList, CompletesOperationsThatAreSignalledAlone) {
    ibv_ops_wr op = end().adding(1, 10);
    op.flags = 0;
    ibv_ops_wr *bad = nullptr;
    ASSERT_EQ(ibv_post_srq_ops(end().srq(), &op, &bad), 0);
    ibv_ops_wr removal{};
    removal.opcode = IBV_WR_TAG_DEL;
    removal.tm.handle = op.tm.handle;
    ASSERT_EQ(ibv_post_srq_ops(end().srq(), &removal, &bad), 0);
    ASSERT_EQ(ibv_post_srq_ops(end().srq(), &removal, &bad), 0) << "which fails unheard";
    EXPECT_TRUE(is(end().sync(), TagEnd::kOperation, IBV_WC_TM_SYNC, 0)) << "the only completion";
}

TEST_F(TagList, RefusesOperationsThatThereAreNot) {
    ibv_ops_wr op = end().adding(1, 10);
    op.flags |= 1 << 5;
    expect_refused(op, EINVAL);
    op = end().adding(1, 10);
    op.opcode = static_cast<ibv_ops_wr_opcode>(7);
    expect_refused(op, EINVAL);
    op = end().adding(1, 10);
    op.tm.add.num_sge = -1;
    expect_refused(op, EINVAL);
    ibv_device_attr_ex attr{};
    ASSERT_EQ(ibv_query_device_ex(context(), nullptr, &attr), 0);
    op.tm.add.num_sge = static_cast<int>(attr.tm_caps.max_sge) + 1;
    expect_refused(op, EINVAL);
    make({.tags = 3});
    op = {};
    op.opcode = IBV_WR_TAG_DEL;
    op.tm.handle = 3;  // no buffer has a place beyond the third
    expect_refused(op, EINVAL);
    EXPECT_TRUE(end().is_empty());
}

TEST_F(TagList, BelongsToQueuesThatMatchTagsAlone) {
    const Pd pd = alloc_pd(context());
    const Srq plain = create_srq(pd.get(), {8, 1, 0});
    ibv_ops_wr op = end().adding(1, 10);
    ibv_ops_wr *bad = nullptr;
    EXPECT_EQ(ibv_post_srq_ops(plain.get(), &op, &bad), EINVAL);
    EXPECT_EQ(bad, &op);
}

// --- messages that find no buffer

TEST_F(TagList, LeavesAMessageThatFitsNothingToAReceive) {
    end().add(1, 10);
    expect_no_match(11, 64);
    expect_match(10, 1);
}

TEST_F(TagList, LeavesALargeMessageThatFitsNothingToAReceive) {
    expect_no_match(11, 200'000);
}

TEST_F(TagList, PassesOverBuffersThatCameAfterAMessageThatFitNothing) {
    expect_no_match(10);
    end().add(1, 10, ~uint64_t{0}, IBV_WC_TM_SYNC_REQ);
    expect_no_match(10);
    end().handled = 1;
    EXPECT_TRUE(is(end().sync(), TagEnd::kOperation, IBV_WC_TM_SYNC, IBV_WC_TM_SYNC_REQ));
    expect_no_match(10);
    end().handled = 3;
    EXPECT_TRUE(is(end().sync(), TagEnd::kOperation, IBV_WC_TM_SYNC, 0));
    expect_match(10, 1);
}

TEST_F(TagList, StillFindsBuffersThatCameBeforeAMessageThatFitNothing) {
    end().add(1, 10);
    expect_no_match(11);
    end().add(2, 10, ~uint64_t{0}, IBV_WC_TM_SYNC_REQ);
    expect_match(10, 1);
    expect_no_match(10);
    end().handled = 2;
    end().add(3, 10);  // which brings the other up to date as well
    expect_match(10, 2);
    expect_match(10, 3);
}

TEST_F(TagList, RemovesABufferThatIsPassedOver) {
    expect_no_match(10);
    const uint32_t handle = end().add(1, 10, ~uint64_t{0}, IBV_WC_TM_SYNC_REQ);
    EXPECT_TRUE(is(end().remove(handle), TagEnd::kOperation, IBV_WC_TM_DEL, IBV_WC_TM_SYNC_REQ));
    end().add(2, 10, ~uint64_t{0}, IBV_WC_TM_SYNC_REQ);
    expect_no_match(10);
    end().handled = 2;
    EXPECT_TRUE(is(end().sync(), TagEnd::kOperation, IBV_WC_TM_SYNC, 0));
    expect_match(10, 2);
}

TEST_F(TagList, HeedsTheCountOnlyOfOperationsThatSayItCounts) {
    expect_no_match(10);
    ibv_ops_wr op = end().adding(1, 10);
    op.flags = IBV_OPS_SIGNALED;
    op.tm.unexpected_cnt = 1;
    ibv_ops_wr *bad = nullptr;
    ASSERT_EQ(ibv_post_srq_ops(end().srq(), &op, &bad), 0);
    EXPECT_TRUE(is(end().seen_one(), TagEnd::kOperation + 1, IBV_WC_TM_ADD, IBV_WC_TM_SYNC_REQ));
    expect_no_match(10);
}

TEST_F(TagList, LeavesMessagesWithoutATagToAReceiveAndDoesNotCountThem) {
    end().add(1, 0, 0);
    for (const auto opcode : {IBV_TMH_NO_TAG, IBV_TMH_FIN}) {
        end().post_recv(900, 4096, kReceives);
        sender().write_header(opcode, 10);
        sender().post(40);
        const TagSeen seen = end().seen_one();
        EXPECT_TRUE(is(seen, 900, IBV_WC_TM_NO_TAG, 0));
        EXPECT_EQ(seen.byte_len, 40u);
        EXPECT_EQ(std::memcmp(end().into(kReceives), sender().from(), 40), 0);
    }
    end().add(2, 0, 0);  // no completion asks for anything
    expect_match(10, 1);
    expect_match(10, 2);
}

TEST_F(TagList, TakesAMessageOfASingleByteWithoutATag) {
    end().post_recv(900, 8);
    sender().write_header(IBV_TMH_NO_TAG, 0);
    sender().post(1);
    EXPECT_TRUE(is(end().seen_one(), 900, IBV_WC_TM_NO_TAG, 0));
}

TEST_F(TagList, HasAMessageThatFitsNothingWaitForAReceive) {
    sender().write_header(IBV_TMH_EAGER, 10);
    sender().post(TagSender::eager(8));
    EXPECT_TRUE(end().is_empty());
    end().post_recv(900, 4096);
    EXPECT_TRUE(is(end().seen_one(), 900, IBV_WC_TM_RECV, 0));
}

TEST_F(TagList, HasAMessageThatWaitsForAReceiveFindABufferThatComes) {
    sender().write_header(IBV_TMH_EAGER, 10);
    sender().post(TagSender::eager(8));
    EXPECT_TRUE(end().is_empty());
    ibv_ops_wr op = end().adding(1, 10);
    ibv_ops_wr *bad = nullptr;
    ASSERT_EQ(ibv_post_srq_ops(end().srq(), &op, &bad), 0);
    const auto seen = end().seen(2);
    EXPECT_TRUE(is(seen[0], TagEnd::kOperation + 1, IBV_WC_TM_ADD, 0));
    EXPECT_TRUE(is(seen[1], 1, IBV_WC_TM_RECV, kMatched | kValid));
}

// An unexpected message that nobody has seen yet is one that the program will handle.
TEST_F(TagList, KeepsTheCompletionsOfAQueuePairThatGoes) {
    end().post_recv(900, 4096);
    {
        TagSender other(end());
        other.send(10, 8);
    }
    const TagSeen seen = end().seen_one();
    EXPECT_TRUE(is(seen, 900, IBV_WC_TM_RECV, 0));
    ++end().handled;
    end().add(1, 11);
    sender().send(11, 8);
    EXPECT_TRUE(is(end().seen_one(), 1, IBV_WC_TM_RECV, kMatched | kValid));
}

TEST_F(TagList, FailsBothSidesWhenTheReceiveIsTooSmall) {
    end().post_recv(900, 20);
    sender().write_header(IBV_TMH_EAGER, 10);
    sender().post(TagSender::eager(5));
    const TagSeen seen = end().seen_one();
    EXPECT_EQ(seen.id, 900u);
    EXPECT_EQ(seen.status, IBV_WC_LOC_LEN_ERR);
    EXPECT_TRUE(ended(collect_one(sender().cq()), 77, IBV_WC_REM_INV_REQ_ERR));
    end().add(1, 10);  // what nobody got does not count
}

// --- the queue itself

TEST_F(TagList, GoesWithItsQueueWhateverIsInIt) {
    end().add(1, 10);
    Srq srq = std::move(end().owned_srq());
    EXPECT_EQ(srq.close(), EBUSY) << "a queue pair receives from it";
    EXPECT_EQ(sender().owned_there().close(), 0);
    EXPECT_EQ(end().owned_cq().close(), EBUSY) << "the queue completes to it";
    EXPECT_EQ(srq.close(), 0);
}

TEST_F(TagList, IsRefusedBeyondTheLimitsOfTheDevice) {
    ibv_device_attr_ex limits{};
    ASSERT_EQ(ibv_query_device_ex(context(), nullptr, &limits), 0);
    ibv_srq_init_attr_ex attr{};
    attr.attr = {8, 1, 0};
    attr.comp_mask =
        IBV_SRQ_INIT_ATTR_TYPE | IBV_SRQ_INIT_ATTR_PD | IBV_SRQ_INIT_ATTR_CQ | IBV_SRQ_INIT_ATTR_TM;
    attr.srq_type = IBV_SRQT_TM;
    attr.pd = end().pd();
    attr.cq = ibv_cq_ex_to_cq(end().cq());
    const ibv_tm_cap most{limits.tm_caps.max_num_tags, limits.tm_caps.max_ops};
    for (const ibv_tm_cap &cap :
         {ibv_tm_cap{most.max_num_tags + 1, 1}, ibv_tm_cap{1, most.max_ops + 1}, ibv_tm_cap{0, 1},
          ibv_tm_cap{1, 0}}) {
        attr.tm_cap = cap;
        EXPECT_EQ(ibv_create_srq_ex(context(), &attr), nullptr);
        EXPECT_EQ(errno, EINVAL);
    }
    attr.tm_cap = most;
    const Srq srq(ibv_create_srq_ex(context(), &attr));
    EXPECT_TRUE(srq);
}

TEST_F(TagList, IsForReliableConnectionsAlone) {
    ibv_qp_init_attr attr{};
    attr.send_cq = attr.recv_cq = ibv_cq_ex_to_cq(end().cq());
    attr.srq = end().srq();
    for (const auto type : {IBV_QPT_UC, IBV_QPT_UD}) {
        attr.qp_type = type;
        EXPECT_EQ(ibv_create_qp(end().pd(), &attr), nullptr);
        EXPECT_EQ(errno, EINVAL);
    }
}

TEST_F(TagList, HasTheSendQueuesOfItsQueuePairs) {
    ibv_qp_init_attr attr{};
    attr.send_cq = attr.recv_cq = sender().cq();
    attr.srq = end().srq();
    attr.cap.max_send_wr = 8;
    attr.qp_type = IBV_QPT_RC;
    const Qp qp(ibv_create_qp(end().pd(), &attr));
    ASSERT_TRUE(qp);
    EXPECT_EQ(attr.cap.max_send_wr, 0u);
    ibv_sge sge = end().region().sge(0, 8);
    ibv_send_wr wr{};
    wr.sg_list = &sge;
    wr.num_sge = 1;
    wr.opcode = IBV_WR_SEND;
    ibv_send_wr *bad = nullptr;
    EXPECT_EQ(ibv_post_send(sender().there(), &wr, &bad), ENOMEM);
    EXPECT_EQ(bad, &wr);
}

}  // namespace
