// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "device/context.hpp"

#include "fake_registry.hpp"

#include <cstring>

using verbs::device::Context;
using verbs_test::fake_device;

namespace {

class ContextTest : public verbs_test::FakeRegistry {
protected:
    ContextTest() { fake.devices = {fake_device("fake0")}; }

    std::shared_ptr<verbs::device::Device> device() { return *registry.find(devices().at(0)); }
};

}  // namespace

TEST_F(ContextTest, LiesInOneBlockThatProgramsFindByOffsets) {
    auto opened = Context::open(device());
    ASSERT_TRUE(opened) << opened.error().phrase;
    const auto *handle = reinterpret_cast<const char *>(&(*opened)->handle());
    const auto at = [&](std::ptrdiff_t offset) {
        std::uintptr_t value = 0;
        std::memcpy(&value, handle + offset, sizeof value);
        return value;
    };
    EXPECT_EQ(at(-8), 648u);
    EXPECT_EQ(at(-112), reinterpret_cast<std::uintptr_t>(*opened));
    EXPECT_EQ(at(320), UINTPTR_MAX);  // abi_compat
    EXPECT_EQ(at(-104), 0u);          // query_device_ex: experimental
    EXPECT_EQ(at(-16), 0u);           // has_comp_mask of old
    EXPECT_TRUE(Context::close(**opened));
}

TEST_F(ContextTest, KeepsItsOwnMembersFromTheProvider) {
    auto opened = Context::open(device());
    ASSERT_TRUE(opened);
    const ibv_context &handle = (*opened)->handle();
    EXPECT_EQ(handle.device, devices().at(0));
    EXPECT_EQ(handle.num_comp_vectors, 2);
    EXPECT_GE(handle.async_fd, 0);
    EXPECT_TRUE(Context::close(**opened));
}

TEST_F(ContextTest, RefusesOnTheDataPathWhereTheProviderHasNone) {
    auto opened = Context::open(device());
    ASSERT_TRUE(opened);
    const ibv_context_ops &ops = (*opened)->handle().ops;
    ibv_send_wr send{};
    ibv_send_wr *bad_send = nullptr;
    ibv_recv_wr recv{};
    ibv_recv_wr *bad_recv = nullptr;
    EXPECT_LT(ops.poll_cq(nullptr, 1, nullptr), 0);
    EXPECT_EQ(ops.req_notify_cq(nullptr, 0), EOPNOTSUPP);
    EXPECT_EQ(ops.post_send(nullptr, &send, &bad_send), EOPNOTSUPP);
    EXPECT_EQ(bad_send, &send);
    EXPECT_EQ(ops.post_recv(nullptr, &recv, &bad_recv), EOPNOTSUPP);
    EXPECT_EQ(bad_recv, &recv);
    bad_recv = nullptr;
    EXPECT_EQ(ops.post_srq_recv(nullptr, &recv, &bad_recv), EOPNOTSUPP);
    EXPECT_EQ(bad_recv, &recv);
    EXPECT_TRUE(Context::close(**opened));
}

TEST_F(ContextTest, KnowsItsOwnHandles) {
    auto opened = Context::open(device());
    ASSERT_TRUE(opened);
    EXPECT_EQ(*Context::of(&(*opened)->handle()), *opened);
    EXPECT_TRUE(Context::close(**opened));
}

TEST_F(ContextTest, RefusesHandlesThatAreNotItsOwn) {
    EXPECT_EQ(Context::of(nullptr).error().code, EINVAL);
    // Of the 1.0 or 1.1 kind, without a block before it.
    ibv_context old{};
    EXPECT_EQ(Context::of(&old).error().code, EINVAL);
    // Of another library: the block is there, and what it points to is not ours.
    verbs::device::ContextTail foreign;
    foreign.context.abi_compat = reinterpret_cast<void *>(UINTPTR_MAX);
    EXPECT_EQ(Context::of(&foreign.context).error().code, EINVAL);
    const std::uintptr_t theirs[4] = {1, 2, 3, 4};
    foreign.slot(verbs::device::kSlotPrivate) = reinterpret_cast<std::uintptr_t>(theirs);
    EXPECT_EQ(Context::of(&foreign.context).error().code, EINVAL);
}

TEST_F(ContextTest, HoldsItsDevice) {
    auto opened = Context::open(device());
    ASSERT_TRUE(opened);
    fake.devices.clear();
    EXPECT_TRUE(devices().empty());
    EXPECT_STREQ((*opened)->handle().device->name, "fake0");
    EXPECT_TRUE(Context::close(**opened));
}

TEST_F(ContextTest, StaysOpenWhenTheProviderRefusesToClose) {
    auto opened = Context::open(device());
    ASSERT_TRUE(opened);
    fake.failing_slot = "close_device";
    fake.code = EBUSY;
    EXPECT_EQ(Context::close(**opened).error().code, EBUSY);
    EXPECT_TRUE(Context::of(&(*opened)->handle()));
    fake.failing_slot.clear();
    EXPECT_TRUE(Context::close(**opened));
}

TEST_F(ContextTest, IsGoneWhenTheProviderCannotOpen) {
    fake.failing_slot = "open_device";
    fake.code = EACCES;
    fake.reason = "not for you";
    const auto opened = Context::open(device());
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code, EACCES);
    EXPECT_EQ(opened.error().phrase, "fake: open_device: not for you");
}
