// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Answers of RDMA netlink: right ones, and every way to be wrong.
#include "device/nldev.hpp"

#include "support/nldev_answers.hpp"

#include <gtest/gtest.h>

using verbs::device::NetlinkMessage;
using verbs::device::parse_nldev_device;
using verbs::device::parse_nldev_uverbs;
using verbs_test::Answer;
using verbs_test::device_answer;
using verbs_test::uverbs_answer;

namespace {

constexpr auto kIndex = RDMA_NLDEV_ATTR_DEV_INDEX;
constexpr auto kName = RDMA_NLDEV_ATTR_DEV_NAME;

Answer about_device() {
    return Answer(RDMA_NLDEV_CMD_GET);
}

Answer about_uverbs() {
    return Answer(RDMA_NLDEV_CMD_GET_CHARDEV);
}

}  // namespace

TEST(NldevDevice, HasIndexNameGuidAndType) {
    const auto device = parse_nldev_device(device_answer(3, "rxe0"));
    ASSERT_TRUE(device) << device.error().phrase;
    EXPECT_EQ(device->index, 3u);
    EXPECT_EQ(device->name, "rxe0");
    EXPECT_EQ(device->node_guid, 0x5054'00ff'fe12'3456u);
    EXPECT_EQ(device->node_type, 1);
}

TEST(NldevDevice, MayLackGuidAndType) {
    const auto device = parse_nldev_device(about_device().number(kIndex, 0u).text(kName, "mlx5_0"));
    ASSERT_TRUE(device) << device.error().phrase;
    EXPECT_FALSE(device->node_guid);
    EXPECT_FALSE(device->node_type);
}

TEST(NldevDevice, IsReadPastAttributesOfLaterKernels) {
    const auto device = parse_nldev_device(
        about_device().number(400, 1u).number(kIndex, 9u).text(kName, "efa_0").text(0x3ff, "new"));
    ASSERT_TRUE(device) << device.error().phrase;
    EXPECT_EQ(device->index, 9u);
}

TEST(NldevDevice, IsRefusedWithoutIndexOrName) {
    EXPECT_EQ(parse_nldev_device(about_device()).error().code, EBADMSG);
    EXPECT_EQ(parse_nldev_device(about_device().number(kIndex, 1u)).error().code, EBADMSG);
    EXPECT_EQ(parse_nldev_device(about_device().text(kName, "rxe0")).error().code, EBADMSG);
}

TEST(NldevDevice, IsRefusedWithANameThatIsNotPlain) {
    for (const char *name : {"", ".", "..", "a/b", "../x", "a b", "a\nb", "\xc3\xa4"})
        EXPECT_FALSE(parse_nldev_device(device_answer(0, name))) << name;
    EXPECT_FALSE(parse_nldev_device(device_answer(0, std::string(64, 'x'))));
    EXPECT_TRUE(parse_nldev_device(device_answer(0, std::string(63, 'x'))));
}

TEST(NldevDevice, IsRefusedWithANameThatDoesNotEnd) {
    EXPECT_FALSE(parse_nldev_device(about_device().number(kIndex, 1u).bytes(kName, "rxe0", 4)));
    EXPECT_FALSE(parse_nldev_device(about_device().number(kIndex, 1u).bytes(kName, "", 0)));
}

TEST(NldevDevice, IsRefusedWithANumberThatIsTooShort) {
    EXPECT_FALSE(
        parse_nldev_device(about_device().number(kIndex, std::uint16_t{1}).text(kName, "rxe0")));
    EXPECT_FALSE(parse_nldev_device(about_device()
                                        .number(kIndex, 1u)
                                        .text(kName, "rxe0")
                                        .number(RDMA_NLDEV_ATTR_NODE_GUID, 1u)));
}

TEST(NldevDevice, IsRefusedWithAnIndexThatIsNoPositiveNumber) {
    EXPECT_FALSE(parse_nldev_device(device_answer(0x8000'0000u, "rxe0")));
}

TEST(NldevDevice, IsRefusedInAMessageAboutSomethingElse) {
    EXPECT_FALSE(parse_nldev_device(Answer(RDMA_NLDEV_CMD_SET).number(kIndex, 1u)));
    EXPECT_FALSE(parse_nldev_device(
        Answer(RDMA_NL_LS, RDMA_NLDEV_CMD_GET).number(kIndex, 1u).text(kName, "rxe0")));
    EXPECT_FALSE(parse_nldev_uverbs(device_answer(0, "rxe0")));
}

TEST(NldevDevice, IsRefusedInAMessageOfAWrongLength) {
    const NetlinkMessage whole = device_answer(0, "rxe0");
    EXPECT_FALSE(parse_nldev_device({}));
    EXPECT_FALSE(parse_nldev_device(device_answer(0, "rxe0").claim(0)));
    EXPECT_FALSE(parse_nldev_device(device_answer(0, "rxe0").claim(whole.size() + 1)));
    EXPECT_FALSE(parse_nldev_device(device_answer(0, "rxe0").claim(0xffff'ffff)));
}

// Whatever the kernel is interrupted at, the answer is refused or is right, and nothing beyond the
// message is read (which a sanitizer or valgrind would tell).
TEST(NldevDevice, SurvivesEveryCut) {
    const NetlinkMessage whole = device_answer(5, "rxe0");
    for (std::size_t length = 0; length < whole.size(); ++length) {
        EXPECT_FALSE(parse_nldev_device(device_answer(5, "rxe0").cut(length))) << length;
        auto shortened = device_answer(5, "rxe0").cut(length);
        if (length < sizeof(nlmsghdr)) continue;
        const auto device = parse_nldev_device(shortened.claim(length));
        EXPECT_TRUE(!device || device->name == "rxe0") << length;
    }
}

TEST(NldevDevice, SurvivesEveryByteBeingWrong) {
    const NetlinkMessage whole = device_answer(5, "rxe0");
    for (std::size_t at = 0; at < whole.size(); ++at)
        for (const int wrong : {0x00, 0x01, 0x7f, 0x80, 0xff}) {
            NetlinkMessage spoilt = whole;
            spoilt[at] = static_cast<std::byte>(wrong);
            const auto device = parse_nldev_device(spoilt);
            EXPECT_TRUE(!device || !device->name.empty()) << at;
        }
}

TEST(NldevUverbs, HasNameNumberAbiAndDriver) {
    const auto uverbs = parse_nldev_uverbs(uverbs_answer("uverbs0", 231, 192, 14));
    ASSERT_TRUE(uverbs) << uverbs.error().phrase;
    EXPECT_EQ(uverbs->name, "uverbs0");
    EXPECT_EQ(uverbs->number, ::makedev(231, 192));
    EXPECT_EQ(uverbs->abi, 2u);
    EXPECT_EQ(uverbs->driver_id, 14u);
}

TEST(NldevUverbs, HasTheKernelsWayOfALargeMinorNumber) {
    // Minor 0x12345, major 0xabc: the low byte, the major number, the rest.
    const auto uverbs =
        parse_nldev_uverbs(about_uverbs()
                               .number(RDMA_NLDEV_ATTR_CHARDEV, std::uint64_t{0x123a'bc45})
                               .number(RDMA_NLDEV_ATTR_CHARDEV_ABI, std::uint64_t{1})
                               .text(RDMA_NLDEV_ATTR_CHARDEV_NAME, "uverbs7"));
    ASSERT_TRUE(uverbs) << uverbs.error().phrase;
    EXPECT_EQ(uverbs->number, ::makedev(0xabc, 0x12345));
    EXPECT_FALSE(uverbs->driver_id);
}

TEST(NldevUverbs, TakesADriverIdOf64Bits) {
    const auto uverbs =
        parse_nldev_uverbs(about_uverbs()
                               .number(RDMA_NLDEV_ATTR_CHARDEV, std::uint64_t{0x103})
                               .number(RDMA_NLDEV_ATTR_CHARDEV_ABI, std::uint64_t{1})
                               .text(RDMA_NLDEV_ATTR_CHARDEV_NAME, "uverbs7")
                               .number(RDMA_NLDEV_ATTR_UVERBS_DRIVER_ID, std::uint64_t{18}));
    ASSERT_TRUE(uverbs) << uverbs.error().phrase;
    EXPECT_EQ(uverbs->driver_id, 18u);
}

TEST(NldevUverbs, IsRefusedWithoutNameNumberOrAbi) {
    EXPECT_FALSE(parse_nldev_uverbs(about_uverbs()));
    EXPECT_FALSE(parse_nldev_uverbs(about_uverbs()
                                        .number(RDMA_NLDEV_ATTR_CHARDEV, std::uint64_t{0x103})
                                        .number(RDMA_NLDEV_ATTR_CHARDEV_ABI, std::uint64_t{1})));
    EXPECT_FALSE(parse_nldev_uverbs(about_uverbs()
                                        .number(RDMA_NLDEV_ATTR_CHARDEV, std::uint64_t{0x103})
                                        .text(RDMA_NLDEV_ATTR_CHARDEV_NAME, "uverbs7")));
}

TEST(NldevUverbs, IsRefusedWithANameThatIsAPath) {
    EXPECT_FALSE(parse_nldev_uverbs(uverbs_answer("../../etc/passwd", 1, 3, 14)));
    EXPECT_FALSE(parse_nldev_uverbs(uverbs_answer("", 1, 3, 14)));
}

TEST(NldevUverbs, SurvivesEveryCut) {
    const NetlinkMessage whole = uverbs_answer("uverbs0", 1, 3, 14);
    for (std::size_t length = sizeof(nlmsghdr); length < whole.size(); ++length) {
        auto shortened = uverbs_answer("uverbs0", 1, 3, 14).cut(length);
        const auto uverbs = parse_nldev_uverbs(shortened.claim(length));
        EXPECT_TRUE(!uverbs || uverbs->name == "uverbs0") << length;
    }
}
