// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// What a program sees of devices of the kernel, through the public functions alone: /sys and /dev
// are pictures in a mount namespace of this process, and RDMA netlink is not there.
#include "support/folder.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <infiniband/verbs.h>

#include <endian.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cerrno>
#include <memory>

using testing::HasSubstr;

namespace {

const std::filesystem::path kNodes = "/dev/infiniband";

void write(const std::filesystem::path &file, std::string_view text) {
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file) << text;
}

// "" or what is not allowed here.
std::string leave_for_a_namespace() {
    const uid_t user = ::geteuid();
    if (::unshare(user == 0 ? CLONE_NEWNS : CLONE_NEWNS | CLONE_NEWUSER) != 0)
        return "a mount namespace is not allowed";
    if (user != 0) write("/proc/self/uid_map", "0 " + std::to_string(user) + " 1");
    const int null_fd = ::open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null_fd < 0 || ::mount("none", "/", "none", MS_REC | MS_PRIVATE, nullptr) != 0 ||
        ::mount("none", "/sys", "tmpfs", 0, nullptr) != 0 ||
        ::mount("none", "/dev", "tmpfs", 0, nullptr) != 0)
        return "mounting is not allowed";
    write("/dev/null", "");
    if (::mount(("/proc/self/fd/" + std::to_string(null_fd)).c_str(), "/dev/null", "none", MS_BIND,
                nullptr) != 0)
        return "mounting /dev/null is not allowed";
    ::close(null_fd);
    return "";
}

// A device whose node is a link to /dev/null, which is 1:3.
void paint(const std::string &device, const std::string &uverbs) {
    const std::string sysfs = "/sys/class/";
    write(sysfs + "infiniband/" + device + "/node_guid", "0200:00ff:fe00:0001\n");
    write(sysfs + "infiniband/" + device + "/node_type", "1: CA\n");
    write(sysfs + "infiniband/" + device + "/parent", "eth0\n");
    write(sysfs + "infiniband_verbs/" + uverbs + "/ibdev", device + "\n");
    write(sysfs + "infiniband_verbs/" + uverbs + "/abi_version", "2\n");
    write(sysfs + "infiniband_verbs/" + uverbs + "/dev", "1:3\n");
    std::filesystem::create_directories(kNodes);
    std::filesystem::create_symlink("/dev/null", kNodes / uverbs);
}

struct FreeList {
    void operator()(ibv_device **list) const noexcept { ibv_free_device_list(list); }
};
using List = std::unique_ptr<ibv_device *[], FreeList>;

class KernelPrograms : public testing::Test {
protected:
    void SetUp() override {
        if (std::filesystem::exists("/sys/class/infiniband") && !is_painted_)
            GTEST_SKIP() << "this kernel has RDMA itself";
        // The manifests are read once per process.
        static const verbs_test::Folder folder;
        static const std::string refused = [] {
            folder.write("10-good.json",
                         R"({"manifest": 1, "name": "good", "library": ")" VERBS_TEST_PLUGINS
                         R"(/good.so", "contract": {"oldest": 1, "newest": 2},
                            "match": [{"driver_id": 14}]})");
            ::setenv("VERBS_PROVIDERS", folder.path().c_str(), 1);
            ::unsetenv("VERBS_PROVIDERS_EXTRA");
            return leave_for_a_namespace();
        }();
        if (!refused.empty()) GTEST_SKIP() << refused;
        is_painted_ = true;
        std::filesystem::remove_all("/sys/class");
        std::filesystem::remove_all(kNodes);
        std::filesystem::create_directories("/sys/class");
    }

    List list() {
        count = -1;
        return List(ibv_get_device_list(&count));
    }

    int count = -1;

private:
    inline static bool is_painted_ = false;
};

}  // namespace

TEST_F(KernelPrograms, FindADevice) {
    paint("rxe0", "uverbs0");
    const auto devices = list();
    ASSERT_EQ(count, 1) << verbs_last_error();
    EXPECT_STREQ(ibv_get_device_name(devices[0]), "rxe0");
    EXPECT_STREQ(devices[0]->dev_name, "uverbs0");
    EXPECT_STREQ(devices[0]->ibdev_path, "/sys/class/infiniband/rxe0");
    EXPECT_EQ(be64toh(ibv_get_device_guid(devices[0])), 0x0200'00ff'fe00'0001u);
    EXPECT_EQ(ibv_get_device_index(devices[0]), -1);
}

TEST_F(KernelPrograms, LearnWhyADeviceIsNotThere) {
    paint("rxe0", "uverbs0");
    paint("rxe1", "uverbs1");
    std::filesystem::remove(kNodes / "uverbs1");
    errno = 77;
    const auto devices = list();
    EXPECT_EQ(errno, 77);
    EXPECT_EQ(count, 1);
    EXPECT_THAT(verbs_last_error(),
                HasSubstr("rxe1: /dev/infiniband/uverbs1: No such file or directory"));
}

TEST_F(KernelPrograms, LearnWhyNoDeviceIsThere) {
    paint("rxe0", "uverbs0");
    std::filesystem::remove(kNodes / "uverbs0");
    const auto devices = list();
    ASSERT_NE(devices, nullptr);
    EXPECT_EQ(count, 0);
    EXPECT_THAT(verbs_last_error(),
                HasSubstr("rxe0: /dev/infiniband/uverbs0: No such file or directory"));
}

TEST_F(KernelPrograms, HearNothingOfAKernelWithoutRdma) {
    const auto devices = list();
    ASSERT_NE(devices, nullptr);
    EXPECT_EQ(count, 0);
    EXPECT_STREQ(verbs_last_error(), "no RDMA device: none offered by good");
}
