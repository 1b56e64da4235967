// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// From the attributes of an extended object to those of the plain one, for whoever makes both.
#pragma once

#include <infiniband/verbs_exp.h>

namespace verbs::provider {

// The front of the extended struct is the plain one.
[[nodiscard]] inline ibv_qp_init_attr plain(const ibv_qp_init_attr_ex &attr) noexcept {
    return {attr.qp_context, attr.send_cq, attr.recv_cq,   attr.srq,
            attr.cap,        attr.qp_type, attr.sq_sig_all};
}

}  // namespace verbs::provider
