// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// What the slots of the fake provider share.
#pragma once

#include "support/fake_provider.hpp"

#include <cstring>

namespace verbs_test {

extern FakeState state;

// Counts the call and fails it if the test wants that.
int begin(const char *slot);

#define BEGIN(slot)                                                                                \
    if (const int code = ::verbs_test::begin(slot); code != 0) return code

// Every object is dirty memory at first: what the library does not set shows.
template <class Object>
Object *dirty() {
    auto *object = new Object;
    std::memset(static_cast<void *>(object), 0xee, sizeof *object);
    return object;
}

}  // namespace verbs_test
