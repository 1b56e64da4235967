// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// What a provider plugin of rdma-core 44 meets at IBVERBS_PRIVATE_34 when a program has loaded it:
// every call is refused in the shape that the plugin expects.
#include "versioned_library.hpp"

#include <cerrno>
#include <gtest/gtest.h>

// Keeps libibverbs.so.1 in this program; any name would do.
extern "C" int ibv_fork_init(void);

namespace {

class ProviderAbi : public testing::Test {
protected:
    void SetUp() override { ibv_fork_init(); }
    VersionedLibrary private_{"IBVERBS_PRIVATE_34"};
};

TEST_F(ProviderAbi, TakesRegistrationsInSilence) {
    errno = 0;
    for (const char *name : {"verbs_register_driver_34", "verbs_set_ops", "verbs_uninit_context",
                             "verbs_init_cq", "__verbs_log"})
        private_.call<void>(name);
    // From the time before the private nodes, and since then of no version that links by default.
    VersionedLibrary("IBVERBS_1.1").call<void>("ibv_register_driver");
    EXPECT_EQ(0, errno);
}

TEST_F(ProviderAbi, GivesNoContext) {
    for (const char *name : {"verbs_open_device", "_verbs_init_and_alloc_context"}) {
        errno = 0;
        EXPECT_EQ(nullptr, private_.call<void *>(name)) << name;
        EXPECT_EQ(EOPNOTSUPP, errno) << name;
    }
}

TEST_F(ProviderAbi, RefusesCommandsWithTheErrorNumber) {
    for (const char *name : {"execute_ioctl", "ibv_cmd_get_context", "ibv_cmd_query_device_any",
                             "ibv_cmd_reg_mr", "ibv_cmd_create_qp_ex2", "ibv_cmd_destroy_cq"}) {
        errno = 0;
        EXPECT_EQ(EOPNOTSUPP, private_.call<int>(name)) << name;
        EXPECT_EQ(EOPNOTSUPP, errno) << name;
    }
}

TEST_F(ProviderAbi, RefusesCountsWithANegativeNumber) {
    EXPECT_EQ(-1, private_.call<int>("ibv_cmd_poll_cq"));
    EXPECT_EQ(-1, private_.call<int>("ibv_read_ibdev_sysfs_file"));
}

TEST_F(ProviderAbi, ForbidsDestroyingBehindAGoneDevicesBack) {
    const auto *allowed =
        static_cast<const bool *>(private_.address("verbs_allow_disassociate_destroy"));
    ASSERT_NE(nullptr, allowed);
    EXPECT_FALSE(*allowed);
}

}  // namespace
