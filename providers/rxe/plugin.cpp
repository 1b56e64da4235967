// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// The one symbol that the plugin exports.
#include "control/device.hpp"

#include <rdma/ib_user_ioctl_verbs.h>

static_assert(RDMA_DRIVER_RXE == 14, "the number in manifest.json.in");

#ifdef VERBS_EXPERIMENTAL_ENABLED
VERBS_PROVIDER_WITH_EXPERIMENTAL(rxe::RxeDevice);
#else
VERBS_PROVIDER(rxe::RxeDevice);
#endif
