// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "abi/hooks.h"

#include "fake_device.hpp"

namespace {

class HooksApi : public verbs_test::OpenFakeDevice {
protected:
    const verbs_hooks *hooks = verbs_private_hooks(VERBS_HOOKS_VERSION);
};

}  // namespace

TEST_F(HooksApi, AreOfTheVersionThatWasAsked) {
    ASSERT_NE(hooks, nullptr);
    EXPECT_EQ(hooks->version, VERBS_HOOKS_VERSION);
    EXPECT_EQ(hooks->size, sizeof(verbs_hooks));
    EXPECT_EQ(verbs_private_hooks(VERBS_HOOKS_VERSION + 1), nullptr);
    EXPECT_EQ(verbs_private_hooks(0), nullptr);
    EXPECT_EQ(errno, kUntouched);
}

TEST_F(HooksApi, QueryAPortForASize) {
    unsigned char attr[64] = {};
    attr[48] = 0xaa;
    EXPECT_EQ(hooks->query_port(context, 1, reinterpret_cast<ibv_port_attr *>(attr), 48), 0);
    EXPECT_EQ(attr[48], 0xaa);
}

TEST_F(HooksApi, QueryAGidWithItsType) {
    verbs_provider_gid entry{};
    entry.type = 2;
    entry.ifindex = 3;
    fake.gids = {entry, std::nullopt};
    verbs_hooks_gid gid{};
    EXPECT_EQ(hooks->query_gid(context, 1, 0, &gid), 0);
    EXPECT_EQ(gid.type, 2u);
    EXPECT_EQ(gid.ifindex, 3u);
    EXPECT_EQ(hooks->query_gid(context, 1, 1, &gid), ENODATA);
    EXPECT_EQ(hooks->query_gid(context, 257, 0, &gid), EINVAL);
    EXPECT_EQ(hooks->query_gid(context, 1, 0xffffffffu, &gid), EINVAL);
    EXPECT_EQ(hooks->query_gid(nullptr, 1, 0, &gid), EINVAL);
    EXPECT_EQ(hooks->query_gid(context, 1, 0, nullptr), EINVAL);
}

TEST_F(HooksApi, SetTheReasonAndLeaveErrnoAlone) {
    hooks->set_reason("from the shim");
    EXPECT_STREQ(verbs_last_error(), "from the shim");
    EXPECT_EQ(errno, kUntouched);
    hooks->log(-1, nullptr, nullptr);
    hooks->log(4, "shim", "text");
}
