// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// libverbs-exp.so.0, where it is installed: looked for once, when the first device is opened.
// Without it everything here answers that there is nothing.
#pragma once

#include <infiniband/verbs.h>

#include <cstddef>

namespace verbs::compat {

// Fills the slots in front of a context that programs call inline. Leaves errno alone.
void fill_experimental(ibv_context *context) noexcept;

// ibv_query_device_ex for a size. NULL without the library: nobody could use what it tells beyond
// the stable query.
using SizedQuery = int(ibv_context *, const ibv_query_device_ex_input *, ibv_device_attr_ex *,
                       std::size_t);
[[nodiscard]] SizedQuery *experimental_query() noexcept;

#ifdef VERBS_EXPERIMENTAL_ENABLED
// A function of libverbs-exp by its name, or NULL.
[[nodiscard]] void *find_experimental(const char *name) noexcept;

template <class Function>
[[nodiscard]] Function *find_experimental(const char *name) noexcept {
    return reinterpret_cast<Function *>(find_experimental(name));
}
#endif

}  // namespace verbs::compat

// The function of libverbs-exp that is called as this one is, or NULL: looked for once for each
// place that asks, so that a call which programs repeat costs no search.
#ifdef VERBS_EXPERIMENTAL_ENABLED
#define VERBS_EXPERIMENTAL(name)                                                                   \
    [] {                                                                                           \
        static auto *const found = verbs::compat::find_experimental<decltype(name)>(#name);        \
        return found;                                                                              \
    }()
#else
#define VERBS_EXPERIMENTAL(name) static_cast<decltype(name) *>(nullptr)
#endif
