// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "fake_device.hpp"

namespace {
class DeviceApi : public verbs_test::FakeDevice {};
constexpr int kUntouched = 7777;
}  // namespace

TEST_F(DeviceApi, ListsTheDevicesAndEndsWithNull) {
    fake.devices.push_back(verbs_test::fake_device("fake1"));
    int count = -1;
    errno = kUntouched;
    ibv_device **list = ibv_get_device_list(&count);
    ASSERT_NE(list, nullptr);
    EXPECT_EQ(count, 2);
    EXPECT_EQ(list[2], nullptr);
    EXPECT_EQ(errno, kUntouched);
    EXPECT_STREQ(ibv_get_device_name(list[0]), "fake0");
    EXPECT_STREQ(ibv_get_device_name(list[1]), "fake1");
    ibv_free_device_list(list);
}

TEST_F(DeviceApi, GivesAnEmptyListAndLeavesErrnoAlone) {
    fake.devices.clear();
    int count = -1;
    errno = kUntouched;
    ibv_device **list = ibv_get_device_list(&count);
    ASSERT_NE(list, nullptr);
    EXPECT_EQ(count, 0);
    EXPECT_EQ(list[0], nullptr);
    EXPECT_EQ(errno, kUntouched);
    EXPECT_STREQ(verbs_last_error(), "no RDMA device: none offered by fake");
    ibv_free_device_list(list);
}

TEST_F(DeviceApi, NeedsNoPlaceForTheCount) {
    ibv_device **list = ibv_get_device_list(nullptr);
    ASSERT_NE(list, nullptr);
    ibv_free_device_list(list);
}

TEST_F(DeviceApi, FreesNullAndRefusesAForeignListInSilence) {
    errno = kUntouched;
    ibv_free_device_list(nullptr);
    ibv_device *foreign[] = {nullptr};
    ibv_free_device_list(foreign);
    EXPECT_EQ(errno, kUntouched);
}

TEST_F(DeviceApi, GivesTheSamePointerEachTime) {
    ibv_device **one = ibv_get_device_list(nullptr);
    ibv_device **two = ibv_get_device_list(nullptr);
    EXPECT_EQ(one[0], two[0]);
    ibv_device *const before = one[0];
    ibv_free_device_list(one);
    ibv_free_device_list(two);
    ibv_device **three = ibv_get_device_list(nullptr);
    EXPECT_EQ(three[0], before);
    ibv_free_device_list(three);
}

TEST_F(DeviceApi, TellsGuidAndIndex) {
    auto unindexed = verbs_test::fake_device("fake1");
    unindexed.index = -5;
    fake.devices.push_back(unindexed);
    ibv_device **list = ibv_get_device_list(nullptr);
    EXPECT_EQ(ibv_get_device_guid(list[0]), 0x1122u);
    EXPECT_EQ(ibv_get_device_index(list[0]), 7);
    EXPECT_EQ(ibv_get_device_index(list[1]), -1);
    ibv_free_device_list(list);
}

TEST_F(DeviceApi, RefusesADeviceThatIsNone) {
    ibv_device foreign{};
    errno = kUntouched;
    EXPECT_EQ(ibv_get_device_guid(&foreign), 0u);
    EXPECT_EQ(ibv_get_device_index(&foreign), -1);
    EXPECT_EQ(ibv_get_device_guid(nullptr), 0u);
    EXPECT_EQ(ibv_get_device_index(nullptr), -1);
    EXPECT_EQ(errno, kUntouched);
    EXPECT_EQ(ibv_get_device_name(nullptr), nullptr);
    EXPECT_EQ(errno, EINVAL);
}
