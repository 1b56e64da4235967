// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// The registry with a kernel that has devices: who gets them, when a provider is opened, and what
// is said of those that nobody gets.
#include "fake_registry.hpp"

#include "device/context.hpp"

#include <gmock/gmock.h>

#include <dlfcn.h>

#include <cstdlib>

using testing::HasSubstr;
using verbs_test::fake_device;

namespace {

constexpr std::uint32_t kRxe = 14;

class KernelDevicesTest : public verbs_test::FakeRegistry {
protected:
    KernelDevicesTest() {
        write_manifest("10-fake.json", "fake", R"("match": [{"driver_id": 14}])");
    }
    ~KernelDevicesTest() override { ::unsetenv("VERBS_TEST_SHOW"); }

    void write_manifest(const std::string &file, const std::string &name, const std::string &more,
                        const std::string &library = VERBS_TEST_FAKE_PROVIDER) const {
        folder.write(file, R"({"manifest": 1, "name": ")" + name + R"(", "library": ")" + library +
                               R"(", "contract": {"oldest": 1, "newest": 2}, )" + more + "}");
    }
    std::vector<std::string> names() {
        std::vector<std::string> all;
        for (const auto *device : devices())
            all.emplace_back(device->name);
        return all;
    }
};

}  // namespace

TEST_F(KernelDevicesTest, AreDescribedToPrograms) {
    picture.add(3, "rxe0", "uverbs0", kRxe);
    const auto all = devices();
    ASSERT_EQ(all.size(), 1u);
    EXPECT_STREQ(all[0]->name, "rxe0");
    EXPECT_STREQ(all[0]->dev_name, "uverbs0");
    EXPECT_EQ(all[0]->dev_path, picture.sysfs().string() + "/class/infiniband_verbs/uverbs0");
    EXPECT_EQ(all[0]->ibdev_path, picture.sysfs().string() + "/class/infiniband/rxe0");
    EXPECT_EQ(all[0]->node_type, IBV_NODE_CA);
    EXPECT_EQ(all[0]->transport_type, IBV_TRANSPORT_IB);
}

TEST_F(KernelDevicesTest, AreDescribedToTheirProvider) {
    picture.add(3, "rxe0", "uverbs0", kRxe);
    const auto all = devices();
    const auto device = registry.find(all.at(0));
    ASSERT_TRUE(device);
    const auto &told = (*device)->announced();
    EXPECT_EQ(be64toh(told.node_guid_be), 0x5054'00ff'fe12'3456u);
    EXPECT_EQ(told.kernel_driver_id, kRxe);
    EXPECT_EQ(told.kernel_abi, 2u);
    EXPECT_EQ(told.index, 3);
    EXPECT_EQ(told.node_number, ::makedev(1, 3));
}

TEST_F(KernelDevicesTest, HaveTheTransportOfTheirNodeType) {
    const std::pair<std::uint8_t, ibv_transport_type> transports[] = {
        {IBV_NODE_CA, IBV_TRANSPORT_IB},
        {IBV_NODE_SWITCH, IBV_TRANSPORT_IB},
        {IBV_NODE_ROUTER, IBV_TRANSPORT_IB},
        {IBV_NODE_RNIC, IBV_TRANSPORT_IWARP},
        {IBV_NODE_USNIC, IBV_TRANSPORT_USNIC},
        {IBV_NODE_USNIC_UDP, IBV_TRANSPORT_USNIC_UDP},
        {IBV_NODE_UNSPECIFIED, IBV_TRANSPORT_UNSPECIFIED}};
    for (const auto &[node_type, transport] : transports) {
        picture.clear();
        picture.add(node_type, "rxe0", "uverbs0", kRxe);
        picture.netlink.devices = {verbs_test::Answer(RDMA_NLDEV_CMD_GET)
                                       .number(RDMA_NLDEV_ATTR_DEV_INDEX, std::uint32_t{node_type})
                                       .text(RDMA_NLDEV_ATTR_DEV_NAME, "rxe0")
                                       .number(RDMA_NLDEV_ATTR_DEV_NODE_TYPE, node_type)};
        const auto all = devices();
        EXPECT_EQ(all.at(0)->transport_type, transport) << int{node_type};
    }
}

TEST_F(KernelDevicesTest, KeepTheirAddressFromListToList) {
    picture.add(0, "rxe0", "uverbs0", kRxe);
    const auto before = devices();
    picture.add(1, "rxe1", "uverbs1", kRxe);
    const auto after = devices();
    ASSERT_EQ(after.size(), 2u);
    EXPECT_EQ(before.at(0), after[0]);
}

TEST_F(KernelDevicesTest, AreOthersWhenTheyWereRemovedAndMadeAgain) {
    picture.add(0, "rxe0", "uverbs0", kRxe);
    int count = 0;
    ibv_device **list = *registry.list(count);
    picture.clear();
    EXPECT_TRUE(devices().empty());
    picture.add(1, "rxe0", "uverbs0", kRxe);
    EXPECT_NE(devices().at(0), list[0]);
    EXPECT_TRUE(registry.free_list(list));
}

TEST_F(KernelDevicesTest, ComeBeforeDevicesOfProviders) {
    write_manifest("10-fake.json", "fake", R"("enumerates": true, "match": [{"driver_id": 14}])");
    fake.devices = {fake_device("fake0")};
    picture.add(1, "rxe1", "uverbs1", kRxe);
    picture.add(0, "rxe0", "uverbs0", kRxe);
    EXPECT_EQ(names(), (std::vector<std::string>{"rxe0", "rxe1", "fake0"}));
}

TEST_F(KernelDevicesTest, KeepTheirNamesWhenAProviderWantsOne) {
    write_manifest("10-fake.json", "fake", R"("enumerates": true, "match": [{"driver_id": 14}])");
    fake.devices = {fake_device("rxe0")};
    picture.add(0, "rxe0", "uverbs0", kRxe);
    const auto all = devices();
    ASSERT_EQ(all.size(), 1u);
    EXPECT_STREQ(all[0]->dev_name, "uverbs0");
}

TEST_F(KernelDevicesTest, AreGoneWhenTheyAreGoneThoughTheirProviderCannotLook) {
    write_manifest("10-fake.json", "fake", R"("enumerates": true, "match": [{"modalias": "x:*"}])");
    fake.devices = {fake_device("fake0")};
    // A driver that tells no id.
    picture.add(0, "nic0", "uverbs0", 0);
    picture.write("class/infiniband/nic0/device/modalias", "x:1");
    EXPECT_EQ(names(), (std::vector<std::string>{"nic0", "fake0"}));
    fake.failing_slot = "enumerate";
    fake.code = ENOMEM;
    picture.clear();
    EXPECT_EQ(names(), std::vector<std::string>{"fake0"});
}

TEST_F(KernelDevicesTest, GoToTheFirstProviderThatNamesThem) {
    write_manifest("20-later.json", "later", R"("match": [{"driver_id": 14}, {"driver_id": 18}])",
                   "/nonexistent/later.so");
    picture.add(0, "rxe0", "uverbs0", kRxe);
    picture.add(1, "siw0", "uverbs1", 18);
    const auto all = devices();
    ASSERT_EQ(all.size(), 2u);
    EXPECT_STREQ((*registry.find(all[0]))->provider().name(), "fake");
    EXPECT_STREQ((*registry.find(all[1]))->provider().name(), "later");
}

TEST_F(KernelDevicesTest, AreListedWithoutTheirProviderAndOpenedByIt) {
    write_manifest("10-fake.json", "fake", R"("match": [{"driver_id": 14}])",
                   "/nonexistent/fake.so");
    picture.add(0, "rxe0", "uverbs0", kRxe);
    const auto all = devices();
    ASSERT_EQ(all.size(), 1u);
    EXPECT_EQ(registry.kernel_problems(), "");
    auto opened = verbs::device::Context::open(*registry.find(all[0]));
    ASSERT_FALSE(opened);
    EXPECT_THAT(opened.error().phrase, HasSubstr("L1"));
}

TEST_F(KernelDevicesTest, OpenThroughTheirProvider) {
    picture.add(0, "rxe0", "uverbs0", kRxe);
    const auto all = devices();
    auto opened = verbs::device::Context::open(*registry.find(all.at(0)));
    ASSERT_TRUE(opened) << opened.error().phrase;
    EXPECT_TRUE(verbs::device::Context::close(**opened));
}

// Devices that nobody gets.

TEST_F(KernelDevicesTest, AreNamedWithTheirDriverWhenNobodyDrivesThem) {
    picture.add(0, "mlx5_0", "uverbs0", 1);
    EXPECT_TRUE(devices().empty());
    EXPECT_EQ(registry.kernel_problems(),
              "mlx5_0: no provider drives mlx5 (driver id 1); install one whose manifest matches "
              "it");
    EXPECT_EQ(registry.why_empty(), "no RDMA device; refused: " + registry.kernel_problems());
}

TEST_F(KernelDevicesTest, AreNamedWithTheirNodeWhenItIsMissing) {
    picture.add(0, "rxe0", "uverbs0", kRxe);
    picture.add(1, "rxe1", "uverbs1", kRxe);
    std::filesystem::remove(picture.nodes() / "uverbs0");
    EXPECT_EQ(names(), std::vector<std::string>{"rxe1"});
    EXPECT_THAT(registry.kernel_problems(), HasSubstr("rxe0: "));
    EXPECT_THAT(registry.kernel_problems(), HasSubstr("uverbs0: No such file or directory"));
    picture.add_node("uverbs0");
    EXPECT_EQ(devices().size(), 2u);
    EXPECT_EQ(registry.kernel_problems(), "");
}

TEST_F(KernelDevicesTest, OfAnUnfitNameAreLeftOut) {
    picture.netlink.no_netlink = EPERM;
    picture.add_to_sysfs("rxe 0", "uverbs0");
    picture.write("class/infiniband/rxe 0/parent", "eth0");
    picture.add_node("uverbs0");
    EXPECT_TRUE(devices().empty());
    EXPECT_THAT(registry.why_empty(), HasSubstr("fake: the name of an announced device"));
}

// Providers that step back where the kernel has devices.

TEST_F(KernelDevicesTest, MakeAYieldingProviderStepBackUnopened) {
    write_manifest("20-shy.json", "shy", R"("enumerates": true, "yields": {})",
                   "/nonexistent/shy.so");
    picture.add(0, "rxe0", "uverbs0", kRxe);
    EXPECT_EQ(names(), std::vector<std::string>{"rxe0"});
    picture.clear();
    EXPECT_TRUE(devices().empty());
    EXPECT_THAT(registry.why_empty(), HasSubstr("20-shy.json: L1"));
}

TEST_F(KernelDevicesTest, DoNotMakeAProviderStepBackThatSomebodyAskedFor) {
    write_manifest("10-fake.json", "fake",
                   R"("enumerates": true, "match": [{"driver_id": 14}],
                      "yields": {"unless_set": ["VERBS_TEST_OTHER", "VERBS_TEST_SHOW"]})");
    fake.devices = {fake_device("fake0")};
    picture.add(0, "rxe0", "uverbs0", kRxe);
    EXPECT_EQ(names(), std::vector<std::string>{"rxe0"});
    ::setenv("VERBS_TEST_SHOW", "", 1);
    EXPECT_EQ(names(), (std::vector<std::string>{"rxe0", "fake0"}));
}
