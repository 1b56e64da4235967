// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Anonymous shared memory that cannot change its size: a peer that shrinks it would turn an access
// into SIGBUS, so memory without the seals is refused.
#pragma once

#include "core/fd.hpp"
#include "core/result.hpp"

#include <cstddef>

namespace soft {

// A memfd of `size` zero bytes with its size sealed.
verbs::Result<verbs::UniqueFd> make_sealed_memory(const char *name, std::size_t size);

// Seals `fd` so that no new writable mapping can be made: only those who have one can write.
verbs::Result<void> seal_writes(const verbs::UniqueFd &fd);

// Refuses what came from another process unless it has at least `size` bytes for ever.
verbs::Result<void> judge_sealed_memory(const verbs::UniqueFd &fd, std::size_t size);

}  // namespace soft
