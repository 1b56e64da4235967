// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Address handles. Newer kernels number them and look the way up by number; for older ones (before
// 5.18) each datagram carries the way.
#pragma once

#include "core/slabs.hpp"
#include "datapath/domain.hpp"
#include "datapath/layout.hpp"

namespace rxe {

struct Ah : ibv_ah, verbs::InSlabs<Ah> {
    Ah() noexcept : ibv_ah{} {}
    uint32_t ah_num = 0;  // 0: this kernel does not number them, and `av` is used
    rxe_av av{};          // filled in when ah_num is 0
    PdUse domain;
};

}  // namespace rxe
