// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Memory windows of type 2.
#include "control/device.hpp"

namespace soft {

Result<ibv_mw *> Device::alloc_mw_type_2(ibv_pd *ibpd) {
    return enter_window(*static_cast<Pd *>(ibpd), true);
}

}  // namespace soft
