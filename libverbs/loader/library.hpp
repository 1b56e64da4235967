// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// A plugin's shared object and the table it exports. The only place that knows Boost.DLL. Once
// opened it stays for the life of the process: its code may run in threads we do not know.
#pragma once

#include "core/result.hpp"

#include <verbs/provider.h>

#include <cstddef>
#include <filesystem>

namespace verbs::loader {

struct Table {
    const verbs_provider *provider = nullptr;
    std::size_t symbol_size = 0;  // bytes that the file says the table has, 0 when it does not say
};

// Opens a shared object with local binding, everything resolved now, and finds `verbs_provider`.
// Nothing that the object exports is called; its constructors run, as dlopen has it. Rule L1.
[[nodiscard]] Result<Table> open_library(const std::filesystem::path &file);

}  // namespace verbs::loader
