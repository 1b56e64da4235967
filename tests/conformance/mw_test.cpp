// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Memory windows of type 1: what a bind gives and takes, what it needs, and when it counts
// (IBTA volume 1, 10.6.7 and 11.2.8).
#include "rc_test.hpp"

#include <cstring>

namespace {

using namespace verbs_test;

SideOptions window_options() {
    SideOptions options;
    // The region itself is closed to peers: what they reach, they reach through the window.
    options.memory_access = IBV_ACCESS_LOCAL_WRITE | IBV_ACCESS_MW_BIND;
    return options;
}

class Window : public RcTest {
protected:
    void SetUp() override {
        RcTest::SetUp();
        if (!IsSkipped()) require_feature("mw");
    }
    // The window is there, the requests on it come from here.
    void connect_window(const SideOptions &options = window_options()) {
        connect(SideOptions(), options);
    }
    void bind(const Binding &binding) {
        ASSERT_EQ(there().bind(binding), 0);
        ASSERT_TRUE(succeeded(there().sent(), binding.id, IBV_WC_BIND_MW));
    }
    [[nodiscard]] RemotePlace through_window(uint64_t offset) {
        return {there().at(offset).addr, there().window_rkey()};
    }
    void expect_write(const RemotePlace &place, uint64_t offset, uint32_t length) {
        here().store(0, pattern(++seed_, length));
        ASSERT_EQ(here().post_send(make_write(60, {{0, length}}, place)), 0);
        ASSERT_TRUE(succeeded(here().sent(), 60, IBV_WC_RDMA_WRITE));
        EXPECT_EQ(there().load(offset, length), pattern(seed_, length));
    }
    void expect_read(const RemotePlace &place, uint64_t offset, uint32_t length) {
        there().store(offset, pattern(++seed_, length));
        ASSERT_EQ(here().post_send(make_read(61, {{0, length}}, place)), 0);
        ASSERT_TRUE(succeeded(here().sent(), 61, IBV_WC_RDMA_READ));
        EXPECT_EQ(here().load(0, length), pattern(seed_, length));
    }
    // Breaks the connection, and makes it anew.
    void expect_refused(const Sending &request) {
        const auto before = there().load(0, 1 << 16);
        ASSERT_EQ(here().post_send(request), 0);
        EXPECT_TRUE(ended(here().sent(), request.id, IBV_WC_REM_ACCESS_ERR));
        EXPECT_EQ(there().load(0, 1 << 16), before);
        EXPECT_TRUE(eventually([&] { return there().state() == IBV_QPS_ERR; }));
        join(here(), there());
    }
    void expect_write_refused(const RemotePlace &place, uint32_t length = 8) {
        here().store(0, pattern(999, length));
        expect_refused(make_write(62, {{0, length}}, place));
    }
    void expect_read_refused(const RemotePlace &place, uint32_t length = 8) {
        expect_refused(make_read(63, {{0, length}}, place));
    }
    // Devices differ in when they notice: while posting, or when the request is carried out.
    void expect_bind_fails(const Binding &binding) {
        const int error = there().bind(binding);
        if (error == 0) {
            EXPECT_TRUE(ended(there().sent(), binding.id, IBV_WC_MW_BIND_ERR));
            EXPECT_TRUE(eventually([&] { return there().state() == IBV_QPS_ERR; }));
            join(here(), there());
        } else {
            EXPECT_TRUE(error == EINVAL || error == EPERM) << "errno " << error;
            EXPECT_EQ(there().state(), IBV_QPS_RTS);
        }
    }

private:
    uint32_t seed_ = 0;
};
VERBS_TEST_EVERYWHERE(Window);

TEST_P(Window, IsAdvertised) {
    const ibv_device_attr limits = device_limits(context());
    EXPECT_GT(limits.max_mw, 0);
    EXPECT_NE(limits.device_cap_flags & IBV_DEVICE_MEM_WINDOW, 0u);
}

TEST_P(Window, OpensAPartOfARegion) {
    connect_window();
    ASSERT_NO_FATAL_FAILURE(bind({1, 4096, 8192}));
    expect_write(through_window(4096), 4096, 100);
    expect_read(through_window(5000), 5000, 1000);
    expect_write(through_window(4096), 4096, 8192);
    expect_read(through_window(4096), 4096, 8192);
}

TEST_P(Window, OpensPartsThatBeginAndEndAnywhere) {
    connect_window();
    ASSERT_NO_FATAL_FAILURE(bind({1, 1001, 333}));
    expect_write(through_window(1001), 1001, 333);
    expect_write(through_window(1333), 1333, 1);
    expect_write_refused(through_window(1334), 1);
}

TEST_P(Window, OpensNothingOutsideOfItThoughTheRegionGoesOn) {
    connect_window();
    ASSERT_NO_FATAL_FAILURE(bind({1, 4096, 4096}));
    expect_write_refused(through_window(4095), 8);
    expect_write_refused(through_window(8185), 8);
    expect_read_refused(through_window(8192), 1);
    expect_read_refused(through_window(0), 1);
    expect_write_refused(through_window(4096), 4097);
    expect_write(through_window(8184), 8184, 8);
}

TEST_P(Window, HasAKeyOfItsOwn) {
    connect_window();
    const uint32_t unbound = there().window_rkey();
    ASSERT_NO_FATAL_FAILURE(bind({1, 0, 4096}));
    const uint32_t bound = there().window_rkey();
    EXPECT_NE(bound, unbound);
    EXPECT_NE(bound, there().memory().rkey);
    expect_write_refused(there().at(0));
    expect_write_refused({there().at(0).addr, unbound});
    expect_write({there().at(0).addr, bound}, 0, 8);
}

TEST_P(Window, IsClosedUntilItIsBound) {
    connect_window();
    expect_write_refused(through_window(0));
    expect_read_refused(through_window(0));
}

TEST_P(Window, GetsANewKeyWithEachBindAndTheOldOneIsDead) {
    connect_window();
    ASSERT_NO_FATAL_FAILURE(bind({1, 0, 4096}));
    const RemotePlace old = through_window(0);
    ASSERT_NO_FATAL_FAILURE(bind({2, 0, 4096}));
    EXPECT_NE(there().window_rkey(), old.rkey);
    expect_write_refused(old);
    expect_write(through_window(0), 0, 8);
    ASSERT_NO_FATAL_FAILURE(bind({3, 8192, 4096}));
    expect_write_refused(through_window(0));
    expect_write(through_window(8192), 8192, 8);
}

TEST_P(Window, LetsOnlyThroughWhatTheBindSaid) {
    connect_window();
    ASSERT_NO_FATAL_FAILURE(bind({1, 0, 4096, IBV_ACCESS_REMOTE_READ}));
    expect_read(through_window(0), 0, 8);
    expect_write_refused(through_window(0));
    ASSERT_NO_FATAL_FAILURE(bind({2, 0, 4096, IBV_ACCESS_REMOTE_WRITE}));
    expect_write(through_window(0), 0, 8);
    expect_read_refused(through_window(0));
    ASSERT_NO_FATAL_FAILURE(bind({3, 0, 4096, 0}));
    expect_write_refused(through_window(0));
    expect_read_refused(through_window(0));
}

TEST_P(Window, LetsAtomicsThroughWhenTheBindSaidSo) {
    require_feature("atomics");
    if (IsSkipped()) return;
    SideOptions options = window_options();
    options.path.qp_access |= IBV_ACCESS_REMOTE_ATOMIC;
    connect_window(options);
    ASSERT_NO_FATAL_FAILURE(bind({1, 64, 64, IBV_ACCESS_REMOTE_ATOMIC}));
    ASSERT_EQ(here().post_send(make_fetch_add(2, {{0, 8}}, through_window(64), 7)), 0);
    ASSERT_TRUE(succeeded(here().sent(), 2, IBV_WC_FETCH_ADD));
    EXPECT_EQ(there().state(), IBV_QPS_RTS);
    EXPECT_EQ(there().load(64, 1).front() + there().load(71, 1).front(), 7);
    expect_write_refused(through_window(64));
    ASSERT_NO_FATAL_FAILURE(bind({3, 64, 64, IBV_ACCESS_REMOTE_WRITE}));
    expect_refused(make_fetch_add(4, {{0, 8}}, through_window(64), 7));
}

TEST_P(Window, IsClosedByABindOfNoLength) {
    connect_window();
    ASSERT_NO_FATAL_FAILURE(bind({1, 0, 4096}));
    const RemotePlace old = through_window(0);
    ASSERT_NO_FATAL_FAILURE(bind({2, 0, 0}));
    expect_write_refused(old);
    expect_write_refused(through_window(0));
    ASSERT_NO_FATAL_FAILURE(bind({3, 0, 4096}));
    expect_write(through_window(0), 0, 8);
}

TEST_P(Window, NeedsARegionThatAllowsBinding) {
    SideOptions options;
    options.memory_access = kEveryAccess;
    connect_window(options);
    expect_bind_fails({1, 0, 4096});
}

TEST_P(Window, ForWritingNeedsARegionThatMayBeWritten) {
    SideOptions options;
    options.memory_access = IBV_ACCESS_MW_BIND;
    connect_window(options);
    expect_bind_fails({1, 0, 4096, IBV_ACCESS_REMOTE_WRITE});
    ASSERT_NO_FATAL_FAILURE(bind({2, 0, 4096, IBV_ACCESS_REMOTE_READ}));
    expect_read(through_window(0), 0, 8);
}

TEST_P(Window, CannotReachBeyondItsRegion) {
    connect_window();
    expect_bind_fails({1, (1 << 16) - 100, 101});
    expect_bind_fails({2, 0, (1 << 16) + 1});
    expect_bind_fails({3, 100, UINT64_MAX});
    ASSERT_NO_FATAL_FAILURE(bind({4, (1 << 16) - 100, 100}));
    expect_write(through_window((1 << 16) - 100), (1 << 16) - 100, 100);
}

TEST_P(Window, MayBeBoundInSilence) {
    connect_window();
    ASSERT_EQ(there().bind({1, 0, 4096, IBV_ACCESS_REMOTE_WRITE, 0}), 0);
    ASSERT_EQ(there().bind({2, 0, 4096, IBV_ACCESS_REMOTE_WRITE}), 0);
    EXPECT_TRUE(succeeded(there().sent(), 2, IBV_WC_BIND_MW)) << "the first to complete";
    expect_write(through_window(0), 0, 8);
}

TEST_P(Window, IsOpenWhenTheMessageBehindTheBindArrives) {
    connect_window();
    for (uint64_t i = 0; i < static_cast<uint64_t>(iterations(30)); ++i) {
        const uint64_t offset = 512 + 64 * (i % 50);
        const RemotePlace old = through_window(offset);
        ASSERT_EQ(here().post_recv(1, {{0, 8}}), 0);
        ASSERT_EQ(there().bind({2, offset, 64, IBV_ACCESS_REMOTE_WRITE, 0}), 0);
        const uint32_t key = there().window_rkey();
        ASSERT_NE(key, old.rkey) << "known as soon as it is posted";
        std::vector<uint8_t> message(sizeof key);
        std::memcpy(message.data(), &key, sizeof key);
        there().store(0, message);
        ASSERT_EQ(there().post_send(make_send(3, {{0, 4}})), 0);
        ASSERT_TRUE(succeeded(here().received(), 1, IBV_WC_RECV));
        uint32_t told = 0;
        std::memcpy(&told, here().load(0, 4).data(), sizeof told);
        ASSERT_NO_FATAL_FAILURE(expect_write({there().at(offset).addr, told}, offset, 64));
        ASSERT_TRUE(succeeded(there().sent(), 3, IBV_WC_SEND));
    }
}

TEST_P(Window, IsNotBoundWhileTheSendQueueRests) {
    SideOptions options = window_options();
    options.memory_access |= IBV_ACCESS_REMOTE_ATOMIC;
    options.path.qp_access |= IBV_ACCESS_REMOTE_ATOMIC;
    connect(options);
    // Requests that leave traces in every place of the queue, and one more.
    here().count_up(there().at(0), here().cap().max_send_wr + 1);
    ASSERT_EQ(here().change_state(IBV_QPS_SQD), 0);
    ASSERT_EQ(here().bind({}), 0);
    EXPECT_TRUE(never([&] { return !is_empty(here().send_cq()); }));
    ASSERT_EQ(here().change_state(IBV_QPS_RTS), 0);
    EXPECT_TRUE(succeeded(here().sent(), 0, IBV_WC_BIND_MW));
}

TEST_P(Window, BindsCompleteInTheOrderOfPosting) {
    connect_window();
    for (uint64_t i = 0; i < 4; ++i) {
        ASSERT_EQ(here().post_recv(i, {{0, 8}}), 0);
    }
    for (uint64_t i = 0; i < 4; ++i) {
        ASSERT_EQ(there().post_send(make_send(2 * i, {{0, 8}})), 0);
        ASSERT_EQ(there().bind({2 * i + 1, 0, 64 * (i + 1)}), 0);
    }
    const std::vector<ibv_wc> sent = there().sent(8);
    for (uint64_t i = 0; i < 4; ++i) {
        EXPECT_TRUE(succeeded(sent[2 * i], 2 * i, IBV_WC_SEND));
        EXPECT_TRUE(succeeded(sent[2 * i + 1], 2 * i + 1, IBV_WC_BIND_MW));
    }
    EXPECT_EQ(here().received(4).size(), 4u);
    expect_write(through_window(192), 192, 64);
}

TEST_P(Window, CarriesLongTransfers) {
    SideOptions options = window_options();
    options.memory = 1 << 20;
    SideOptions source;
    source.memory = 1 << 20;
    connect(source, options);
    ASSERT_NO_FATAL_FAILURE(bind({1, 4096, 900000}));
    expect_write(through_window(4096), 4096, 900000);
    expect_read(through_window(4096), 4096, 900000);
    expect_write_refused(through_window(4096), 900001);
}

TEST_P(Window, TakesWritesWithImmediate) {
    connect_window();
    ASSERT_NO_FATAL_FAILURE(bind({1, 0, 4096}));
    here().store(0, pattern(5, 100));
    ASSERT_EQ(there().post_recv(2, {}), 0);
    ASSERT_EQ(here().post_send(make_write(3, {{0, 100}}, through_window(0)).with_imm(1)), 0);
    EXPECT_TRUE(succeeded(there().received(), 2, IBV_WC_RECV_RDMA_WITH_IMM));
    EXPECT_TRUE(succeeded(here().sent(), 3, IBV_WC_RDMA_WRITE));
    EXPECT_EQ(there().load(0, 100), pattern(5, 100));
}

TEST_P(Window, IsBoundOverUnreliableConnectionsToo) {
    require_feature("uc");
    if (IsSkipped()) return;
    SideOptions target = window_options();
    target.type = IBV_QPT_UC;
    SideOptions source;
    source.type = IBV_QPT_UC;
    connect(source, target);
    ASSERT_NO_FATAL_FAILURE(bind({1, 100, 64}));
    here().store(0, pattern(6, 64));
    ASSERT_EQ(here().post_send(make_write(2, {{0, 64}}, through_window(100))), 0);
    EXPECT_TRUE(succeeded(here().sent(), 2, IBV_WC_RDMA_WRITE));
    EXPECT_TRUE(eventually([&] { return there().load(100, 64) == pattern(6, 64); }));
}

// What needs more than one window, region or domain: all of it in one context.
class WindowObjects : public DeviceTest {
protected:
    void SetUp() override {
        DeviceTest::SetUp();
        if (!IsSkipped()) require_feature("mw");
        if (IsSkipped()) return;
        source_ = std::make_unique<LocalSide>(context());
        target_ = std::make_unique<LocalSide>(context(), window_options());
        join(*source_, *target_);
    }
    LocalSide &source() { return *source_; }
    LocalSide &target() { return *target_; }
    static ibv_mw_bind whole(Region &region, uint64_t id = 1) {
        ibv_mw_bind request{};
        request.wr_id = id;
        request.send_flags = IBV_SEND_SIGNALED;
        request.bind_info.mr = region.mr().get();
        request.bind_info.addr = region.at(0).addr;
        request.bind_info.length = region.size();
        request.bind_info.mw_access_flags = IBV_ACCESS_REMOTE_WRITE | IBV_ACCESS_REMOTE_READ;
        return request;
    }
    void bind(ibv_mw *mw, Region &region) {
        ibv_mw_bind request = whole(region);
        ASSERT_EQ(ibv_bind_mw(target().qp(), mw, &request), 0);
        ASSERT_TRUE(succeeded(target().sent(), 1, IBV_WC_BIND_MW));
    }
    void expect_open(uint32_t rkey, const Region &region) {
        ASSERT_EQ(source().post_send(make_write(2, {{0, 8}}, {region.at(0).addr, rkey})), 0);
        EXPECT_TRUE(succeeded(source().sent(), 2, IBV_WC_RDMA_WRITE));
    }
    // By address: the region may be gone.
    void expect_closed(uint32_t rkey, uint64_t addr) {
        ASSERT_EQ(source().post_send(make_write(3, {{0, 8}}, {addr, rkey})), 0);
        EXPECT_TRUE(ended(source().sent(), 3, IBV_WC_REM_ACCESS_ERR));
    }

private:
    std::unique_ptr<LocalSide> source_;
    std::unique_ptr<LocalSide> target_;
};

TEST_F(WindowObjects, TellTheirDomainAndKind) {
    const Mw mw = alloc_mw(target().pd());
    EXPECT_EQ(mw->context, context());
    EXPECT_EQ(mw->pd, target().pd());
    EXPECT_EQ(mw->type, IBV_MW_TYPE_1);
}

TEST_F(WindowObjects, HoldTheirDomain) {
    Pd pd = alloc_pd(context());
    Mw mw = alloc_mw(pd.get());
    EXPECT_EQ(pd.close(), EBUSY);
    EXPECT_EQ(mw.close(), 0);
    EXPECT_EQ(pd.close(), 0);
}

TEST_F(WindowObjects, CanBeHadManyTimesAndHaveDifferentKeys) {
    std::vector<Mw> windows;
    std::vector<uint32_t> keys;
    for (int i = 0; i < 20; ++i) {
        windows.push_back(alloc_mw(target().pd()));
        ASSERT_NO_FATAL_FAILURE(bind(windows.back().get(), target().region()));
        keys.push_back(windows.back()->rkey);
    }
    for (const uint32_t key : keys) {
        expect_open(key, target().region());
    }
    std::ranges::sort(keys);
    EXPECT_EQ(std::ranges::adjacent_find(keys), keys.end());
}

TEST_F(WindowObjects, LoseTheirKeyWhenTheyGo) {
    Mw mw = alloc_mw(target().pd());
    ASSERT_NO_FATAL_FAILURE(bind(mw.get(), target().region()));
    const uint32_t rkey = mw->rkey;
    expect_open(rkey, target().region());
    EXPECT_EQ(mw.close(), 0) << "bound or not";
    expect_closed(rkey, target().region().at(0).addr);
}

TEST_F(WindowObjects, HoldTheRegionThatTheyAreBoundTo) {
    Region region(target().pd(), 4096, IBV_ACCESS_LOCAL_WRITE | IBV_ACCESS_MW_BIND);
    Mw mw = alloc_mw(target().pd());
    ASSERT_NO_FATAL_FAILURE(bind(mw.get(), region));
    EXPECT_EQ(region.mr().close(), EBUSY);
    expect_open(mw->rkey, region);
    ASSERT_NO_FATAL_FAILURE(bind(mw.get(), target().region()));
    EXPECT_EQ(region.mr().close(), 0) << "the window has moved";
    EXPECT_EQ(target().region().mr().close(), EBUSY);
    EXPECT_EQ(mw.close(), 0);
}

TEST_F(WindowObjects, LetTheirRegionGoOnceTheyAreClosed) {
    Region region(target().pd(), 4096, IBV_ACCESS_LOCAL_WRITE | IBV_ACCESS_MW_BIND);
    const Mw mw = alloc_mw(target().pd());
    ASSERT_NO_FATAL_FAILURE(bind(mw.get(), region));
    const uint32_t rkey = mw->rkey;
    const uint64_t addr = region.at(0).addr;
    // Without a region, as a program does that no longer has it.
    ibv_mw_bind nothing{};
    nothing.wr_id = 1;
    nothing.send_flags = IBV_SEND_SIGNALED;
    ASSERT_EQ(ibv_bind_mw(target().qp(), mw.get(), &nothing), 0);
    ASSERT_TRUE(succeeded(target().sent(), 1, IBV_WC_BIND_MW));
    EXPECT_EQ(region.mr().close(), 0);
    expect_closed(rkey, addr);
}

TEST_F(WindowObjects, OfAnotherDomainThanTheRegionAreRefused) {
    const Pd other = alloc_pd(context());
    const Mw mw = alloc_mw(other.get());
    ibv_mw_bind request = whole(target().region());
    EXPECT_EQ(ibv_bind_mw(target().qp(), mw.get(), &request), EPERM);
    EXPECT_TRUE(is_empty(target().send_cq()));
}

// Devices differ in when they notice: while posting, or when the request is carried out.
TEST_F(WindowObjects, OfAnotherDomainThanTheQueuePairAreRefused) {
    const Pd other = alloc_pd(context());
    Region region(other.get(), 4096, IBV_ACCESS_LOCAL_WRITE | IBV_ACCESS_MW_BIND);
    const Mw mw = alloc_mw(other.get());
    ibv_mw_bind request = whole(region);
    const int error = ibv_bind_mw(target().qp(), mw.get(), &request);
    if (error == 0) {
        EXPECT_TRUE(ended(target().sent(), 1, IBV_WC_MW_BIND_ERR));
    } else {
        EXPECT_TRUE(error == EINVAL || error == EPERM) << "errno " << error;
    }
    EXPECT_EQ(region.mr().close(), 0) << "it was not bound";
}

TEST_F(WindowObjects, OpenNothingToQueuePairsOfAnotherDomain) {
    LocalSide stranger(context());
    LocalSide other_target(context());
    join(stranger, other_target);
    const Mw mw = alloc_mw(target().pd());
    ASSERT_NO_FATAL_FAILURE(bind(mw.get(), target().region()));
    const RemotePlace place{target().region().at(0).addr, mw->rkey};
    ASSERT_EQ(stranger.post_send(make_write(1, {{0, 8}}, place)), 0);
    EXPECT_TRUE(ended(stranger.sent(), 1, IBV_WC_REM_ACCESS_ERR));
    expect_open(mw->rkey, target().region());
}

TEST_F(WindowObjects, AreNotBoundOverDatagrams) {
    SideOptions options = window_options();
    options.type = IBV_QPT_UD;
    LocalSide side(context(), options);
    side.connect({});
    EXPECT_EQ(side.bind({1, 0, 64}), EINVAL);
    EXPECT_TRUE(is_empty(side.send_cq()));
}

TEST_F(WindowObjects, AreNotBoundWithoutARegionToMemoryThatIsNamed) {
    const Mw mw = alloc_mw(target().pd());
    ibv_mw_bind request = whole(target().region());
    request.bind_info.mr = nullptr;
    EXPECT_EQ(ibv_bind_mw(target().qp(), mw.get(), &request), EINVAL);
}

TEST_F(WindowObjects, AreNotBoundByAQueuePairThatCannotSend) {
    LocalSide idle(context(), window_options());
    EXPECT_EQ(idle.bind({1, 0, 64}), EINVAL) << "in reset";
}

TEST_F(WindowObjects, AreNotBoundWhileTheSendQueueIsFlushed) {
    const uint32_t before = target().window_rkey();
    ASSERT_EQ(target().change_state(IBV_QPS_ERR), 0);
    ASSERT_EQ(target().bind({1, 0, 64}), 0);
    EXPECT_TRUE(ended(target().sent(), 1, IBV_WC_WR_FLUSH_ERR));
    join(source(), target());
    // Neither key opens anything.
    const uint32_t after = target().window_rkey();
    expect_closed(after, target().region().at(0).addr);
    join(source(), target());
    expect_closed(before, target().region().at(0).addr);
}

}  // namespace
