// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// A handle of a receiving QP of another process: a page that both have mapped, with the arguments
// of a call and what it gives. Packets say when to look. Either side may write anything at any
// time: what is read is copied first and judged after.
#pragma once

#include <infiniband/verbs.h>

#include <cstddef>
#include <cstdint>

namespace soft {

enum class HandleCall : uint32_t { modify = 1, query = 2 };

inline constexpr uint32_t kNoCall = 0;

struct HandlePage {
    uint64_t domain[3];
    uint32_t call;    // HandleCall
    uint32_t number;  // of the call, as in its packet; kNoCall: it was taken back
    int32_t mask;
    ibv_qp_attr attr;
    ibv_qp_init_attr init_attr;
};
inline constexpr std::size_t kHandlePageBytes = 4096;
static_assert(sizeof(HandlePage) <= kHandlePageBytes);

}  // namespace soft
