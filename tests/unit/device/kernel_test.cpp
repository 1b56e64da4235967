// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Looks at a picture of a kernel: what netlink says, what sysfs adds, what the nodes in /dev allow.
#include "device/kernel.hpp"

#include "support/kernel_picture.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/stat.h>
#include <unistd.h>

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using verbs::device::Kernel;
using verbs_test::Answer;
using verbs_test::kNullMajor;
using verbs_test::kNullMinor;

namespace {

class KernelTest : public testing::Test {
protected:
    verbs_test::KernelPicture picture;
    Kernel kernel = picture.kernel();

    static std::vector<std::string> names_of(const Kernel::Look &look) {
        std::vector<std::string> names;
        for (const auto &device : look.devices)
            names.push_back(device.name);
        return names;
    }
};

}  // namespace

TEST_F(KernelTest, WithoutRdmaHasNoDevicesAndNothingToComplainOf) {
    std::filesystem::remove_all(picture.sysfs() / "class/infiniband");
    int asked = 0;
    Kernel bare({picture.sysfs(), picture.nodes()},
                [&]() -> verbs::Result<std::unique_ptr<verbs::device::Nldev>> {
                    ++asked;
                    return verbs::fail(EPROTONOSUPPORT, "asked");
                });
    const auto look = bare.look();
    EXPECT_THAT(look.devices, IsEmpty());
    EXPECT_THAT(look.problems, IsEmpty());
    EXPECT_EQ(asked, 0);
    EXPECT_EQ(bare.count(), 0);
}

TEST_F(KernelTest, WithoutAnythingAtAllHasNoDevices) {
    picture.netlink.no_netlink = EPROTONOSUPPORT;
    Kernel bare({"/nonexistent", "/nonexistent"}, verbs_test::FakeNldev::opener(picture.netlink));
    EXPECT_THAT(bare.look().devices, IsEmpty());
    EXPECT_THAT(bare.look().problems, IsEmpty());
}

TEST_F(KernelTest, DescribesADeviceByWhatNetlinkSays) {
    picture.netlink.add(3, "rxe0", "uverbs0", kNullMajor, kNullMinor, 14);
    picture.add_node("uverbs0");
    const auto look = kernel.look();
    ASSERT_EQ(look.devices.size(), 1u);
    const auto &device = look.devices[0];
    EXPECT_EQ(device.name, "rxe0");
    EXPECT_EQ(device.uverbs, "uverbs0");
    EXPECT_EQ(device.index, 3);
    EXPECT_EQ(device.node_guid, 0x5054'00ff'fe12'3456u);
    EXPECT_EQ(device.node_type, 1);
    EXPECT_EQ(device.driver_id, 14u);
    EXPECT_EQ(device.abi, 2u);
    EXPECT_EQ(device.number, ::makedev(kNullMajor, kNullMinor));
    EXPECT_NE(device.node, 0u);
    EXPECT_THAT(look.problems, IsEmpty());
}

TEST_F(KernelTest, ShowsOnlyWhatTheNetworkNamespaceHas) {
    picture.add(0, "rxe0", "uverbs0", 14);
    picture.add_to_sysfs("rxe1", "uverbs1");
    picture.add_node("uverbs1");
    EXPECT_THAT(names_of(kernel.look()), ElementsAre("rxe0"));
    EXPECT_THAT(kernel.look().problems, IsEmpty());
}

TEST_F(KernelTest, OrdersDevicesByIndex) {
    picture.add(12, "a", "uverbs0", 14);
    picture.add(2, "c", "uverbs1", 14);
    picture.add(7, "b", "uverbs2", 14);
    EXPECT_THAT(names_of(kernel.look()), ElementsAre("c", "b", "a"));
}

TEST_F(KernelTest, SeesDevicesComeAndGo) {
    EXPECT_EQ(kernel.count(), 0);
    picture.add(0, "rxe0", "uverbs0", 14);
    EXPECT_THAT(names_of(kernel.look()), ElementsAre("rxe0"));
    EXPECT_EQ(kernel.count(), 1);
    picture.clear();
    EXPECT_THAT(kernel.look().devices, IsEmpty());
    EXPECT_EQ(kernel.count(), 0);
}

TEST_F(KernelTest, CountsByTheLastLookWithoutAnother) {
    picture.add(0, "rxe0", "uverbs0", 14);
    EXPECT_EQ(kernel.count(), 1);
    picture.clear();
    EXPECT_EQ(kernel.count(), 1);
}

TEST_F(KernelTest, TellsADeviceFromALaterOneOfTheSameName) {
    picture.add(0, "rxe0", "uverbs0", 14);
    const auto first = kernel.look();
    std::filesystem::remove(picture.nodes() / "uverbs0");
    // All nodes of a picture are one device; another file leads to another inode.
    std::filesystem::create_symlink("/dev/zero", picture.nodes() / "uverbs0");
    picture.netlink.clear();
    picture.netlink.add(0, "rxe0", "uverbs0", 1, 5, 14);
    const auto second = kernel.look();
    EXPECT_NE(first.devices.at(0).node, second.devices.at(0).node);
}

// Where netlink says less.

TEST_F(KernelTest, ReadsInSysfsWhatNetlinkLeavesOut) {
    picture.add(4, "rxe0", "uverbs0", 14);
    picture.write("class/infiniband/rxe0/parent", "eth0");
    picture.netlink.devices = {Answer(RDMA_NLDEV_CMD_GET)
                                   .number(RDMA_NLDEV_ATTR_DEV_INDEX, std::uint32_t{4})
                                   .text(RDMA_NLDEV_ATTR_DEV_NAME, "rxe0")};
    picture.netlink.uverbs.clear();
    const auto look = kernel.look();
    ASSERT_EQ(look.devices.size(), 1u);
    EXPECT_EQ(look.devices[0].index, 4);
    EXPECT_EQ(look.devices[0].uverbs, "uverbs0");
    EXPECT_EQ(look.devices[0].node_guid, 0x5054'00ff'fe12'3456u);
    EXPECT_EQ(look.devices[0].node_type, 1);
    EXPECT_EQ(look.devices[0].driver_id, 14u);
    EXPECT_THAT(look.problems, IsEmpty());
}

TEST_F(KernelTest, ReadsInSysfsWhatNetlinkSaysWrong) {
    picture.add(4, "rxe0", "uverbs0", 14);
    picture.netlink.uverbs[4] = Answer(RDMA_NLDEV_CMD_GET_CHARDEV);
    const auto look = kernel.look();
    ASSERT_EQ(look.devices.size(), 1u);
    EXPECT_EQ(look.devices[0].number, ::makedev(kNullMajor, kNullMinor));
}

TEST_F(KernelTest, LooksIntoSysfsWhereThereIsNoNetlink) {
    picture.add(0, "rxe1", "uverbs0", 14);
    picture.add(1, "rxe0", "uverbs1", 14);
    picture.write("class/infiniband/rxe0/parent", "eth0");
    picture.netlink.no_netlink = EPERM;
    const auto look = kernel.look();
    EXPECT_THAT(names_of(look), ElementsAre("rxe1", "rxe0"));
    EXPECT_EQ(look.devices.at(1).index, -1);
    EXPECT_EQ(look.devices.at(1).driver_id, 14u);
    EXPECT_EQ(look.devices.at(1).node_guid, 0x5054'00ff'fe12'3456u);
    EXPECT_THAT(look.problems, IsEmpty());
}

TEST_F(KernelTest, DoesNotTrustNetlinkWithAnAnswerThatCannotBeRead) {
    picture.add(0, "rxe0", "uverbs0", 14);
    picture.netlink.devices.push_back({});
    const auto look = kernel.look();
    EXPECT_THAT(names_of(look), ElementsAre("rxe0"));
    EXPECT_EQ(look.devices.at(0).index, -1);
}

TEST_F(KernelTest, PassesOverADeviceThatGoesDuringTheLook) {
    for (const int code : {EINVAL, ENODEV}) {
        picture.netlink.devices = {verbs_test::device_answer(0, "rxe0")};
        picture.netlink.without_uverbs = code;
        EXPECT_THAT(kernel.look().devices, IsEmpty());
        EXPECT_THAT(kernel.look().problems, IsEmpty());
    }
}

TEST_F(KernelTest, ComplainsOfADeviceThatProgramsHaveNoDoorTo) {
    picture.write("class/infiniband/rxe0/node_type", "1: CA");
    picture.netlink.devices = {verbs_test::device_answer(0, "rxe0")};
    for (const int code : {EOPNOTSUPP, EINVAL}) {
        picture.netlink.without_uverbs = code;
        EXPECT_THAT(kernel.look().problems,
                    ElementsAre("rxe0: the kernel has no uverbs device for it; load the module "
                                "ib_uverbs"));
    }
    picture.netlink.no_netlink = EPERM;
    EXPECT_THAT(kernel.look().problems, ElementsAre(HasSubstr("rxe0: the kernel has no uverbs")));
    EXPECT_EQ(kernel.count(), 0);
}

// Nodes in /dev.

TEST_F(KernelTest, ComplainsOfAMissingNode) {
    picture.add(0, "rxe0", "uverbs0", 14);
    std::filesystem::remove(picture.nodes() / "uverbs0");
    const auto look = kernel.look();
    EXPECT_THAT(look.devices, IsEmpty());
    const auto node = (picture.nodes() / "uverbs0").string();
    EXPECT_THAT(look.problems,
                ElementsAre("rxe0: " + node +
                            ": No such file or directory; let udev make it, or give the container "
                            "the folder " +
                            picture.nodes().string()));
    EXPECT_EQ(kernel.count(), 0);
}

TEST_F(KernelTest, ComplainsOfANodeThatIsNoCharacterDevice) {
    picture.add(0, "rxe0", "uverbs0", 14);
    std::filesystem::remove(picture.nodes() / "uverbs0");
    std::ofstream(picture.nodes() / "uverbs0") << "";
    EXPECT_THAT(kernel.look().devices, IsEmpty());
    EXPECT_THAT(kernel.look().problems, ElementsAre(HasSubstr("uverbs0 is no character device")));
}

TEST_F(KernelTest, ComplainsOfANodeOfAnotherDevice) {
    picture.add_node("uverbs0");
    picture.netlink.add(0, "rxe0", "uverbs0", 231, 192, 14);
    EXPECT_THAT(kernel.look().devices, IsEmpty());
    EXPECT_THAT(kernel.look().problems,
                ElementsAre(HasSubstr("uverbs0 is device 1:3, but the kernel's is 231:192")));
}

TEST_F(KernelTest, ListsADeviceWhoseNodeMayNotBeOpenedAndComplains) {
    if (::geteuid() != 0) GTEST_SKIP() << "needs to become somebody else";
    // /dev/console is root's alone.
    struct stat facts {};
    if (::stat("/dev/console", &facts) != 0 || !S_ISCHR(facts.st_mode) ||
        (facts.st_mode & S_IROTH) != 0)
        GTEST_SKIP() << "there is no device file that is root's alone";
    std::filesystem::create_symlink("/dev/console", picture.nodes() / "uverbs0");
    picture.netlink.add(0, "rxe0", "uverbs0", ::major(facts.st_rdev), ::minor(facts.st_rdev), 14);
    std::filesystem::permissions(picture.nodes().parent_path(), std::filesystem::perms(0755));
    ASSERT_EQ(::seteuid(65534), 0);
    const auto look = kernel.look();
    ASSERT_EQ(::seteuid(0), 0);
    EXPECT_THAT(names_of(look), ElementsAre("rxe0"));
    EXPECT_THAT(look.problems,
                ElementsAre("rxe0: " + (picture.nodes() / "uverbs0").string() +
                            ": Permission denied; this user needs leave to read and write it"));
    EXPECT_EQ(kernel.count(), 1);
}

// The kernel that runs below the test.

TEST(RunningKernel, IsAskedWithoutAComplaintAboutNetlink) {
    auto &kernel = Kernel::of_process();
    const auto look = kernel.look();
    EXPECT_EQ(kernel.count(), static_cast<int>(look.devices.size()));
    if (kernel.sysfs().rules_rdma_out()) {
        EXPECT_THAT(look.devices, IsEmpty());
        EXPECT_THAT(look.problems, IsEmpty());
        return;
    }
    auto nldev = verbs::device::open_nldev();
    ASSERT_TRUE(nldev) << nldev.error().phrase;
    const auto messages = (*nldev)->devices();
    ASSERT_TRUE(messages) << messages.error().phrase;
    for (const auto &message : *messages) {
        const auto device = verbs::device::parse_nldev_device(message);
        ASSERT_TRUE(device) << device.error().phrase;
        const auto answer = (*nldev)->uverbs_of(device->index);
        ASSERT_TRUE(answer) << answer.error().phrase;
        EXPECT_TRUE(verbs::device::parse_nldev_uverbs(*answer));
    }
    EXPECT_EQ((*nldev)->uverbs_of(0x7fff'ffff).error().code, EINVAL);
}
