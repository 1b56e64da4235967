// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// The one symbol that the plugin exports.
#include "control/device.hpp"

#ifdef VERBS_EXPERIMENTAL_ENABLED
VERBS_PROVIDER_WITH_EXPERIMENTAL(soft::Device);
#else
VERBS_PROVIDER(soft::Device);
#endif
