// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "uverbs/ah.hpp"

#include "uverbs/fake_kernel.hpp"

namespace verbs::test {
namespace {

using Ah = EveryAge;

TEST_P(Ah, IsCreatedAndDestroyed) {
    const auto context = kernel_.context();
    ib_uverbs_ah_attr attr{};
    attr.is_global = 1;
    attr.port_num = 1;
    attr.grh.dgid[15] = 7;
    kernel_.on_command<ib_uverbs_create_ah, ib_uverbs_create_ah_resp>(
        IB_USER_VERBS_CMD_CREATE_AH, [&](const auto &request, auto &response, CommandCall &call) {
            EXPECT_EQ(request.user_handle, 0xabcu);
            EXPECT_EQ(request.pd_handle, 2u);
            EXPECT_EQ(std::memcmp(&request.attr, &attr, sizeof attr), 0);
            EXPECT_EQ(call.driver_out.size(), 8u);
            response.ah_handle = 12;
            return 0;
        });
    std::uint64_t driver = 5;
    const auto ah = uverbs::create_ah(context, 2, 0xabc, attr, uverbs::udata_out(driver));
    ASSERT_TRUE(ah) << ah.error().phrase;
    EXPECT_EQ(*ah, 12u);
    EXPECT_EQ(driver, 5u);  // this kernel's driver says nothing

    std::int64_t destroyed = 0;
    kernel_.on_method(UVERBS_OBJECT_AH, UVERBS_METHOD_AH_DESTROY, [&](MethodCall &call) {
        destroyed = call.object(UVERBS_ATTR_DESTROY_AH_HANDLE);
        return 0;
    });
    kernel_.on_command<ib_uverbs_destroy_ah, NoAnswer>(IB_USER_VERBS_CMD_DESTROY_AH,
                                                       [&](const auto &request, auto &, auto &) {
                                                           destroyed = request.ah_handle;
                                                           return 0;
                                                       });
    EXPECT_TRUE(uverbs::destroy_ah(context, 12));
    EXPECT_EQ(destroyed, 12);
}

UVERBS_EVERY_AGE(Ah);

}  // namespace
}  // namespace verbs::test
