// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "uverbs/pd.hpp"

#include "uverbs/fake_kernel.hpp"

namespace verbs::test {
namespace {

using Pd = EveryAge;

TEST_P(Pd, IsAllocatedWithTheDriversBytes) {
    const auto context = kernel_.context();
    kernel_.on_command<ib_uverbs_alloc_pd, ib_uverbs_alloc_pd_resp>(
        IB_USER_VERBS_CMD_ALLOC_PD, [](auto &, auto &response, CommandCall &call) {
            response.pd_handle = 17;
            const std::uint32_t pdn = 99;
            EXPECT_EQ(call.driver_out.size(), sizeof pdn);
            std::memcpy(call.driver_out.data(), &pdn, sizeof pdn);
            return 0;
        });
    std::uint32_t pdn = 0;
    const auto pd = uverbs::alloc_pd(context, uverbs::udata_out(pdn));
    ASSERT_TRUE(pd) << pd.error().phrase;
    EXPECT_EQ(*pd, 17u);
    EXPECT_EQ(pdn, 99u);
}

TEST_P(Pd, IsRefusedWithoutAHandle) {
    const auto context = kernel_.context();
    std::uint32_t handle = UINT32_MAX;
    kernel_.on_command<ib_uverbs_alloc_pd, ib_uverbs_alloc_pd_resp>(
        IB_USER_VERBS_CMD_ALLOC_PD, [&](auto &, auto &response, auto &) {
            response.pd_handle = handle;
            return 0;
        });
    EXPECT_EQ(uverbs::alloc_pd(context).error().code, EPROTO);
    handle = 0x80000000;
    EXPECT_EQ(uverbs::alloc_pd(context).error().code, EPROTO);
}

// Tells which way a kernel of this age was given the destruction of PD 17.
void on_dealloc(FakeKernel &kernel, int code, std::uint32_t &destroyed) {
    kernel.on_method(UVERBS_OBJECT_PD, UVERBS_METHOD_PD_DESTROY, [&, code](MethodCall &call) {
        EXPECT_EQ(call.count(), 1u);
        destroyed = static_cast<std::uint32_t>(call.object(UVERBS_ATTR_DESTROY_PD_HANDLE));
        return code;
    });
    kernel.on_command<ib_uverbs_dealloc_pd, NoAnswer>(
        IB_USER_VERBS_CMD_DEALLOC_PD, [&, code](const auto &request, auto &, auto &) {
            destroyed = request.pd_handle;
            return code;
        });
}

TEST_P(Pd, IsDeallocated) {
    const auto context = kernel_.context();
    std::uint32_t destroyed = 0;
    on_dealloc(kernel_, 0, destroyed);
    ASSERT_TRUE(uverbs::dealloc_pd(context, 17));
    EXPECT_EQ(destroyed, 17u);
}

TEST_P(Pd, StaysWhileItIsInUse) {
    const auto context = kernel_.context();
    std::uint32_t destroyed = 0;
    on_dealloc(kernel_, EBUSY, destroyed);
    EXPECT_EQ(uverbs::dealloc_pd(context, 17).error().code, EBUSY);
}

TEST_P(Pd, GoesWithARemovedDevice) {
    const auto context = kernel_.context();
    std::uint32_t destroyed = 0;
    on_dealloc(kernel_, EIO, destroyed);
    EXPECT_TRUE(uverbs::dealloc_pd(context, 17));
}

UVERBS_EVERY_AGE(Pd);

}  // namespace
}  // namespace verbs::test
