// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "abi/hooks.h"

#include "fake_device.hpp"

#include <array>
#include <stdexcept>

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

TEST_F(HooksApi, QueryAGidTable) {
    verbs_provider_gid entry{};
    entry.type = 2;
    entry.ifindex = 3;
    fake.gids = {std::nullopt, entry};
    std::array<verbs_hooks_gid_entry, 2> entries{};
    size_t count = 99;
    EXPECT_EQ(hooks->query_gid_table(context, entries.data(), entries.size(), &count), 0);
    EXPECT_EQ(count, 1u);
    EXPECT_EQ(entries[0].index, 1u);
    EXPECT_EQ(entries[0].port_num, 1u);
    EXPECT_EQ(entries[0].type, 2u);
    EXPECT_EQ(entries[0].ifindex, 3u);
    EXPECT_EQ(hooks->query_gid_table(context, entries.data(), 0, &count), EINVAL);
    EXPECT_EQ(hooks->query_gid_table(nullptr, entries.data(), 2, &count), EINVAL);
    EXPECT_EQ(hooks->query_gid_table(context, nullptr, 2, &count), EINVAL);
    EXPECT_EQ(hooks->query_gid_table(context, entries.data(), 2, nullptr), EINVAL);
}

TEST_F(HooksApi, DoNotBelieveATableThatIsLongerThanItsRoom) {
    std::array<verbs_hooks_gid_entry, 2> entries{};
    fake.table_length = 3;
    size_t count = 99;
    EXPECT_EQ(hooks->query_gid_table(context, entries.data(), entries.size(), &count), EIO);
    EXPECT_EQ(count, 99u);
}

TEST_F(HooksApi, SetTheReasonAndLeaveErrnoAlone) {
    hooks->set_reason("from the shim");
    EXPECT_STREQ(verbs_last_error(), "from the shim");
    EXPECT_EQ(errno, kUntouched);
    hooks->log(-1, nullptr, nullptr);
    hooks->log(4, "shim", "text");
}

TEST_F(HooksApi, TellThatAProviderHasNoExperimentalHalf) {
    verbs_hooks_experimental half{};
    EXPECT_EQ(hooks->experimental(context, &half), EOPNOTSUPP);
    EXPECT_STREQ(verbs_last_error(), "fake has no experimental half");
    EXPECT_EQ(hooks->experimental(nullptr, &half), EINVAL);
}

TEST_F(HooksApi, CallAProviderAndSettleWhatComesOfIt) {
    struct Closure {
        int answer;
        int calls;
    } closure{0, 0};
    const auto call = [](void *argument) -> int {
        auto *self = static_cast<Closure *>(argument);
        ++self->calls;
        if (self->answer == -1) throw std::runtime_error("out of the blue");
        return self->answer;
    };
    EXPECT_EQ(hooks->call_provider(context, "act", call, &closure), 0);
    EXPECT_EQ(errno, kUntouched);
    closure.answer = ENOSPC;
    EXPECT_EQ(hooks->call_provider(context, "act", call, &closure), ENOSPC);
    EXPECT_STREQ(verbs_last_error(), "fake: act: No space left on device");
    closure.answer = -1;
    EXPECT_EQ(hooks->call_provider(context, "act", call, &closure), EIO);
    EXPECT_STREQ(verbs_last_error(), "fake: act threw: out of the blue");
    EXPECT_EQ(closure.calls, 3);
    EXPECT_EQ(hooks->call_provider(nullptr, "act", call, &closure), EINVAL);
    EXPECT_EQ(hooks->call_provider(context, "act", nullptr, &closure), EINVAL);
    EXPECT_EQ(closure.calls, 3);
}

TEST_F(HooksApi, AdoptNothingThatIsNotThere) {
    EXPECT_EQ(hooks->adopt_cq(context, nullptr, nullptr, nullptr), EINVAL);
    EXPECT_EQ(hooks->adopt_qp(context, nullptr, pd, nullptr), EINVAL);
    EXPECT_EQ(hooks->adopt_srq(context, nullptr, pd, nullptr), EINVAL);
    ibv_cq cq{};
    EXPECT_EQ(hooks->adopt_cq(nullptr, &cq, nullptr, nullptr), EINVAL);
    EXPECT_EQ(cq.context, nullptr);
}
