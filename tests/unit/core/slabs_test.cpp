// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "core/slabs.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <cstring>
#include <memory>
#include <set>
#include <thread>
#include <vector>

namespace {

using verbs::InSlabs;
using verbs::Slabs;

constexpr std::size_t kSize = 48;

class Places : public testing::Test {
protected:
    void TearDown() override { give_back(); }

    // Each place is filled with its number.
    const std::vector<void *> &take(int count) {
        for (int i = 0; i < count; ++i) {
            taken_.push_back(slabs.take(kSize));
            std::memset(taken_.back(), i, kSize);
        }
        return taken_;
    }
    void give_back() {
        for (void *place : taken_)
            slabs.give_back(place);
        taken_.clear();
    }

    inline static constinit Slabs slabs;  // as a plugin has them: for ever

private:
    std::vector<void *> taken_;
};

TEST_F(Places, DoNotOverlap) {
    const auto &places = take(1000);
    for (std::size_t i = 0; i < places.size(); ++i) {
        const auto *bytes = static_cast<const unsigned char *>(places[i]);
        for (std::size_t at = 0; at < kSize; ++at)
            ASSERT_EQ(bytes[at], i % 256) << i;
    }
}

TEST_F(Places, AreAlignedForAnything) {
    for (const void *place : take(100))
        EXPECT_EQ(reinterpret_cast<std::uintptr_t>(place) % alignof(std::max_align_t), 0u);
}

TEST_F(Places, AreUsedAgainBeforeThereAreNewOnes) {
    const auto first = take(300);
    give_back();
    const auto &second = take(300);
    EXPECT_EQ(std::set<void *>(first.begin(), first.end()),
              std::set<void *>(second.begin(), second.end()));
}

TEST_F(Places, AreOneThreadsAtATime) {
    constexpr int kThreads = 4;
    const auto take_and_give_back = [](int own) {
        for (int round = 0; round < 1000; ++round) {
            std::array<int *, 3> places{};
            for (int *&place : places) {
                place = static_cast<int *>(slabs.take(kSize));
                *place = own;
            }
            for (int *place : places) {
                EXPECT_EQ(*place, own);
                slabs.give_back(place);
            }
        }
    };
    std::vector<std::jthread> threads;
    for (int own = 0; own < kThreads; ++own)
        threads.emplace_back(take_and_give_back, own);
}

struct Small : InSlabs<Small> {
    explicit Small(int number_) : number(number_) {}
    int number;
};
struct Linked : Small {
    using Small::Small;
    Linked *next = nullptr;
};

TEST(ObjectsInSlabs, HaveMemoryOfTheirOwnSize) {
    std::vector<std::unique_ptr<Linked>> objects;
    for (int i = 0; i < 100; ++i)
        objects.push_back(std::make_unique<Linked>(i));
    for (int i = 0; i < 100; ++i) {
        EXPECT_EQ(objects[static_cast<std::size_t>(i)]->number, i);
        EXPECT_EQ(objects[static_cast<std::size_t>(i)]->next, nullptr);
    }
}

}  // namespace
