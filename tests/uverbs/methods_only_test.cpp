// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Objects that only the attribute ABI has: device memory and counters.
#include "uverbs/counters.hpp"
#include "uverbs/dm.hpp"
#include "uverbs/fake_kernel.hpp"
#include "uverbs/mr.hpp"

#include <array>

namespace verbs::test {
namespace {

TEST(Dm, IsAllocatedRegisteredAndFreed) {
    FakeKernel kernel;
    const auto context = kernel.context();
    kernel.on_method(UVERBS_OBJECT_DM, UVERBS_METHOD_DM_ALLOC, [](MethodCall &call) {
        EXPECT_EQ(call.in<std::uint64_t>(UVERBS_ATTR_ALLOC_DM_LENGTH), 4096u);
        EXPECT_EQ(call.in<std::uint32_t>(UVERBS_ATTR_ALLOC_DM_ALIGNMENT), 6u);
        call.create(UVERBS_ATTR_ALLOC_DM_HANDLE, 70);
        return 0;
    });
    EXPECT_EQ(*uverbs::alloc_dm(context, 4096, 6), 70u);

    kernel.on_method(UVERBS_OBJECT_MR, UVERBS_METHOD_DM_MR_REG, [](MethodCall &call) {
        EXPECT_EQ(call.object(UVERBS_ATTR_REG_DM_MR_PD_HANDLE), 2);
        EXPECT_EQ(call.object(UVERBS_ATTR_REG_DM_MR_DM_HANDLE), 70);
        EXPECT_EQ(call.in<std::uint64_t>(UVERBS_ATTR_REG_DM_MR_OFFSET), 8u);
        EXPECT_EQ(call.in<std::uint64_t>(UVERBS_ATTR_REG_DM_MR_LENGTH), 16u);
        EXPECT_EQ(call.in<std::uint32_t>(UVERBS_ATTR_REG_DM_MR_ACCESS_FLAGS), 33u);
        call.create(UVERBS_ATTR_REG_DM_MR_HANDLE, 8);
        call.out(UVERBS_ATTR_REG_DM_MR_RESP_LKEY, std::uint32_t{1});
        call.out(UVERBS_ATTR_REG_DM_MR_RESP_RKEY, std::uint32_t{2});
        return 0;
    });
    const auto mr = uverbs::reg_dm_mr(context, 2, 70, 8, 16, 33);
    ASSERT_TRUE(mr) << mr.error().phrase;
    EXPECT_EQ(mr->handle, 8u);
    EXPECT_EQ(mr->rkey, 2u);

    int code = 0;
    kernel.on_method(UVERBS_OBJECT_DM, UVERBS_METHOD_DM_FREE, [&](MethodCall &call) {
        EXPECT_EQ(call.object(UVERBS_ATTR_FREE_DM_HANDLE), 70);
        return code;
    });
    EXPECT_TRUE(uverbs::free_dm(context, 70));
    code = EIO;
    EXPECT_TRUE(uverbs::free_dm(context, 70));
    code = EBUSY;
    EXPECT_EQ(uverbs::free_dm(context, 70).error().code, EBUSY);
}

TEST(Counters, AreReadAsFarAsThereIsRoom) {
    FakeKernel kernel;
    const auto context = kernel.context();
    kernel.on_method(UVERBS_OBJECT_COUNTERS, UVERBS_METHOD_COUNTERS_CREATE, [](MethodCall &call) {
        call.create(UVERBS_ATTR_CREATE_COUNTERS_HANDLE, 80);
        return 0;
    });
    EXPECT_EQ(*uverbs::create_counters(context), 80u);
    kernel.on_method(UVERBS_OBJECT_COUNTERS, UVERBS_METHOD_COUNTERS_READ, [](MethodCall &call) {
        EXPECT_EQ(call.object(UVERBS_ATTR_READ_COUNTERS_HANDLE), 80);
        EXPECT_EQ(call.in<std::uint32_t>(UVERBS_ATTR_READ_COUNTERS_FLAGS), 1u);
        call.out(UVERBS_ATTR_READ_COUNTERS_BUFF, std::array<std::uint64_t, 2>{3, 4});
        return 0;
    });
    std::array<std::uint64_t, 2> values{};
    EXPECT_TRUE(uverbs::read_counters(context, 80, values, 1));
    EXPECT_EQ(values[1], 4u);
    kernel.on_method(UVERBS_OBJECT_COUNTERS, UVERBS_METHOD_COUNTERS_DESTROY, [](MethodCall &call) {
        EXPECT_EQ(call.object(UVERBS_ATTR_DESTROY_COUNTERS_HANDLE), 80);
        return 0;
    });
    EXPECT_TRUE(uverbs::destroy_counters(context, 80));
}

TEST(Counters, AreNotToBeHadOfAnOldKernel) {
    FakeKernel kernel(Age::before_invoke);
    EXPECT_EQ(uverbs::create_counters(kernel.context()).error().code, EOPNOTSUPP);
}

}  // namespace
}  // namespace verbs::test
