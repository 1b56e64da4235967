// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// The loaded libibverbs.so.1, asked for functions by name and version node, as the dynamic linker
// asks for programs of a certain age.
#pragma once

#include <dlfcn.h>
#include <gtest/gtest.h>

// Refusing functions declare no parameters, so a pointer to one never has its type.
#ifdef __clang__
#define VERBS_CALLS_ANY_TYPE __attribute__((no_sanitize("function")))
#else
#define VERBS_CALLS_ANY_TYPE
#endif

class VersionedLibrary {
public:
    explicit VersionedLibrary(const char *node) : node_(node) {}

    // The function's address, or NULL and a failed test. No default: only this very version counts.
    void *address(const char *name) const {
        void *library = dlopen("libibverbs.so.1", RTLD_NOW | RTLD_NOLOAD);
        void *found = library ? dlvsym(library, name, node_) : nullptr;
        EXPECT_NE(nullptr, found) << name << "@" << node_;
        if (library) dlclose(library);
        return found;
    }

    // Calls it with arguments that no refusing function may look at.
    template <class Return>
    VERBS_CALLS_ANY_TYPE Return call(const char *name) const {
        static char garbage[64] = "not an object";
        using Function = Return(void *, void *, void *, void *, void *, void *);
        auto *function = reinterpret_cast<Function *>(address(name));
        if (!function) return Return();
        return function(garbage, garbage, garbage, garbage, garbage, garbage);
    }

private:
    const char *node_;
};
