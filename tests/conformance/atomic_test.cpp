// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Atomic operations: what they do and give back, what they ask of memory and queue pairs, their
// order, and that they are atomic between queue pairs and processes (IBTA volume 1, 9.4.5).
#include "rc_test.hpp"

#include <cstring>
#include <future>

namespace {

using namespace verbs_test;

constexpr uint32_t kSpoiled = 0x00ffff00;

SideOptions atomic_options() {
    SideOptions options;
    options.memory_access = kEveryAccess | IBV_ACCESS_REMOTE_ATOMIC;
    options.path.qp_access |= IBV_ACCESS_REMOTE_ATOMIC;
    return options;
}

// The device may work on the target by a thread of this process, and the requester knows by the
// answer that it is done. ThreadSanitizer does not see that: asking for the state shows it.
uint64_t load64(Side &side, size_t offset) {
    side.state();
    const auto bytes = side.load(offset, 8);
    uint64_t value = 0;
    std::memcpy(&value, bytes.data(), sizeof value);
    return value;
}

void store64(Side &side, size_t offset, uint64_t value) {
    std::vector<uint8_t> bytes(8);
    std::memcpy(bytes.data(), &value, sizeof value);
    side.store(offset, bytes);
    side.state();
}

class Atomic : public RcTest {
protected:
    void SetUp() override {
        RcTest::SetUp();
        if (!IsSkipped()) require_feature("atomics");
    }
    void connect_atomic(const SideOptions &here_options = atomic_options(),
                        const SideOptions &there_options = atomic_options()) {
        connect(here_options, there_options);
    }
    // The peer refuses the request and both ends fail, with nothing changed on either side.
    void expect_refused_by_peer(const Sending &request,
                                std::initializer_list<ibv_wc_status> allowed) {
        const size_t size = 1024;
        store64(there(), 64, 11);
        const auto there_before = there().load(0, size);
        const auto here_before = here().load(0, size);
        ASSERT_EQ(here().post_send(request), 0);
        ASSERT_EQ(here().post_send(make_send(51, {{0, 8}})), 0);
        const ibv_wc wc = here().sent();
        EXPECT_EQ(wc.wr_id, request.id);
        EXPECT_NE(std::ranges::find(allowed, wc.status), allowed.end())
            << ibv_wc_status_str(wc.status);
        EXPECT_TRUE(ended(here().sent(), 51, IBV_WC_WR_FLUSH_ERR));
        EXPECT_TRUE(eventually([&] { return here().state() == IBV_QPS_ERR; }));
        EXPECT_TRUE(eventually([&] { return there().state() == IBV_QPS_ERR; }));
        EXPECT_EQ(there().load(0, size), there_before);
        EXPECT_EQ(here().load(0, size), here_before);
    }
};
VERBS_TEST_EVERYWHERE(Atomic);

TEST_P(Atomic, OperationsAreAdvertised) {
    const ibv_device_attr limits = device_limits(context());
    EXPECT_TRUE(limits.atomic_cap == IBV_ATOMIC_HCA || limits.atomic_cap == IBV_ATOMIC_GLOB);
    EXPECT_GT(limits.max_qp_rd_atom, 0);
    EXPECT_GT(limits.max_qp_init_rd_atom, 0);
}

TEST_P(Atomic, AdditionChangesTheValueAndGivesTheOldOne) {
    connect_atomic();
    store64(there(), 64, 0x1122334455667788);
    ASSERT_EQ(here().post_send(make_fetch_add(1, {{8, 8}}, there().at(64), 5)), 0);
    const ibv_wc wc = here().sent();
    ASSERT_TRUE(succeeded(wc, 1, IBV_WC_FETCH_ADD));
    EXPECT_EQ(wc.byte_len, 8u);
    EXPECT_EQ(load64(here(), 8), 0x1122334455667788u) << "in the order of this host's bytes";
    EXPECT_EQ(load64(there(), 64), 0x112233445566778du);
    EXPECT_EQ(load64(there(), 56), 0u) << "before it";
    EXPECT_EQ(load64(there(), 72), 0u) << "behind it";
    EXPECT_EQ(load64(here(), 0), 0u) << "before it";
    EXPECT_EQ(load64(here(), 16), 0u) << "behind it";
}

TEST_P(Atomic, AdditionWrapsAroundAtSixtyFourBits) {
    connect_atomic();
    store64(there(), 64, UINT64_MAX);
    ASSERT_EQ(here().post_send(make_fetch_add(1, {{8, 8}}, there().at(64), 2)), 0);
    ASSERT_TRUE(succeeded(here().sent(), 1, IBV_WC_FETCH_ADD));
    EXPECT_EQ(load64(here(), 8), UINT64_MAX);
    EXPECT_EQ(load64(there(), 64), 1u);
}

TEST_P(Atomic, SwapReplacesAValueThatIsAsExpected) {
    connect_atomic();
    store64(there(), 64, 0xa1a2a3a4a5a6a7a8);
    ASSERT_EQ(here().post_send(make_compare_swap(1, {{8, 8}}, there().at(64), 0xa1a2a3a4a5a6a7a8,
                                                 0x0102030405060708)),
              0);
    const ibv_wc wc = here().sent();
    ASSERT_TRUE(succeeded(wc, 1, IBV_WC_COMP_SWAP));
    EXPECT_EQ(wc.byte_len, 8u);
    EXPECT_EQ(load64(here(), 8), 0xa1a2a3a4a5a6a7a8u);
    EXPECT_EQ(load64(there(), 64), 0x0102030405060708u);
}

TEST_P(Atomic, SwapLeavesAnotherValueAndTellsIt) {
    connect_atomic();
    store64(there(), 64, 7);
    ASSERT_EQ(here().post_send(make_compare_swap(1, {{8, 8}}, there().at(64), 8, 9)), 0);
    ASSERT_TRUE(succeeded(here().sent(), 1, IBV_WC_COMP_SWAP)) << "that it failed is no error";
    EXPECT_EQ(load64(here(), 8), 7u);
    EXPECT_EQ(load64(there(), 64), 7u);
}

TEST_P(Atomic, OperationTakesNoReceiveAndPassesUnnoticed) {
    connect_atomic();
    ASSERT_EQ(there().post_recv(1, {{0, 8}}), 0);
    ASSERT_EQ(here().post_send(make_fetch_add(2, {{8, 8}}, there().at(64), 1)), 0);
    ASSERT_TRUE(succeeded(here().sent(), 2, IBV_WC_FETCH_ADD));
    ASSERT_EQ(here().post_send(make_send(3, {{0, 8}})), 0);
    EXPECT_TRUE(succeeded(there().received(), 1, IBV_WC_RECV)) << "for the message";
    EXPECT_TRUE(succeeded(here().sent(), 3, IBV_WC_SEND));
}

TEST_P(Atomic, UnsignaledOperationIsCarriedOutInSilence) {
    connect_atomic();
    ASSERT_EQ(here().post_send(make_fetch_add(1, {{8, 8}}, there().at(64), 1).unsignaled()), 0);
    ASSERT_EQ(here().post_send(make_fetch_add(2, {{16, 8}}, there().at(64), 1)), 0);
    ASSERT_TRUE(succeeded(here().sent(), 2, IBV_WC_FETCH_ADD));
    EXPECT_EQ(load64(here(), 8), 0u);
    EXPECT_EQ(load64(here(), 16), 1u);
    EXPECT_TRUE(is_empty(here().send_cq()));
}

TEST_P(Atomic, OperationsMayTargetTheLastEightBytesOfARegion) {
    SideOptions small = atomic_options();
    small.memory = 16;
    connect_atomic(atomic_options(), small);
    ASSERT_EQ(here().post_send(make_fetch_add(1, {{8, 8}}, there().at(8), 3)), 0);
    ASSERT_TRUE(succeeded(here().sent(), 1, IBV_WC_FETCH_ADD));
    EXPECT_EQ(load64(there(), 8), 3u);
}

TEST_P(Atomic, OperationOnAnUnalignedAddressIsAnInvalidRequest) {
    for (const uint64_t offset : {65u, 68u, 71u}) {
        SCOPED_TRACE(offset);
        connect_atomic();
        expect_refused_by_peer(make_fetch_add(1, {{8, 8}}, there().at(offset), 1),
                               {IBV_WC_REM_INV_REQ_ERR});
        connect_atomic();
        expect_refused_by_peer(make_compare_swap(1, {{8, 8}}, there().at(offset), 0, 1),
                               {IBV_WC_REM_INV_REQ_ERR});
    }
}

TEST_P(Atomic, OperationOnARegionWithoutTheRightIsRefused) {
    SideOptions closed = atomic_options();
    closed.memory_access = kEveryAccess;
    connect_atomic(atomic_options(), closed);
    expect_refused_by_peer(make_fetch_add(1, {{8, 8}}, there().at(64), 1), {IBV_WC_REM_ACCESS_ERR});
    connect_atomic(atomic_options(), closed);
    expect_refused_by_peer(make_compare_swap(1, {{8, 8}}, there().at(64), 11, 1),
                           {IBV_WC_REM_ACCESS_ERR});
}

// Whether that is an invalid request or a lack of access is told differently by real devices.
TEST_P(Atomic, OperationOnAQueuePairWithoutTheRightIsRefused) {
    SideOptions closed = atomic_options();
    closed.path.qp_access = IBV_ACCESS_REMOTE_WRITE | IBV_ACCESS_REMOTE_READ;
    connect_atomic(atomic_options(), closed);
    expect_refused_by_peer(make_fetch_add(1, {{8, 8}}, there().at(64), 1),
                           {IBV_WC_REM_ACCESS_ERR, IBV_WC_REM_INV_REQ_ERR});
}

TEST_P(Atomic, RightAloneIsEnoughOnRegionAndQueuePair) {
    SideOptions atomic_only = atomic_options();
    atomic_only.memory_access = IBV_ACCESS_LOCAL_WRITE | IBV_ACCESS_REMOTE_ATOMIC;
    atomic_only.path.qp_access = IBV_ACCESS_REMOTE_ATOMIC;
    connect_atomic(atomic_options(), atomic_only);
    ASSERT_EQ(here().post_send(make_fetch_add(1, {{8, 8}}, there().at(64), 1)), 0);
    ASSERT_TRUE(succeeded(here().sent(), 1, IBV_WC_FETCH_ADD));
    EXPECT_EQ(load64(there(), 64), 1u);
}

TEST_P(Atomic, OperationWithAWrongKeyIsRefused) {
    connect_atomic();
    RemotePlace place = there().at(64);
    place.rkey ^= kSpoiled;
    expect_refused_by_peer(make_fetch_add(1, {{8, 8}}, place, 1), {IBV_WC_REM_ACCESS_ERR});
}

TEST_P(Atomic, OperationThatBeginsBehindTheRegionIsRefused) {
    connect_atomic();
    expect_refused_by_peer(make_fetch_add(1, {{8, 8}}, there().at(1 << 16), 1),
                           {IBV_WC_REM_ACCESS_ERR});
}

TEST_P(Atomic, OperationOfWhichHalfLiesBehindTheRegionIsRefused) {
    SideOptions odd = atomic_options();
    odd.memory = 12;
    connect_atomic(atomic_options(), odd);
    ASSERT_EQ(here().post_send(make_fetch_add(1, {{8, 8}}, there().at(8), 1)), 0);
    EXPECT_TRUE(ended(here().sent(), 1, IBV_WC_REM_ACCESS_ERR));
    EXPECT_EQ(there().load(8, 4), std::vector<uint8_t>(4));
}

TEST_P(Atomic, OperationIntoAWrongKeyFailsHere) {
    connect_atomic();
    ASSERT_EQ(here().post_send(make_fetch_add(1, {{8, 8, kSpoiled}}, there().at(64), 1)), 0);
    EXPECT_TRUE(ended(here().sent(), 1, IBV_WC_LOC_PROT_ERR));
    EXPECT_TRUE(eventually([&] { return here().state() == IBV_QPS_ERR; }));
}

TEST_P(Atomic, OperationIntoARegionThatMayNotBeWrittenFailsHere) {
    SideOptions constant = atomic_options();
    constant.memory_access = 0;
    connect_atomic(constant, atomic_options());
    store64(there(), 64, 9);
    ASSERT_EQ(here().post_send(make_fetch_add(1, {{8, 8}}, there().at(64), 1)), 0);
    EXPECT_TRUE(ended(here().sent(), 1, IBV_WC_LOC_PROT_ERR));
    EXPECT_EQ(load64(here(), 8), 0u);
}

// Devices differ in when they notice: while posting, or when the request is carried out.
TEST_P(Atomic, OperationIntoLessThanEightBytesFailsHere) {
    for (const Slices &into : {Slices{}, Slices{{8, 4}}, Slices{{8, 7}}}) {
        connect_atomic();
        const int error = here().post_send(make_fetch_add(1, into, there().at(64), 1));
        if (error == 0) {
            EXPECT_TRUE(ended(here().sent(), 1, IBV_WC_LOC_LEN_ERR));
        } else {
            EXPECT_EQ(error, EINVAL);
        }
        EXPECT_EQ(load64(here(), 8), 0u);
        EXPECT_EQ(load64(there(), 64), 0u);
    }
}

TEST_P(Atomic, OperationSeesTheWriteBeforeIt) {
    connect_atomic();
    for (uint64_t i = 1; i <= static_cast<uint64_t>(iterations(50)); ++i) {
        store64(here(), 0, i * 1000);
        ASSERT_EQ(here().post_send(make_write(1, {{0, 8}}, there().at(64)).unsignaled()), 0);
        ASSERT_EQ(here().post_send(make_fetch_add(2, {{8, 8}}, there().at(64), i)), 0);
        ASSERT_TRUE(succeeded(here().sent(), 2, IBV_WC_FETCH_ADD));
        ASSERT_EQ(load64(here(), 8), i * 1000);
        ASSERT_EQ(load64(there(), 64), i * 1001);
    }
}

TEST_P(Atomic, OperationSeesTheMessageBeforeIt) {
    connect_atomic();
    store64(here(), 0, 500);
    ASSERT_EQ(there().post_recv(1, {{64, 8}}), 0);
    ASSERT_EQ(here().post_send(make_send(2, {{0, 8}}).unsignaled()), 0);
    ASSERT_EQ(here().post_send(make_fetch_add(3, {{8, 8}}, there().at(64), 1)), 0);
    ASSERT_TRUE(succeeded(here().sent(), 3, IBV_WC_FETCH_ADD));
    EXPECT_EQ(load64(here(), 8), 500u);
    EXPECT_TRUE(succeeded(there().received(), 1, IBV_WC_RECV));
    EXPECT_EQ(load64(there(), 64), 501u);
}

TEST_P(Atomic, OperationIsOverWhenTheMessageBehindItArrives) {
    connect_atomic();
    for (uint64_t i = 0; i < static_cast<uint64_t>(iterations(50)); ++i) {
        ASSERT_EQ(there().post_recv(1, {{0, 8}}), 0);
        ASSERT_EQ(here().post_send(make_fetch_add(2, {{8, 8}}, there().at(64), 1)), 0);
        ASSERT_EQ(here().post_send(make_send(3, {{0, 8}})), 0);
        ASSERT_TRUE(succeeded(there().received(), 1, IBV_WC_RECV));
        ASSERT_EQ(load64(there(), 64), i + 1);
        ASSERT_TRUE(succeeded(here().sent(), 2, IBV_WC_FETCH_ADD));
        ASSERT_TRUE(succeeded(here().sent(), 3, IBV_WC_SEND));
    }
}

TEST_P(Atomic, FencedMessageCarriesTheValueThatTheOperationBrought) {
    connect_atomic();
    for (uint64_t i = 0; i < static_cast<uint64_t>(iterations(30)); ++i) {
        store64(there(), 64, 77 + i);
        ASSERT_EQ(there().post_recv(1, {{128, 8}}), 0);
        const Sending add = make_fetch_add(2, {{8, 8}}, there().at(64), 1);
        ASSERT_EQ(here().post_send(add.unsignaled()), 0);
        ASSERT_EQ(here().post_send(make_send(3, {{8, 8}}).with(IBV_SEND_FENCE)), 0);
        ASSERT_TRUE(succeeded(there().received(), 1, IBV_WC_RECV));
        ASSERT_EQ(load64(there(), 128), 77 + i);
        ASSERT_TRUE(succeeded(here().sent(), 3, IBV_WC_SEND));
    }
}

TEST_P(Atomic, OperationsBeyondWhatMayBeOutstandingWaitForTheirTurn) {
    for (const uint8_t outstanding : {uint8_t{1}, uint8_t{4}}) {
        SideOptions options = atomic_options();
        options.path.rd_atomic = outstanding;
        connect_atomic(options, options);
        for (uint64_t i = 0; i < 64; ++i) {
            ASSERT_EQ(here().post_send(make_fetch_add(i, {{8 * i, 8}}, there().at(8192), i)), 0);
        }
        const std::vector<ibv_wc> sent = here().sent(64);
        uint64_t expected = 0;
        for (uint64_t i = 0; i < 64; ++i) {
            ASSERT_TRUE(succeeded(sent[i], i, IBV_WC_FETCH_ADD));
            ASSERT_EQ(load64(here(), 8 * i), expected) << "in the order of posting";
            expected += i;
        }
        EXPECT_EQ(load64(there(), 8192), expected);
    }
}

TEST_P(Atomic, OperationsMixWithReadsInOrder) {
    connect_atomic();
    for (uint64_t i = 0; i < 30; ++i) {
        ASSERT_EQ(here().post_send(make_fetch_add(i, {{16 * i, 8}}, there().at(8192), 1)), 0);
        ASSERT_EQ(here().post_send(make_read(100 + i, {{16 * i + 8, 8}}, there().at(8192))), 0);
    }
    const std::vector<ibv_wc> sent = here().sent(60);
    for (uint64_t i = 0; i < 30; ++i) {
        ASSERT_TRUE(succeeded(sent[2 * i], i, IBV_WC_FETCH_ADD));
        ASSERT_TRUE(succeeded(sent[2 * i + 1], 100 + i, IBV_WC_RDMA_READ));
        EXPECT_EQ(load64(here(), 16 * i), i);
        EXPECT_EQ(load64(here(), 16 * i + 8), i + 1);
    }
}

// The peer holds its queue pair and does nothing; only its device answers.
TEST_P(Atomic, OperationsNeedNoHelpFromTheOtherProgram) {
    connect_atomic();
    const std::vector<uint64_t> found = here().count_up(there().at(64), 200);
    for (uint64_t i = 0; i < 200; ++i) {
        ASSERT_EQ(found[i], i);
    }
    EXPECT_EQ(load64(there(), 64), 200u);
}

TEST_P(Atomic, OperationsAreRefusedOnDatagrams) {
    SideOptions options = atomic_options();
    options.type = IBV_QPT_UD;
    connect(options);
    EXPECT_EQ(here().post_send(make_fetch_add(1, {{0, 8}}, there().at(64), 1)), EINVAL);
    EXPECT_EQ(here().post_send(make_compare_swap(1, {{0, 8}}, there().at(64), 0, 1)), EINVAL);
    EXPECT_TRUE(is_empty(here().send_cq()));
}

TEST_P(Atomic, OperationsAreRefusedOnUnreliableConnections) {
    require_feature("uc");
    if (IsSkipped()) return;
    SideOptions options = atomic_options();
    options.type = IBV_QPT_UC;
    connect(options);
    EXPECT_EQ(here().post_send(make_fetch_add(1, {{0, 8}}, there().at(64), 1)), EINVAL);
    EXPECT_EQ(here().post_send(make_compare_swap(1, {{0, 8}}, there().at(64), 0, 1)), EINVAL);
    EXPECT_TRUE(is_empty(here().send_cq()));
}

// Counters that several parties change at once. Each addition has to find another value.
class AtomicCounter : public DeviceTest {
protected:
    void SetUp() override {
        DeviceTest::SetUp();
        if (!IsSkipped()) require_feature("atomics");
    }
    // Each counter of this page is registered once for each domain.
    struct Target {
        explicit Target(ibv_context *context, Pages &page)
            : side(context, atomic_options()), mr(reg_mr(side.pd(), page.data(), page.size(),
                                                         kEveryAccess | IBV_ACCESS_REMOTE_ATOMIC)),
              place{reinterpret_cast<uint64_t>(page.data()), mr->rkey} {}
        LocalSide side;
        Mr mr;
        RemotePlace place;
    };
    // All count at the same time.
    static void count_together(const std::vector<std::pair<Side *, RemotePlace>> &parties,
                               size_t times, const Pages &page, LocalSide &owner) {
        std::vector<std::future<std::vector<uint64_t>>> runs;
        for (const auto &[side, place] : parties) {
            runs.push_back(std::async(std::launch::async, [side = side, place = place, times] {
                return side->count_up(place, times);
            }));
        }
        std::vector<uint64_t> found;
        for (auto &run : runs) {
            const std::vector<uint64_t> some = run.get();
            EXPECT_TRUE(std::ranges::is_sorted(some)) << "each party sees its own order";
            found.insert(found.end(), some.begin(), some.end());
        }
        std::ranges::sort(found);
        ASSERT_EQ(found.size(), times * parties.size());
        for (uint64_t i = 0; i < found.size(); ++i) {
            ASSERT_EQ(found[i], i) << "lost or doubled";
        }
        owner.state();  // as in load64
        uint64_t sum = 0;
        std::memcpy(&sum, page.data(), sizeof sum);
        EXPECT_EQ(sum, found.size());
    }
};

TEST_F(AtomicCounter, LosesNoAdditionOfManyQueuePairs) {
    Pages page(4096);
    std::vector<std::unique_ptr<Target>> targets;
    std::vector<std::unique_ptr<LocalSide>> sides;
    std::vector<std::pair<Side *, RemotePlace>> parties;
    for (int i = 0; i < 4; ++i) {
        targets.push_back(std::make_unique<Target>(context(), page));
        sides.push_back(std::make_unique<LocalSide>(context(), atomic_options()));
        join(*sides.back(), targets.back()->side);
        parties.emplace_back(sides.back().get(), targets.back()->place);
    }
    count_together(parties, static_cast<size_t>(iterations(300)), page, targets.front()->side);
}

TEST_F(AtomicCounter, LosesNoAdditionOfManyProcesses) {
    Pages page(4096);
    std::vector<std::unique_ptr<Target>> targets;
    std::vector<std::unique_ptr<RemoteSide>> sides;
    std::vector<std::pair<Side *, RemotePlace>> parties;
    for (int i = 0; i < 3; ++i) {
        targets.push_back(std::make_unique<Target>(context(), page));
        sides.push_back(std::make_unique<RemoteSide>(atomic_options()));
        join(*sides.back(), targets.back()->side);
        parties.emplace_back(sides.back().get(), targets.back()->place);
    }
    // The owner of the counter takes part.
    Target own(context(), page);
    LocalSide here(context(), atomic_options());
    join(here, own.side);
    parties.emplace_back(&here, own.place);
    count_together(parties, static_cast<size_t>(iterations(300)), page, own.side);
}

}  // namespace
