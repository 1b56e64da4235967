// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "api/handle.hpp"

#include <gtest/gtest.h>

namespace api = verbs::api;

TEST(Handle, NamesTheArgumentThatIsMissing) {
    EXPECT_EQ(api::required(nullptr, "wc").error().phrase, "wc is NULL");
    EXPECT_EQ(api::owner_of<ibv_pd>(nullptr, "pd").error().phrase, "pd is NULL");
}

TEST(Handle, WithoutAContextIsRefused) {
    ibv_pd pd{};
    EXPECT_EQ(api::owner_of(&pd, "pd").error().code, EINVAL);
}

TEST(Handle, RefusesASuccessThatBroughtNothing) {
    EXPECT_EQ(api::delivered<ibv_qp>(nullptr, "qp").error().code, EIO);
    const ibv_qp qp{};
    EXPECT_TRUE(api::delivered(&qp, "qp"));
}
