// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// The test's way to the state of the fake provider: the plugin file, opened by its own name. The
// library opens the same file, so both see one state.
#include "support/fake_provider.hpp"

#include <dlfcn.h>

#include <stdexcept>

namespace verbs_test {

FakeState &fake_state() {
    static FakeState *const state = [] {
        void *plugin = ::dlopen(VERBS_TEST_FAKE_PROVIDER, RTLD_NOW | RTLD_LOCAL);
        if (plugin == nullptr) throw std::runtime_error(::dlerror());
        using Function = FakeState *();
        auto *function = reinterpret_cast<Function *>(::dlsym(plugin, "verbs_fake_state"));
        if (function == nullptr) throw std::runtime_error(::dlerror());
        return function();
    }();
    return *state;
}

}  // namespace verbs_test
