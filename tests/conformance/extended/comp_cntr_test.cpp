// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Counters of completions: ibv_create_comp_cntr(3), ibv_qp_attach_comp_cntr(3).
#include "comp_cntr.hpp"
#include "paths.hpp"
#include "support/deadline.hpp"

#include <algorithm>
#include <atomic>
#include <deque>
#include <thread>
#include <utility>

namespace {

using namespace verbs_test;

constexpr uint32_t kAll = IBV_QP_ATTACH_COMP_CNTR_OP_SEND | IBV_QP_ATTACH_COMP_CNTR_OP_RECV |
                          IBV_QP_ATTACH_COMP_CNTR_OP_RDMA_READ |
                          IBV_QP_ATTACH_COMP_CNTR_OP_RDMA_WRITE;

class CountedCompletions : public DeviceTest {
protected:
    static constexpr uint32_t kDepth = 64;
    static constexpr size_t kBytes = 4096;

    void SetUp() override {
        DeviceTest::SetUp();
        if (!IsSkipped()) require_feature("counters of completions");
        if (IsSkipped()) return;
        pd_ = alloc_pd(context());
        mr_ = reg_mr(pd_.get(), memory_.data(), kBytes, kEveryAccess);
        sent_ = create_cq(context());
        received_ = create_cq(context());
        here_ = create_qp(sent_.get());
        there_ = create_qp(received_.get());
    }
    void TearDown() override {
        here_ = {};
        there_ = {};
        counters_.clear();
        sent_ = {};
        received_ = {};
        mr_ = {};
        pd_ = {};
        DeviceTest::TearDown();
    }
    Qp create_qp(ibv_cq *cq) {
        ibv_qp_init_attr attr{};
        attr.send_cq = attr.recv_cq = cq;
        attr.cap = {kDepth, kDepth, 1, 1, 0};
        attr.qp_type = IBV_QPT_RC;
        Qp qp(ibv_create_qp(pd_.get(), &attr));
        if (!qp) give_up("ibv_create_qp");
        return qp;
    }
    void connect() {
        PathOptions path;
        path.qp_access = IBV_ACCESS_REMOTE_WRITE | IBV_ACCESS_REMOTE_READ;
        must_connect_rc(here_.get(), address_of(there_.get(), path), path);
        must_connect_rc(there_.get(), address_of(here_.get(), path), path);
    }
    // It goes after the queue pairs, which hold it.
    CompCntr &create(ibv_comp_cntr_type type = IBV_COMP_CNTR_TYPE_WRS) {
        ibv_comp_cntr_init_attr attr{0, type, 0};
        CompCntr counter(ibv_create_comp_cntr(context(), &attr));
        if (!counter) give_up("ibv_create_comp_cntr");
        return counters_.emplace_back(std::move(counter));
    }
    static int attach(const Qp &qp, const CompCntr &counter, uint32_t operations) {
        ibv_qp_attach_comp_cntr_attr attr{0, operations};
        return ibv_qp_attach_comp_cntr(qp.get(), counter.get(), &attr);
    }
    static uint64_t successes(const CompCntr &counter) {
        uint64_t value = 0;
        EXPECT_EQ(ibv_read_comp_cntr(counter.get(), &value), 0);
        return value;
    }
    static uint64_t errors(const CompCntr &counter) {
        uint64_t value = 0;
        EXPECT_EQ(ibv_read_err_comp_cntr(counter.get(), &value), 0);
        return value;
    }
    // Reads until the value is there, and polls nothing.
    static void await(const CompCntr &counter, uint64_t value) {
        const Deadline deadline;
        while (successes(counter) < value && !deadline.passed()) {
        }
        EXPECT_EQ(successes(counter), value);
    }
    [[nodiscard]] ibv_sge piece(uint32_t length) const {
        return {reinterpret_cast<uintptr_t>(memory_.data()), length, mr_->lkey};
    }
    void post_recv(uint32_t length) {
        ibv_sge sge = piece(length);
        ibv_recv_wr wr{};
        wr.sg_list = &sge;
        wr.num_sge = 1;
        ibv_recv_wr *bad = nullptr;
        ASSERT_EQ(ibv_post_recv(there_.get(), &wr, &bad), 0);
    }
    int post(ibv_wr_opcode opcode, uint32_t length, unsigned flags = 0) {
        ibv_sge sge = piece(length);
        ibv_send_wr wr{};
        wr.opcode = opcode;
        wr.send_flags = flags;
        wr.sg_list = &sge;
        wr.num_sge = 1;
        wr.wr.rdma = {reinterpret_cast<uintptr_t>(memory_.data()) + kBytes / 2, mr_->rkey};
        ibv_send_wr *bad = nullptr;
        return ibv_post_send(here_.get(), &wr, &bad);
    }

    Pd pd_;
    Pages memory_{kBytes};
    Mr mr_;
    Cq sent_;
    Cq received_;
    std::deque<CompCntr> counters_;
    Qp here_;
    Qp there_;
};

TEST_F(CountedCompletions, AreThoseThatTheDeviceTellsOf) {
    ibv_comp_cntr_caps caps{};
    ASSERT_EQ(ibv_query_comp_cntr_caps(context(), &caps), 0);
    EXPECT_GT(caps.max_value, UINT32_MAX);
    EXPECT_GT(caps.max_counters, 0u);
    EXPECT_EQ(caps.supported_qp_attach_ops & kAll, kAll);
}

TEST_F(CountedCompletions, AreSetAndAddedTo) {
    const CompCntr &counter = create();
    EXPECT_EQ(successes(counter), 0u);
    EXPECT_EQ(errors(counter), 0u);
    EXPECT_EQ(ibv_set_comp_cntr(counter.get(), 100), 0);
    EXPECT_EQ(ibv_set_err_comp_cntr(counter.get(), 200), 0);
    EXPECT_EQ(ibv_inc_comp_cntr(counter.get(), 1), 0);
    EXPECT_EQ(ibv_inc_err_comp_cntr(counter.get(), 2), 0);
    EXPECT_EQ(successes(counter), 101u);
    EXPECT_EQ(errors(counter), 202u);
}

TEST_F(CountedCompletions, StartOverAfterTheGreatestValue) {
    ibv_comp_cntr_caps caps{};
    ASSERT_EQ(ibv_query_comp_cntr_caps(context(), &caps), 0);
    const CompCntr &counter = create();
    EXPECT_EQ(ibv_set_comp_cntr(counter.get(), caps.max_value), 0);
    EXPECT_EQ(ibv_inc_comp_cntr(counter.get(), 1), 0);
    EXPECT_EQ(successes(counter), 0u);
}

TEST_F(CountedCompletions, NeedNoCompletionInAQueueNorAPoll) {
    const CompCntr &sends = create();
    const CompCntr &receives = create();
    ASSERT_EQ(attach(here_, sends, IBV_QP_ATTACH_COMP_CNTR_OP_SEND), 0);
    ASSERT_EQ(attach(there_, receives, IBV_QP_ATTACH_COMP_CNTR_OP_RECV), 0);
    connect();
    for (int i = 0; i < 20; ++i) {
        post_recv(64);
        ASSERT_EQ(post(IBV_WR_SEND, 64), 0);
    }
    await(receives, 20);
    await(sends, 20);
    EXPECT_EQ(errors(sends), 0u);
    ibv_wc wc{};
    EXPECT_EQ(ibv_poll_cq(sent_.get(), 1, &wc), 0) << "nothing was signaled";
}

TEST_F(CountedCompletions, HaveTheirDataInPlace) {
    const CompCntr &receives = create();
    ASSERT_EQ(attach(there_, receives, IBV_QP_ATTACH_COMP_CNTR_OP_RECV), 0);
    connect();
    for (uint8_t round = 1; round <= 200; ++round) {
        post_recv(8);
        memory_.data()[0] = round;
        ibv_sge sge = piece(8);
        sge.addr += 1024;
        memory_.data()[1024] = round;
        memory_.data()[0] = 0;
        ibv_send_wr wr{};
        wr.sg_list = &sge;
        wr.num_sge = 1;
        wr.opcode = IBV_WR_SEND;
        ibv_send_wr *bad = nullptr;
        ASSERT_EQ(ibv_post_send(here_.get(), &wr, &bad), 0);
        await(receives, round);
        ASSERT_EQ(memory_.data()[0], round);
    }
}

TEST_F(CountedCompletions, AreOfTheOperationsThatWereNamed) {
    const CompCntr &writes = create();
    const CompCntr &reads = create();
    const CompCntr &both = create();
    ASSERT_EQ(attach(here_, writes, IBV_QP_ATTACH_COMP_CNTR_OP_RDMA_WRITE), 0);
    ASSERT_EQ(attach(here_, reads, IBV_QP_ATTACH_COMP_CNTR_OP_RDMA_READ), 0);
    ASSERT_EQ(
        attach(here_, both, IBV_QP_ATTACH_COMP_CNTR_OP_SEND | IBV_QP_ATTACH_COMP_CNTR_OP_RECV), 0);
    connect();
    post_recv(8);
    post_recv(8);
    ASSERT_EQ(post(IBV_WR_RDMA_WRITE, 8), 0);
    ASSERT_EQ(post(IBV_WR_RDMA_READ, 8), 0);
    ASSERT_EQ(post(IBV_WR_RDMA_WRITE_WITH_IMM, 8), 0);
    ASSERT_EQ(post(IBV_WR_RDMA_READ, 8), 0);
    ASSERT_EQ(post(IBV_WR_RDMA_READ, 8), 0);
    ASSERT_EQ(post(IBV_WR_SEND_WITH_IMM, 8), 0);
    await(both, 1);
    EXPECT_EQ(successes(writes), 2u);
    EXPECT_EQ(successes(reads), 3u);
}

TEST_F(CountedCompletions, OfSeveralQueuePairsAddUp) {
    const CompCntr &counter = create();
    ASSERT_EQ(attach(here_, counter, IBV_QP_ATTACH_COMP_CNTR_OP_SEND), 0);
    ASSERT_EQ(attach(there_, counter, IBV_QP_ATTACH_COMP_CNTR_OP_RECV), 0);
    connect();
    for (int i = 0; i < 10; ++i) {
        post_recv(8);
        ASSERT_EQ(post(IBV_WR_SEND, 8), 0);
    }
    await(counter, 20);
}

TEST_F(CountedCompletions, MayBeCountedInBytes) {
    const CompCntr &sends = create(IBV_COMP_CNTR_TYPE_BYTES);
    const CompCntr &receives = create(IBV_COMP_CNTR_TYPE_BYTES);
    ASSERT_EQ(attach(here_, sends, kAll), 0);
    ASSERT_EQ(attach(there_, receives, kAll), 0);
    connect();
    post_recv(1000);
    ASSERT_EQ(post(IBV_WR_SEND, 700), 0);
    ASSERT_EQ(post(IBV_WR_RDMA_WRITE, 30), 0);
    ASSERT_EQ(post(IBV_WR_RDMA_READ, 4), 0);
    await(sends, 734);
    await(receives, 700);
}

TEST_F(CountedCompletions, ThatAreSignaledAreInTheQueueAsWell) {
    const CompCntr &sends = create();
    ASSERT_EQ(attach(here_, sends, IBV_QP_ATTACH_COMP_CNTR_OP_SEND), 0);
    connect();
    post_recv(8);
    ASSERT_EQ(post(IBV_WR_SEND, 8, IBV_SEND_SIGNALED), 0);
    await(sends, 1);
    ibv_wc wc{};
    ASSERT_TRUE(eventually([&] { return ibv_poll_cq(sent_.get(), 1, &wc) == 1; }));
    EXPECT_EQ(wc.status, IBV_WC_SUCCESS);
}

TEST_F(CountedCompletions, ArePolledForByOthersAsWell) {
    const CompCntr &sends = create();
    ASSERT_EQ(attach(here_, sends, IBV_QP_ATTACH_COMP_CNTR_OP_SEND), 0);
    connect();
    constexpr uint64_t kRounds = 300;
    std::atomic<bool> ends{false};
    std::thread reader([&] {
        while (!ends.load())
            successes(sends);
    });
    ibv_wc wc{};
    uint64_t polled = 0;
    const Deadline deadline;
    for (uint64_t i = 0; i < kRounds; ++i) {
        post_recv(8);
        ASSERT_EQ(post(IBV_WR_SEND, 8, IBV_SEND_SIGNALED), 0);
        while (polled <= i && !deadline.passed()) {
            polled += static_cast<uint64_t>(std::max(ibv_poll_cq(sent_.get(), 1, &wc), 0));
            ibv_wc arrived{};
            ibv_poll_cq(received_.get(), 1, &arrived);
        }
    }
    ends.store(true);
    reader.join();
    EXPECT_EQ(polled, kRounds);
    EXPECT_EQ(successes(sends), kRounds);
}

TEST_F(CountedCompletions, OfFailuresAreErrors) {
    const CompCntr &counter = create(IBV_COMP_CNTR_TYPE_BYTES);
    ASSERT_EQ(attach(here_, counter, kAll), 0);
    connect();
    ASSERT_EQ(post(IBV_WR_SEND, 8), 0);
    ASSERT_EQ(post(IBV_WR_RDMA_WRITE, 8), 0);
    EXPECT_EQ(to_state(IBV_QPS_ERR).apply(here_.get()), 0);
    EXPECT_EQ(errors(counter), 2u) << "requests, whatever successes are counted in";
    EXPECT_EQ(successes(counter), 0u);
}

TEST_F(CountedCompletions, GoOnAfterTheQueuePairWasReset) {
    const CompCntr &sends = create();
    ASSERT_EQ(attach(here_, sends, IBV_QP_ATTACH_COMP_CNTR_OP_SEND), 0);
    connect();
    post_recv(8);
    ASSERT_EQ(post(IBV_WR_SEND, 8), 0);
    await(sends, 1);
    EXPECT_EQ(to_state(IBV_QPS_RESET).apply(here_.get()), 0);
    EXPECT_EQ(to_state(IBV_QPS_RESET).apply(there_.get()), 0);
    connect();
    post_recv(8);
    ASSERT_EQ(post(IBV_WR_SEND, 8), 0);
    await(sends, 2);
}

TEST_F(CountedCompletions, HaveOneCounterForEachOperation) {
    const CompCntr &one = create();
    const CompCntr &other = create();
    ASSERT_EQ(
        attach(here_, one, IBV_QP_ATTACH_COMP_CNTR_OP_SEND | IBV_QP_ATTACH_COMP_CNTR_OP_RDMA_READ),
        0);
    EXPECT_EQ(attach(here_, other, IBV_QP_ATTACH_COMP_CNTR_OP_SEND), EBUSY);
    EXPECT_EQ(attach(here_, one, IBV_QP_ATTACH_COMP_CNTR_OP_SEND), EBUSY);
    EXPECT_EQ(attach(here_, other, kAll), EBUSY);
    EXPECT_EQ(attach(here_, other, IBV_QP_ATTACH_COMP_CNTR_OP_RECV), 0) << "of all, none was taken";
}

TEST_F(CountedCompletions, AreAskedForBeforeTheQueuePairWorks) {
    const CompCntr &counter = create();
    EXPECT_EQ(rc_init(PathOptions{}).apply(here_.get()), 0);
    EXPECT_EQ(attach(here_, counter, IBV_QP_ATTACH_COMP_CNTR_OP_SEND), 0);
    connect();
    EXPECT_EQ(attach(here_, counter, IBV_QP_ATTACH_COMP_CNTR_OP_RECV), EINVAL);
}

TEST_F(CountedCompletions, AreNotOfOperationsThatTheDeviceDoesNotTellOf) {
    ibv_comp_cntr_caps caps{};
    ASSERT_EQ(ibv_query_comp_cntr_caps(context(), &caps), 0);
    const CompCntr &counter = create();
    for (uint32_t operation = 1; operation < 1u << 6; operation <<= 1) {
        if ((caps.supported_qp_attach_ops & operation) == 0) {
            EXPECT_EQ(attach(here_, counter, operation), EOPNOTSUPP) << operation;
        }
    }
    EXPECT_EQ(attach(here_, counter, 0), EINVAL);
    EXPECT_EQ(attach(here_, counter, 1u << 6), EINVAL);
}

TEST_F(CountedCompletions, HoldTheirCounterAsLongAsTheQueuePairIsThere) {
    CompCntr &counter = create();
    ASSERT_EQ(attach(here_, counter, kAll), 0);
    ASSERT_EQ(attach(there_, counter, IBV_QP_ATTACH_COMP_CNTR_OP_SEND), 0);
    EXPECT_EQ(counter.close(), EBUSY);
    ASSERT_EQ(here_.close(), 0);
    EXPECT_EQ(counter.close(), EBUSY);
    ASSERT_EQ(there_.close(), 0);
    ASSERT_EQ(sent_.close(), 0);
    EXPECT_EQ(successes(counter), 0u) << "and nothing of what is gone is looked at";
    EXPECT_EQ(counter.close(), 0);
}

TEST_F(CountedCompletions, AreOfTheTypesAndFlagsThatThereAre) {
    ibv_comp_cntr_init_attr attr{0, IBV_COMP_CNTR_TYPE_WRS, 1};
    EXPECT_EQ(ibv_create_comp_cntr(context(), &attr), nullptr);
    EXPECT_EQ(errno, EINVAL);
    attr = {1, IBV_COMP_CNTR_TYPE_WRS, 0};
    EXPECT_EQ(ibv_create_comp_cntr(context(), &attr), nullptr);
    EXPECT_EQ(errno, EINVAL);
}

class CountersOfCompletionsUnsupported : public DeviceTest {};

TEST_F(CountersOfCompletionsUnsupported, IsAnError) {
    require_lack_of("counters of completions");
    if (IsSkipped()) return;
    ibv_comp_cntr_caps caps{};
    EXPECT_EQ(ibv_query_comp_cntr_caps(context(), &caps), EOPNOTSUPP);
    ibv_comp_cntr_init_attr attr{0, IBV_COMP_CNTR_TYPE_WRS, 0};
    EXPECT_EQ(ibv_create_comp_cntr(context(), &attr), nullptr);
    EXPECT_EQ(errno, EOPNOTSUPP);
}

}  // namespace
