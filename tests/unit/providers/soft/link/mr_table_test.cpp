// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Who may touch which memory: the checks that stand between a key and an address.
#include "link/mr_table.hpp"

#include <gtest/gtest.h>

#include <set>

namespace {

using namespace soft;

constexpr uint32_t kPd = 5;
constexpr uint64_t kAddress = 0x7f0000001000;
constexpr uint64_t kLength = 0x2000;

class Keys : public testing::Test {
protected:
    void SetUp() override {
        auto made = MrTable::create();
        ASSERT_TRUE(made.has_value()) << made.error().phrase;
        table = std::make_unique<MrTable>(std::move(*made));
        const auto entered =
            table->enter({kPd, kAddress, kLength, kAddress, IBV_ACCESS_REMOTE_READ});
        ASSERT_TRUE(entered.has_value());
        key = *entered;
    }
    bool allows(uint64_t at, uint64_t length, uint32_t access = 0, uint32_t pd = kPd) {
        return translate(table->home(), key, at, length, access, pd, address);
    }
    std::unique_ptr<MrTable> table;
    uint32_t key = 0;
    uint64_t address = 0;
};

TEST_F(Keys, OpenTheirRegionFromItsFirstByteToItsLast) {
    EXPECT_TRUE(allows(kAddress, kLength));
    EXPECT_EQ(address, kAddress);
    EXPECT_TRUE(allows(kAddress + kLength - 1, 1));
    EXPECT_EQ(address, kAddress + kLength - 1);
}

TEST_F(Keys, OpenNothingOutsideTheirRegion) {
    EXPECT_FALSE(allows(kAddress - 1, 1));
    EXPECT_FALSE(allows(kAddress + kLength, 1));
    EXPECT_FALSE(allows(kAddress, kLength + 1));
    EXPECT_FALSE(allows(kAddress + 1, kLength));
    EXPECT_FALSE(allows(kAddress + 1, ~0ull));
    EXPECT_FALSE(allows(~0ull, 2));
}

TEST_F(Keys, OpenOnlyWithTheAccessThatWasGiven) {
    EXPECT_TRUE(allows(kAddress, 1, IBV_ACCESS_REMOTE_READ));
    EXPECT_FALSE(allows(kAddress, 1, IBV_ACCESS_REMOTE_WRITE));
    EXPECT_FALSE(allows(kAddress, 1, IBV_ACCESS_REMOTE_READ | IBV_ACCESS_LOCAL_WRITE));
}

TEST_F(Keys, OpenOnlyInTheirProtectionDomain) {
    EXPECT_FALSE(allows(kAddress, 1, 0, kPd + 1));
}

TEST_F(Keys, OfAWindowOpenToThePeerOfItsQueuePairAlone) {
    const auto window = table->enter({bound_to(7), kAddress, kLength, kAddress, 0});
    ASSERT_TRUE(window.has_value());
    const auto opens = [&](uint32_t qpn) {
        return translate_for_peer(table->home(), *window, kAddress, 1, 0, kPd, qpn, address);
    };
    EXPECT_TRUE(opens(7));
    EXPECT_EQ(address, kAddress);
    EXPECT_FALSE(opens(8));
    EXPECT_FALSE(translate(table->home(), *window, kAddress, 1, 0, kPd, address));
}

TEST_F(Keys, OfARegionOpenToPeersOfEveryQueuePairOfItsDomain) {
    EXPECT_TRUE(translate_for_peer(table->home(), key, kAddress, 1, 0, kPd, 7, address));
    EXPECT_FALSE(translate_for_peer(table->home(), key, kAddress, 1, 0, kPd + 1, 7, address));
    RemotePlace place{};
    EXPECT_TRUE(find_place(table->home(), key, kAddress, 1, 0, kPd, 7, place));
    EXPECT_EQ(place.address, kAddress);
}

TEST_F(Keys, OpenNothingAfterTheyWereWithdrawn) {
    table->withdraw(key);
    EXPECT_FALSE(allows(kAddress, 1));
}

TEST_F(Keys, TranslateFromAnotherBaseAddress) {
    const auto based = table->enter({kPd, kAddress, kLength, 0, 0});
    ASSERT_TRUE(based.has_value());
    EXPECT_TRUE(translate(table->home(), *based, 0x10, 1, 0, kPd, address));
    EXPECT_EQ(address, kAddress + 0x10);
    EXPECT_FALSE(translate(table->home(), *based, kAddress, 1, 0, kPd, address));
}

TEST_F(Keys, ThatNobodyGaveOutOpenNothing) {
    for (const uint32_t forged : {0u, 1u, 0xffu, 0xffffffffu, kMrCapacity << 8, key + 1, key ^ 1})
        EXPECT_FALSE(translate(table->home(), forged, kAddress, 1, 0, kPd, address)) << forged;
}

TEST_F(Keys, AreNotGivenOutAgainSoonAfterTheirRegionWent) {
    std::set<uint32_t> seen{key};
    for (int i = 0; i < 2000; ++i) {
        const auto next = table->enter({kPd, kAddress, kLength, kAddress, 0});
        ASSERT_TRUE(next.has_value());
        EXPECT_TRUE(seen.insert(*next).second) << i;
        table->withdraw(*next);
    }
}

TEST_F(Keys, TellWhatTheyStandFor) {
    Extent extent{};
    ASSERT_TRUE(table->find(key, extent));
    EXPECT_EQ(extent.pd, kPd);
    EXPECT_EQ(extent.address, kAddress);
    EXPECT_EQ(extent.length, kLength);
    EXPECT_EQ(extent.access, unsigned{IBV_ACCESS_REMOTE_READ});
    table->withdraw(key);
    EXPECT_FALSE(table->find(key, extent));
    for (const uint32_t forged : {0u, 0xffffffffu, kMrCapacity << 8})
        EXPECT_FALSE(table->find(forged, extent)) << forged;
}

TEST_F(Keys, TellEveryRightOfTheirRegion) {
    uint32_t rights = 0;
    ASSERT_TRUE(translate(table->home(), key, kAddress, 1, 0, kPd, address, rights));
    EXPECT_EQ(rights, unsigned{IBV_ACCESS_REMOTE_READ});
}

TEST_F(Keys, GiveTheirPlaceBackOnceHoweverOftenTheyAreWithdrawn) {
    table->withdraw(key);
    table->withdraw(key);
    std::set<uint32_t> places;
    for (uint32_t i = 0; i + 1 < kMrCapacity; ++i) {
        const auto next = table->enter({kPd, 0, 1, 0, 0});
        ASSERT_TRUE(next.has_value()) << i;
        EXPECT_TRUE(places.insert(*next >> 8).second) << i;
    }
}

TEST_F(Keys, RunOutWithAnErrorThatSaysSo) {
    verbs::Result<uint32_t> last = key;
    for (uint32_t i = 0; i < kMrCapacity && last; ++i)
        last = table->enter({kPd, 0, 1, 0, 0});
    ASSERT_FALSE(last.has_value());
    EXPECT_EQ(last.error().code, ENOMEM);
    EXPECT_NE(last.error().phrase.find("memory regions"), std::string::npos);
}

}  // namespace
