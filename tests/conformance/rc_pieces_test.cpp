// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Scattering, gathering and inline data over connected queue pairs.
#include "rc_test.hpp"

namespace {

using namespace verbs_test;

class RcPieces : public RcTest {
protected:
    // Concatenates what the slices hold.
    static std::vector<uint8_t> gathered(Side &side, const Slices &slices) {
        std::vector<uint8_t> all;
        for (const Slice &slice : slices.all()) {
            const auto part = side.load(static_cast<size_t>(slice.offset), slice.length);
            all.insert(all.end(), part.begin(), part.end());
        }
        return all;
    }
};
VERBS_TEST_EVERYWHERE(RcPieces);

TEST_P(RcPieces, OfUnevenSizesAreJoinedAndSplitBySend) {
    connect();
    here().store(0, pattern(1, 20000));
    const Slices from = {{3, 1}, {5000, 4999}, {100, 77}, {15000, 2000}};
    const Slices to = {{0, 2500}, {10001, 1}, {20000, 3000}, {30000, 5000}};
    ASSERT_EQ(there().post_recv(1, to), 0);
    ASSERT_EQ(here().post_send(make_send(2, from)), 0);
    const ibv_wc wc = there().received();
    ASSERT_TRUE(succeeded(wc, 1, IBV_WC_RECV));
    EXPECT_EQ(wc.byte_len, 7077u);
    ASSERT_TRUE(succeeded(here().sent(), 2, IBV_WC_SEND));
    auto arrived = gathered(there(), to);
    arrived.resize(7077);
    EXPECT_EQ(arrived, gathered(here(), from));
}

TEST_P(RcPieces, AreJoinedByWrite) {
    connect();
    here().store(0, pattern(2, 20000));
    const Slices from = {{1, 2047}, {4096, 1}, {9000, 3333}};
    ASSERT_EQ(here().post_send(make_write(1, from, there().at(123))), 0);
    ASSERT_TRUE(succeeded(here().sent(), 1, IBV_WC_RDMA_WRITE));
    EXPECT_EQ(there().load(123, 5381), gathered(here(), from));
}

TEST_P(RcPieces, AreSplitByRead) {
    connect();
    there().store(0, pattern(3, 20000));
    const Slices to = {{1, 2047}, {4096, 1}, {9000, 3333}};
    ASSERT_EQ(here().post_send(make_read(1, to, there().at(321))), 0);
    ASSERT_TRUE(succeeded(here().sent(), 1, IBV_WC_RDMA_READ));
    EXPECT_EQ(gathered(here(), to), there().load(321, 5381));
}

TEST_P(RcPieces, MayBeEmpty) {
    connect();
    here().store(0, pattern(4, 100));
    ASSERT_EQ(there().post_recv(1, {{0, 100}}), 0);
    // No piece at all; a piece of length 0 means other things to other devices.
    ASSERT_EQ(here().post_send(make_send(2, {})), 0);
    const ibv_wc wc = there().received();
    EXPECT_TRUE(succeeded(wc, 1, IBV_WC_RECV));
    EXPECT_EQ(wc.byte_len, 0u);
    EXPECT_TRUE(succeeded(here().sent(), 2, IBV_WC_SEND));
}

TEST_P(RcPieces, MayBeAsManyAsTheQueuePairHas) {
    const auto most =
        std::min<uint32_t>(Slices::kMost, static_cast<uint32_t>(device_limits(context()).max_sge));
    SideOptions options;
    options.cap.max_send_sge = most;
    options.cap.max_recv_sge = most;
    connect(options);
    here().store(0, pattern(5, 1 << 16));
    Slices from;
    Slices to;
    for (uint32_t i = 0; i < most; ++i) {
        from.add({i * 4096ull + i, 1000 + i});
        to.add({(most - 1 - i) * 4096ull, 1000 + most - 1 - i});
    }
    ASSERT_EQ(there().post_recv(1, to), 0);
    ASSERT_EQ(here().post_send(make_send(2, from)), 0);
    ASSERT_TRUE(succeeded(there().received(), 1, IBV_WC_RECV));
    ASSERT_TRUE(succeeded(here().sent(), 2, IBV_WC_SEND));
    EXPECT_EQ(gathered(there(), to), gathered(here(), from));
}

TEST_P(RcPieces, OfARequestMayLieInDifferentRegions) {
    connect();
    Region second(here().pd(), 4096);
    std::ranges::copy(pattern(6, 100), second.data());
    here().store(0, pattern(7, 100));
    ibv_sge sges[] = {here().region().sge(0, 100), second.sge(0, 100)};
    ibv_send_wr wr{};
    wr.wr_id = 1;
    wr.sg_list = sges;
    wr.num_sge = 2;
    wr.opcode = IBV_WR_SEND;
    wr.send_flags = IBV_SEND_SIGNALED;
    ibv_send_wr *bad = nullptr;
    ASSERT_EQ(there().post_recv(2, {{0, 200}}), 0);
    ASSERT_EQ(ibv_post_send(here().qp(), &wr, &bad), 0);
    ASSERT_TRUE(succeeded(there().received(), 2, IBV_WC_RECV));
    ASSERT_TRUE(succeeded(here().sent(), 1, IBV_WC_SEND));
    EXPECT_EQ(there().load(0, 100), pattern(7, 100));
    EXPECT_EQ(there().load(100, 100), pattern(6, 100));
}

TEST_P(RcPieces, InlineBelongToTheProgramAgainAtOnce) {
    connect();
    std::vector<uint8_t> buffer(60);
    ibv_sge sge{reinterpret_cast<uint64_t>(buffer.data()), 60, 0};  // registered nowhere
    for (const ibv_wr_opcode opcode : {IBV_WR_SEND, IBV_WR_RDMA_WRITE}) {
        std::ranges::copy(pattern(opcode, 60), buffer.begin());
        ibv_send_wr wr{};
        wr.wr_id = opcode;
        wr.sg_list = &sge;
        wr.num_sge = 1;
        wr.opcode = opcode;
        wr.send_flags = IBV_SEND_SIGNALED | IBV_SEND_INLINE;
        wr.wr.rdma.remote_addr = there().at(100).addr;
        wr.wr.rdma.rkey = there().at(100).rkey;
        ibv_send_wr *bad = nullptr;
        // The receive comes after the post: nothing can have gone out of the buffer before.
        ASSERT_EQ(ibv_post_send(here().qp(), &wr, &bad), 0);
        std::ranges::fill(buffer, 0xee);
        if (opcode == IBV_WR_SEND) {
            ASSERT_EQ(there().post_recv(1, {{100, 60}}), 0);
            ASSERT_TRUE(succeeded(there().received(), 1, IBV_WC_RECV));
        }
        ASSERT_TRUE(ended(here().sent(), opcode, IBV_WC_SUCCESS));
        EXPECT_EQ(there().load(100, 60), pattern(opcode, 60)) << "opcode " << opcode;
    }
}

TEST_P(RcPieces, InlineMayBeSeveral) {
    connect();
    here().store(0, pattern(9, 1000));
    const Slices from = {{0, 10}, {100, 1}, {200, 30}, {300, 19}};
    ASSERT_EQ(there().post_recv(1, {{0, 60}}), 0);
    ASSERT_EQ(here().post_send(make_send(2, from).with(IBV_SEND_INLINE)), 0);
    ASSERT_TRUE(succeeded(there().received(), 1, IBV_WC_RECV));
    ASSERT_TRUE(succeeded(here().sent(), 2, IBV_WC_SEND));
    EXPECT_EQ(there().load(0, 60), gathered(here(), from));
}

TEST_P(RcPieces, InlineReachTheLimitThatWasGranted) {
    connect();
    const uint32_t most = here().cap().max_inline_data;
    here().store(0, pattern(10, most));
    ASSERT_EQ(there().post_recv(1, {{0, most}}), 0);
    ASSERT_EQ(here().post_send(make_send(2, {{0, most}}).with(IBV_SEND_INLINE)), 0);
    ASSERT_TRUE(succeeded(there().received(), 1, IBV_WC_RECV));
    ASSERT_TRUE(succeeded(here().sent(), 2, IBV_WC_SEND));
    EXPECT_EQ(there().load(0, most), pattern(10, most));
}

TEST_P(RcPieces, InlineAreRefusedAboveTheLimit) {
    connect();
    const uint32_t most = here().cap().max_inline_data;
    EXPECT_EQ(here().post_send(make_send(1, {{0, most + 1}}).with(IBV_SEND_INLINE)), EINVAL);
    EXPECT_EQ(here().post_send(make_send(1, {{0, most}, {most, 1}}).with(IBV_SEND_INLINE)), EINVAL);
    EXPECT_TRUE(is_empty(here().send_cq()));
}

}  // namespace
