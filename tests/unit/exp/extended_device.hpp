// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// An open device of a fake provider that has an experimental half.
#pragma once

#include "../api/fake_device.hpp"
#include "support/fake_experimental.hpp"

#include <infiniband/verbs_exp.h>

namespace verbs_test {

class ExtendedDevice : public OpenFakeDevice {
protected:
    void SetUp() override {
        last = {};
        fake.last_attributes = &last;
        OpenFakeDevice::SetUp();
    }

    FakeExperimental last{};
};

}  // namespace verbs_test
