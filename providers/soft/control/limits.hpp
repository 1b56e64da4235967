// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// What a software device promises to hold, in one place: query_device and the creating calls
// agree because both read this.
#pragma once

#include "datapath/gather.hpp"
#include "link/layout.hpp"

#include <cstdint>

namespace soft {

inline constexpr uint32_t kNoVendor = 0xffffff;  // an OUI that nobody has: programs refuse 0
inline constexpr int kMaxQps = 1 << 16;
inline constexpr int kMaxQpWr = 1 << 15;
inline constexpr int kMaxCqs = 1 << 16;
inline constexpr int kMaxCqe = 1 << 23;  // libfabric's rxm asks for millions
inline constexpr int kMaxMrs = static_cast<int>(kMrCapacity) - 1;
inline constexpr int kMaxPds = 1 << 16;
inline constexpr int kMaxAhs = 1 << 16;
inline constexpr int kMaxSrqs = 1 << 16;
inline constexpr int kMaxSrqWr = 1 << 15;
inline constexpr int kMaxRdAtomic = static_cast<int>(kAtomicResults);
inline constexpr int kMaxGroups = 1 << 13;
inline constexpr int kMaxGroupMembers = 1 << 12;
inline constexpr uint32_t kMaxCompCntrs = 1 << 16;
inline constexpr uint32_t kMaxInline = 1024;
inline constexpr uint32_t kMaxMessage = 1u << 31;
inline constexpr std::size_t kMaxDmBytes = 1 << 20;  // device memory, in all
inline constexpr uint64_t kPortSpeed = 1000;         // times 100 Mbit/s: 4 lanes of 25 Gbit/s
inline constexpr int kGidTableLength = 16;
inline constexpr int kCompVectors = 1;
inline constexpr uint16_t kDefaultPkey = 0xffff;

// The rights to flush, where the build has them; else 0.
[[nodiscard]] unsigned flush_access() noexcept;

}  // namespace soft
