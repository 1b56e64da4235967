// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "uverbs/xrcd.hpp"

#include "uverbs/fake_kernel.hpp"

#include <fcntl.h>

namespace verbs::test {
namespace {

using Xrcd = EveryAge;

TEST_P(Xrcd, IsOpenedAndClosed) {
    const auto context = kernel_.context();
    kernel_.on_command<ib_uverbs_open_xrcd, ib_uverbs_open_xrcd_resp>(
        IB_USER_VERBS_CMD_OPEN_XRCD, [](const auto &request, auto &response, auto &) {
            EXPECT_EQ(static_cast<int>(request.fd), -1);
            EXPECT_EQ(request.oflags, std::uint32_t{O_CREAT});
            response.xrcd_handle = 30;
            return 0;
        });
    const auto xrcd = uverbs::open_xrcd(context, -1, O_CREAT);
    ASSERT_TRUE(xrcd) << xrcd.error().phrase;
    EXPECT_EQ(*xrcd, 30u);

    std::int64_t destroyed = 0;
    kernel_.on_method(UVERBS_OBJECT_XRCD, UVERBS_METHOD_XRCD_DESTROY, [&](MethodCall &call) {
        destroyed = call.object(UVERBS_ATTR_DESTROY_XRCD_HANDLE);
        return 0;
    });
    kernel_.on_command<ib_uverbs_close_xrcd, NoAnswer>(IB_USER_VERBS_CMD_CLOSE_XRCD,
                                                       [&](const auto &request, auto &, auto &) {
                                                           destroyed = request.xrcd_handle;
                                                           return 0;
                                                       });
    EXPECT_TRUE(uverbs::close_xrcd(context, 30));
    EXPECT_EQ(destroyed, 30);
}

UVERBS_EVERY_AGE(Xrcd);

}  // namespace
}  // namespace verbs::test
