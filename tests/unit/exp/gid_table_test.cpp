// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "extended_device.hpp"

namespace {

class GidTable : public verbs_test::ExtendedDevice {
protected:
    void SetUp() override {
        ExtendedDevice::SetUp();
        verbs_provider_gid used{};
        used.gid.raw[15] = 1;
        used.ifindex = 7;
        used.type = 2;
        fake.gids = {used, std::nullopt, used};
        fake.gids[2]->gid.raw[15] = 3;
        fake.gids[2]->type = 0;
        errno = kUntouched;
    }
    ibv_gid_entry entry{};
    ibv_gid_entry entries[3]{};
};

}  // namespace

TEST_F(GidTable, TellsOfAnEntryWhereItIsAndWhatItIs) {
    ASSERT_EQ(ibv_query_gid_ex(context, 1, 0, &entry, 0), 0);
    EXPECT_EQ(errno, kUntouched);
    EXPECT_EQ(entry.gid.raw[15], 1);
    EXPECT_EQ(entry.gid_index, 0u);
    EXPECT_EQ(entry.port_num, 1u);
    EXPECT_EQ(entry.gid_type, unsigned{IBV_GID_TYPE_ROCE_V2});
    EXPECT_EQ(entry.ndev_ifindex, 7u);
}

TEST_F(GidTable, TellsTheOldestTypeByTheLinkLayer) {
    ASSERT_EQ(ibv_query_gid_ex(context, 1, 2, &entry, 0), 0);
    EXPECT_EQ(entry.gid_type, unsigned{IBV_GID_TYPE_ROCE_V1});
}

TEST_F(GidTable, HasEntriesThatAreNotInUse) {
    EXPECT_EQ(ibv_query_gid_ex(context, 1, 1, &entry, 0), ENODATA);
}

TEST_F(GidTable, EndsAndIsOfPortsThatThereAre) {
    EXPECT_EQ(ibv_query_gid_ex(context, 1, 3, &entry, 0), EINVAL);
    EXPECT_EQ(ibv_query_gid_ex(context, 2, 0, &entry, 0), EINVAL);
    EXPECT_EQ(ibv_query_gid_ex(context, 257, 0, &entry, 0), EINVAL);
}

TEST_F(GidTable, IsReadAsAWhole) {
    ASSERT_EQ(ibv_query_gid_table(context, entries, 3, 0), 2);
    EXPECT_EQ(errno, kUntouched);
    EXPECT_EQ(entries[0].gid_index, 0u);
    EXPECT_EQ(entries[1].gid_index, 2u);
    EXPECT_EQ(entries[1].gid.raw[15], 3);
    EXPECT_EQ(entries[1].gid_type, unsigned{IBV_GID_TYPE_ROCE_V1});
    EXPECT_EQ(entries[2].port_num, 0u);
}

TEST_F(GidTable, IsReadIntoEnoughRoomOnly) {
    EXPECT_EQ(ibv_query_gid_table(context, entries, 2, 0), 2);
    EXPECT_EQ(ibv_query_gid_table(context, entries, 1, 0), -EINVAL);
    EXPECT_EQ(errno, kUntouched);
}

TEST_F(GidTable, IsRefusedWithTheUnknownOrWithoutRoom) {
    EXPECT_EQ(ibv_query_gid_ex(context, 1, 0, &entry, 1), EINVAL);
    EXPECT_EQ(ibv_query_gid_ex(context, 1, 0, nullptr, 0), EINVAL);
    EXPECT_EQ(ibv_query_gid_ex(nullptr, 1, 0, &entry, 0), EINVAL);
    EXPECT_EQ(ibv_query_gid_table(context, entries, 3, 1), -EINVAL);
    EXPECT_EQ(ibv_query_gid_table(context, nullptr, 3, 0), -EINVAL);
    EXPECT_EQ(ibv_query_gid_table(nullptr, entries, 3, 0), -EINVAL);
    fail("query_gid", EIO, "no answer");
    EXPECT_EQ(ibv_query_gid_table(context, entries, 3, 0), -EIO);
    EXPECT_STREQ(verbs_last_error(), "fake: query_gid: no answer");
}
