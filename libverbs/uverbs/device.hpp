// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Asking for what a device can do.
#pragma once

#include "uverbs/context.hpp"

namespace verbs::uverbs {

[[nodiscard]] Result<ib_uverbs_query_device_resp> query_device(const Context &context,
                                                               const Udata &udata = {});
// Kernels know more or less of this struct: what they do not know is zero, and response_length says
// how far they went.
[[nodiscard]] Result<ib_uverbs_ex_query_device_resp> query_device_ex(const Context &context,
                                                                     const Udata &udata = {});

// "A.B.C" of the number that the kernel gives, as everybody prints it. Room for 24 bytes.
void write_firmware_version(std::uint64_t version, std::span<char, 24> text) noexcept;

}  // namespace verbs::uverbs
