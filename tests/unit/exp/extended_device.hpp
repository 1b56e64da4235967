// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// An open device of a fake provider that has an experimental half.
#pragma once

#include "../api/fake_device.hpp"
#include "support/fake_experimental.hpp"

#include <infiniband/verbs_exp.h>

namespace verbs_test {

template <class Base>
class WithExperimental : public Base {
protected:
    void SetUp() override {
        last = {};
        this->fake.last_attributes = &last;
        {
            const std::lock_guard guard(this->fake.lock);
            this->fake.calls.clear();
        }
        Base::SetUp();
    }

    FakeExperimental last{};
};

class ExtendedDevice : public WithExperimental<OpenFakeDevice> {};
// With a CQ on a channel and a QP.
class FakeQueuesOfExtendedDevice : public WithExperimental<FakeQueues> {};

}  // namespace verbs_test
