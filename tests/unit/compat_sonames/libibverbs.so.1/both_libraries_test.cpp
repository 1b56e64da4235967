// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// A process with libverbs.so.1 and libibverbs.so.1 in it: this program was built for the second,
// and a library that it links (stable_half.c) for the first. Each call arrives where it was meant
// to, and a handle means the same on both sides.
#include "open_device.hpp"
#include "stable_half.h"
#include "versioned_library.hpp"

#include <dlfcn.h>
#include <gtest/gtest.h>
#include <infiniband/verbs.h>
#include <string>

namespace {

std::string library_of(void *address) {
    Dl_info info = {};
    EXPECT_NE(0, dladdr(address, &info));
    const std::string path = info.dli_fname ? info.dli_fname : "";
    return path.substr(path.rfind('/') + 1);
}

TEST(BothLibraries, EachCallReachesItsOwn) {
    EXPECT_EQ("libverbs.so.1", library_of(half_get_device_list()));
    EXPECT_EQ("libibverbs.so.1", library_of(reinterpret_cast<void *>(ibv_get_device_list)));
    EXPECT_EQ("libverbs.so.1", library_of(half_create_comp_channel()));
    EXPECT_EQ("libibverbs.so.1", library_of(reinterpret_cast<void *>(ibv_create_comp_channel)));
}

TEST(BothLibraries, GiveTheSameAnswers) {
    EXPECT_EQ(4, half_rate_to_mult_of_10_gbps());
    EXPECT_EQ(4, ibv_rate_to_mult(IBV_RATE_10_GBPS));
}

TEST(BothLibraries, TellTheReasonOfARefusal) {
    EXPECT_EQ(nullptr, VersionedLibrary("IBVERBS_1.0").call<void *>("ibv_open_device"));
    EXPECT_EQ(0u, std::string(half_last_error()).find("ibv_open_device@IBVERBS_1.0: "));
}

using BothLibrariesOnADevice = NullDevice;

TEST_F(BothLibrariesOnADevice, ShareDevicesAndObjects) {
    EXPECT_EQ(device_, half_find_device("null0"));
    ibv_pd *pd = half_alloc_pd(context_);
    ASSERT_NE(nullptr, pd);
    EXPECT_EQ(context_, pd->context);
    EXPECT_EQ(0, ibv_dealloc_pd(pd));
    pd = ibv_alloc_pd(context_);
    ASSERT_NE(nullptr, pd);
    EXPECT_EQ(0, half_dealloc_pd(pd));
}

}  // namespace
