// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// The attribute encoder: what it writes, and that it never writes beyond its room.
#include "uverbs/command.hpp"

#include <gtest/gtest.h>

#include <climits>
#include <string>

namespace verbs::uverbs {
namespace {

const ib_uverbs_attr &attribute(const ib_uverbs_ioctl_hdr &header, std::size_t at) {
    return header.attrs[at];
}

TEST(Command, HasTheBytesOfTheKernelsHeader) {
    Command<4> command(UVERBS_OBJECT_CQ, UVERBS_METHOD_CQ_DESTROY);
    command.object(UVERBS_ATTR_DESTROY_CQ_HANDLE, 0x01020304);
    const std::uint16_t two_bytes = 0xbbaa;
    command.in(7, two_bytes);
    const auto *header = command.finish(14);
    ASSERT_NE(header, nullptr);
    const unsigned char expected[] = {
        56,   0,    3, 0, 1, 0, 2, 0,  // length, object, method, count
        0,    0,    0, 0, 0, 0, 0, 0,  // reserved
        14,   0,    0, 0, 0, 0, 0, 0,  // driver, reserved
        0,    0,    0, 0, 1, 0, 0, 0,  // handle: no length, mandatory
        4,    3,    2, 1, 0, 0, 0, 0,  //
        7,    0,    2, 0, 1, 0, 0, 0,  // value: two bytes, mandatory
        0xaa, 0xbb, 0, 0, 0, 0, 0, 0,  //
    };
    ASSERT_EQ(header->length, sizeof expected);
    EXPECT_EQ(std::memcmp(header, expected, sizeof expected), 0);
}

TEST(Command, CarriesUpToEightBytesItselfAndPointsToMore) {
    const std::uint64_t eight = 0x1122334455667788;
    const struct { std::uint64_t a, b; } sixteen{1, 2};
    Command<2> command(0, 0);
    command.in(1, eight);
    command.in(2, sixteen);
    const auto *header = command.finish(0);
    ASSERT_NE(header, nullptr);
    EXPECT_EQ(attribute(*header, 0).len, 8);
    EXPECT_EQ(attribute(*header, 0).data, eight);
    EXPECT_EQ(attribute(*header, 1).len, 16);
    EXPECT_EQ(attribute(*header, 1).data, reinterpret_cast<std::uintptr_t>(&sixteen));
}

TEST(Command, PointsToOutputsOfAnySize) {
    std::uint8_t small = 0;
    Command<1> command(0, 0);
    command.out(1, small);
    const auto *header = command.finish(0);
    EXPECT_EQ(attribute(*header, 0).len, 1);
    EXPECT_EQ(attribute(*header, 0).data, reinterpret_cast<std::uintptr_t>(&small));
}

TEST(Command, TellsTheAlternativeOfSeveral) {
    const std::uint32_t value = 9;
    Command<1> command(0, 0);
    command.alternative(1, 3, std::as_bytes(std::span(&value, 1)));
    const auto *header = command.finish(0);
    EXPECT_EQ(attribute(*header, 0).attr_data.enum_data.elem_id, 3);
    EXPECT_EQ(attribute(*header, 0).data, 9u);
}

TEST(Command, ListsObjectsInPlaceWhenTheyFit) {
    const std::array<std::uint32_t, 2> two{1, 2};
    const std::array<std::uint32_t, 3> three{1, 2, 3};
    Command<2> command(0, 0);
    command.objects(1, two);
    command.objects(2, three);
    const auto *header = command.finish(0);
    EXPECT_EQ(attribute(*header, 0).data, 0x0000000200000001u);
    EXPECT_EQ(attribute(*header, 1).len, 12);
    EXPECT_EQ(attribute(*header, 1).data, reinterpret_cast<std::uintptr_t>(three.data()));
}

TEST(Command, KeepsTheSignOfADescriptor) {
    Command<1> command(0, 0);
    command.descriptor(1, -1);
    EXPECT_EQ(attribute(*command.finish(0), 0).data_s64, -1);
}

TEST(Command, LeavesOutDriverBytesThatAreNotThere) {
    Command<2> command(0, 0);
    command.udata({});
    EXPECT_EQ(command.finish(0)->num_attrs, 0);
}

TEST(Command, IsRefusedWhenThereAreMoreAttributesThanRoom) {
    struct {
        Command<1> command{0, 0};
        std::uint64_t behind = 0x5a5a5a5a5a5a5a5a;
    } memory;
    memory.command.constant(1, 1);
    memory.command.constant(2, 2);
    memory.command.make_optional(memory.command.new_object(3));
    EXPECT_EQ(memory.command.finish(0), nullptr);
    EXPECT_EQ(memory.behind, 0x5a5a5a5a5a5a5a5au);
}

TEST(Command, IsRefusedWhenAnAttributeIsLongerThanItsLengthCanSay) {
    const std::string bytes(UINT16_MAX + 1, 'x');
    Command<2> command(0, 0);
    command.in_bytes(1, std::as_bytes(std::span(bytes)));
    EXPECT_EQ(command.finish(0), nullptr);
}

TEST(Command, TakesTheLongestAttribute) {
    const std::string bytes(UINT16_MAX, 'x');
    Command<1> command(0, 0);
    command.in_bytes(1, std::as_bytes(std::span(bytes)));
    ASSERT_NE(command.finish(0), nullptr);
    EXPECT_EQ(attribute(*command.finish(0), 0).len, UINT16_MAX);
}

TEST(Command, BelievesOnlyHandlesThatTheKernelCanHaveGiven) {
    Command<1> command(0, 0);
    const auto place = command.new_object(1);
    auto *header = command.finish(0);
    const auto handle_of = [&](std::uint64_t data) {
        header->attrs[0].data = data;
        return command.created_object("test", place);
    };
    EXPECT_EQ(command.created_object("test", place).error().code, EPROTO);  // left as it was
    EXPECT_EQ(handle_of(INT_MAX + 1ull).error().code, EPROTO);
    EXPECT_EQ(handle_of(1ull << 32).error().code, EPROTO);
    EXPECT_EQ(*handle_of(INT_MAX), static_cast<std::uint32_t>(INT_MAX));
    EXPECT_EQ(*handle_of(0), 0u);
}

TEST(Command, BelievesOnlyDescriptorsThatTheKernelCanHaveGiven) {
    Command<1> command(0, 0);
    const auto place = command.new_descriptor(1);
    auto *header = command.finish(0);
    EXPECT_EQ(command.created_descriptor("test", place).error().code, EPROTO);
    header->attrs[0].data_s64 = -5;
    EXPECT_EQ(command.created_descriptor("test", place).error().code, EPROTO);
    header->attrs[0].data_s64 = 12;
    EXPECT_EQ(*command.created_descriptor("test", place), 12);
}

TEST(Command, KnowsWhichOptionalOutputWasWritten) {
    std::uint64_t value = 0;
    Command<1> command(0, 0);
    const auto place = command.out(1, value);
    command.make_optional(place);
    auto *header = command.finish(0);
    EXPECT_EQ(header->attrs[0].flags, 0);
    EXPECT_FALSE(command.is_written(place));
    header->attrs[0].flags = UVERBS_ATTR_F_VALID_OUTPUT;
    EXPECT_TRUE(command.is_written(place));
}

}  // namespace
}  // namespace verbs::uverbs
