// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// The device that this run is about, and the fixtures every test starts from. The environment
// chooses: VERBS_TEST_DEVICE a name, VERBS_TEST_GID_INDEX an entry of its GID table.
#pragma once

#include "support/verbs_objects.hpp"

#include <string>

namespace verbs_test {

inline constexpr uint8_t kPort = 1;

// An argument --device=NAME stands for VERBS_TEST_DEVICE.
void use_device_argument(int argc, char **argv);

// VERBS_TEST_DEVICE, else the first whose name begins with soft_lo, else the first. Throws when
// there is none.
ibv_device *device_under_test();
Context open_device();

// The GID that tests send from: VERBS_TEST_GID_INDEX, else the first that stands for an IPv4
// address, else the first that is not zero.
int gid_index(ibv_context *context);
ibv_gid gid_at(ibv_context *context, int index);
bool is_zero(const ibv_gid &gid);
bool is_ipv4(const ibv_gid &gid);

ibv_device_attr device_limits(ibv_context *context);
ibv_port_attr port_attributes(ibv_context *context);

// An open device. Tests that the deviations name are skipped with the reason given there.
class DeviceTest : public ::testing::Test {
protected:
    void SetUp() override;
    [[nodiscard]] ibv_context *context() const { return context_.get(); }
    [[nodiscard]] Context &owned_context() { return context_; }

private:
    Context context_;
};

// Skips what follows in SetUp unless the device has (or, the other way round, lacks) a feature.
void require_feature(const char *feature);
void require_lack_of(const char *feature);

}  // namespace verbs_test
