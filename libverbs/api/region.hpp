// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// What every way to register memory has in common.
#pragma once

#include "core/result.hpp"

#include <infiniband/verbs.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>

namespace verbs::api {

// The rights and wishes that stable verbs know.
inline constexpr unsigned kRegionAccess =
    IBV_ACCESS_LOCAL_WRITE | IBV_ACCESS_REMOTE_WRITE | IBV_ACCESS_REMOTE_READ |
    IBV_ACCESS_REMOTE_ATOMIC | IBV_ACCESS_MW_BIND | IBV_ACCESS_ZERO_BASED | IBV_ACCESS_ON_DEMAND |
    IBV_ACCESS_HUGETLB | IBV_ACCESS_OPTIONAL_RANGE;

[[nodiscard]] inline Result<void> check_range(const void *addr, std::size_t length) {
    if (length > UINTPTR_MAX - reinterpret_cast<std::uintptr_t>(addr))
        return fail(EINVAL, "the memory range wraps around");
    return {};
}

// What the library sets in a region that a provider has made.
inline void adopt(ibv_mr &mr, ibv_pd *pd, void *addr, std::size_t length) noexcept {
    mr.context = pd->context;
    mr.pd = pd;
    mr.addr = addr;
    mr.length = length;
}

}  // namespace verbs::api
