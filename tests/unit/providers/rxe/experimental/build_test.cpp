// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Requests that are built call by call, in the queue: what the kernel finds there, and when.
#include "datapath/ah.hpp"
#include "fake_kernel.hpp"

#include <fcntl.h>

#include <functional>
#include <thread>

namespace verbs_test {
namespace {

constexpr uint64_t kAll = ~uint64_t{0};

class Built : public QueuePair {
protected:
    void make(ibv_qp_type type) {
        QueuePair::make(type);
        rxe::make_buildable(qp, type, kAll);
        ex = &qp.extended();
        ex->wr_id = request(IBV_WR_SEND).wr_id;
        ex->wr_flags = IBV_SEND_SIGNALED | IBV_SEND_FENCE;
    }
    int complete() { return ex->wr_complete(ex); }
    int built(const std::function<void()> &build) {
        ex->wr_start(ex);
        build();
        return complete();
    }
    // Rubbish in every slot, as earlier requests leave it.
    void soil() {
        for (uint32_t i = 0; i < kSlots; ++i)
            std::memset(sends.slot(i), 0xa5, 512);
    }
    [[nodiscard]] std::vector<uint8_t> take() {
        EXPECT_EQ(sends.waiting(), 1u);
        const std::vector<uint8_t> bytes(sends.oldest(), sends.oldest() + 512);
        sends.complete();
        return bytes;
    }
    // What was built leaves the same bytes in the queue as a plain post.
    void expect_as(ibv_send_wr wr, const std::function<void()> &build) {
        soil();
        if (wr.imm_data == 0) wr.imm_data = 0xa5a5a5a5;  // neither way writes what is not there
        wr.send_flags |= ex->wr_flags;
        ASSERT_EQ(built(build), 0);
        const auto own = take();
        ASSERT_EQ(post(wr), 0);
        EXPECT_EQ(own, take()) << "opcode " << wr.opcode;
        EXPECT_EQ(commands.count(), 2);
    }
    // Nothing is in the queue, nobody is told, and the next request is as good as any.
    void expect_refused(int code, const std::function<void()> &build) {
        EXPECT_EQ(built(build), code);
        EXPECT_EQ(sends.waiting(), 0u);
        EXPECT_EQ(commands.count(), 0);
    }

    ibv_qp_ex *ex = nullptr;
    std::array<ibv_sge, 5> pieces{
        {{0x1000, 8, 11}, {0x2000, 100, 12}, {0x3000, 0, 13}, {0x4000, 1, 14}, {0x5000, 1, 15}}};
    std::string text = std::string(kMaxInline, 'x') + "more";
};

ibv_send_wr with(ibv_send_wr wr, ibv_sge *list, int count) {
    wr.sg_list = list;
    wr.num_sge = count;
    return wr;
}

TEST_F(Built, LeaveInTheQueueWhatAPlainPostDoes) {
    make(IBV_QPT_RC);
    expect_as(request(IBV_WR_SEND), [&] { ex->wr_send(ex); });
    ibv_send_wr wr = with(request(IBV_WR_SEND_WITH_IMM), pieces.data(), 1);
    wr.imm_data = 7;
    expect_as(wr, [&] {
        ex->wr_send_imm(ex, 7);
        ex->wr_set_sge(ex, 11, 0x1000, 8);
    });
    wr = with(request(IBV_WR_SEND_WITH_INV), pieces.data(), 4);
    wr.invalidate_rkey = 0x700;
    expect_as(wr, [&] {
        ex->wr_send_inv(ex, 0x700);
        ex->wr_set_sge_list(ex, 4, pieces.data());
    });
    wr = with(request(IBV_WR_RDMA_READ), pieces.data(), 1);
    wr.wr.rdma = {0x8000, 5};
    expect_as(wr, [&] {
        ex->wr_rdma_read(ex, 5, 0x8000);
        ex->wr_set_sge(ex, 11, 0x1000, 8);
    });
    wr.opcode = IBV_WR_RDMA_WRITE_WITH_IMM;
    wr.imm_data = 9;
    expect_as(wr, [&] {
        ex->wr_rdma_write_imm(ex, 5, 0x8000, 9);
        ex->wr_set_sge(ex, 11, 0x1000, 8);
    });
    wr = request(IBV_WR_LOCAL_INV);
    wr.invalidate_rkey = 0x300;
    expect_as(wr, [&] { ex->wr_local_inv(ex, 0x300); });
    wr = with(request(IBV_WR_ATOMIC_CMP_AND_SWP), pieces.data(), 1);
    wr.wr.atomic = {0x8000, 3, 4, 0x55};
    expect_as(wr, [&] {
        ex->wr_atomic_cmp_swp(ex, 0x55, 0x8000, 3, 4);
        ex->wr_set_sge(ex, 11, 0x1000, 8);
    });
    wr.opcode = IBV_WR_ATOMIC_FETCH_AND_ADD;
    wr.wr.atomic.swap = 0;
    expect_as(wr, [&] {
        ex->wr_atomic_fetch_add(ex, 0x55, 0x8000, 3);
        ex->wr_set_sge(ex, 11, 0x1000, 8);
    });
    ibv_mw mw{};
    mw.rkey = 0x123;
    ibv_mr mr{};
    mr.lkey = 0x321;
    wr = request(IBV_WR_BIND_MW);
    wr.bind_mw = {&mw, 0x124, {&mr, 0x100, 32, 3}};
    expect_as(wr, [&] { ex->wr_bind_mw(ex, &mw, 0x124, &wr.bind_mw.bind_info); });
}

TEST_F(Built, HaveInlineDataAsAPlainPostDoes) {
    make(IBV_QPT_RC);
    for (const uint32_t length : {0u, 1u, 8u, 9u, kMaxInline}) {
        ibv_sge sge{reinterpret_cast<uintptr_t>(text.data()), length, 0};
        ibv_send_wr wr = with(request(IBV_WR_RDMA_WRITE, IBV_SEND_INLINE), &sge, 1);
        wr.wr.rdma = {0x8000, 5};
        expect_as(wr, [&] {
            ex->wr_rdma_write(ex, 5, 0x8000);
            ex->wr_set_inline_data(ex, text.data(), length);
        });
        expect_as(wr, [&] {
            ex->wr_rdma_write(ex, 5, 0x8000);
            const std::array<ibv_data_buf, 3> list{
                {{text.data(), length / 2}, {nullptr, 0}, {text.data(), length - length / 2}}};
            ex->wr_set_inline_data_list(ex, list.size(), list.data());
        });
    }
    const uint64_t value = 0x1122334455667788;
    qp.sq.type_bit |= rxe::kAtomicWriter;
    ibv_sge sge{reinterpret_cast<uintptr_t>(&value), sizeof value, 0};
    ibv_send_wr wr = with(request(IBV_WR_ATOMIC_WRITE, IBV_SEND_INLINE), &sge, 1);
    wr.wr.rdma = {0x8000, 5};
    expect_as(wr, [&] { ex->wr_atomic_write(ex, 5, 0x8000, &value); });
}

TEST_F(Built, DatagramsGoWhereAPlainPostSendsThem) {
    make(IBV_QPT_UD);
    qp.sq.qkey = 0x4321;
    rxe::Ah numbered;
    numbered.ah_num = 21;
    rxe::Ah spelled_out;
    std::memset(&spelled_out.av, 0x3c, sizeof spelled_out.av);
    for (rxe::Ah *ah : {&numbered, &spelled_out}) {
        ibv_send_wr wr = with(request(IBV_WR_SEND), pieces.data(), 1);
        wr.wr.ud = {ah, 0x15, 0x80000001};
        expect_as(wr, [&] {
            ex->wr_send(ex);
            ex->wr_set_sge(ex, 11, 0x1000, 8);
            ex->wr_set_ud_addr(ex, ah, 0x15, 0x80000001);
        });
    }
    expect_refused(EINVAL, [&] { ex->wr_send(ex); });
    expect_refused(EINVAL, [&] {
        ex->wr_send_imm(ex, 1);
        ex->wr_send(ex);
        ex->wr_set_ud_addr(ex, &numbered, 1, 2);
    });
    expect_refused(EINVAL, [&] {
        ex->wr_send(ex);
        ex->wr_set_ud_addr(ex, nullptr, 1, 2);
    });
}

TEST_F(Built, AreSeenByTheKernelTogetherAndWhenTheyAreComplete) {
    make(IBV_QPT_RC);
    ex->wr_start(ex);
    for (uint64_t i = 1; i <= 3; ++i) {
        ex->wr_id = i;
        ex->wr_send(ex);
    }
    EXPECT_EQ(sends.waiting(), 0u);
    EXPECT_EQ(complete(), 0);
    EXPECT_EQ(sends.waiting(), 3u);
    EXPECT_EQ(commands.count(), 1);
    for (uint64_t i = 1; i <= 3; ++i) {
        EXPECT_EQ(long_at(sends.oldest(), 0), i);
        sends.complete();
    }
}

TEST_F(Built, AreTakenBackAroundTheEndOfTheQueue) {
    sends.start_at(kSlots - 1);
    make(IBV_QPT_RC);
    expect_refused(EINVAL, [&] {
        ex->wr_send(ex);
        ex->wr_send(ex);
        ex->wr_send(ex);
        ex->wr_set_sge_list(ex, kMaxSge + 1, pieces.data());
    });
    ex->wr_start(ex);
    ex->wr_send(ex);
    ex->wr_send(ex);
    ex->wr_abort(ex);
    EXPECT_EQ(sends.waiting(), 0u);
    // The next one stands where the first of those stood.
    ex->wr_id = 9;
    EXPECT_EQ(built([&] { ex->wr_send(ex); }), 0);
    EXPECT_EQ(sends.waiting(), 1u);
    EXPECT_EQ(long_at(sends.oldest(), 0), 9u);
}

TEST_F(Built, AreNoMoreThanTheQueueHasRoomFor) {
    make(IBV_QPT_RC);
    const auto sends_of = [&](uint32_t count) {
        return [this, count] {
            for (uint32_t i = 0; i < count; ++i) {
                ex->wr_send(ex);
                ex->wr_set_inline_data(ex, text.data(), kMaxInline);
            }
        };
    };
    for (const uint32_t count : {kSlots, 3 * kSlots})
        expect_refused(ENOMEM, sends_of(count));
    EXPECT_EQ(built(sends_of(5)), 0);
    EXPECT_EQ(built(sends_of(3)), ENOMEM);
    EXPECT_EQ(sends.waiting(), 5u);
    sends.complete();
    EXPECT_EQ(built(sends_of(3)), 0);
    EXPECT_EQ(sends.waiting(), kSlots - 1);
    // What did not fit was not written over what waits.
    for (uint32_t i = 0; i < kSlots - 1; ++i, sends.complete())
        EXPECT_EQ(word_at(sends.oldest(), 184), kMaxInline);
}

TEST_F(Built, TakeTheLastDataThatTheyAreGiven) {
    make(IBV_QPT_RC);
    ex->wr_flags = IBV_SEND_INLINE;  // no flag of a program's
    EXPECT_EQ(built([&] {
                  ex->wr_send(ex);
                  ex->wr_set_inline_data(ex, text.data(), 2);
                  ex->wr_set_sge(ex, 1, 2, 3);
              }),
              0);
    EXPECT_EQ(word_at(sends.oldest(), 16), 0u) << "flags";
    EXPECT_EQ(word_at(sends.oldest(), 184), 3u) << "length";
}

TEST_F(Built, AreRefusedWithDataThatTheyCannotHave) {
    make(IBV_QPT_RC);
    const std::array<ibv_data_buf, 2> list{{{text.data(), kMaxInline}, {text.data(), SIZE_MAX}}};
    const auto expect_no_data = [&](auto &&begin, int code = EINVAL) {
        expect_refused(code, [&] {
            begin();
            ex->wr_set_inline_data(ex, text.data(), 1);
        });
    };
    expect_no_data([] {});
    expect_no_data([&] { ex->wr_rdma_read(ex, 1, 2); });
    expect_no_data([&] { ex->wr_local_inv(ex, 1); });
    expect_refused(EINVAL, [&] { ex->wr_set_sge(ex, 1, 2, 3); });
    expect_refused(EINVAL, [&] {
        ex->wr_local_inv(ex, 1);
        ex->wr_set_sge(ex, 1, 2, 3);
    });
    expect_refused(EINVAL, [&] {
        ex->wr_send(ex);
        ex->wr_set_inline_data(ex, text.data(), kMaxInline + 1);
    });
    expect_refused(EINVAL, [&] {
        ex->wr_send(ex);
        ex->wr_set_inline_data_list(ex, list.size(), list.data());
    });
    expect_refused(EINVAL, [&] { ex->wr_bind_mw(ex, nullptr, 1, nullptr); });
    // In pieces, of which each alone is short enough.
    std::array<ibv_sge, 2> long_ones{{{0x1000, 0x60000000, 1}, {0x1000, 0x60000000, 1}}};
    expect_refused(EMSGSIZE, [&] {
        ex->wr_send(ex);
        ex->wr_set_sge_list(ex, 2, long_ones.data());
    });
    expect_refused(EMSGSIZE, [&] {
        ex->wr_send(ex);
        ex->wr_set_sge(ex, 1, 0x1000, rxe::kMaxMessage + 1);
    });
    qp.sq.max_sge = 0;  // a slot has no room for pieces then
    expect_refused(EINVAL, [&] {
        ex->wr_send(ex);
        ex->wr_set_sge(ex, 1, 0x1000, 1);
    });
}

TEST_F(Built, OfAtomicsNeedEightBytesAtAMultipleOfEight) {
    make(IBV_QPT_RC);
    const auto fetch = [&](uint64_t address, uint32_t length) {
        return [this, address, length] {
            ex->wr_atomic_fetch_add(ex, 1, address, 2);
            if (length != 0) ex->wr_set_sge(ex, 1, 0x1000, length);
        };
    };
    expect_refused(EINVAL, fetch(0x8004, 8));
    expect_refused(EINVAL, fetch(0x8000, 7));
    expect_refused(EINVAL, fetch(0x8000, 0));
    expect_refused(EINVAL, [&] {
        fetch(0x8000, 0)();
        fetch(0x8000, 8)();
    });
    const uint64_t value = 0;
    expect_refused(EINVAL, [&] { ex->wr_atomic_write(ex, 1, 0x8004, &value); });
    expect_refused(EINVAL, [&] {
        ex->wr_atomic_write(ex, 1, 0x8000, &value);
        ex->wr_set_inline_data(ex, text.data(), 16);
    });
}

TEST_F(Built, TellTheFirstFailureAndForgetItAfterwards) {
    make(IBV_QPT_RC);
    expect_refused(ENOMEM, [&] {
        for (uint32_t i = 0; i < kSlots; ++i)
            ex->wr_send(ex);
        ex->wr_set_sge_list(ex, kMaxSge + 1, pieces.data());
    });
    expect_refused(EINVAL, [&] {
        ex->wr_send(ex);
        ex->wr_set_sge_list(ex, kMaxSge + 1, pieces.data());
        for (uint32_t i = 0; i < kSlots; ++i)
            ex->wr_send(ex);
    });
    EXPECT_EQ(built([&] { ex->wr_send(ex); }), 0);
}

TEST_F(Built, NeedAQueuePairThatIsReady) {
    make(IBV_QPT_RC);
    qp.state = IBV_QPS_RTR;
    expect_refused(EINVAL, [&] { ex->wr_send(ex); });
    EXPECT_EQ(built([] {}), 0) << "nothing is posted in any state";
    EXPECT_EQ(commands.count(), 0);
}

TEST_F(Built, WhoseCommandIsNotTakenReportIt) {
    make(IBV_QPT_RC);
    context.cmd_fd = -1;
    EXPECT_EQ(built([&] { ex->wr_send(ex); }), EBADF);
    EXPECT_EQ(sends.waiting(), 1u) << "as with a plain post";
}

TEST_F(Built, ByOneThreadAtATimeAndWithNoPlainPostAmongThem) {
    make(IBV_QPT_RC);
    const verbs::UniqueFd nowhere(::open("/dev/null", O_WRONLY | O_CLOEXEC));
    context.cmd_fd = nowhere.get();
    constexpr uint64_t kBatches = 50;
    constexpr uint64_t kPlain = 3;
    const auto build = [&](uint64_t own) {
        for (uint64_t i = 0; i < kBatches;) {
            ex->wr_start(ex);
            ex->wr_id = own;
            ex->wr_send(ex);
            std::this_thread::yield();
            ex->wr_send(ex);
            if (complete() == 0) ++i;
        }
    };
    const auto post_plain = [&] {
        ibv_send_wr wr = request(IBV_WR_SEND);
        wr.wr_id = kPlain;
        ibv_send_wr *bad = nullptr;
        for (uint64_t i = 0; i < kBatches;)
            if (rxe::post_send(&qp, &wr, &bad) == 0)
                ++i;
            else
                std::this_thread::yield();
    };
    std::thread first(build, 1);
    std::thread second(build, 2);
    std::thread third(post_plain);
    std::array<uint64_t, 4> seen{};
    uint64_t expected = 0;  // that the batch goes on with
    for (uint64_t i = 0; i < 5 * kBatches; ++i) {
        while (sends.waiting() == 0)
            std::this_thread::yield();
        const uint64_t number = long_at(sends.oldest(), 0);
        EXPECT_TRUE(number >= 1 && number <= kPlain);
        ++seen[number % seen.size()];
        if (expected != 0) {
            EXPECT_EQ(number, expected);
        }
        expected = expected == 0 && number != kPlain ? number : 0;
        sends.complete();
    }
    for (std::thread *thread : {&first, &second, &third})
        thread->join();
    EXPECT_EQ(seen, (std::array<uint64_t, 4>{0, 2 * kBatches, 2 * kBatches, kBatches}));
}

}  // namespace
}  // namespace verbs_test
