// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "fake_registry.hpp"

#include <atomic>
#include <cstring>
#include <thread>

using verbs::device::Registry;
using verbs_test::fake_device;
using verbs_test::FakeState;

namespace {

class RegistryTest : public verbs_test::FakeRegistry {};

}  // namespace

TEST_F(RegistryTest, GivesAnEmptyListWhenThereIsNoDevice) {
    EXPECT_TRUE(devices().empty());
    EXPECT_EQ(registry.why_empty(), "no RDMA device: none offered by fake");
}

TEST_F(RegistryTest, FillsTheDeviceFromTheAnnouncement) {
    fake.devices = {fake_device("fake0")};
    const auto all = devices();
    ASSERT_EQ(all.size(), 1u);
    EXPECT_STREQ(all[0]->name, "fake0");
    EXPECT_STREQ(all[0]->dev_name, "uverbs-fake0");
    EXPECT_EQ(all[0]->node_type, IBV_NODE_CA);
    EXPECT_EQ(all[0]->transport_type, IBV_TRANSPORT_IB);
}

TEST_F(RegistryTest, PutsAReadablePointerOfNobodyBehindTheDevice) {
    fake.devices = {fake_device("fake0")};
    const auto all = devices();
    const char *ops = nullptr;
    std::memcpy(&ops, reinterpret_cast<const char *>(all.at(0)) + 664, sizeof ops);
    ASSERT_NE(ops, nullptr);
    EXPECT_EQ(*ops, 0);
}

TEST_F(RegistryTest, GivesTheSamePointerForADeviceOnEveryCall) {
    fake.devices = {fake_device("fake0"), fake_device("fake1")};
    const auto first = devices();
    std::swap(fake.devices[0], fake.devices[1]);
    const auto second = devices();
    ASSERT_EQ(second.size(), 2u);
    EXPECT_EQ(first[0], second[1]);
    EXPECT_EQ(first[1], second[0]);
}

TEST_F(RegistryTest, ShowsDevicesThatAppearLater) {
    EXPECT_TRUE(devices().empty());
    fake.devices = {fake_device("fake0")};
    EXPECT_EQ(devices().size(), 1u);
}

TEST_F(RegistryTest, KeepsADeviceThatVanishedAsLongAsAListNamesIt) {
    fake.devices = {fake_device("fake0")};
    int count = 0;
    ibv_device **list = *registry.list(count);
    ibv_device *const device = list[0];
    fake.devices.clear();
    EXPECT_TRUE(devices().empty());
    EXPECT_STREQ(device->name, "fake0");
    EXPECT_TRUE(registry.find(device));
    EXPECT_TRUE(registry.free_list(list));
    EXPECT_FALSE(registry.find(device));
}

TEST_F(RegistryTest, KeepsADeviceThatVanishedAsLongAsSomebodyHoldsIt) {
    fake.devices = {fake_device("fake0")};
    ibv_device *const device = devices().at(0);
    auto held = registry.find(device);
    fake.devices.clear();
    EXPECT_TRUE(devices().empty());
    ASSERT_TRUE(held);
    EXPECT_STREQ((*held)->name(), "fake0");
}

TEST_F(RegistryTest, TakesADeviceWithAnotherCookieForAnotherDevice) {
    fake.devices = {fake_device("fake0", 1)};
    int count = 0;
    ibv_device **list = *registry.list(count);
    fake.devices = {fake_device("fake0", 2)};
    EXPECT_NE(devices().at(0), list[0]);
    EXPECT_TRUE(registry.free_list(list));
}

TEST_F(RegistryTest, RefusesAListItDidNotMake) {
    fake.devices = {fake_device("fake0")};
    ibv_device *foreign[] = {nullptr};
    EXPECT_EQ(registry.free_list(foreign).error().code, EINVAL);
    int count = 0;
    ibv_device **list = *registry.list(count);
    EXPECT_TRUE(registry.free_list(list));
    EXPECT_EQ(registry.free_list(list).error().code, EINVAL);
}

TEST_F(RegistryTest, FreesAListThatTheProgramHasSorted) {
    fake.devices = {fake_device("fake0"), fake_device("fake1")};
    int count = 0;
    ibv_device **list = *registry.list(count);
    std::swap(list[0], list[1]);
    list[1] = nullptr;
    EXPECT_TRUE(registry.free_list(list));
}

TEST_F(RegistryTest, RefusesADeviceOfAnotherLibrary) {
    ibv_device foreign{};
    EXPECT_EQ(registry.find(&foreign).error().code, EINVAL);
    EXPECT_EQ(registry.find(nullptr).error().code, EINVAL);
}

TEST_F(RegistryTest, LeavesOutADeviceWithAnUnfitName) {
    auto endless = fake_device("x");
    std::memset(endless.name, 'x', sizeof endless.name);
    fake.devices = {endless, fake_device(""), fake_device("a/b"), fake_device("a b"),
                    fake_device("fake0")};
    const auto all = devices();
    ASSERT_EQ(all.size(), 1u);
    EXPECT_STREQ(all[0]->name, "fake0");
}

TEST_F(RegistryTest, LeavesOutTheSecondDeviceOfAName) {
    fake.devices = {fake_device("fake0", 1), fake_device("fake0", 2)};
    EXPECT_EQ(devices().size(), 1u);
}

TEST_F(RegistryTest, KeepsTheDevicesOfAProviderThatCannotLookRightNow) {
    fake.devices = {fake_device("fake0")};
    const auto before = devices();
    fake.failing_slot = "enumerate";
    fake.code = ENOMEM;
    EXPECT_EQ(devices(), before);
}

TEST_F(RegistryTest, TellsWhyAProviderCouldNotLook) {
    fake.failing_slot = "enumerate";
    fake.code = ENOMEM;
    fake.reason = "no memory for it";
    EXPECT_TRUE(devices().empty());
    EXPECT_NE(registry.why_empty().find("10-fake.json: fake: enumerate: no memory for it"),
              std::string::npos)
        << registry.why_empty();
}

TEST_F(RegistryTest, SurvivesAnEnumerateThatThrows) {
    fake.failing_slot = "enumerate";
    fake.throws = FakeState::Throws::exception;
    EXPECT_TRUE(devices().empty());
    EXPECT_NE(registry.why_empty().find("enumerate threw: fake exception"), std::string::npos);
    fake.throws = FakeState::Throws::number;
    EXPECT_TRUE(devices().empty());
}

TEST_F(RegistryTest, TellsWhereItLookedWhenThereIsNoManifest) {
    Registry lost({{"/nonexistent/a", "/nonexistent/b"}, "", false}, verbs::device::host_table(),
                  kernel);
    int count = -1;
    auto list = lost.list(count);
    ASSERT_TRUE(list);
    EXPECT_EQ(count, 0);
    EXPECT_EQ(lost.why_empty(),
              "no RDMA device: no provider manifest in /nonexistent/a; /nonexistent/b");
    EXPECT_TRUE(lost.free_list(*list));
}

TEST_F(RegistryTest, ServesManyThreadsAtOnce) {
    fake.devices = {fake_device("fake0"), fake_device("fake1")};
    std::vector<std::thread> threads;
    std::atomic<int> wrong = 0;
    ibv_device *const expected = devices().at(0);
    for (int i = 0; i < 4; ++i)
        threads.emplace_back([&] {
            for (int round = 0; round < 50; ++round) {
                int count = 0;
                auto list = registry.list(count);
                if (!list || count != 2 || (*list)[0] != expected) ++wrong;
                if (!registry.find(expected)) ++wrong;
                if (list && !registry.free_list(*list)) ++wrong;
            }
        });
    for (auto &thread : threads)
        thread.join();
    EXPECT_EQ(wrong, 0);
}
