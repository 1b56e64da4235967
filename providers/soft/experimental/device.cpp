// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// What the device can do beyond the stable attributes, and its clock.
#include "control/device.hpp"
#include "control/limits.hpp"

#include "datapath/qp.hpp"

namespace soft {

// Completions are stamped by the system's monotonic clock, in nanoseconds.
constexpr uint64_t kClockKhz = 1'000'000;

// What is zero is not offered.
Result<ibv_device_attr_ex> Device::query_device_ex() {
    VERBS_TRY(plain, query_device());
    ibv_device_attr_ex attr{};
    attr.orig_attr = plain;
    attr.completion_timestamp_mask = ~uint64_t{0};
    attr.hca_core_clock = kClockKhz;
#ifdef VERBS_HAVE_MW_TYPE_2
    // The stable half has none of them, and does not claim them.
    attr.orig_attr.device_cap_flags |= IBV_DEVICE_MEM_WINDOW_TYPE_2B;
#endif
    attr.device_cap_flags_ex = attr.orig_attr.device_cap_flags | IBV_DEVICE_ATOMIC_WRITE;
    attr.max_dm_size = kMaxDmBytes;
    attr.phys_port_cnt_ex = plain.phys_port_cnt;
    return attr;
}

// The clock as a count of its ticks, all of it in tv_nsec, as devices with a clock give it.
Result<ibv_values_ex> Device::query_rt_values_ex(uint32_t mask) {
    ibv_values_ex values{};
    values.comp_mask = mask & IBV_VALUES_MASK_RAW_CLOCK;
    if (values.comp_mask != 0) values.raw_clock.tv_nsec = monotonic_ns();
    return values;
}

}  // namespace soft
