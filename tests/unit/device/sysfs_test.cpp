// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "device/sysfs.hpp"

#include "support/kernel_picture.hpp"

#include <gtest/gtest.h>

using verbs::device::Sysfs;
using verbs_test::KernelPicture;

namespace {

class SysfsTest : public testing::Test {
protected:
    KernelPicture picture;
    Sysfs sysfs{picture.sysfs()};
};

}  // namespace

TEST_F(SysfsTest, RulesRdmaOutOnlyWhereItIsThereItself) {
    EXPECT_FALSE(sysfs.rules_rdma_out());
    std::filesystem::remove_all(picture.sysfs() / "class/infiniband");
    EXPECT_TRUE(sysfs.rules_rdma_out());
    EXPECT_FALSE(Sysfs("/nonexistent").rules_rdma_out());
}

TEST_F(SysfsTest, ListsUverbsDevicesByTheirNumbers) {
    for (const char *number : {"10", "2", "0"})
        picture.add_to_sysfs(std::string("rxe") + number, std::string("uverbs") + number);
    const auto all = sysfs.uverbs();
    ASSERT_EQ(all.size(), 3u);
    EXPECT_EQ(all[0].name, "uverbs0");
    EXPECT_EQ(all[1].name, "uverbs2");
    EXPECT_EQ(all[2].name, "uverbs10");
    EXPECT_EQ(all[2].device, "rxe10");
    EXPECT_EQ(all[2].abi, 2u);
    EXPECT_EQ(all[2].number, ::makedev(1, 3));
}

TEST_F(SysfsTest, LeavesOutWhatIsNoUverbsDevice) {
    picture.write("class/infiniband_verbs/abi_version", "6");
    picture.write("class/infiniband_verbs/uverbs/ibdev", "rxe0");
    picture.write("class/infiniband_verbs/other0/ibdev", "rxe0");
    EXPECT_TRUE(sysfs.uverbs().empty());
}

TEST_F(SysfsTest, LeavesOutUverbsDevicesThatAreOddOrHalfGone) {
    picture.add_to_sysfs("rxe0", "uverbs0");
    picture.write("class/infiniband_verbs/uverbs0/ibdev", "");
    picture.add_to_sysfs("rxe1", "uverbs1");
    picture.write("class/infiniband_verbs/uverbs1/ibdev", "../rxe1");
    picture.add_to_sysfs("rxe2", "uverbs2");
    picture.write("class/infiniband_verbs/uverbs2/abi_version", "two");
    picture.add_to_sysfs("rxe3", "uverbs3");
    picture.write("class/infiniband_verbs/uverbs3/dev", "231");
    picture.add_to_sysfs("rxe4", "uverbs4");
    picture.write("class/infiniband_verbs/uverbs4/dev", "231:");
    picture.add_to_sysfs("rxe5", "uverbs5");
    std::filesystem::remove(picture.sysfs() / "class/infiniband_verbs/uverbs5/dev");
    EXPECT_TRUE(sysfs.uverbs().empty());
}

TEST_F(SysfsTest, ReadsGuidAndType) {
    picture.add_to_sysfs("rxe0", "uverbs0");
    EXPECT_EQ(sysfs.node_guid("rxe0").value(), 0x5054'00ff'fe12'3456u);
    EXPECT_EQ(sysfs.node_type("rxe0").value(), 1);
}

TEST_F(SysfsTest, RefusesAGuidOrATypeThatIsNone) {
    for (const char *text :
         {"", "5054:00ff:fe12", "5054:00ff:fe12:345g", "5054:00ff:fe12:3456:7"}) {
        picture.write("class/infiniband/rxe0/node_guid", text);
        EXPECT_EQ(sysfs.node_guid("rxe0").error().code, EBADMSG) << text;
    }
    picture.write("class/infiniband/rxe0/node_type", "CA");
    EXPECT_EQ(sysfs.node_type("rxe0").error().code, EBADMSG);
    EXPECT_EQ(sysfs.node_type("rxe1").error().code, ENOENT);
}

TEST_F(SysfsTest, TellsTheKernelsSoftwareDriversFromOneAnother) {
    picture.write("class/infiniband/rxe0/parent", "eth0");
    EXPECT_EQ(sysfs.driver_id("rxe0"), 14u);
    picture.write("class/infiniband/siw0/node_type", "4: RNIC");
    EXPECT_EQ(sysfs.driver_id("siw0"), 18u);
    picture.write("class/infiniband/other0/node_type", "1: CA");
    EXPECT_EQ(sysfs.driver_id("other0"), 0u);
}

TEST_F(SysfsTest, DoesNotGuessTheDriverOfADeviceOnABus) {
    picture.write("class/infiniband/nic0/device/modalias", "pci:v000015B3d00001017sv0");
    picture.write("class/infiniband/nic0/node_type", "4: RNIC");
    EXPECT_EQ(sysfs.driver_id("nic0"), 0u);
    EXPECT_EQ(sysfs.modalias("nic0").value(), "pci:v000015B3d00001017sv0");
}
