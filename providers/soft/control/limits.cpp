// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// What the device promises depends on the features of the build.
#include "control/limits.hpp"

#ifdef VERBS_EXPERIMENTAL_ENABLED
#include <infiniband/verbs_exp.h>
#endif

namespace soft {

unsigned flush_access() noexcept {
#ifdef VERBS_HAVE_FLUSH
    return IBV_ACCESS_FLUSH_GLOBAL | IBV_ACCESS_FLUSH_PERSISTENT;
#else
    return 0;
#endif
}

}  // namespace soft
