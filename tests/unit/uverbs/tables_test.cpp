// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "uverbs/tables.hpp"

#include "support/folder.hpp"

#include <gtest/gtest.h>
#include <net/if.h>

#include <cstring>

using verbs::uverbs::SysfsTables;

namespace {

constexpr const char *kGid = "0000:0000:0000:0000:0000:ffff:0a01:0101";
constexpr std::uint8_t kRaw[16] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 1, 1, 1};

class TablesTest : public testing::Test {
protected:
    void write(const std::string &name, std::string_view text) const {
        const auto file = folder.path() / "ports/1" / name;
        std::filesystem::create_directories(file.parent_path());
        std::ofstream(file) << text << '\n';
    }

    verbs_test::Folder folder;
    SysfsTables tables{folder.path().string()};
};

}  // namespace

TEST_F(TablesTest, ReadsAGidWithTypeAndInterface) {
    write("gids/1", kGid);
    write("gid_attrs/types/1", "RoCE v2");
    write("gid_attrs/ndevs/1", "lo");
    const auto entry = tables.gid(1, 1);
    ASSERT_TRUE(entry) << entry.error().phrase;
    EXPECT_EQ(std::memcmp(entry->gid, kRaw, sizeof kRaw), 0);
    EXPECT_EQ(entry->gid_index, 1u);
    EXPECT_EQ(entry->port_num, 1u);
    EXPECT_EQ(entry->gid_type, static_cast<unsigned>(IB_UVERBS_GID_TYPE_ROCE_V2));
    EXPECT_EQ(entry->netdev_ifindex, ::if_nametoindex("lo"));
}

TEST_F(TablesTest, TellsRoceFromInfinibandByTheInterface) {
    write("gids/0", kGid);
    write("gid_attrs/types/0", "IB/RoCE v1");
    EXPECT_EQ(tables.gid(1, 0)->gid_type, static_cast<unsigned>(IB_UVERBS_GID_TYPE_IB));
    write("gid_attrs/ndevs/0", "lo");
    EXPECT_EQ(tables.gid(1, 0)->gid_type, static_cast<unsigned>(IB_UVERBS_GID_TYPE_ROCE_V1));
}

TEST_F(TablesTest, TakesAGidOfAKernelWithoutTypes) {
    write("gids/0", kGid);
    const auto entry = tables.gid(1, 0);
    ASSERT_TRUE(entry);
    EXPECT_EQ(entry->gid_type, static_cast<unsigned>(IB_UVERBS_GID_TYPE_IB));
    EXPECT_EQ(entry->netdev_ifindex, 0u);
}

TEST_F(TablesTest, CallsAGidOfZerosEmpty) {
    write("gids/0", "0000:0000:0000:0000:0000:0000:0000:0000");
    EXPECT_EQ(tables.gid(1, 0).error().code, ENODATA);
}

TEST_F(TablesTest, RefusesWhatIsBeyondATable) {
    write("gids/0", kGid);
    write("pkeys/0", "0xffff");
    EXPECT_EQ(tables.gid(1, 1).error().code, EINVAL);
    EXPECT_EQ(tables.gid(2, 0).error().code, EINVAL);
    EXPECT_EQ(tables.pkey_be(1, 1).error().code, EINVAL);
    EXPECT_EQ(tables.pkey_be(2, 0).error().code, EINVAL);
}

TEST_F(TablesTest, RefusesTextsThatAreNoGid) {
    for (const char *text :
         {"", "::1", "0000:0000:0000:0000:0000:ffff:0a01:01",
          "0000:0000:0000:0000:0000:ffff:0a01:010g", "0000 0000:0000:0000:0000:ffff:0a01:0101",
          "0000:0000:0000:0000:0000:ffff:0a01:0101:0"}) {
        write("gids/0", text);
        EXPECT_EQ(tables.gid(1, 0).error().code, EBADMSG) << text;
    }
}

TEST_F(TablesTest, ReadsAPartitionKeyInNetworkByteOrder) {
    write("pkeys/3", "0x8001");
    const std::uint16_t pkey_be = tables.pkey_be(1, 3).value();
    const std::uint8_t bytes[] = {0x80, 0x01};
    EXPECT_EQ(std::memcmp(&pkey_be, bytes, sizeof bytes), 0);
}

TEST_F(TablesTest, RefusesTextsThatAreNoPartitionKey) {
    for (const char *text : {"", "8001", "0x", "0x10000", "0xfffg"}) {
        write("pkeys/0", text);
        EXPECT_EQ(tables.pkey_be(1, 0).error().code, EBADMSG) << text;
    }
}
