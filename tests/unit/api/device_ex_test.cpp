// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "fake_device.hpp"

#include <cstring>

namespace {

class ExtendedQuery : public verbs_test::OpenFakeDevice {
protected:
    using Query = int(ibv_context *, const ibv_query_device_ex_input *, ibv_device_attr_ex *,
                      std::size_t);

    // What programs built with rdma-core's header call, with the size of their structure.
    [[nodiscard]] Query *slot() const {
        Query *function = nullptr;
        std::memcpy(&function, reinterpret_cast<const char *>(context) - 104, sizeof function);
        return function;
    }

    ibv_device_attr_ex attr{};
};

}  // namespace

TEST_F(ExtendedQuery, GivesWhatTheProviderTells) {
    ASSERT_EQ(ibv_query_device_ex(context, nullptr, &attr), 0);
    EXPECT_EQ(attr.orig_attr.max_qp, 4711);
    EXPECT_EQ(attr.hca_core_clock, 1000u);
    EXPECT_EQ(attr.phys_port_cnt_ex, 3u);
    EXPECT_EQ(errno, kUntouched);
}

TEST_F(ExtendedQuery, RefusesAnInputThatItDoesNotKnow) {
    ibv_query_device_ex_input input{};
    EXPECT_EQ(ibv_query_device_ex(context, &input, &attr), 0);
    input.comp_mask = 1;
    EXPECT_EQ(ibv_query_device_ex(context, &input, &attr), EINVAL);
    EXPECT_EQ(errno, EINVAL);
    EXPECT_STREQ(verbs_last_error(), "no field of the input is known");
}

TEST_F(ExtendedQuery, RefusesNull) {
    EXPECT_EQ(ibv_query_device_ex(nullptr, nullptr, &attr), EINVAL);
    EXPECT_EQ(ibv_query_device_ex(context, nullptr, nullptr), EINVAL);
}

TEST_F(ExtendedQuery, LeavesTheAnswerAloneWhenTheProviderFails) {
    attr.hca_core_clock = 5;
    fail("query_device_ex", EIO, "the device is on fire");
    EXPECT_EQ(ibv_query_device_ex(context, nullptr, &attr), EIO);
    EXPECT_STREQ(verbs_last_error(), "fake: query_device_ex: the device is on fire");
    EXPECT_EQ(attr.hca_core_clock, 5u);
}

TEST_F(ExtendedQuery, WritesNoMoreThanAnOlderCallerHas) {
    ASSERT_NE(slot(), nullptr);
    unsigned char bytes[sizeof attr];
    for (const std::size_t size :
         {std::size_t{232}, offsetof(ibv_device_attr_ex, hca_core_clock)}) {
        std::memset(bytes, 0xaa, sizeof bytes);
        EXPECT_EQ(slot()(context, nullptr, reinterpret_cast<ibv_device_attr_ex *>(bytes), size), 0);
        std::memcpy(&attr, bytes, size);
        EXPECT_EQ(attr.orig_attr.max_qp, 4711);
        EXPECT_EQ(bytes[size], 0xaa) << size;
    }
    EXPECT_EQ(slot()(context, nullptr, &attr, 200), EINVAL);
}

TEST_F(ExtendedQuery, GivesANewerCallerZerosForWhatItDoesNotKnow) {
    ASSERT_NE(slot(), nullptr);
    unsigned char bytes[sizeof attr + 16];
    std::memset(bytes, 0xaa, sizeof bytes);
    ASSERT_EQ(slot()(context, nullptr, reinterpret_cast<ibv_device_attr_ex *>(bytes), sizeof bytes),
              0);
    std::memcpy(&attr, bytes, sizeof attr);
    EXPECT_EQ(attr.phys_port_cnt_ex, 3u);
    EXPECT_EQ(bytes[sizeof attr], 0);
    EXPECT_EQ(bytes[sizeof bytes - 1], 0);
}
