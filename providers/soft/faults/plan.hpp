// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// What faults a person asked for: the text of VERBS_SOFT_FAULTS as rules, and which of the things
// that happen a rule picks. Nothing here depends on time or on the order of threads.
#pragma once

#include "core/result.hpp"

#include <cerrno>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace soft {

enum class FaultKind : uint8_t { drop_peer, delay, rnr, fail_call, port_down, device_removal };

// The calls that can be made to fail.
enum class Call : uint8_t {
    alloc_pd,
    reg_mr,
    rereg_mr,
    alloc_mw,
    create_comp_channel,
    create_cq,
    resize_cq,
    create_srq,
    create_qp,
    modify_qp,
    create_ah,
};

struct FaultRule {
    FaultKind kind = FaultKind::drop_peer;
    std::string text;  // as it was written

    // Which ones, of what is counted (from 1): those behind the first `after`, and of these the one
    // or the multiples that are named, or each with a probability. Not more than `count` of them.
    uint64_t after = 0;
    uint64_t nth = 0;    // 0: not asked for
    uint64_t every = 0;  // 0: not asked for
    double probability = 0;
    uint64_t count = 0;  // 0: no limit
    uint64_t qp = 0;     // only this one of the device's queue pairs (from 1); 0: all

    bool is_on_receive = false;  // drop_peer: messages that come, not those that go
    int64_t delay_ns = 0;        // delay
    uint32_t attempts = 1;       // rnr: so many attempts find no receive
    Call call = Call::alloc_pd;  // fail_call
    int code = ENOMEM;           // fail_call
    int64_t after_ns = -1;       // port and device: when, since the device was opened
    uint64_t posts = 0;          // or: with this send request
    int64_t for_ns = -1;         // port_down: how long; -1 for good

    [[nodiscard]] bool is_timed() const noexcept { return kind >= FaultKind::port_down; }
    [[nodiscard]] bool is_about_messages() const noexcept { return kind <= FaultKind::rnr; }
};

struct FaultPlan {
    uint64_t seed = 0;
    std::vector<FaultRule> rules;
};

// The whole text, or the first place where it is wrong. No rule is no error.
verbs::Result<FaultPlan> parse_faults(std::string_view text);

// Whether the rule picks the `index`-th (from 1) of what `scope` counts: a queue pair's number in
// the order of creation, 0 for the device's calls. `done` is how many it has picked there before.
[[nodiscard]] bool picks(const FaultPlan &plan, std::size_t rule, uint64_t scope, uint64_t index,
                         uint64_t done) noexcept;

}  // namespace soft
