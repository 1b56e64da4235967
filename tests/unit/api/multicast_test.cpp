// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "fake_device.hpp"

namespace {
class MulticastApi : public verbs_test::FakeQueues {};
}  // namespace

TEST_F(MulticastApi, ReachesTheProvider) {
    const ibv_gid group{};
    const int attached = fake.calls_of("attach_mcast");
    EXPECT_EQ(ibv_attach_mcast(qp, &group, 0), 0);
    EXPECT_EQ(ibv_detach_mcast(qp, &group, 0), 0);
    EXPECT_EQ(fake.calls_of("attach_mcast"), attached + 1);
}

TEST_F(MulticastApi, NeedsAGroup) {
    EXPECT_EQ(ibv_attach_mcast(qp, nullptr, 0), EINVAL);
    EXPECT_EQ(ibv_detach_mcast(qp, nullptr, 0), EINVAL);
}
