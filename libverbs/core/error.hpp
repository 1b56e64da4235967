// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Error: an errno value and the phrase that tells a person why. It never travels through the C ABI:
// the boundary (api/boundary.hpp, provider/verbs/provider.hpp) splits it into errno and last_error.
#pragma once

#include <cerrno>
#include <string>
#include <utility>

namespace verbs {

struct Error {
    int code = EINVAL;   // a positive errno value
    std::string phrase;  // one line, no full stop, names the thing that was wrong
};

}  // namespace verbs
