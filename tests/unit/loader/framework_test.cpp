// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// The trampolines of <verbs/provider.hpp> whose structures grow.
#include <verbs/provider.hpp>

#include <gtest/gtest.h>

#include <string>

namespace {

std::string reason;  // that the provider gave last

constexpr verbs_host kHost = [] {
    verbs_host host{};
    host.set_reason = [](const char *text) { reason = text; };
    return host;
}();

struct Device {
    static verbs::Result<ibv_device_attr_ex> query_device_ex() {
        ibv_device_attr_ex attr{};
        attr.orig_attr.max_qp = 3;
        attr.hca_core_clock = 5;
        attr.phys_port_cnt_ex = 7;
        return attr;
    }
};

class ProviderFramework : public testing::Test {
protected:
    ProviderFramework() {
        verbs::provider::Host::attach(&kHost, "test");
        reason.clear();
    }
    int query(const ibv_query_device_ex_input *input, ibv_device_attr_ex *attr, std::size_t size) {
        return verbs::provider::detail::query_device_ex<Device>(&device_, input, attr, size);
    }

private:
    Device device_;
};

}  // namespace

TEST_F(ProviderFramework, FillsAsMuchOfTheAttributesAsTheCallerKnows) {
    ibv_device_attr_ex attr{};
    ASSERT_EQ(query(nullptr, &attr, sizeof attr), 0);
    EXPECT_EQ(attr.orig_attr.max_qp, 3);
    EXPECT_EQ(attr.hca_core_clock, 5u);
    EXPECT_EQ(attr.phys_port_cnt_ex, 7u);
    ibv_device_attr_ex older{};
    ASSERT_EQ(query(nullptr, &older, offsetof(ibv_device_attr_ex, phys_port_cnt_ex)), 0);
    EXPECT_EQ(older.hca_core_clock, 5u);
    EXPECT_EQ(older.phys_port_cnt_ex, 0u);
}

TEST_F(ProviderFramework, RefusesAQuestionThatItDoesNotKnow) {
    ibv_device_attr_ex attr{};
    ibv_query_device_ex_input input{0};
    EXPECT_EQ(query(&input, &attr, sizeof attr), 0);
    input.comp_mask = 1;
    EXPECT_EQ(query(&input, &attr, sizeof attr), EINVAL);
    EXPECT_NE(reason, "");
}
