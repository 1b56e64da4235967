// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// CQs that are polled in steps (struct ibv_cq_ex), over a provider's own way to take one completion
// out of a CQ. The completion in hand is an ibv_wc in the CQ, which the read_* pointers look at.
#pragma once

#include <verbs/biased_lock.hpp>
#include <verbs/provider_exp.h>

#include "core/result.hpp"

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <string>

namespace verbs::provider {

// The front of a provider's CQ in place of ibv_cq: room for the public struct of the extended kind,
// which begins with the plain one. So each CQ of the provider can be either.
struct ExtendedCq : ibv_cq {
    ExtendedCq() noexcept : ibv_cq{} {}

    [[nodiscard]] ibv_cq_ex &extended() noexcept { return *reinterpret_cast<ibv_cq_ex *>(this); }
    [[nodiscard]] static ExtendedCq &of(ibv_cq_ex *cq) noexcept {
        return *reinterpret_cast<ExtendedCq *>(cq);
    }

    // Of ibv_cq_ex. Ours never looks at it but through extended().
    alignas(ibv_cq_ex) unsigned char beyond_ibv_cq[sizeof(ibv_cq_ex) - sizeof(ibv_cq)] = {};

    ibv_wc in_hand{};
    int64_t made_at_ns = 0;   // the completion in hand, by a provider that has a clock
    ibv_wc_tm_info tagged{};  // the same, by a provider that matches tags
    // Between a start_poll that found something and end_poll, as one completion is in hand.
    BiasedLock steps_lock;
};
static_assert(offsetof(ibv_cq_ex, comp_mask) == sizeof(ibv_cq) &&
              alignof(ibv_cq_ex) == alignof(ibv_cq));

// What a completion tells on any device, enum ibv_create_cq_wc_flags.
inline constexpr uint64_t kStandardFields = IBV_WC_STANDARD_FLAGS;

// What such a CQ may be asked for: `fields` as a provider has them. Whether parent_domain, which is
// there if comp_mask says so, is one is the provider's to judge.
[[nodiscard]] inline Result<void> judge_cq(const ibv_cq_init_attr_ex &attr, uint64_t fields) {
    if ((attr.comp_mask & ~uint32_t{IBV_CQ_INIT_ATTR_MASK_FLAGS | IBV_CQ_INIT_ATTR_MASK_PD}) != 0)
        return fail(EINVAL, "comp_mask has bits that are not known");
    if ((attr.comp_mask & IBV_CQ_INIT_ATTR_MASK_PD) != 0 && attr.parent_domain == nullptr)
        return fail(EINVAL, "parent_domain is NULL");
    if ((attr.comp_mask & IBV_CQ_INIT_ATTR_MASK_FLAGS) != 0 &&
        (attr.flags & ~uint32_t{IBV_CREATE_CQ_ATTR_SINGLE_THREADED}) != 0)
        return fail(EOPNOTSUPP, "of flags the device knows SINGLE_THREADED only");
    if (const uint64_t missing = attr.wc_flags & ~fields; missing != 0)
        return fail(EOPNOTSUPP, "completions of the device do not have all of wc_flags: without " +
                                    std::to_string(missing) + " they do");
    return {};
}

// Take is int(Cq &): moves the oldest completion to cq.in_hand and returns 1; 0: there is none;
// negative: the queue is broken. It does its own locking against ibv_poll_cq.
template <class Cq, auto Take, bool kIsShared>
struct Steps {
    static int take(ibv_cq_ex *cq) noexcept {
        ExtendedCq &self = ExtendedCq::of(cq);
        const int taken = Take(static_cast<Cq &>(self));
        if (taken != 1) [[unlikely]]
            return taken == 0 ? ENOENT : EIO;
        cq->wr_id = self.in_hand.wr_id;
        cq->status = self.in_hand.status;
        return 0;
    }
    // Nothing can be asked for in attr so far.
    static int start_poll(ibv_cq_ex *cq, ibv_poll_cq_attr *attr) noexcept {
        if (attr != nullptr && attr->comp_mask != 0) [[unlikely]]
            return EINVAL;
        if constexpr (kIsShared) ExtendedCq::of(cq).steps_lock.lock();
        const int code = take(cq);
        if constexpr (kIsShared)
            if (code != 0) ExtendedCq::of(cq).steps_lock.unlock();
        return code;
    }
    static void end_poll(ibv_cq_ex *cq) noexcept {
        if constexpr (kIsShared) ExtendedCq::of(cq).steps_lock.unlock();
    }
    static void fill(ibv_cq_ex &cq) noexcept {
        cq.start_poll = &start_poll;
        cq.next_poll = &take;
        cq.end_poll = &end_poll;
    }
};

// The pointers for the fields that are always there, and for those of `fields` that are in an
// ibv_wc.
inline void fill_fields(ibv_cq_ex &cq, uint64_t fields) noexcept {
    using Cq = ExtendedCq;
    cq.read_opcode = [](ibv_cq_ex *own) { return Cq::of(own).in_hand.opcode; };
    cq.read_vendor_err = [](ibv_cq_ex *own) { return Cq::of(own).in_hand.vendor_err; };
    cq.read_wc_flags = [](ibv_cq_ex *own) { return Cq::of(own).in_hand.wc_flags; };
    if ((fields & IBV_WC_EX_WITH_BYTE_LEN) != 0)
        cq.read_byte_len = [](ibv_cq_ex *own) { return Cq::of(own).in_hand.byte_len; };
    if ((fields & IBV_WC_EX_WITH_IMM) != 0)  // or the key that was invalidated: the same bytes
        cq.read_imm_data = [](ibv_cq_ex *own) { return Cq::of(own).in_hand.imm_data; };
    if ((fields & IBV_WC_EX_WITH_QP_NUM) != 0)
        cq.read_qp_num = [](ibv_cq_ex *own) { return Cq::of(own).in_hand.qp_num; };
    if ((fields & IBV_WC_EX_WITH_SRC_QP) != 0)
        cq.read_src_qp = [](ibv_cq_ex *own) { return Cq::of(own).in_hand.src_qp; };
    if ((fields & IBV_WC_EX_WITH_SLID) != 0)
        cq.read_slid = [](ibv_cq_ex *own) -> uint32_t { return Cq::of(own).in_hand.slid; };
    if ((fields & IBV_WC_EX_WITH_SL) != 0)
        cq.read_sl = [](ibv_cq_ex *own) { return Cq::of(own).in_hand.sl; };
    if ((fields & IBV_WC_EX_WITH_DLID_PATH_BITS) != 0)
        cq.read_dlid_path_bits = [](ibv_cq_ex *own) { return Cq::of(own).in_hand.dlid_path_bits; };
}

// Makes a CQ that the provider has created, and judge_cq has let pass, one that is polled in steps.
template <class Cq, auto Take>
ibv_cq_ex *extend(Cq &own, const ibv_cq_init_attr_ex &attr) noexcept {
    ibv_cq_ex &cq = own.extended();
    const bool is_single_threaded = (attr.comp_mask & IBV_CQ_INIT_ATTR_MASK_FLAGS) != 0 &&
                                    (attr.flags & IBV_CREATE_CQ_ATTR_SINGLE_THREADED) != 0;
    if (is_single_threaded) {
        Steps<Cq, Take, false>::fill(cq);
    } else {
        Steps<Cq, Take, true>::fill(cq);
        own.steps_lock.bias();
    }
    fill_fields(cq, attr.wc_flags);
    return &cq;
}

}  // namespace verbs::provider
