// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// A registry of its own over the fake provider, which has no devices at first, and over a picture
// of a kernel, which has none either.
#pragma once

#include "device/host.hpp"
#include "device/registry.hpp"
#include "support/fake_provider.hpp"
#include "support/folder.hpp"
#include "support/kernel_picture.hpp"

#include <gtest/gtest.h>

namespace verbs_test {

class FakeRegistry : public testing::Test {
protected:
    FakeRegistry() {
        fake.devices.clear();
        fake.failing_slot.clear();
        fake.reason.clear();
        fake.throws = FakeState::Throws::nothing;
        folder.write("10-fake.json", manifest_of("fake", VERBS_TEST_FAKE_PROVIDER));
    }

    // The devices of a list that is freed at once. They stay as long as they exist.
    std::vector<ibv_device *> devices() {
        int count = -1;
        auto list = registry.list(count);
        EXPECT_TRUE(list);
        std::vector<ibv_device *> all(*list, *list + count);
        EXPECT_EQ((*list)[count], nullptr);
        EXPECT_TRUE(registry.free_list(*list));
        return all;
    }

    FakeState &fake = fake_state();
    Folder folder;
    KernelPicture picture;
    verbs::device::Kernel kernel = picture.kernel();
    verbs::device::Registry registry{
        {{folder.path()}, "/nonexistent", false}, verbs::device::host_table(), kernel};
};

}  // namespace verbs_test
