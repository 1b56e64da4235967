// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Posting sends: what the kernel finds in the queue, byte by byte, and what is refused before.
#include "datapath/ah.hpp"
#include "fake_kernel.hpp"

#include <tuple>

namespace {

using namespace verbs_test;

constexpr unsigned kFlags = IBV_SEND_SIGNALED | IBV_SEND_SOLICITED | IBV_SEND_FENCE;

class Sends : public QueuePair {
protected:
    // What every request has, at the places that the kernel's header gives.
    void expect_common(const ibv_send_wr &wr) {
        const uint8_t *wqe = sends.oldest();
        EXPECT_EQ(long_at(wqe, 0), wr.wr_id);
        EXPECT_EQ(word_at(wqe, 12), static_cast<uint32_t>(wr.opcode));
        EXPECT_EQ(word_at(wqe, 16), wr.send_flags);
        EXPECT_EQ(word_at(wqe, 20), wr.invalidate_rkey) << "or the immediate data";
        EXPECT_EQ(word_at(wqe, 144), 0u) << "status";
        EXPECT_EQ(word_at(wqe, 148), 0u) << "state: posted";
        EXPECT_EQ(word_at(wqe, 180), 0u) << "has_rd_atomic";
    }
    void expect_data(uint32_t length, uint32_t count) {
        const uint8_t *wqe = sends.oldest();
        EXPECT_EQ(word_at(wqe, 184), length);
        EXPECT_EQ(word_at(wqe, 188), length) << "resid";
        EXPECT_EQ(word_at(wqe, 192), 0u) << "cur_sge";
        EXPECT_EQ(word_at(wqe, 196), count);
        EXPECT_EQ(word_at(wqe, 200), 0u) << "sge_offset";
    }
    void expect_piece(uint32_t index, const ibv_sge &sge) {
        const uint8_t *at = sends.oldest() + 208 + 16 * index;
        EXPECT_EQ(long_at(at, 0), sge.addr);
        EXPECT_EQ(word_at(at, 8), sge.length);
        EXPECT_EQ(word_at(at, 12), sge.lkey);
    }
    // Rubbish in every slot, as earlier requests leave it.
    void soil() {
        for (uint32_t i = 0; i < kSlots; ++i)
            std::memset(sends.slot(i), 0xa5, 512);
    }
    // `wr` is refused with this number, nothing is in the queue, and nobody is told.
    void expect_refused(ibv_send_wr wr, int code) {
        bad_send = nullptr;
        EXPECT_EQ(post(wr), code);
        EXPECT_EQ(bad_send, &wr);
        EXPECT_EQ(sends.waiting(), 0u);
        EXPECT_EQ(commands.count(), 0);
    }

    std::array<ibv_sge, 5> pieces{
        {{0x1000, 8, 11}, {0x2000, 100, 12}, {0x3000, 0, 13}, {0x4000, 1, 14}, {0x5000, 1, 15}}};
};

TEST_F(Sends, OfPiecesAreWrittenAsTheKernelReadsThem) {
    make(IBV_QPT_RC);
    soil();
    ibv_send_wr wr = request(IBV_WR_SEND_WITH_IMM, kFlags);
    wr.imm_data = htonl(0x01020304);
    wr.sg_list = pieces.data();
    wr.num_sge = 3;
    ASSERT_EQ(post(wr), 0);
    ASSERT_EQ(sends.waiting(), 1u);
    expect_common(wr);
    EXPECT_EQ(sends.oldest()[20], 1) << "network order";
    EXPECT_EQ(sends.oldest()[23], 4);
    expect_data(108, 3);
    for (uint32_t i = 0; i < 3; ++i)
        expect_piece(i, pieces[i]);
}

TEST_F(Sends, InlineHaveTheirDataInTheQueue) {
    make(IBV_QPT_UC);
    soil();
    const char first[] = "first.";
    const char second[] = "second";
    const std::array<ibv_sge, 2> parts{
        {{reinterpret_cast<uintptr_t>(first), 6, 0}, {reinterpret_cast<uintptr_t>(second), 6, 0}}};
    ibv_send_wr wr = request(IBV_WR_RDMA_WRITE, IBV_SEND_INLINE);
    wr.sg_list = const_cast<ibv_sge *>(parts.data());
    wr.num_sge = 2;
    wr.wr.rdma = {0x7000, 9};
    ASSERT_EQ(post(wr), 0);
    expect_common(wr);
    expect_data(12, 2);
    EXPECT_EQ(std::memcmp(sends.oldest() + 208, "first.second", 12), 0);
    EXPECT_EQ(sends.oldest()[208 + 12], 0xa5) << "and nothing behind it is written";
}

TEST_F(Sends, InlineAreTakenUpToTheLimitAndNotAbove) {
    make(IBV_QPT_RC);
    std::vector<uint8_t> data(kMaxInline + 1, 7);
    ibv_sge sge{reinterpret_cast<uintptr_t>(data.data()), kMaxInline + 1, 0};
    ibv_send_wr wr = request(IBV_WR_SEND, IBV_SEND_INLINE);
    wr.sg_list = &sge;
    wr.num_sge = 1;
    expect_refused(wr, EINVAL);
    --sge.length;
    EXPECT_EQ(post(wr), 0);
    expect_data(kMaxInline, 1);
}

TEST_F(Sends, InlineInPiecesAreCountedTogether) {
    make(IBV_QPT_RC);
    std::vector<uint8_t> data(kMaxInline, 7);
    const auto address = reinterpret_cast<uintptr_t>(data.data());
    std::array<ibv_sge, 2> parts{{{address, kMaxInline, 0}, {address, 1, 0}}};
    ibv_send_wr wr = request(IBV_WR_SEND, IBV_SEND_INLINE);
    wr.sg_list = parts.data();
    wr.num_sge = 2;
    expect_refused(wr, EINVAL);
}

TEST_F(Sends, ThatReadOrWriteNameTheirTargetTwice) {
    make(IBV_QPT_RC);
    for (const ibv_wr_opcode opcode :
         {IBV_WR_RDMA_WRITE, IBV_WR_RDMA_WRITE_WITH_IMM, IBV_WR_RDMA_READ}) {
        soil();
        ibv_send_wr wr = request(opcode, kFlags);
        wr.imm_data = 5;
        wr.sg_list = pieces.data();
        wr.num_sge = 1;
        wr.wr.rdma = {0x123456789abcdef0, 0x77};
        ASSERT_EQ(post(wr), 0);
        expect_common(wr);
        expect_data(8, 1);
        EXPECT_EQ(long_at(sends.oldest(), 24), 0x123456789abcdef0u);
        EXPECT_EQ(word_at(sends.oldest(), 32), 0x77u);
        EXPECT_EQ(long_at(sends.oldest(), 152), 0x123456789abcdef0u) << "iova";
        sends.complete();
    }
}

TEST_F(Sends, OfAtomicsCarryTheirOperands) {
    make(IBV_QPT_RC);
    for (const ibv_wr_opcode opcode : {IBV_WR_ATOMIC_CMP_AND_SWP, IBV_WR_ATOMIC_FETCH_AND_ADD}) {
        soil();
        ibv_send_wr wr = request(opcode);
        wr.sg_list = pieces.data();
        wr.num_sge = 1;
        wr.wr.atomic = {0x8000, 3, 4, 0x55};
        ASSERT_EQ(post(wr), 0);
        expect_common(wr);
        expect_data(8, 1);
        EXPECT_EQ(long_at(sends.oldest(), 24), 0x8000u);
        EXPECT_EQ(long_at(sends.oldest(), 32), 3u);
        EXPECT_EQ(long_at(sends.oldest(), 40), 4u);
        EXPECT_EQ(word_at(sends.oldest(), 48), 0x55u);
        EXPECT_EQ(long_at(sends.oldest(), 152), 0x8000u) << "iova";
        sends.complete();
    }
}

TEST_F(Sends, OfAtomicsNeedEightBytesAtAMultipleOfEight) {
    make(IBV_QPT_RC);
    ibv_send_wr wr = request(IBV_WR_ATOMIC_FETCH_AND_ADD);
    wr.sg_list = pieces.data();
    wr.num_sge = 1;
    wr.wr.atomic = {0x8004, 3, 4, 0x55};
    expect_refused(wr, EINVAL);
    wr.wr.atomic.remote_addr = 0x8000;
    pieces[0].length = 7;
    expect_refused(wr, EINVAL);
}

TEST_F(Sends, OfAtomicWritesHaveTheirValueInTheQueue) {
    make(IBV_QPT_RC);
    qp.sq.type_bit |= rxe::kAtomicWriter;
    const uint64_t value = 0x1122334455667788;
    ibv_sge sge{reinterpret_cast<uintptr_t>(&value), sizeof value, 0};
    ibv_send_wr wr = request(IBV_WR_ATOMIC_WRITE, IBV_SEND_INLINE);
    wr.sg_list = &sge;
    wr.num_sge = 1;
    wr.wr.rdma = {0x1000, 7};
    ASSERT_EQ(post(wr), 0);
    expect_common(wr);
    expect_data(8, 1);
    EXPECT_EQ(long_at(sends.oldest(), 24), 0x1000u);
    EXPECT_EQ(word_at(sends.oldest(), 32), 7u);
    EXPECT_EQ(long_at(sends.oldest(), 152), 0x1000u) << "iova";
    EXPECT_EQ(long_at(sends.oldest(), 208), value);
}

TEST_F(Sends, OfAtomicWritesNeedEightBytesInlineAtAMultipleOfEight) {
    make(IBV_QPT_RC);
    const uint64_t value[2] = {};
    const auto expect_no = [&](unsigned flags, uint32_t length, uint64_t address) {
        ibv_sge sge{reinterpret_cast<uintptr_t>(value), length, 0};
        ibv_send_wr wr = request(IBV_WR_ATOMIC_WRITE, flags);
        wr.sg_list = &sge;
        wr.num_sge = 1;
        wr.wr.rdma = {address, 7};
        expect_refused(wr, EINVAL);
    };
    expect_no(IBV_SEND_INLINE, 8, 0x1000);  // was not asked for
    qp.sq.type_bit |= rxe::kAtomicWriter;
    expect_no(0, 8, 0x1000);  // not inline
    expect_no(IBV_SEND_INLINE, 4, 0x1000);
    expect_no(IBV_SEND_INLINE, 16, 0x1000);
    expect_no(IBV_SEND_INLINE, 8, 0x1004);
}

TEST_F(Sends, ThatInvalidateNameTheKeyWhereImmediateDataIs) {
    make(IBV_QPT_RC);
    for (const ibv_wr_opcode opcode : {IBV_WR_SEND_WITH_INV, IBV_WR_LOCAL_INV}) {
        soil();
        ibv_send_wr wr = request(opcode);
        wr.invalidate_rkey = 0xdead01;
        ASSERT_EQ(post(wr), 0);
        expect_common(wr);
        expect_data(0, 0);
        sends.complete();
    }
}

TEST_F(Sends, ThatBindCarryRegionWindowAndBothKeys) {
    make(IBV_QPT_UC);
    soil();
    ibv_mr mr{};
    mr.lkey = 0x101;
    ibv_mw mw{};
    mw.rkey = 0x20202;
    ibv_send_wr wr = request(IBV_WR_BIND_MW, IBV_SEND_SIGNALED);
    wr.bind_mw.mw = &mw;
    wr.bind_mw.rkey = 0x20203;
    wr.bind_mw.bind_info = {&mr, 0x9000, 4096, IBV_ACCESS_REMOTE_READ};
    ASSERT_EQ(post(wr), 0);
    expect_common(wr);
    expect_data(0, 0);
    EXPECT_EQ(long_at(sends.oldest(), 24), 0x9000u);
    EXPECT_EQ(long_at(sends.oldest(), 32), 4096u);
    EXPECT_EQ(word_at(sends.oldest(), 40), 0x101u);
    EXPECT_EQ(word_at(sends.oldest(), 44), 0x20202u);
    EXPECT_EQ(word_at(sends.oldest(), 48), 0x20203u);
    EXPECT_EQ(word_at(sends.oldest(), 52), uint32_t{IBV_ACCESS_REMOTE_READ});
}

TEST_F(Sends, OfDatagramsNameAnAddressHandleThatTheKernelHas) {
    make(IBV_QPT_UD);
    soil();
    rxe::Ah ah;
    ah.ah_num = 21;
    ibv_send_wr wr = request(IBV_WR_SEND);
    wr.sg_list = pieces.data();
    wr.num_sge = 1;
    wr.wr.ud = {&ah, 0x15, 0x1234};
    ASSERT_EQ(post(wr), 0);
    expect_common(wr);
    expect_data(8, 1);
    EXPECT_EQ(word_at(sends.oldest(), 24), 0x15u);
    EXPECT_EQ(word_at(sends.oldest(), 28), 0x1234u);
    EXPECT_EQ(word_at(sends.oldest(), 32) & 0xffff, 0u) << "pkey_index";
    EXPECT_EQ(word_at(sends.oldest(), 36), 21u);
}

TEST_F(Sends, OfDatagramsCarryTheWayForAKernelThatDoesNotNumberThem) {
    make(IBV_QPT_UD);
    soil();
    rxe::Ah ah;
    std::memset(&ah.av, 0x3c, sizeof ah.av);
    ibv_send_wr wr = request(IBV_WR_SEND);
    wr.wr.ud = {&ah, 1, 2};
    ASSERT_EQ(post(wr), 0);
    EXPECT_EQ(word_at(sends.oldest(), 36), 0u);
    EXPECT_EQ(std::memcmp(sends.oldest() + 56, &ah.av, 88), 0);
}

TEST_F(Sends, OfDatagramsWithTheTopBitOfTheKeyUseTheQueuePairsOwn) {
    make(IBV_QPT_UD);
    qp.sq.qkey = 0x4321;
    rxe::Ah ah;
    ibv_send_wr wr = request(IBV_WR_SEND);
    wr.wr.ud = {&ah, 1, 0x80000001};
    ASSERT_EQ(post(wr), 0);
    EXPECT_EQ(word_at(sends.oldest(), 28), 0x4321u);
}

TEST_F(Sends, OfDatagramsNeedAnAddressHandle) {
    make(IBV_QPT_UD);
    expect_refused(request(IBV_WR_SEND), EINVAL);
}

TEST_F(Sends, OfDatagramsAboveTheMtuAreRefused) {
    make(IBV_QPT_UD);
    qp.sq.max_message = 107;
    rxe::Ah ah;
    ibv_send_wr wr = request(IBV_WR_SEND);
    wr.wr.ud = {&ah, 1, 1};
    wr.sg_list = pieces.data();
    wr.num_sge = 2;
    expect_refused(wr, EMSGSIZE);
    qp.sq.max_message = 108;
    EXPECT_EQ(post(wr), 0);
}

TEST_F(Sends, LongerThanAMessageAreRefused) {
    make(IBV_QPT_RC);
    pieces[0].length = pieces[1].length = pieces[2].length = 1u << 31;
    ibv_send_wr wr = request(IBV_WR_SEND);
    wr.sg_list = pieces.data();
    for (const int count : {2, 3}) {
        wr.num_sge = count;
        expect_refused(wr, EMSGSIZE);
    }
    wr.num_sge = 1;
    EXPECT_EQ(post(wr), 0);
    expect_data(1u << 31, 1);
}

TEST_F(Sends, WithMorePiecesThanGrantedAreRefused) {
    make(IBV_QPT_RC);
    ibv_send_wr wr = request(IBV_WR_SEND);
    wr.sg_list = pieces.data();
    for (const int count : {5, -1, -2147483647}) {
        wr.num_sge = count;
        expect_refused(wr, EINVAL);
    }
    wr.num_sge = kMaxSge;
    EXPECT_EQ(post(wr), 0);
}

TEST_F(Sends, InStatesThatDoNotSendAreRefused) {
    make(IBV_QPT_RC);
    for (const ibv_qp_state state : {IBV_QPS_RESET, IBV_QPS_INIT, IBV_QPS_RTR}) {
        qp.state = state;
        expect_refused(request(IBV_WR_SEND), EINVAL);
    }
    for (const ibv_qp_state state : {IBV_QPS_RTS, IBV_QPS_SQD, IBV_QPS_SQE, IBV_QPS_ERR}) {
        qp.state = state;
        ibv_send_wr wr = request(IBV_WR_SEND);
        EXPECT_EQ(post(wr), 0) << state;
    }
}

// Every opcode with every type: can it be posted, and can it be inline?
class Opcodes : public Sends,
                public ::testing::WithParamInterface<std::tuple<ibv_qp_type, int, bool>> {
public:
    static bool exists(ibv_qp_type type, int opcode) {
        switch (opcode) {
        case IBV_WR_SEND:
        case IBV_WR_SEND_WITH_IMM:
            return true;
        case IBV_WR_RDMA_WRITE:
        case IBV_WR_RDMA_WRITE_WITH_IMM:
        case IBV_WR_BIND_MW:
            return type != IBV_QPT_UD;
        case IBV_WR_SEND_WITH_INV:
        case IBV_WR_RDMA_READ:
        case IBV_WR_ATOMIC_CMP_AND_SWP:
        case IBV_WR_ATOMIC_FETCH_AND_ADD:
        case IBV_WR_LOCAL_INV:
            return type == IBV_QPT_RC;
        default:
            return false;
        }
    }
    static bool goes_inline(int opcode) {
        return opcode != IBV_WR_RDMA_READ && opcode != IBV_WR_ATOMIC_CMP_AND_SWP &&
               opcode != IBV_WR_ATOMIC_FETCH_AND_ADD;
    }
};

TEST_P(Opcodes, AreThoseOfTheType) {
    const auto [type, opcode, is_inline] = GetParam();
    make(type);
    rxe::Ah ah;
    ibv_mw mw{};
    uint64_t word = 0;
    ibv_sge sge{reinterpret_cast<uintptr_t>(&word), 8, 0};
    ibv_send_wr wr = request(IBV_WR_SEND, is_inline ? unsigned{IBV_SEND_INLINE} : 0u);
    std::memcpy(&wr.opcode, &opcode, sizeof opcode);  // an enumeration cannot hold all of them
    wr.sg_list = &sge;
    wr.num_sge = 1;
    if (type == IBV_QPT_UD) wr.wr.ud.ah = &ah;
    if (opcode == IBV_WR_BIND_MW) wr.bind_mw.mw = &mw;
    const bool is_legal = exists(type, opcode) && (!is_inline || goes_inline(opcode));
    EXPECT_EQ(post(wr), is_legal ? 0 : EINVAL);
    EXPECT_EQ(sends.waiting(), is_legal ? 1u : 0u);
}

INSTANTIATE_TEST_SUITE_P(, Opcodes,
                         ::testing::Combine(::testing::Values(IBV_QPT_RC, IBV_QPT_UC, IBV_QPT_UD),
                                            ::testing::Values(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11,
                                                              14, 15, 16, 1000, -1),
                                            ::testing::Bool()));

TEST_F(Sends, FillTheQueueAndGoOnAfterCompletions) {
    sends.start_at(5);
    make(IBV_QPT_RC);
    for (uint64_t round = 0; round < 20; ++round) {
        for (uint64_t i = 0; i < kSlots - 1; ++i) {
            ibv_send_wr wr = request(IBV_WR_SEND);
            wr.wr_id = round * 100 + i;
            ASSERT_EQ(post(wr), 0);
        }
        ibv_send_wr late = request(IBV_WR_SEND);
        EXPECT_EQ(post(late), ENOMEM);
        EXPECT_EQ(bad_send, &late);
        for (uint64_t i = 0; i < kSlots - 1; ++i) {
            EXPECT_EQ(long_at(sends.oldest(), 0), round * 100 + i);
            sends.complete();
        }
    }
}

TEST_F(Sends, InAListStopAtTheFirstThatDoesNotGo) {
    make(IBV_QPT_RC);
    std::array<ibv_send_wr, 3> list{request(IBV_WR_SEND), request(IBV_WR_SEND),
                                    request(IBV_WR_SEND)};
    list[0].next = &list[1];
    list[1].next = &list[2];
    list[1].num_sge = 100;
    EXPECT_EQ(post(list[0]), EINVAL);
    EXPECT_EQ(bad_send, &list[1]);
    EXPECT_EQ(sends.waiting(), 1u);
    EXPECT_EQ(commands.count(), 1) << "for the one that went";
}

TEST_F(Sends, LongerThanTheQueueStopAtTheFirstWithoutRoom) {
    make(IBV_QPT_RC);
    std::array<ibv_send_wr, kSlots + 2> list;
    for (std::size_t i = 0; i < list.size(); ++i) {
        list[i] = request(IBV_WR_SEND);
        list[i].next = i + 1 < list.size() ? &list[i + 1] : nullptr;
    }
    EXPECT_EQ(post(list[0]), ENOMEM);
    EXPECT_EQ(bad_send, &list[kSlots - 1]);
    EXPECT_EQ(sends.waiting(), kSlots - 1);
}

TEST_F(Sends, OfOneCallRingOnceWithNoRequestInTheCommand) {
    make(IBV_QPT_RC);
    std::array<ibv_send_wr, 2> list{request(IBV_WR_SEND), request(IBV_WR_SEND)};
    list[0].next = &list[1];
    ASSERT_EQ(post(list[0]), 0);
    const std::vector<uint32_t> command = commands.next();
    ASSERT_EQ(command.size(), 8u);
    EXPECT_EQ(command[0], uint32_t{IB_USER_VERBS_CMD_POST_SEND});
    EXPECT_EQ(command[1], 8u | 1u << 16) << "words there and back";
    EXPECT_EQ(command[2] | uint64_t{command[3]} << 32, reinterpret_cast<uintptr_t>(&qp.sq.answer));
    EXPECT_EQ(command[4], kHandle);
    EXPECT_EQ(command[5], 0u) << "requests";
    EXPECT_EQ(command[6], 0u) << "pieces";
    EXPECT_EQ(command[7], 56u) << "size of a request, which the kernel wants to see";
    EXPECT_EQ(commands.count(), 0);
}

TEST_F(Sends, WhoseCommandIsNotTakenReportIt) {
    make(IBV_QPT_RC);
    context.cmd_fd = -1;
    ibv_send_wr wr = request(IBV_WR_SEND);
    EXPECT_EQ(post(wr), EBADF);
    EXPECT_EQ(bad_send, &wr);
}

TEST_F(Sends, OfTypesThatTheDriverHasNotAreNotAttached) {
    ibv_qp_cap cap{5, 5, kMaxSge, kMaxSge, kMaxInline};
    const auto attached = rxe::attach(qp, IBV_QPT_RAW_PACKET, 1, sends.map(), receives.map(), cap);
    ASSERT_FALSE(attached);
    EXPECT_EQ(attached.error().code, EOPNOTSUPP);
}

TEST_F(Sends, InSlotsTooSmallForWhatWasGrantedAreNotAttached) {
    for (const ibv_qp_cap granted :
         {ibv_qp_cap{5, 5, 20, kMaxSge, 0}, ibv_qp_cap{5, 5, 1, kMaxSge, 305},
          ibv_qp_cap{5, 5, 1, 6, 0}}) {
        ibv_qp_cap cap = granted;
        const auto attached = rxe::attach(qp, IBV_QPT_RC, 1, sends.map(), receives.map(), cap);
        ASSERT_FALSE(attached);
        EXPECT_EQ(attached.error().code, EPROTO);
    }
}

}  // namespace
