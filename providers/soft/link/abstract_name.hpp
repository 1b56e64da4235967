// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Names that say something to all processes of a host as long as a descriptor is open: abstract
// socket names. They leave no file and go with their process.
#pragma once

#include "core/fd.hpp"
#include "core/result.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace soft {

// Takes the name of `prefix` and the number in six hexadecimal digits. EADDRINUSE: somebody has it.
verbs::Result<verbs::UniqueFd> take_name(const std::string &prefix, uint32_t number);

// The numbers of all names with this prefix that are taken now, in ascending order.
verbs::Result<std::vector<uint32_t>> list_names(const std::string &prefix);

// The same of a list of sockets as /proc/net/unix has it; anything else in it, which other programs
// may have put there, is passed over.
[[nodiscard]] std::vector<uint32_t> numbers_named(const std::string &list,
                                                  const std::string &prefix);

}  // namespace soft
