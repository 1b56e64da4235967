// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// A provider that only appears with an environment variable costs nothing without it.
#include <gtest/gtest.h>
#include <infiniband/verbs.h>

#include <dlfcn.h>

#include <cstdlib>

namespace {

bool is_loaded() {
    void *handle = ::dlopen(VERBS_TEST_NULL_PLUGIN, RTLD_NOW | RTLD_NOLOAD);
    if (handle != nullptr) ::dlclose(handle);
    return handle != nullptr;
}

void list_devices() {
    ibv_free_device_list(ibv_get_device_list(nullptr));
}

}  // namespace

TEST(ProviderBehindAVariable, IsOpenedOnlyOnceTheVariableIsSet) {
    ::setenv("VERBS_PROVIDERS", VERBS_TEST_MANIFESTS, 1);
    ::unsetenv("VERBS_PROVIDERS_EXTRA");
    ::unsetenv("VERBS_NULL");
    list_devices();
    EXPECT_FALSE(is_loaded());
    ::setenv("VERBS_NULL", "1", 1);
    list_devices();
    EXPECT_TRUE(is_loaded());
}
