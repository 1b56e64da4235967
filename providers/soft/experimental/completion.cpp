// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Completion queues that are polled in steps, and tell when a completion was made and which tag its
// message had.
#include "control/device.hpp"
#include "datapath/qp.hpp"

#include <time.h>

namespace soft {

namespace {

constexpr uint64_t kBeside = IBV_WC_EX_WITH_COMPLETION_TIMESTAMP |
                             IBV_WC_EX_WITH_COMPLETION_TIMESTAMP_WALLCLOCK
#ifdef VERBS_HAVE_TAG_MATCHING
                             | IBV_WC_EX_WITH_TM_INFO
#endif
    ;

int take_plain(Cq &cq) noexcept {
    return poll_cq(&cq, 1, &cq.in_hand);
}

int take_all(Cq &cq) noexcept {
    Beside beside{};
    const int taken = take_with_beside(cq, cq.in_hand, beside);
    cq.made_at_ns = beside.made_at_ns;
    cq.tagged = {beside.tagged.tag, beside.tagged.priv};
    return taken;
}

uint64_t read_stamp(ibv_cq_ex *cq) noexcept {
    return static_cast<uint64_t>(PublicCq::of(cq).made_at_ns);
}

// The clock on the wall may have been set since; a completion keeps its distance to now.
uint64_t read_wallclock(ibv_cq_ex *cq) noexcept {
    timespec wall{};
    ::clock_gettime(CLOCK_REALTIME, &wall);
    const int64_t wall_ns = static_cast<int64_t>(wall.tv_sec) * 1'000'000'000 + wall.tv_nsec;
    return static_cast<uint64_t>(wall_ns - (monotonic_ns() - PublicCq::of(cq).made_at_ns));
}

void read_tag(ibv_cq_ex *cq, ibv_wc_tm_info *tm_info) noexcept {
    *tm_info = PublicCq::of(cq).tagged;
}

}  // namespace

Result<ibv_cq_ex *> Device::create_cq_ex(ibv_cq_init_attr_ex *attr) {
    VERBS_CHECK(verbs::provider::judge_cq(*attr, verbs::provider::kStandardFields | kBeside));
    Pd *domain = nullptr;
    if ((attr->comp_mask & IBV_CQ_INIT_ATTR_MASK_PD) != 0) {
        domain = static_cast<Pd *>(attr->parent_domain);
        if (domain->base == nullptr)
            return verbs::fail(EINVAL, "parent_domain is a plain protection domain");
    }
    const bool has_beside = (attr->wc_flags & kBeside) != 0;
    VERBS_TRY(cq, make_cq(domain, static_cast<int>(attr->cqe), attr->channel,
                          static_cast<int>(attr->comp_vector), has_beside));
    ibv_cq_ex *extended = has_beside ? verbs::provider::extend<Cq, take_all>(*cq, *attr)
                                     : verbs::provider::extend<Cq, take_plain>(*cq, *attr);
    if ((attr->wc_flags & IBV_WC_EX_WITH_COMPLETION_TIMESTAMP) != 0)
        extended->read_completion_ts = &read_stamp;
    if ((attr->wc_flags & IBV_WC_EX_WITH_COMPLETION_TIMESTAMP_WALLCLOCK) != 0)
        extended->read_completion_wallclock_ns = &read_wallclock;
    if ((attr->wc_flags & IBV_WC_EX_WITH_TM_INFO) != 0) extended->read_tm_info = &read_tag;
    return extended;
}

}  // namespace soft
