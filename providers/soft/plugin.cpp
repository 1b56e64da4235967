// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// The one symbol that the plugin exports.
#include "control/device.hpp"

VERBS_PROVIDER(soft::Device);
