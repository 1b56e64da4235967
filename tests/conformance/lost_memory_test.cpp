// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Registered memory that its program has unmapped since, or may no longer write. Real devices hold
// the pages; here a peer that uses the key is refused, and the program that made the mistake lives.
#include "echo.hpp"
#include "rc_test.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <span>

namespace {

using namespace verbs_test;

constexpr size_t kPage = 4096;
constexpr size_t kSize = 16 * kPage;
constexpr int kAll = kEveryAccess | IBV_ACCESS_REMOTE_ATOMIC;

// The peer's requests go to memory of `here` that is registered for all and kept by the test.
class LostMemory : public RcTest {
protected:
    void make_connection() {
        SideOptions options;
        options.path.qp_access |= IBV_ACCESS_REMOTE_ATOMIC;
        connect(options);
        make_nonblocking(context()->async_fd);
        if (memory_ == nullptr) memory_ = std::make_unique<Pages>(kSize);
        mr_ = reg_mr(here().pd(), memory_->data(), kSize, kAll);
    }
    [[nodiscard]] uint8_t *memory() const { return memory_->data(); }
    [[nodiscard]] RemotePlace place(size_t offset) const {
        return {reinterpret_cast<uint64_t>(memory() + offset), mr_->rkey};
    }
    void protect(int protection) { ASSERT_EQ(::mprotect(memory(), kSize, protection), 0); }
    // A mapping without rights stands for none at all: a free address would be given to the next
    // who asks for memory, and the write would find that.
    void take_away(size_t first_page) {
        ASSERT_NE(::mmap(memory() + first_page * kPage, kSize - first_page * kPage, PROT_NONE,
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE, -1, 0),
                  MAP_FAILED);
    }
    // Refused at the peer, with everything that belongs to it at this side.
    void expect_refused(const Sending &request) {
        ASSERT_EQ(there().post_send(request), 0);
        EXPECT_TRUE(ended(there().sent(), request.id, IBV_WC_REM_ACCESS_ERR));
        EXPECT_TRUE(eventually([&] { return here().state() == IBV_QPS_ERR; }));
        EXPECT_TRUE(eventually([&] { return there().state() == IBV_QPS_ERR; }));
        ibv_async_event what{};
        ASSERT_TRUE(wait_readable(context()->async_fd, patience()));
        ASSERT_EQ(ibv_get_async_event(context(), &what), 0);
        EXPECT_EQ(what.event_type, IBV_EVENT_QP_ACCESS_ERR) << ibv_event_type_str(what.event_type);
        EXPECT_EQ(what.element.qp, here().qp());
        ibv_ack_async_event(&what);
    }

private:
    std::unique_ptr<Pages> memory_;
    Mr mr_;
};
VERBS_TEST_EVERYWHERE(LostMemory);

TEST_P(LostMemory, RefusesAWriteWhenItIsGone) {
    make_connection();
    take_away(0);
    expect_refused(make_write(1, {{0, 100}}, place(0)));
}

TEST_P(LostMemory, RefusesALongWriteWhenItIsGone) {
    make_connection();
    take_away(0);
    expect_refused(make_write(1, {{0, kSize}}, place(0)));
}

TEST_P(LostMemory, RefusesAWriteWhenItsEndIsGone) {
    make_connection();
    take_away(15);
    expect_refused(make_write(1, {{0, kSize}}, place(0)));
}

TEST_P(LostMemory, RefusesAReadWhenItIsGone) {
    make_connection();
    there().store(0, pattern(1, 100));
    take_away(0);
    expect_refused(make_read(1, {{0, 100}}, place(0)));
    EXPECT_EQ(there().load(0, 100), pattern(1, 100));
}

TEST_P(LostMemory, RefusesAReadWhenItsEndIsGone) {
    make_connection();
    take_away(15);
    expect_refused(make_read(1, {{0, kSize}}, place(0)));
}

TEST_P(LostMemory, RefusesAWriteWhenItIsReadOnly) {
    make_connection();
    there().store(0, pattern(1, 100));
    protect(PROT_READ);
    expect_refused(make_write(1, {{0, 100}}, place(8)));
    EXPECT_TRUE(std::ranges::all_of(std::span(memory(), kSize), [](auto b) { return b == 0; }));
}

TEST_P(LostMemory, GrantsAReadWhenItIsReadOnly) {
    make_connection();
    const auto bytes = pattern(2, kSize);
    std::ranges::copy(bytes, memory());
    protect(PROT_READ);
    ASSERT_EQ(there().post_send(make_read(1, {{0, kSize}}, place(0))), 0);
    ASSERT_TRUE(succeeded(there().sent(), 1, IBV_WC_RDMA_READ));
    EXPECT_TRUE(there().load(0, kSize) == bytes);
}

TEST_P(LostMemory, RefusesAWriteWithImmediateAndTakesNoReceive) {
    make_connection();
    take_away(0);
    ASSERT_EQ(here().post_recv(7, {{0, 8}}), 0);
    expect_refused(make_write(1, {{0, 100}}, place(0)).with_imm(5));
    EXPECT_TRUE(ended(here().received(), 7, IBV_WC_WR_FLUSH_ERR));
}

TEST_P(LostMemory, RefusesAtomicOperationsWhenItIsGone) {
    require_feature("atomics");
    if (IsSkipped()) return;
    make_connection();
    take_away(0);
    expect_refused(make_fetch_add(1, {{0, 8}}, place(64), 1));
}

TEST_P(LostMemory, RefusesAnAdditionWhenItIsReadOnly) {
    require_feature("atomics");
    if (IsSkipped()) return;
    make_connection();
    protect(PROT_READ);
    expect_refused(make_fetch_add(1, {{0, 8}}, place(64), 1));
    EXPECT_EQ(memory()[64], 0);
}

TEST_P(LostMemory, RefusesASwapWhenItIsReadOnly) {
    require_feature("atomics");
    if (IsSkipped()) return;
    make_connection();
    protect(PROT_READ);
    expect_refused(make_compare_swap(1, {{0, 8}}, place(64), 0, 1));
    EXPECT_EQ(memory()[64], 0);
}

TEST_P(LostMemory, DoesNotConcernOtherConnections) {
    make_connection();
    LocalSide other(context());
    LocalSide peer(context());
    join(other, peer);
    take_away(0);
    expect_refused(make_write(1, {{0, 100}}, place(0)));
    other.store(0, pattern(3, 5000));
    ASSERT_EQ(other.post_send(make_write(2, {{0, 5000}}, peer.at(100))), 0);
    ASSERT_TRUE(succeeded(other.sent(), 2, IBV_WC_RDMA_WRITE));
    EXPECT_EQ(peer.state(), IBV_QPS_RTS);
    EXPECT_EQ(peer.load(100, 5000), pattern(3, 5000));
}

// An unreliable connection drops what it cannot place, and goes on.
TEST_P(LostMemory, LosesAWriteOfAnUnreliableConnection) {
    require_feature("uc");
    if (IsSkipped()) return;
    SideOptions options;
    options.type = IBV_QPT_UC;
    connect(options);
    Pages pages(kSize);
    const Mr mr = reg_mr(here().pd(), pages.data(), kSize, kEveryAccess);
    ASSERT_EQ(::mprotect(pages.data(), kSize, PROT_READ), 0);
    there().store(0, pattern(1, 100));
    const RemotePlace place{reinterpret_cast<uint64_t>(pages.data()), mr->rkey};
    ASSERT_EQ(here().post_recv(1, {{0, 100}}), 0);
    ASSERT_EQ(there().post_send(make_write(2, {{0, 100}}, place)), 0);
    EXPECT_TRUE(succeeded(there().sent(), 2, IBV_WC_RDMA_WRITE));
    ASSERT_EQ(there().post_send(make_send(3, {{0, 100}})), 0);
    EXPECT_TRUE(succeeded(there().sent(), 3, IBV_WC_SEND));
    EXPECT_TRUE(succeeded(here().received(), 1, IBV_WC_RECV));
    EXPECT_EQ(here().load(0, 100), pattern(1, 100));
    EXPECT_TRUE(std::ranges::all_of(pages.bytes(), [](auto b) { return b == 0; }));
}

// What the program itself names in a request, it has to keep until the request completes: there a
// message is put where the program said as if the program had done it.
class LostReceiveDeathTest : public DeviceTest {};

TEST_F(LostReceiveDeathTest, EndsTheProgramThatUnmappedItBeforeTheMessageCame) {
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    const auto receive_into_nothing = [&] {
        LocalSide careless(context());
        LocalSide peer(context());
        join(careless, peer);
        if (careless.post_recv(1, {{0, 100}}) != 0) return;
        // Pages without rights instead of no pages: nothing else of the process may come to lie
        // there.
        if (::mmap(careless.region().data(), careless.region().size(), PROT_NONE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED)
            return;
        if (peer.post_send(make_send(2, {{0, 100}})) != 0) return;
        careless.received();
    };
    EXPECT_DEATH(receive_into_nothing(), "");
}

}  // namespace
