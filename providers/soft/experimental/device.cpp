// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// What the device can do for experimental verbs alone, and its clock.
#include "control/device.hpp"
#include "control/limits.hpp"

#include "datapath/qp.hpp"
#include "datapath/tags.hpp"

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
#ifdef VERBS_HAVE_XRC
    attr.orig_attr.device_cap_flags |= IBV_DEVICE_XRC;
    attr.device_cap_flags_ex |= IBV_DEVICE_XRC;
    attr.xrc_odp_caps = IBV_ODP_SUPPORT_SEND | IBV_ODP_SUPPORT_SRQ_RECV | IBV_ODP_SUPPORT_WRITE |
                        IBV_ODP_SUPPORT_READ | IBV_ODP_SUPPORT_ATOMIC;
#endif
#ifdef VERBS_HAVE_QP_EX
    attr.device_cap_flags_ex |= IBV_DEVICE_ATOMIC_WRITE;
    attr.odp_caps.per_transport_caps.rc_odp_caps |= IBV_ODP_SUPPORT_ATOMIC_WRITE;
#endif
#ifdef VERBS_HAVE_TAG_MATCHING
    attr.tm_caps = {kMaxRendezvous, kMaxTags, IBV_TM_CAP_RC, kMaxTagOps, kMaxTagSge};
#endif
#ifdef VERBS_HAVE_FLUSH
    attr.device_cap_flags_ex |= IBV_DEVICE_FLUSH_GLOBAL | IBV_DEVICE_FLUSH_PERSISTENT;
    attr.odp_caps.per_transport_caps.rc_odp_caps |= IBV_ODP_SUPPORT_FLUSH;  // for all to see
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

// What the width and the speed in the attributes of the port make.
Result<uint64_t> Device::query_port_speed(uint32_t port_num) {
    if (port_num > UINT8_MAX) return verbs::fail(EINVAL, "there is no such port");
    VERBS_CHECK(query_port(static_cast<uint8_t>(port_num)));
    return kPortSpeed;
}

}  // namespace soft
