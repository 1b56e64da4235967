// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// An open device that nobody uses costs nothing: its thread sleeps until the kernel has something
// to say.
#include "control/device.hpp"

#include "support/deadline.hpp"

#include <gtest/gtest.h>
#include <net/if.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>

namespace {

using namespace soft;

// A line of /proc/self/task/*/status of the progress thread; "" when there is no such thread.
std::string status_of_thread(const std::string &key) {
    for (const auto &task : std::filesystem::directory_iterator("/proc/self/task")) {
        std::ifstream status(task.path() / "status");
        std::string line;
        bool is_ours = false;
        while (std::getline(status, line)) {
            if (line == "Name:\tverbs-soft") is_ours = true;
            if (is_ours && line.starts_with(key + ":")) return line;
        }
    }
    return "";
}

verbs_provider_device loopback() {
    verbs_provider_device device{};
    std::strcpy(device.name, "soft_lo");
    device.cookie = ::if_nametoindex("lo");
    return device;
}

TEST(OpenDevice, SleepsWhileNobodyUsesIt) {
    ibv_context context{};
    auto device = Device::open(loopback(), context);
    ASSERT_TRUE(device.has_value()) << device.error().phrase;
    EXPECT_TRUE(verbs_test::eventually([] {
        const std::string before = status_of_thread("voluntary_ctxt_switches");
        return !before.empty() &&
               verbs_test::never(
                   [&] { return status_of_thread("voluntary_ctxt_switches") != before; },
                   verbs_test::Milliseconds(100));
    })) << "it wakes up again and again";
    EXPECT_TRUE((*device)->close().has_value());
}

TEST(OpenDevice, TakesItsThreadWithIt) {
    ibv_context context{};
    {
        auto device = Device::open(loopback(), context);
        ASSERT_TRUE(device.has_value()) << device.error().phrase;
        EXPECT_TRUE((*device)->close().has_value());
    }
    EXPECT_EQ(status_of_thread("State"), "");
}

TEST(OpenDevice, NeedsItsInterface) {
    verbs_provider_device gone = loopback();
    gone.cookie = 0x7ffffff0;
    ibv_context context{};
    const auto device = Device::open(gone, context);
    ASSERT_FALSE(device.has_value());
    EXPECT_EQ(device.error().code, ENODEV);
}

// UCX looks at it before it takes a device.
TEST(AnnouncedDevices, HaveANodeThatEverybodyMayReadAndWrite) {
    verbs_host host{};
    host.log_wants = [](int) { return 0; };
    host.environment = [](const char *) -> const char * { return nullptr; };
    host.kernel_device_count = [] { return 0; };
    verbs::provider::Host::attach(&host, "soft");
    const auto devices = Device::enumerate();
    verbs::provider::Host::attach(nullptr, "");
    ASSERT_TRUE(devices.has_value()) << devices.error().phrase;
    ASSERT_FALSE(devices->empty());
    for (const auto &device : *devices) {
        // Of /dev/infiniband only that it is a folder is taken for granted.
        const auto node =
            (std::filesystem::path("/dev/infiniband") / device.dev_name).lexically_normal();
        EXPECT_TRUE(std::filesystem::is_character_file(node)) << device.name << ": " << node;
        EXPECT_EQ(::access(node.c_str(), R_OK | W_OK), 0) << device.name << ": " << node;
    }
}

}  // namespace
