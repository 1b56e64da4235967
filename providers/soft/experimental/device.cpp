// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// What the device can do for experimental verbs alone, and its clock.
#include "control/device.hpp"
#include "control/limits.hpp"

#include "datapath/qp.hpp"

namespace soft {

// Completions are stamped by the system's monotonic clock, in nanoseconds.
constexpr uint64_t kClockKhz = 1'000'000;

void tell_experimental(ibv_device_attr_ex &attr) {
    attr.completion_timestamp_mask = ~uint64_t{0};
    attr.hca_core_clock = kClockKhz;
#ifdef VERBS_HAVE_MW_TYPE_2
    attr.orig_attr.device_cap_flags |= IBV_DEVICE_MEM_WINDOW_TYPE_2B;
    attr.device_cap_flags_ex |= IBV_DEVICE_MEM_WINDOW_TYPE_2B;
#endif
#ifdef VERBS_HAVE_QP_EX
    attr.device_cap_flags_ex |= IBV_DEVICE_ATOMIC_WRITE;
#endif
    attr.max_dm_size = kMaxDmBytes;
}

// The clock as a count of its ticks, all of it in tv_nsec, as devices with a clock give it.
Result<ibv_values_ex> Device::query_rt_values_ex(uint32_t mask) {
    ibv_values_ex values{};
    values.comp_mask = mask & IBV_VALUES_MASK_RAW_CLOCK;
    if (values.comp_mask != 0) values.raw_clock.tv_nsec = monotonic_ns();
    return values;
}

}  // namespace soft
