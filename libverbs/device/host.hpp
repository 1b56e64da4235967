// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// The table that the library hands to every plugin's start(): struct verbs_host.
#pragma once

#include <verbs/provider.h>

namespace verbs::device {

[[nodiscard]] const verbs_host &host_table() noexcept;

}  // namespace verbs::device
