// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// What a program of 2006 meets: every name at IBVERBS_1.0, a list without devices, and refusals
// that do not look at what they are given.
#include "versioned_library.hpp"

#include <cerrno>
#include <cstdint>
#include <gtest/gtest.h>

// Keeps libibverbs.so.1 in this program; any name would do.
extern "C" int ibv_fork_init(void);

namespace {

class Abi10 : public testing::Test {
protected:
    void SetUp() override { ibv_fork_init(); }
    VersionedLibrary old_{"IBVERBS_1.0"};
};

TEST_F(Abi10, ShowsAnEmptyDeviceListAndNoError) {
    auto *get = reinterpret_cast<void *(*)(int *)>(old_.address("ibv_get_device_list"));
    auto *free = reinterpret_cast<void (*)(void *)>(old_.address("ibv_free_device_list"));
    ASSERT_TRUE(get && free);
    int count = -1;
    errno = 0;
    void *list = get(&count);
    ASSERT_NE(nullptr, list);
    EXPECT_EQ(nullptr, *static_cast<void **>(list));
    EXPECT_EQ(0, count);
    EXPECT_EQ(0, errno);
    free(list);
    list = get(nullptr);
    ASSERT_NE(nullptr, list);
    free(list);
}

TEST_F(Abi10, RefusesObjectsWithNull) {
    for (const char *name : {"ibv_get_device_name", "ibv_open_device", "ibv_alloc_pd", "ibv_reg_mr",
                             "ibv_create_cq", "ibv_create_srq", "ibv_create_qp", "ibv_create_ah"}) {
        errno = 0;
        EXPECT_EQ(nullptr, old_.call<void *>(name)) << name;
        EXPECT_EQ(EOPNOTSUPP, errno) << name;
    }
}

TEST_F(Abi10, RefusesWithTheErrorNumber) {
    for (const char *name : {"ibv_query_device", "ibv_query_port", "ibv_dealloc_pd", "ibv_dereg_mr",
                             "ibv_resize_cq", "ibv_destroy_cq", "ibv_modify_srq", "ibv_query_srq",
                             "ibv_destroy_srq", "ibv_query_qp", "ibv_modify_qp", "ibv_destroy_qp",
                             "ibv_destroy_ah", "ibv_attach_mcast", "ibv_detach_mcast"}) {
        errno = 0;
        EXPECT_EQ(EOPNOTSUPP, old_.call<int>(name)) << name;
        EXPECT_EQ(EOPNOTSUPP, errno) << name;
    }
}

TEST_F(Abi10, RefusesWithMinusOne) {
    for (const char *name : {"ibv_close_device", "ibv_query_gid", "ibv_query_pkey",
                             "ibv_get_async_event", "ibv_get_cq_event"}) {
        errno = 0;
        EXPECT_EQ(-1, old_.call<int>(name)) << name;
        EXPECT_EQ(EOPNOTSUPP, errno) << name;
    }
}

TEST_F(Abi10, HasNoGuid) {
    EXPECT_EQ(0u, old_.call<uint64_t>("ibv_get_device_guid"));
}

TEST_F(Abi10, AcknowledgesNothing) {
    errno = 0;
    old_.call<void>("ibv_ack_async_event");
    old_.call<void>("ibv_ack_cq_events");
    EXPECT_EQ(0, errno);
}

}  // namespace
