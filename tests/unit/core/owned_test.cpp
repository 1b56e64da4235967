// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "core/owned.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

namespace {

using verbs::Owned;

// Says in `living` whether it is there.
struct Object {
    explicit Object(std::set<int> &living, int number) : living_(living), number_(number) {
        living_.insert(number_);
    }
    Object(const Object &) = delete;
    Object &operator=(const Object &) = delete;
    ~Object() { living_.erase(number_); }
    [[nodiscard]] int number() const { return number_; }

private:
    std::set<int> &living_;
    int number_;
};

class OwnedObjects : public testing::Test {
protected:
    Object *keep(int number) {
        Owned<Object>::New object(living, number);
        return owned.keep(std::move(object));
    }
    std::set<int> visited() {
        std::set<int> numbers;
        owned.for_each([&](const Object &object) { numbers.insert(object.number()); });
        return numbers;
    }

    std::set<int> living;
    Owned<Object> owned;
};

TEST_F(OwnedObjects, LiveUntilTheyAreRemovedInWhateverOrder) {
    std::vector<int> order{0, 1, 2};
    do {
        std::vector<Object *> objects{keep(0), keep(1), keep(2)};
        std::set<int> rest{0, 1, 2};
        for (const int number : order) {
            owned.remove(objects[static_cast<size_t>(number)]);
            rest.erase(number);
            EXPECT_EQ(living, rest);
            EXPECT_EQ(visited(), rest);
        }
    } while (std::ranges::next_permutation(order).found);
}

TEST_F(OwnedObjects, GoWithTheirOwner) {
    {
        Owned<Object> other;
        for (int i = 0; i < 3; ++i)
            other.keep(Owned<Object>::New(living, i));
        EXPECT_EQ(living.size(), 3u);
    }
    EXPECT_TRUE(living.empty());
}

TEST_F(OwnedObjects, AreNobodysBeforeTheyAreKept) {
    {
        const Owned<Object>::New object(living, 7);
        EXPECT_EQ(object->number(), 7);
        EXPECT_TRUE(visited().empty());
    }
    EXPECT_TRUE(living.empty());
}

}  // namespace
