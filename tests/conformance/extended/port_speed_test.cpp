// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// The speed of a port as one number, against what its attributes make.
#include "device_under_test.hpp"

#include <dlfcn.h>

#include <cerrno>

namespace {

using namespace verbs_test;

class PortSpeed : public DeviceTest {
protected:
    void SetUp() override {
        DeviceTest::SetUp();
        if (!IsSkipped()) require_feature("port speed");
    }
};

// Younger than the distribution's header and library may be, which the suite can be run on as well.
int query_port_speed(ibv_context *context, uint32_t port_num, uint64_t *port_speed) {
    using Query = int(ibv_context *, uint32_t, uint64_t *);
    auto *query = reinterpret_cast<Query *>(::dlsym(RTLD_DEFAULT, "ibv_query_port_speed"));
    return query != nullptr ? query(context, port_num, port_speed) : ENOSYS;
}

// In Mbit/s, as the codes of ibv_port_attr say.
uint64_t lanes_times_speed(const ibv_port_attr &port) {
    const uint64_t lanes = port.active_width == 2 ? 4 : 1;
    const uint64_t lane = port.active_speed == 32 ? 25'000 : 2'500;
    return lanes * lane;
}

TEST_F(PortSpeed, IsWhatThePortsAttributesMake) {
    uint64_t speed = 0;
    ASSERT_EQ(query_port_speed(context(), kPort, &speed), 0);
    EXPECT_EQ(speed * 100, lanes_times_speed(port_attributes(context())));
}

TEST_F(PortSpeed, IsNotToldOfAPortThatIsNotThere) {
    uint64_t speed = 0;
    EXPECT_EQ(query_port_speed(context(), 2, &speed), EINVAL);
    EXPECT_EQ(query_port_speed(context(), 257, &speed), EINVAL);
}

}  // namespace
