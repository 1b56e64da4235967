// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Polling: what the kernel writes, as programs read it; resizing; arming.
#include "fake_kernel.hpp"

namespace {

using namespace verbs_test;

ib_uverbs_wc numbered(uint64_t number) {
    ib_uverbs_wc wc{};
    wc.wr_id = number;
    return wc;
}

class Polling : public ::testing::Test {
protected:
    void SetUp() override {
        context.cmd_fd = commands.fd();
        cq.context = &context;
        cq.handle = 33;
        ASSERT_TRUE(rxe::attach(cq, kernel.map()));
    }
    // The numbers of the next completions.
    std::vector<uint64_t> poll(int room) {
        std::vector<ibv_wc> wcs(static_cast<std::size_t>(room));
        const int count = rxe::poll_cq(&cq, room, wcs.data());
        EXPECT_GE(count, 0);
        std::vector<uint64_t> numbers;
        for (int i = 0; i < count; ++i)
            numbers.push_back(wcs[static_cast<std::size_t>(i)].wr_id);
        return numbers;
    }

    KernelQueue kernel{8, 6};
    CommandSink commands;
    ibv_context context{};
    rxe::Cq cq;
};

using Numbers = std::vector<uint64_t>;

TEST_F(Polling, AnEmptyQueueFindsNothing) {
    EXPECT_EQ(cq.cqe, 7);
    EXPECT_EQ(poll(5), Numbers{});
    ibv_wc wc{};
    EXPECT_EQ(rxe::poll_cq(&cq, 0, &wc), 0);
    EXPECT_EQ(rxe::poll_cq(&cq, -1, &wc), 0);
}

TEST_F(Polling, TakesAsManyAsThereIsRoomForInOrder) {
    for (uint64_t i = 1; i <= 5; ++i)
        ASSERT_TRUE(kernel.push(numbered(i)));
    ibv_wc wc{};
    EXPECT_EQ(rxe::poll_cq(&cq, 0, &wc), 0);
    EXPECT_EQ(poll(2), (Numbers{1, 2}));
    EXPECT_EQ(poll(10), (Numbers{3, 4, 5}));
    EXPECT_EQ(poll(10), Numbers{});
}

TEST_F(Polling, GivesSlotsBackAroundTheEnd) {
    for (uint64_t round = 0; round < 30; ++round) {
        for (uint64_t i = 0; i < 7; ++i)
            ASSERT_TRUE(kernel.push(numbered(round * 10 + i)));
        EXPECT_FALSE(kernel.push(numbered(0))) << "full";
        EXPECT_EQ(poll(3), (Numbers{round * 10, round * 10 + 1, round * 10 + 2}));
        EXPECT_EQ(poll(10).size(), 4u);
    }
}

TEST_F(Polling, WithAnyProducerIndexTakesNoMoreThanTheSlots) {
    for (const uint32_t hostile : {0xffffffffu, 0x80000001u, 12345u, 8u}) {
        kernel.header().producer_index = hostile;
        EXPECT_LE(poll(100).size(), 7u);
        EXPECT_LT(kernel.header().consumer_index, 8u);
    }
}

TEST_F(Polling, CopiesEveryField) {
    ib_uverbs_wc from{};
    from.wr_id = 0x1122334455667788;
    from.status = IBV_WC_RETRY_EXC_ERR;
    from.opcode = IBV_WC_RECV_RDMA_WITH_IMM;
    from.vendor_err = 5;
    from.byte_len = 4096;
    from.ex.imm_data = htonl(7);
    from.qp_num = 17;
    from.src_qp = 18;
    from.pkey_index = 3;
    from.slid = 4;
    from.sl = 6;
    from.dlid_path_bits = 1;
    ASSERT_TRUE(kernel.push(from));
    ibv_wc wc{};
    ASSERT_EQ(rxe::poll_cq(&cq, 1, &wc), 1);
    EXPECT_EQ(wc.wr_id, from.wr_id);
    EXPECT_EQ(wc.status, IBV_WC_RETRY_EXC_ERR);
    EXPECT_EQ(wc.opcode, IBV_WC_RECV_RDMA_WITH_IMM);
    EXPECT_EQ(wc.vendor_err, 5u);
    EXPECT_EQ(wc.byte_len, 4096u);
    EXPECT_EQ(wc.imm_data, htonl(7));
    EXPECT_EQ(wc.qp_num, 17u);
    EXPECT_EQ(wc.src_qp, 18u);
    EXPECT_EQ(wc.wc_flags, 0u);
    EXPECT_EQ(wc.pkey_index, 3);
    EXPECT_EQ(wc.slid, 4);
    EXPECT_EQ(wc.sl, 6);
    EXPECT_EQ(wc.dlid_path_bits, 1);
}

// The bits inside of the kernel, and what programs call them.
TEST_F(Polling, NamesFlagsAsProgramsDo) {
    const std::array<std::pair<uint32_t, unsigned>, 7> flags{
        {{1, IBV_WC_GRH},
         {2, IBV_WC_WITH_IMM},
         {4, IBV_WC_WITH_INV},
         {8, IBV_WC_IP_CSUM_OK},
         {1 | 4, IBV_WC_GRH | IBV_WC_WITH_INV},
         {1 | 2, IBV_WC_GRH | IBV_WC_WITH_IMM},
         {0x70, 0}}};  // told to the kernel's own users only
    for (const auto &[kernels, programs] : flags) {
        ib_uverbs_wc from{};
        from.wc_flags = kernels;
        ASSERT_TRUE(kernel.push(from));
        ibv_wc wc{};
        ASSERT_EQ(rxe::poll_cq(&cq, 1, &wc), 1);
        EXPECT_EQ(wc.wc_flags, programs) << kernels;
    }
}

TEST_F(Polling, GoesOnInAnotherQueueAfterAResize) {
    for (uint64_t i = 1; i <= 4; ++i)
        ASSERT_TRUE(kernel.push(numbered(i)));
    EXPECT_EQ(poll(1), Numbers{1});
    KernelQueue larger(32, 6);
    ASSERT_TRUE(rxe::resize(cq, [&] {
        // The kernel moves what we have not taken, and goes on in the new queue.
        EXPECT_EQ(kernel.header().consumer_index, 1u);
        for (uint64_t i = 2; i <= 5; ++i)
            EXPECT_TRUE(larger.push(numbered(i)));
        return verbs::Result<verbs::Mapping>(larger.map());
    }));
    EXPECT_EQ(cq.cqe, 31);
    EXPECT_EQ(poll(10), (Numbers{2, 3, 4, 5}));
    ASSERT_TRUE(larger.push(numbered(6)));
    EXPECT_EQ(poll(10), Numbers{6});
}

TEST_F(Polling, GoesOnInTheSameQueueWhenAResizeIsRefused) {
    ASSERT_TRUE(kernel.push(numbered(1)));
    const auto resized = rxe::resize(
        cq, [] { return verbs::Result<verbs::Mapping>(verbs::fail(EINVAL, "too small")); });
    ASSERT_FALSE(resized);
    EXPECT_EQ(resized.error().code, EINVAL);
    EXPECT_EQ(cq.cqe, 7);
    EXPECT_EQ(poll(10), Numbers{1});
}

TEST_F(Polling, RefusesAQueueThatTheKernelResizedIntoNonsense) {
    const KernelQueue odd(32, 5);  // slots of 32 bytes
    const auto resized = rxe::resize(cq, [&] { return verbs::Result<verbs::Mapping>(odd.map()); });
    ASSERT_FALSE(resized);
    EXPECT_EQ(resized.error().code, EPROTO);
    EXPECT_EQ(poll(10), Numbers{}) << "and nothing crashes";
}

TEST_F(Polling, FindsNothingOfAQueuePairThatIsForgotten) {
    for (uint64_t round = 0; round < 8; ++round) {  // around the end, too
        for (uint64_t i = 1; i <= 5; ++i) {
            ib_uverbs_wc wc = numbered(round * 10 + i);
            wc.qp_num = i % 2 == 0 ? 5 : 6;
            ASSERT_TRUE(kernel.push(wc));
        }
        rxe::forget_completions(cq, 7);
        rxe::forget_completions(cq, 6);
        EXPECT_EQ(poll(10), (Numbers{round * 10 + 2, round * 10 + 4}));
        ASSERT_TRUE(kernel.push(numbered(9)));
        EXPECT_EQ(poll(10), Numbers{9}) << "the kernel goes on where it was";
    }
}

TEST_F(Polling, FindsNothingWhenAllThatWaitedIsForgotten) {
    for (int i = 0; i < 7; ++i)
        ASSERT_TRUE(kernel.push(numbered(0)));
    rxe::forget_completions(cq, 0);
    EXPECT_EQ(poll(10), Numbers{});
    EXPECT_TRUE(kernel.push(numbered(1))) << "there is room again";
}

TEST_F(Polling, IsArmedByOneCommand) {
    for (const uint32_t solicited : {0u, 1u}) {
        ASSERT_EQ(rxe::req_notify_cq(&cq, solicited != 0 ? 42 : 0), 0);
        const std::vector<uint32_t> command = commands.next();
        EXPECT_EQ(command,
                  (std::vector<uint32_t>{IB_USER_VERBS_CMD_REQ_NOTIFY_CQ, 4, 33, solicited}));
    }
    context.cmd_fd = -1;
    EXPECT_EQ(rxe::req_notify_cq(&cq, 0), EBADF);
}

}  // namespace
