// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Shared receive queues that find the buffer of a message by its tag: ibv_create_srq_ex(3),
// ibv_post_srq_ops(3), and the tag_matching.md of rdma-core.
#include "tag_end.hpp"

namespace {

using namespace verbs_test;

class TagMatching : public TagTest {
protected:
    // What the sender sent is there without what stands in front of it.
    void expect_data(uint32_t length, size_t offset = 0) {
        EXPECT_EQ(std::memcmp(end().into(offset), sender().from(sizeof(ibv_tmh)), length), 0);
    }
    // A message that nobody waits for takes a receive.
    void surprise(uint64_t tag, uint32_t length = 8) {
        end().post_recv(900, 4096, TagEnd::kRegion / 2);
        sender().send(tag, length);
        EXPECT_TRUE(is(end().seen_one(), 900, IBV_WC_TM_RECV, 0));
    }
    void expect_both_failed() {
        EXPECT_EQ(state_of(sender().here()), IBV_QPS_ERR);
        EXPECT_EQ(state_of(sender().there()), IBV_QPS_ERR);
    }
};

TEST_F(TagMatching, IsAmongTheCapabilities) {
    ibv_device_attr_ex attr{};
    ASSERT_EQ(ibv_query_device_ex(context(), nullptr, &attr), 0);
    EXPECT_NE(attr.tm_caps.flags & IBV_TM_CAP_RC, 0u);
    EXPECT_GE(attr.tm_caps.max_num_tags, 16u);
    EXPECT_GE(attr.tm_caps.max_ops, 16u);
    EXPECT_GE(attr.tm_caps.max_sge, 1u);
    EXPECT_GE(attr.tm_caps.max_rndv_hdr_size, sizeof(ibv_tmh) + sizeof(ibv_rvh));
}

TEST_F(TagMatching, PutsAMessageIntoTheBufferOfItsTag) {
    end().add(1, 10);
    end().set_buffer(8192, 4096);
    end().add(2, 20);
    sender().send(20, 100, 0x12345678);
    const TagSeen seen = end().seen_one();
    EXPECT_TRUE(is(seen, 2, IBV_WC_TM_RECV, kMatched | kValid));
    EXPECT_EQ(seen.byte_len, 100u);
    EXPECT_EQ(seen.tag, 20u);
    EXPECT_EQ(seen.priv, 0x12345678u);
    EXPECT_EQ(seen.qp_num, sender().there()->qp_num);
    expect_data(100, 8192);
    sender().send(10, 50);
    EXPECT_TRUE(is(end().seen_one(), 1, IBV_WC_TM_RECV, kMatched | kValid));
    expect_data(50);
}

TEST_F(TagMatching, TakesMessagesWithNothingBehindTheirHeader) {
    end().add(1, 10);
    sender().send(10, 0);
    const TagSeen seen = end().seen_one();
    EXPECT_TRUE(is(seen, 1, IBV_WC_TM_RECV, kMatched | kValid));
    EXPECT_EQ(seen.byte_len, 0u);
}

TEST_F(TagMatching, HandsOnImmediateData) {
    end().add(1, 10);
    sender().write_header(IBV_TMH_EAGER, 10);
    sender().post(TagSender::eager(8), IBV_WR_SEND_WITH_IMM);
    const TagSeen seen = end().seen_one();
    EXPECT_TRUE(is(seen, 1, IBV_WC_TM_RECV, kMatched | kValid | IBV_WC_WITH_IMM));
    EXPECT_EQ(seen.imm, 4711u);
}

TEST_F(TagMatching, LooksAtTheBitsOfTheMaskAlone) {
    end().add(1, 0x1200, 0xff00);
    sender().send(0xaa0012ff, 8);
    const TagSeen seen = end().seen_one();
    EXPECT_TRUE(is(seen, 1, IBV_WC_TM_RECV, kMatched | kValid));
    EXPECT_EQ(seen.tag, 0xaa0012ffu) << "all of it, of the message";
    end().add(2, 0, 0);
    sender().send(~uint64_t{0}, 8);
    EXPECT_TRUE(is(end().seen_one(), 2, IBV_WC_TM_RECV, kMatched | kValid));
    end().add(3, 0x1201, 0xff00);  // a bit that the mask does not have: it never fits
    surprise(0x1201);
}

TEST_F(TagMatching, TakesTheOldestOfTheBuffersThatFit) {
    end().add(1, 7);
    end().add(2, 5);
    end().add(3, 0, 0);
    end().add(4, 5);
    for (const uint64_t id : {2, 3, 4}) {
        sender().send(5, 8);
        EXPECT_TRUE(is(end().seen_one(), id, IBV_WC_TM_RECV, kMatched | kValid));
    }
}

TEST_F(TagMatching, SpreadsAMessageOverTheSegmentsOfTheBuffer) {
    ibv_sge pieces[] = {end().region().sge(100, 3), end().region().sge(0, 0),
                        end().region().sge(500, 61)};
    ibv_ops_wr op = end().adding(1, 10);
    op.tm.add.sg_list = pieces;
    op.tm.add.num_sge = 3;
    ibv_ops_wr *bad = nullptr;
    ASSERT_EQ(ibv_post_srq_ops(end().srq(), &op, &bad), 0);
    EXPECT_TRUE(is(end().seen_one(), TagEnd::kOperation + 1, IBV_WC_TM_ADD, 0));
    sender().send(10, 64);
    EXPECT_TRUE(is(end().seen_one(), 1, IBV_WC_TM_RECV, kMatched | kValid));
    expect_data(3, 100);
    EXPECT_EQ(std::memcmp(end().into(500), sender().from(sizeof(ibv_tmh) + 3), 61), 0);
}

// "Large" is the device's to say; at the latest when it is many packets it tells both.
TEST_F(TagMatching, TellsOfTheMatchOfALargeMessageBeforeItsDataIsThere) {
    constexpr uint32_t kLength = (1 << 20) + 3;
    end().set_buffer(0, kLength);
    end().add(1, 10);
    sender().send(10, kLength, 9);
    const auto seen = end().seen(2);
    EXPECT_TRUE(is(seen[0], 1, IBV_WC_TM_RECV, kMatched));
    EXPECT_EQ(seen[0].tag, 10u);
    EXPECT_EQ(seen[0].priv, 9u);
    EXPECT_TRUE(is(seen[1], 1, IBV_WC_TM_RECV, kValid));
    EXPECT_EQ(seen[1].byte_len, kLength);
    EXPECT_EQ(seen[1].tag, 0u);
    expect_data(kLength);
    end().add(2, 10, ~uint64_t{0});
    sender().send(10, 8);
    EXPECT_TRUE(is(end().seen_one(), 2, IBV_WC_TM_RECV, kMatched | kValid));
}

TEST_F(TagMatching, TakesMessagesOfSeveralSendersFromOneList) {
    const TagSender other(end());
    end().add(1, 5);
    end().add(2, 5);
    other.send(5, 8);
    const TagSeen first = end().seen_one();
    EXPECT_TRUE(is(first, 1, IBV_WC_TM_RECV, kMatched | kValid));
    EXPECT_EQ(first.qp_num, other.there()->qp_num);
    sender().send(5, 8);
    const TagSeen second = end().seen_one();
    EXPECT_TRUE(is(second, 2, IBV_WC_TM_RECV, kMatched | kValid));
    EXPECT_EQ(second.qp_num, sender().there()->qp_num);
}

TEST_F(TagMatching, FailsBothSidesWhenTheBufferIsTooSmall) {
    end().set_buffer(0, 63);
    end().add(1, 10);
    sender().write_header(IBV_TMH_EAGER, 10);
    sender().post(TagSender::eager(64));
    const TagSeen seen = end().seen_one();
    EXPECT_EQ(seen.id, 1u);
    EXPECT_EQ(seen.status, IBV_WC_LOC_LEN_ERR);
    EXPECT_TRUE(ended(collect_one(sender().cq()), 77, IBV_WC_REM_INV_REQ_ERR));
    expect_both_failed();
}

TEST_F(TagMatching, FailsBothSidesWhenALargeMessageFindsItsBufferTooSmall) {
    end().set_buffer(0, 100'000);
    end().add(1, 10);
    sender().write_header(IBV_TMH_EAGER, 10);
    sender().post(TagSender::eager(100'001));
    const auto seen = end().seen(2);
    EXPECT_TRUE(is(seen[0], 1, IBV_WC_TM_RECV, kMatched));
    EXPECT_EQ(seen[1].id, 1u);
    EXPECT_EQ(seen[1].status, IBV_WC_LOC_LEN_ERR);
    EXPECT_TRUE(ended(collect_one(sender().cq()), 77, IBV_WC_REM_INV_REQ_ERR));
    expect_both_failed();
}

TEST_F(TagMatching, FailsBothSidesWhenTheBufferMayNotBeWritten) {
    ibv_ops_wr op = end().adding(1, 10);
    op.tm.add.sg_list->lkey ^= 0xff;
    ibv_ops_wr *bad = nullptr;
    ASSERT_EQ(ibv_post_srq_ops(end().srq(), &op, &bad), 0);
    sender().write_header(IBV_TMH_EAGER, 10);
    sender().post(TagSender::eager(8));
    EXPECT_EQ(end().seen(2)[1].status, IBV_WC_LOC_PROT_ERR);
    EXPECT_TRUE(ended(collect_one(sender().cq()), 77, IBV_WC_REM_OP_ERR));
    expect_both_failed();
}

// A buffer that a failed queue pair's message had found is gone; the others are for the others.
TEST_F(TagMatching, KeepsTheOtherBuffersWhenAQueuePairFails) {
    const TagSender other(end());
    end().set_buffer(0, 8);
    end().add(1, 10);
    end().add(2, 10);
    sender().write_header(IBV_TMH_EAGER, 10);
    sender().post(TagSender::eager(64));
    EXPECT_EQ(end().seen_one().status, IBV_WC_LOC_LEN_ERR);
    other.send(10, 8);
    EXPECT_TRUE(is(end().seen_one(), 2, IBV_WC_TM_RECV, kMatched | kValid));
}

struct Malformed {
    const char *name;
    uint8_t opcode;
    uint32_t length;
};

class MalformedTaggedMessage : public TagMatching,
                               public ::testing::WithParamInterface<Malformed> {};

TEST_P(MalformedTaggedMessage, FailsBothSidesAndTouchesNoBuffer) {
    end().add(1, 0, 0);
    sender().write_header(GetParam().opcode, 10);
    sender().post(GetParam().length);
    EXPECT_TRUE(ended(collect_one(sender().cq()), 77, IBV_WC_REM_INV_REQ_ERR));
    expect_both_failed();
    EXPECT_TRUE(end().is_empty());
    const TagSender other(end());
    other.send(5, 8);
    EXPECT_TRUE(is(end().seen_one(), 1, IBV_WC_TM_RECV, kMatched | kValid));
}

INSTANTIATE_TEST_SUITE_P(Headers, MalformedTaggedMessage,
                         ::testing::Values(Malformed{"None", IBV_TMH_EAGER, 0},
                                           Malformed{"HalfOfOne", IBV_TMH_EAGER, 15},
                                           Malformed{"OfNoOpcode", 4, 64},
                                           Malformed{"RendezvousWithoutAPlace", IBV_TMH_RNDV, 31},
                                           Malformed{"RendezvousTooLong", IBV_TMH_RNDV, 100'000}),
                         [](const auto &one) { return one.param.name; });

TEST_F(TagMatching, TakesAnOrdinaryReceiveForWritesWithImmediateData) {
    const TagSender other(end(), IBV_QPS_RTS, IBV_ACCESS_REMOTE_WRITE);
    end().post_recv(3, 8);
    ibv_sge sge = other.region().sge(0, 64);
    ibv_send_wr wr{};
    wr.sg_list = &sge;
    wr.num_sge = 1;
    wr.opcode = IBV_WR_RDMA_WRITE_WITH_IMM;
    const RemotePlace place = end().region().at(64);
    wr.wr.rdma.remote_addr = place.addr;
    wr.wr.rdma.rkey = place.rkey;
    ibv_send_wr *bad = nullptr;
    ASSERT_EQ(ibv_post_send(other.here(), &wr, &bad), 0);
    EXPECT_TRUE(is(end().seen_one(), 3, IBV_WC_RECV_RDMA_WITH_IMM, IBV_WC_WITH_IMM));
}

// --- devices without it

class LackingTagMatching : public DeviceTest {
protected:
    void SetUp() override {
        DeviceTest::SetUp();
        if (!IsSkipped()) require_lack_of("tag matching");
    }
};

TEST_F(LackingTagMatching, RefusesItsQueuesOperationsAndCompletions) {
    ibv_device_attr_ex limits{};
    ASSERT_EQ(ibv_query_device_ex(context(), nullptr, &limits), 0);
    EXPECT_EQ(limits.tm_caps.flags, 0u);
    const Pd pd = alloc_pd(context());
    const Cq cq = create_cq(context());
    ibv_srq_init_attr_ex attr{};
    attr.attr = {8, 1, 0};
    attr.comp_mask =
        IBV_SRQ_INIT_ATTR_TYPE | IBV_SRQ_INIT_ATTR_PD | IBV_SRQ_INIT_ATTR_CQ | IBV_SRQ_INIT_ATTR_TM;
    attr.srq_type = IBV_SRQT_TM;
    attr.pd = pd.get();
    attr.cq = cq.get();
    attr.tm_cap = {1, 1};
    EXPECT_EQ(ibv_create_srq_ex(context(), &attr), nullptr);
    EXPECT_EQ(errno, EOPNOTSUPP);
    const Srq plain = create_srq(pd.get(), {8, 1, 0});
    ibv_ops_wr op{};
    ibv_ops_wr *bad = nullptr;
    EXPECT_EQ(ibv_post_srq_ops(plain.get(), &op, &bad), EOPNOTSUPP);
    EXPECT_EQ(bad, &op);
    ibv_cq_init_attr_ex told{};
    told.cqe = 8;
    told.wc_flags = IBV_WC_EX_WITH_TM_INFO;
    EXPECT_EQ(ibv_create_cq_ex(context(), &told), nullptr);
    EXPECT_EQ(errno, EOPNOTSUPP);
}

}  // namespace
