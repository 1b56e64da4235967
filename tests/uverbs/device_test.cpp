// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "uverbs/device.hpp"

#include "uverbs/fake_kernel.hpp"

#include <array>

namespace verbs::test {
namespace {

using Device = EveryAge;

TEST_P(Device, IsQueried) {
    const auto context = kernel_.context();
    kernel_.on_command<ib_uverbs_query_device, ib_uverbs_query_device_resp>(
        IB_USER_VERBS_CMD_QUERY_DEVICE, [](auto &, auto &response, auto &) {
            response.max_qp = 5;
            response.phys_port_cnt = 1;
            return 0;
        });
    const auto attr = uverbs::query_device(context);
    ASSERT_TRUE(attr) << attr.error().phrase;
    EXPECT_EQ(attr->max_qp, 5u);
    EXPECT_EQ(attr->phys_port_cnt, 1);
}

TEST_P(Device, IsQueriedAsFarAsTheKernelKnows) {
    const auto context = kernel_.context();
    std::uint32_t length = 0;
    kernel_.on_command<ib_uverbs_ex_query_device, ib_uverbs_ex_query_device_resp>(
        IB_USER_VERBS_EX_CMD_QUERY_DEVICE | IB_USER_VERBS_CMD_FLAG_EXTENDED,
        [&](auto &, auto &response, auto &) {
            response.response_length = length;
            return 0;
        });
    for (const std::uint32_t odd : {0u, 183u, 305u, UINT32_MAX}) {
        length = odd;
        EXPECT_EQ(uverbs::query_device_ex(context).error().code, EPROTO) << odd;
    }
    for (const std::uint32_t right : {184u, 208u, 304u}) {
        length = right;
        EXPECT_TRUE(uverbs::query_device_ex(context)) << right;
    }
}

UVERBS_EVERY_AGE(Device);

TEST(FirmwareVersion, HasThreePartsOfSixteenBits) {
    std::array<char, 24> text{};
    uverbs::write_firmware_version(0x0001'0002'0003, text);
    EXPECT_STREQ(text.data(), "1.2.3");
    uverbs::write_firmware_version(UINT64_MAX, text);
    EXPECT_STREQ(text.data(), "65535.65535.65535");
}

}  // namespace
}  // namespace verbs::test
