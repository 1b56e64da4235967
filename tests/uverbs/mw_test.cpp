// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "uverbs/mw.hpp"

#include "uverbs/fake_kernel.hpp"

namespace verbs::test {
namespace {

using Mw = EveryAge;

TEST_P(Mw, IsAllocatedAndDeallocated) {
    const auto context = kernel_.context();
    kernel_.on_command<ib_uverbs_alloc_mw, ib_uverbs_alloc_mw_resp>(
        IB_USER_VERBS_CMD_ALLOC_MW, [](const auto &request, auto &response, auto &) {
            EXPECT_EQ(request.pd_handle, 3u);
            EXPECT_EQ(request.mw_type, 2);
            response.mw_handle = 4;
            response.rkey = 0x55;
            return 0;
        });
    const auto mw = uverbs::alloc_mw(context, 3, 2);
    ASSERT_TRUE(mw) << mw.error().phrase;
    EXPECT_EQ(mw->handle, 4u);
    EXPECT_EQ(mw->rkey, 0x55u);

    std::int64_t destroyed = 0;
    kernel_.on_method(UVERBS_OBJECT_MW, UVERBS_METHOD_MW_DESTROY, [&](MethodCall &call) {
        destroyed = call.object(UVERBS_ATTR_DESTROY_MW_HANDLE);
        return 0;
    });
    kernel_.on_command<ib_uverbs_dealloc_mw, NoAnswer>(IB_USER_VERBS_CMD_DEALLOC_MW,
                                                       [&](const auto &request, auto &, auto &) {
                                                           destroyed = request.mw_handle;
                                                           return 0;
                                                       });
    EXPECT_TRUE(uverbs::dealloc_mw(context, 4));
    EXPECT_EQ(destroyed, 4);
}

UVERBS_EVERY_AGE(Mw);

}  // namespace
}  // namespace verbs::test
