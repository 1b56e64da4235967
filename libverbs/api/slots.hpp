// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// The slots of an ibv_context, and of the block before it, that the library fills itself for
// programs built with other headers, which call them inline.
#pragma once

#include <infiniband/verbs.h>

#include <cstddef>

namespace verbs::api {

// ibv_query_port for a caller that knows `size` bytes of ibv_port_attr. Shape errno.
int query_port_sized(ibv_context *context, uint8_t port_num, ibv_port_attr *attr,
                     std::size_t size) noexcept;

// The same for the 48 bytes of OFED 1.5 and libibverbs 1.1. Shape errno.
int query_port_48(ibv_context *context, uint8_t port_num, _compat_ibv_port_attr *attr) noexcept;

// ibv_query_device_ex for a caller that knows `size` bytes of ibv_device_attr_ex. Shape errno.
int query_device_sized(ibv_context *context, const ibv_query_device_ex_input *input,
                       ibv_device_attr_ex *attr, std::size_t size) noexcept;

}  // namespace verbs::api
