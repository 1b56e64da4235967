// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Waiting for completions, and saying what a completion has to be like.
#pragma once

#include "support/deadline.hpp"

#include <gtest/gtest.h>
#include <infiniband/verbs.h>

#include <array>
#include <stdexcept>
#include <string>
#include <vector>

namespace verbs_test {

// Throws when fewer come in time or when polling fails.
inline std::vector<ibv_wc> collect(ibv_cq *cq, size_t count, Milliseconds limit = patience()) {
    std::vector<ibv_wc> all;
    std::array<ibv_wc, 16> some{};
    int result = 0;
    const auto enough = [&] {
        if (all.size() >= count) return true;
        const int room = static_cast<int>(std::min(some.size(), count - all.size()));
        result = ibv_poll_cq(cq, room, some.data());
        for (int i = 0; i < result; ++i) {
            all.push_back(some[static_cast<size_t>(i)]);
        }
        return result < 0 || all.size() >= count;
    };
    if (!eventually(enough, limit)) {
        throw std::runtime_error("only " + std::to_string(all.size()) + " of " +
                                 std::to_string(count) + " completions came in time");
    }
    if (result < 0) throw std::runtime_error("ibv_poll_cq failed");
    return all;
}

inline ibv_wc collect_one(ibv_cq *cq, Milliseconds limit = patience()) {
    return collect(cq, 1, limit).front();
}

inline bool is_empty(ibv_cq *cq) {
    ibv_wc wc{};
    return ibv_poll_cq(cq, 1, &wc) == 0;
}

inline ::testing::AssertionResult ended(const ibv_wc &wc, uint64_t id, ibv_wc_status status) {
    if (wc.wr_id == id && wc.status == status) return ::testing::AssertionSuccess();
    return ::testing::AssertionFailure()
           << "request " << wc.wr_id << " ended with " << wc.status << " ("
           << ibv_wc_status_str(wc.status) << ", vendor " << wc.vendor_err << "), expected request "
           << id << " and " << status << " (" << ibv_wc_status_str(status) << ")";
}

inline ::testing::AssertionResult succeeded(const ibv_wc &wc, uint64_t id, ibv_wc_opcode opcode) {
    if (auto result = ended(wc, id, IBV_WC_SUCCESS); !result) return result;
    if (wc.opcode == opcode) return ::testing::AssertionSuccess();
    return ::testing::AssertionFailure()
           << "request " << id << " has opcode " << wc.opcode << ", expected " << opcode;
}

}  // namespace verbs_test
