// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// What a program learns when every plugin was refused: the list is empty, errno is as it was, and
// the reasons are there to be asked for.
#include "support/folder.hpp"

#include <gtest/gtest.h>
#include <infiniband/verbs.h>

TEST(EmptyList, TellsOfEveryRefusalByFileAndRule) {
    const verbs_test::Folder folder;
    folder.write("10-broken.json", "{");
    folder.write("20-faulty.json",
                 verbs_test::manifest_of("faulty", VERBS_TEST_PLUGINS "/wrong_magic.so"));
    ::setenv("VERBS_PROVIDERS", folder.path().c_str(), 1);
    ::unsetenv("VERBS_PROVIDERS_EXTRA");
    // Every call looks again and tells again; the plugins are judged once.
    for (int round = 0; round < 2; ++round) {
        errno = 77;
        int count = -1;
        ibv_device **list = ibv_get_device_list(&count);
        EXPECT_EQ(errno, 77);
        ASSERT_NE(list, nullptr);
        EXPECT_EQ(count, 0);
        const std::string reason = verbs_last_error();
        EXPECT_NE(reason.find("10-broken.json: M2"), std::string::npos) << reason;
        EXPECT_NE(reason.find("20-faulty.json: L2"), std::string::npos) << reason;
        ibv_free_device_list(list);
    }
}
