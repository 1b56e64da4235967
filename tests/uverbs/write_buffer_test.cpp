// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// The older ABI's bytes, as write() sends them.
#include "uverbs/write_buffer.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <vector>

namespace verbs::uverbs {
namespace {

std::vector<std::uint8_t> sent(const WriteBuffer &buffer) {
    std::vector<std::uint8_t> bytes(buffer.bytes().size());
    std::memcpy(bytes.data(), buffer.bytes().data(), bytes.size());
    return bytes;
}

template <class T>
T value_at(const WriteBuffer &buffer, std::size_t at) {
    T value{};
    std::memcpy(&value, buffer.bytes().data() + at, sizeof value);
    return value;
}

TEST(WriteBuffer, HasTheBytesOfAnUnansweredCommand) {
    const ib_uverbs_dealloc_pd request{0x01020304};
    WriteBuffer buffer;
    ASSERT_TRUE(buffer.compose(write_command(IB_USER_VERBS_CMD_DEALLOC_PD, request)));
    const std::vector<std::uint8_t> expected{4, 0, 0, 0, 3, 0, 0, 0, 4, 3, 2, 1};
    EXPECT_EQ(sent(buffer), expected);
}

TEST(WriteBuffer, PutsTheAddressOfTheAnswerFirst) {
    ib_uverbs_resize_cq request{};
    request.cq_handle = 5;
    request.cqe = 6;
    ib_uverbs_resize_cq_resp response{};
    WriteBuffer buffer;
    ASSERT_TRUE(buffer.compose(write_command(IB_USER_VERBS_CMD_RESIZE_CQ, request, response)));
    EXPECT_EQ(buffer.bytes().size(), 24u);
    EXPECT_EQ(value_at<std::uint32_t>(buffer, 0), std::uint32_t{IB_USER_VERBS_CMD_RESIZE_CQ});
    EXPECT_EQ(value_at<std::uint16_t>(buffer, 4), 6);
    EXPECT_EQ(value_at<std::uint16_t>(buffer, 6), 2);
    EXPECT_EQ(value_at<std::uint64_t>(buffer, 8), reinterpret_cast<std::uintptr_t>(&response));
    EXPECT_EQ(value_at<std::uint32_t>(buffer, 16), 5u);
    EXPECT_EQ(value_at<std::uint32_t>(buffer, 20), 6u);
    EXPECT_EQ(request.response, 0u);
}

TEST(WriteBuffer, SendsTheDriversBytesBehindTheRequestAndGivesItsAnswerApart) {
    const ib_uverbs_alloc_pd request{};
    ib_uverbs_alloc_pd_resp response{};
    const std::array<std::uint32_t, 3> driver_request{10, 11, 12};
    std::array<std::uint32_t, 2> driver_response{98, 99};
    const auto command = write_command(IB_USER_VERBS_CMD_ALLOC_PD, request, response,
                                       udata(driver_request, driver_response));
    WriteBuffer buffer;
    ASSERT_TRUE(buffer.compose(command));
    EXPECT_EQ(value_at<std::uint16_t>(buffer, 4), (8 + 8 + 12) / 4);
    EXPECT_EQ(value_at<std::uint16_t>(buffer, 6), (4 + 8) / 4);
    EXPECT_EQ(value_at<std::uint32_t>(buffer, 16), 10u);
    EXPECT_EQ(value_at<std::uint32_t>(buffer, 24), 12u);
    // The kernel writes the PD and one word of the driver's two.
    auto *answer = reinterpret_cast<std::uint32_t *>(
        static_cast<std::uintptr_t>(value_at<std::uint64_t>(buffer, 8)));
    answer[0] = 7;
    answer[1] = 8;
    buffer.deliver(command);
    EXPECT_EQ(response.pd_handle, 7u);
    EXPECT_EQ(driver_response[0], 8u);
    EXPECT_EQ(driver_response[1], 99u);
}

TEST(WriteBuffer, RoundsTheDriversBytesUpToWords) {
    const ib_uverbs_alloc_pd request{};
    ib_uverbs_alloc_pd_resp response{};
    const std::array<std::uint8_t, 3> driver_request{1, 2, 3};
    std::array<std::uint8_t, 5> driver_response{};
    std::array<std::uint8_t, 8> behind{};  // has to stay
    const auto command = write_command(IB_USER_VERBS_CMD_ALLOC_PD, request, response,
                                       udata(driver_request, driver_response));
    WriteBuffer buffer;
    ASSERT_TRUE(buffer.compose(command));
    EXPECT_EQ(buffer.bytes().size(), 8u + 8 + 4);
    EXPECT_EQ(value_at<std::uint32_t>(buffer, 16), 0x00030201u);
    EXPECT_EQ(value_at<std::uint16_t>(buffer, 6), 3);
    std::memset(
        reinterpret_cast<void *>(static_cast<std::uintptr_t>(value_at<std::uint64_t>(buffer, 8))),
        0xee, 12);
    buffer.deliver(command);
    EXPECT_EQ(driver_response, (std::array<std::uint8_t, 5>{0xee, 0xee, 0xee, 0xee, 0xee}));
    EXPECT_EQ(behind, (std::array<std::uint8_t, 8>{}));
}

TEST(WriteBuffer, CountsAnExtendedCommandInWordsOfEightBytes) {
    const ib_uverbs_ex_query_device request{};
    ib_uverbs_ex_query_device_resp response{};
    const std::uint64_t driver_request = 3;
    std::uint64_t driver_response = 0;
    const auto command = extended_command(IB_USER_VERBS_EX_CMD_QUERY_DEVICE, request, response,
                                          udata(driver_request, driver_response));
    WriteBuffer buffer;
    ASSERT_TRUE(buffer.compose(command));
    EXPECT_EQ(buffer.bytes().size(), 8u + 16 + 8 + 8);
    EXPECT_EQ(value_at<std::uint32_t>(buffer, 0),
              IB_USER_VERBS_EX_CMD_QUERY_DEVICE | IB_USER_VERBS_CMD_FLAG_EXTENDED);
    EXPECT_EQ(value_at<std::uint16_t>(buffer, 4), 1);
    EXPECT_EQ(value_at<std::uint16_t>(buffer, 6), sizeof response / 8);
    EXPECT_EQ(value_at<std::uint16_t>(buffer, 16), 1);
    EXPECT_EQ(value_at<std::uint16_t>(buffer, 18), 1);
    EXPECT_EQ(value_at<std::uint32_t>(buffer, 20), 0u);
    EXPECT_EQ(value_at<std::uint64_t>(buffer, 32), 3u);
}

TEST(WriteBuffer, HasNoAddressForAnExtendedCommandWithoutAnswer) {
    const ib_uverbs_ex_modify_cq request{};
    WriteBuffer buffer;
    ASSERT_TRUE(buffer.compose(extended_command(IB_USER_VERBS_EX_CMD_MODIFY_CQ, request)));
    EXPECT_EQ(value_at<std::uint64_t>(buffer, 8), 0u);
    EXPECT_EQ(value_at<std::uint16_t>(buffer, 6), 0);
}

TEST(WriteBuffer, RefusesWhatIsLongerThanItsRoom) {
    const ib_uverbs_alloc_pd request{};
    ib_uverbs_alloc_pd_resp response{};
    std::array<std::byte, WriteBuffer::kRoom> much{};
    WriteBuffer buffer;
    EXPECT_FALSE(
        buffer.compose(write_command(IB_USER_VERBS_CMD_ALLOC_PD, request, response, {much, {}})));
    EXPECT_FALSE(
        buffer.compose(write_command(IB_USER_VERBS_CMD_ALLOC_PD, request, response, {{}, much})));
    const std::span<std::byte> fits = std::span(much).first(WriteBuffer::kRoom - 16);
    EXPECT_TRUE(
        buffer.compose(write_command(IB_USER_VERBS_CMD_ALLOC_PD, request, response, {fits, fits})));
}

}  // namespace
}  // namespace verbs::uverbs
