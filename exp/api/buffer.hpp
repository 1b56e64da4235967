// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// What others ask of buffers that the library has allocated.
#pragma once

#include "core/result.hpp"

#include <infiniband/verbs_exp.h>

#include <cstddef>

namespace verbs::exp {

// Whether a region of these bytes may be made of the buffer.
[[nodiscard]] Result<void> check_part(const ibv_pd &pd, const ibv_buf *buf, const void *addr,
                                      std::size_t length);

}  // namespace verbs::exp
