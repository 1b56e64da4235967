// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Finding the device under test once per process, and applying its deviations.
#include "device_under_test.hpp"

#include "deviations.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <stdexcept>
#include <string_view>

namespace verbs_test {

namespace {

ibv_device *choose(ibv_device **list, int count) {
    const char *name = std::getenv("VERBS_TEST_DEVICE");
    for (int i = 0; i < count; ++i) {
        const std::string_view candidate = ibv_get_device_name(list[i]);
        if (name != nullptr ? candidate == name : candidate.starts_with("soft_lo")) return list[i];
    }
    if (name != nullptr) throw std::runtime_error(std::string("no device named ") + name);
    if (count == 0) throw std::runtime_error("there is no device to test");
    return list[0];
}

const Deviations &deviations() {
    static const Deviations all = Deviations::of(ibv_get_device_name(device_under_test()));
    return all;
}

}  // namespace

void use_device_argument(int argc, char **argv) {
    constexpr std::string_view kDevice = "--device=";
    for (int i = 1; i < argc; ++i) {
        if (std::string_view(argv[i]).starts_with(kDevice))
            ::setenv("VERBS_TEST_DEVICE", argv[i] + kDevice.size(), 1);
    }
}

ibv_device *device_under_test() {
    // The list stays alive with the process: a device is only named as long as a list or a context
    // holds it.
    static ibv_device *const device = [] {
        int count = 0;
        ibv_device **list = ibv_get_device_list(&count);
        if (list == nullptr) give_up("ibv_get_device_list");
        static ibv_device **kept = list;
        return choose(kept, count);
    }();
    return device;
}

Context open_device() {
    Context context(ibv_open_device(device_under_test()));
    if (!context) give_up("ibv_open_device");
    return context;
}

bool is_zero(const ibv_gid &gid) {
    return std::ranges::all_of(gid.raw, [](uint8_t byte) { return byte == 0; });
}

bool is_ipv4(const ibv_gid &gid) {
    static constexpr std::array<uint8_t, 12> kPrefix = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    return std::equal(kPrefix.begin(), kPrefix.end(), gid.raw);
}

ibv_gid gid_at(ibv_context *context, int index) {
    ibv_gid gid{};
    if (ibv_query_gid(context, kPort, index, &gid) != 0) give_up("ibv_query_gid");
    return gid;
}

int gid_index(ibv_context *context) {
    if (const char *text = std::getenv("VERBS_TEST_GID_INDEX"); text != nullptr) {
        return std::atoi(text);
    }
    const int length = port_attributes(context).gid_tbl_len;
    int first = -1;
    for (int i = 0; i < length; ++i) {
        const ibv_gid gid = gid_at(context, i);
        if (is_ipv4(gid)) return i;
        if (first < 0 && !is_zero(gid)) first = i;
    }
    if (first < 0) throw std::runtime_error("the port has no GID");
    return first;
}

ibv_device_attr device_limits(ibv_context *context) {
    ibv_device_attr attr{};
    if (const int error = ibv_query_device(context, &attr); error != 0) {
        errno = error;
        give_up("ibv_query_device");
    }
    return attr;
}

ibv_port_attr port_attributes(ibv_context *context) {
    ibv_port_attr attr{};
    if (const int error = ibv_query_port(context, kPort, &attr); error != 0) {
        errno = error;
        give_up("ibv_query_port");
    }
    return attr;
}

void DeviceTest::SetUp() {
    const ::testing::TestInfo *test = ::testing::UnitTest::GetInstance()->current_test_info();
    const std::string name = std::string(test->test_suite_name()) + "." + test->name();
    if (const auto reason = deviations().skip(name)) GTEST_SKIP() << *reason;
    context_ = open_device();
}

void require_feature(const char *feature) {
    if (const auto reason = deviations().unsupported(feature)) {
        GTEST_SKIP() << "without " << feature << ": " << *reason;
    }
}

void require_lack_of(const char *feature) {
    if (!deviations().unsupported(feature)) GTEST_SKIP() << "the device has " << feature;
}

}  // namespace verbs_test
