// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Which attributes a state change of a QP needs and which it allows (IBTA 10.3.1, table 91 ff.),
// as data.
#pragma once

#include "core/result.hpp"

#include <infiniband/verbs.h>

namespace soft {

// The attributes of one change for one type of QP, as bits of a modify mask.
struct Attributes {
    int required;
    int optional;
};

// The attributes of a change, or nullptr where it is illegal. Changes to RESET and to ERR are legal
// from every state and take none.
[[nodiscard]] const Attributes *find_transition(ibv_qp_type type, ibv_qp_state from,
                                                ibv_qp_state to) noexcept;

// Judges mask and states, then the values of what the mask names; the path (ah_attr) is the
// device's to judge.
verbs::Result<void> judge_modify(ibv_qp_type type, ibv_qp_state now, const ibv_qp_attr &attr,
                                 int mask);

[[nodiscard]] const char *name_of(ibv_qp_state state) noexcept;

}  // namespace soft
