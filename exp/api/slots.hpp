// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// The slots in front of an ibv_context that programs built with rdma-core's header call inline.
// A program of libverbs.so.1 or of this library does not need them, so they stay empty until
// libibverbs.so.1 has them filled in a device that it opens.
#pragma once

#include <infiniband/verbs_exp.h>

#include <cstddef>
#include <cstdint>

// How libibverbs.so.1 reaches this library, beside its public functions. The version is that of
// this call. Returns 0, or ENOSYS for another version and EINVAL for what is no open device.
extern "C" __attribute__((visibility("default"))) int verbs_exp_private_fill(std::uint32_t version,
                                                                             ibv_context *context);

namespace verbs::exp {

inline constexpr std::uint32_t kFillVersion = 1;

// Slots by their distance in bytes from the ibv_context.
inline constexpr std::size_t kSlotAdviseMr = 312;
inline constexpr std::size_t kSlotAllocNullMr = 304;
inline constexpr std::size_t kSlotReadCounters = 296;
inline constexpr std::size_t kSlotAttachCountersPointFlow = 288;
inline constexpr std::size_t kSlotCreateCounters = 280;
inline constexpr std::size_t kSlotDestroyCounters = 272;
inline constexpr std::size_t kSlotRegDmMr = 264;
inline constexpr std::size_t kSlotAllocDm = 256;
inline constexpr std::size_t kSlotFreeDm = 248;
inline constexpr std::size_t kSlotModifyFlowActionEsp = 240;
inline constexpr std::size_t kSlotDestroyFlowAction = 232;
inline constexpr std::size_t kSlotCreateFlowActionEsp = 224;
inline constexpr std::size_t kSlotModifyQpRateLimit = 216;
inline constexpr std::size_t kSlotAllocParentDomain = 208;
inline constexpr std::size_t kSlotDeallocTd = 200;
inline constexpr std::size_t kSlotAllocTd = 192;
inline constexpr std::size_t kSlotModifyCq = 184;
inline constexpr std::size_t kSlotPostSrqOps = 176;
inline constexpr std::size_t kSlotDestroyRwqIndTable = 168;
inline constexpr std::size_t kSlotCreateRwqIndTable = 160;
inline constexpr std::size_t kSlotDestroyWq = 152;
inline constexpr std::size_t kSlotModifyWq = 144;
inline constexpr std::size_t kSlotCreateWq = 136;
inline constexpr std::size_t kSlotQueryRtValues = 128;
inline constexpr std::size_t kSlotCreateCqEx = 120;
inline constexpr std::size_t kSlotDestroyFlow = 96;
inline constexpr std::size_t kSlotCreateFlow = 80;
inline constexpr std::size_t kSlotOpenQp = 64;
inline constexpr std::size_t kSlotCreateQpEx = 56;
inline constexpr std::size_t kSlotGetSrqNum = 48;
inline constexpr std::size_t kSlotCreateSrqEx = 40;
inline constexpr std::size_t kSlotOpenXrcd = 32;
inline constexpr std::size_t kSlotCloseXrcd = 24;

}  // namespace verbs::exp
