// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// GID entries with their types, on the device of gid_provider.cpp. Callers of other releases have a
// shorter or longer ibv_gid_entry than this header's 32 bytes.
#include "open_device.hpp"

#include <array>
#include <cerrno>
#include <vector>

enum ibv_gid_type_sysfs {
    IBV_GID_TYPE_SYSFS_IB_ROCE_V1,
    IBV_GID_TYPE_SYSFS_ROCE_V2,
};
extern "C" int ibv_query_gid_type(ibv_context *context, uint8_t port_num, unsigned int index,
                                  ibv_gid_type_sysfs *type);

namespace {

class GidAtOnce : public OpenDevice {
protected:
    GidAtOnce() : OpenDevice("gids1") {}
};

class Gid : public OpenDevice {
protected:
    Gid() : OpenDevice("gids0") {}

    uint32_t type_of(uint32_t port_num, uint32_t index) {
        ibv_gid_entry entry = {};
        EXPECT_EQ(0, ibv_query_gid_ex(context_, port_num, index, &entry, 0));
        return entry.gid_type;
    }
    ibv_gid_type_sysfs sysfs_type_of(uint8_t port_num, uint32_t index) {
        auto type = static_cast<ibv_gid_type_sysfs>(99);
        errno = 0;
        EXPECT_EQ(0, ibv_query_gid_type(context_, port_num, index, &type));
        EXPECT_EQ(0, errno);
        return type;
    }
};

TEST_F(Gid, EntriesTellWhereTheyAreAndWhatTheyAre) {
    ibv_gid_entry entry = {};
    ASSERT_EQ(0, ibv_query_gid_ex(context_, 1, 1, &entry, 0));
    EXPECT_EQ(2, entry.gid.raw[15]);
    EXPECT_EQ(1u, entry.gid_index);
    EXPECT_EQ(1u, entry.port_num);
    EXPECT_EQ(uint32_t{IBV_GID_TYPE_ROCE_V2}, entry.gid_type);
    EXPECT_EQ(7u, entry.ndev_ifindex);
}

TEST_F(Gid, TypesFollowTheLinkLayerWhereTheSourceDoesNotTell) {
    EXPECT_EQ(uint32_t{IBV_GID_TYPE_ROCE_V1}, type_of(1, 0));
    EXPECT_EQ(uint32_t{IBV_GID_TYPE_ROCE_V2}, type_of(1, 1));
    EXPECT_EQ(uint32_t{IBV_GID_TYPE_ROCE_V1}, type_of(1, 3));
    EXPECT_EQ(uint32_t{IBV_GID_TYPE_IB}, type_of(2, 0));
}

TEST_F(Gid, TypesOfTheOldQueryAreRoceV2OrNot) {
    EXPECT_EQ(IBV_GID_TYPE_SYSFS_IB_ROCE_V1, sysfs_type_of(1, 0));
    EXPECT_EQ(IBV_GID_TYPE_SYSFS_ROCE_V2, sysfs_type_of(1, 1));
    EXPECT_EQ(IBV_GID_TYPE_SYSFS_IB_ROCE_V1, sysfs_type_of(1, 2));
    EXPECT_EQ(IBV_GID_TYPE_SYSFS_IB_ROCE_V1, sysfs_type_of(2, 0));
}

TEST_F(Gid, TheTableHasTheUsedEntriesOfAllPorts) {
    std::array<ibv_gid_entry, 8> entries;
    errno = 0;
    ASSERT_EQ(4, ibv_query_gid_table(context_, entries.data(), entries.size(), 0));
    EXPECT_EQ(0, errno);
    EXPECT_EQ(0u, entries[0].gid_index);
    EXPECT_EQ(1u, entries[1].gid_index);
    EXPECT_EQ(3u, entries[2].gid_index);
    EXPECT_EQ(1u, entries[2].port_num);
    EXPECT_EQ(2u, entries[3].port_num);
}

TEST_F(Gid, ATableWithJustEnoughRoomIsFilled) {
    std::array<ibv_gid_entry, 4> entries;
    EXPECT_EQ(4, ibv_query_gid_table(context_, entries.data(), entries.size(), 0));
}

TEST_F(Gid, ATableWithTooLittleRoomIsRefused) {
    std::array<ibv_gid_entry, 3> entries;
    errno = 0;
    EXPECT_EQ(-EINVAL, ibv_query_gid_table(context_, entries.data(), entries.size(), 0));
    EXPECT_EQ(EINVAL, errno);
}

TEST_F(GidAtOnce, TheTableIsTheDevicesOwn) {
    std::array<ibv_gid_entry, 3> entries;
    errno = 0;
    ASSERT_EQ(2, ibv_query_gid_table(context_, entries.data(), entries.size(), 0));
    EXPECT_EQ(0, errno);
    EXPECT_EQ(0x77, entries[1].gid.raw[15]);
    EXPECT_EQ(8u, entries[1].gid_index);
    EXPECT_EQ(2u, entries[1].port_num);
    EXPECT_EQ(uint32_t{IBV_GID_TYPE_ROCE_V2}, entries[0].gid_type);
    EXPECT_EQ(uint32_t{IBV_GID_TYPE_IB}, entries[1].gid_type);
    EXPECT_EQ(9u, entries[1].ndev_ifindex);
}

TEST_F(GidAtOnce, ATableWithTooLittleRoomIsRefused) {
    ibv_gid_entry entry;
    errno = 0;
    EXPECT_EQ(-EINVAL, ibv_query_gid_table(context_, &entry, 1, 0));
    EXPECT_EQ(EINVAL, errno);
}

TEST_F(GidAtOnce, EntriesOfAnotherSizeAreReadOneByOne) {
    struct Longer {
        ibv_gid_entry known;
        uint64_t later;
    };
    std::vector<Longer> table(8, Longer{{}, 0xee});
    ASSERT_EQ(4, _ibv_query_gid_table(context_, &table[0].known, table.size(), 0, sizeof(Longer)));
    EXPECT_EQ(2, table[1].known.gid.raw[15]);
    EXPECT_EQ(0u, table[3].later);
}

TEST_F(Gid, AShorterEntryGetsItsFrontPartOnly) {
    std::array<unsigned char, sizeof(ibv_gid_entry)> bytes;
    bytes.fill(0xee);
    auto *entry = reinterpret_cast<ibv_gid_entry *>(bytes.data());
    ASSERT_EQ(0, _ibv_query_gid_ex(context_, 1, 1, entry, 0, 20));
    EXPECT_EQ(1, bytes[16]);
    EXPECT_EQ(0xee, bytes[20]);
}

TEST_F(Gid, ALongerEntryGetsZerosAtItsEnd) {
    struct Longer {
        ibv_gid_entry known;
        uint64_t later;
    };
    Longer one{{}, 0xee};
    ASSERT_EQ(0, _ibv_query_gid_ex(context_, 1, 1, &one.known, 0, sizeof one));
    EXPECT_EQ(7u, one.known.ndev_ifindex);
    EXPECT_EQ(0u, one.later);

    std::vector<Longer> table(4, Longer{{}, 0xee});
    ASSERT_EQ(4, _ibv_query_gid_table(context_, &table[0].known, table.size(), 0, sizeof(Longer)));
    EXPECT_EQ(2u, table[3].known.port_num);
    EXPECT_EQ(0u, table[3].later);
}

}  // namespace
