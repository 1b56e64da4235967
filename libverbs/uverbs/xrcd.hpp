// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// XRC domains.
#pragma once

#include "uverbs/context.hpp"

namespace verbs::uverbs {

// The handle. Processes that open the same file share the domain; `fd` is -1 for one of its own.
// Of `oflags` O_CREAT and O_EXCL count.
[[nodiscard]] Result<std::uint32_t> open_xrcd(const Context &context, int fd, int oflags,
                                              const Udata &udata = {});
[[nodiscard]] Result<void> close_xrcd(const Context &context, std::uint32_t xrcd);

}  // namespace verbs::uverbs
