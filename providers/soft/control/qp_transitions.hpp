// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Which attributes a state change of a QP needs and which it allows (IBTA 10.3.1, table 91 ff.),
// as data.
#pragma once

#include "core/result.hpp"

#include <infiniband/verbs.h>

namespace soft {

struct Transition {
    ibv_qp_type type;
    ibv_qp_state from;
    ibv_qp_state to;
    int required;
    int optional;
};

// The row for a change, or nullptr where it is illegal. Changes to RESET and ERR are always legal
// and take no attributes; they have no rows.
[[nodiscard]] const Transition *find_transition(ibv_qp_type type, ibv_qp_state from,
                                                ibv_qp_state to) noexcept;

// Judges mask and states, then the values of what the mask names.
verbs::Result<void> judge_modify(ibv_qp_type type, ibv_qp_state now, const ibv_qp_attr &attr,
                                 int mask);

}  // namespace soft
