// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// The table of legal changes, and the ranges of values.
#include "control/qp_transitions.hpp"

#include "control/limits.hpp"

#include <iterator>
#include <string>

namespace soft {

using verbs::fail;
using verbs::Result;

namespace {

constexpr int kInitRc = IBV_QP_PKEY_INDEX | IBV_QP_PORT | IBV_QP_ACCESS_FLAGS;
constexpr int kInitUd = IBV_QP_PKEY_INDEX | IBV_QP_PORT | IBV_QP_QKEY;
constexpr int kRtrRc = IBV_QP_AV | IBV_QP_PATH_MTU | IBV_QP_DEST_QPN | IBV_QP_RQ_PSN |
                       IBV_QP_MAX_DEST_RD_ATOMIC | IBV_QP_MIN_RNR_TIMER;
constexpr int kRtsRc =
    IBV_QP_TIMEOUT | IBV_QP_RETRY_CNT | IBV_QP_RNR_RETRY | IBV_QP_SQ_PSN | IBV_QP_MAX_QP_RD_ATOMIC;
constexpr int kLiveRc = IBV_QP_CUR_STATE | IBV_QP_ACCESS_FLAGS | IBV_QP_MIN_RNR_TIMER |
                        IBV_QP_ALT_PATH | IBV_QP_PATH_MIG_STATE;
constexpr int kLiveUc =
    IBV_QP_CUR_STATE | IBV_QP_ACCESS_FLAGS | IBV_QP_ALT_PATH | IBV_QP_PATH_MIG_STATE;
constexpr int kLiveUd = IBV_QP_CUR_STATE | IBV_QP_QKEY;

constexpr Transition kTransitions[] = {
    {IBV_QPT_RC, IBV_QPS_RESET, IBV_QPS_INIT, kInitRc, 0},
    {IBV_QPT_RC, IBV_QPS_INIT, IBV_QPS_INIT, 0, kInitRc},
    {IBV_QPT_RC, IBV_QPS_INIT, IBV_QPS_RTR, kRtrRc,
     IBV_QP_ALT_PATH | IBV_QP_ACCESS_FLAGS | IBV_QP_PKEY_INDEX},
    {IBV_QPT_RC, IBV_QPS_RTR, IBV_QPS_RTS, kRtsRc, kLiveRc},
    {IBV_QPT_RC, IBV_QPS_RTS, IBV_QPS_RTS, 0, kLiveRc},
    {IBV_QPT_UC, IBV_QPS_RESET, IBV_QPS_INIT, kInitRc, 0},
    {IBV_QPT_UC, IBV_QPS_INIT, IBV_QPS_INIT, 0, kInitRc},
    {IBV_QPT_UC, IBV_QPS_INIT, IBV_QPS_RTR,
     IBV_QP_AV | IBV_QP_PATH_MTU | IBV_QP_DEST_QPN | IBV_QP_RQ_PSN,
     IBV_QP_ALT_PATH | IBV_QP_ACCESS_FLAGS | IBV_QP_PKEY_INDEX},
    {IBV_QPT_UC, IBV_QPS_RTR, IBV_QPS_RTS, IBV_QP_SQ_PSN, kLiveUc},
    {IBV_QPT_UC, IBV_QPS_RTS, IBV_QPS_RTS, 0, kLiveUc},
    {IBV_QPT_UD, IBV_QPS_RESET, IBV_QPS_INIT, kInitUd, 0},
    {IBV_QPT_UD, IBV_QPS_INIT, IBV_QPS_INIT, 0, kInitUd},
    {IBV_QPT_UD, IBV_QPS_INIT, IBV_QPS_RTR, 0, IBV_QP_PKEY_INDEX | IBV_QP_QKEY},
    {IBV_QPT_UD, IBV_QPS_RTR, IBV_QPS_RTS, IBV_QP_SQ_PSN, kLiveUd},
    {IBV_QPT_UD, IBV_QPS_RTS, IBV_QPS_RTS, 0, kLiveUd},
};

constexpr unsigned kQpAccess = IBV_ACCESS_LOCAL_WRITE | IBV_ACCESS_REMOTE_WRITE |
                               IBV_ACCESS_REMOTE_READ | IBV_ACCESS_REMOTE_ATOMIC |
                               IBV_ACCESS_MW_BIND;

const char *name_of(ibv_qp_state state) {
    static constexpr const char *kNames[] = {"RESET", "INIT", "RTR", "RTS", "SQD", "SQE", "ERR"};
    const auto index = static_cast<std::size_t>(state);
    return index < std::size(kNames) ? kNames[index] : "no state";
}

struct Range {
    int bit;
    const char *name;
    uint64_t value;
    uint64_t least;
    uint64_t most;
};

Result<void> judge_path(const ibv_ah_attr &path) {
    if (path.is_global == 0)
        return fail(EINVAL, "ah_attr.is_global is 0: an Ethernet port needs a GRH");
    if (path.grh.sgid_index >= kGidTableLength)
        return fail(EINVAL, "ah_attr.grh.sgid_index " + std::to_string(path.grh.sgid_index) +
                                " is not in the GID table");
    if (path.port_num != 1)
        return fail(EINVAL, "ah_attr.port_num " + std::to_string(path.port_num) + " is no port");
    return {};
}

Result<void> judge_values(const ibv_qp_attr &attr, int mask) {
    constexpr uint64_t kPsn = 0xffffff;
    const Range ranges[] = {
        {IBV_QP_PKEY_INDEX, "pkey_index", attr.pkey_index, 0, 0},
        {IBV_QP_PORT, "port_num", attr.port_num, 1, 1},
        {IBV_QP_PATH_MTU, "path_mtu", static_cast<uint64_t>(attr.path_mtu), IBV_MTU_256,
         IBV_MTU_4096},
        {IBV_QP_DEST_QPN, "dest_qp_num", attr.dest_qp_num, 0, kPsn},
        {IBV_QP_RQ_PSN, "rq_psn", attr.rq_psn, 0, kPsn},
        {IBV_QP_SQ_PSN, "sq_psn", attr.sq_psn, 0, kPsn},
        {IBV_QP_TIMEOUT, "timeout", attr.timeout, 0, 31},
        {IBV_QP_RETRY_CNT, "retry_cnt", attr.retry_cnt, 0, 7},
        {IBV_QP_RNR_RETRY, "rnr_retry", attr.rnr_retry, 0, 7},
        {IBV_QP_MIN_RNR_TIMER, "min_rnr_timer", attr.min_rnr_timer, 0, 31},
        {IBV_QP_MAX_QP_RD_ATOMIC, "max_rd_atomic", attr.max_rd_atomic, 0, kMaxRdAtomic},
        {IBV_QP_MAX_DEST_RD_ATOMIC, "max_dest_rd_atomic", attr.max_dest_rd_atomic, 0, kMaxRdAtomic},
    };
    for (const Range &range : ranges)
        if ((mask & range.bit) != 0 && (range.value < range.least || range.value > range.most))
            return fail(EINVAL, std::string(range.name) + " is " + std::to_string(range.value) +
                                    ", allowed are " + std::to_string(range.least) + " to " +
                                    std::to_string(range.most));
    if ((mask & IBV_QP_ACCESS_FLAGS) != 0 && (attr.qp_access_flags & ~kQpAccess) != 0)
        return fail(EINVAL, "qp_access_flags has unknown bits");
    if ((mask & IBV_QP_AV) != 0) VERBS_CHECK(judge_path(attr.ah_attr));
    if ((mask & IBV_QP_ALT_PATH) != 0 || (mask & IBV_QP_PATH_MIG_STATE) != 0)
        return fail(EOPNOTSUPP, "path migration is not offered");
    return {};
}

}  // namespace

const Transition *find_transition(ibv_qp_type type, ibv_qp_state from, ibv_qp_state to) noexcept {
    for (const Transition &row : kTransitions)
        if (row.type == type && row.from == from && row.to == to) return &row;
    return nullptr;
}

Result<void> judge_modify(ibv_qp_type type, ibv_qp_state now, const ibv_qp_attr &attr, int mask) {
    if ((mask & IBV_QP_CUR_STATE) != 0 && attr.cur_qp_state != now)
        return fail(EINVAL, "cur_qp_state is not the state of the QP");
    const ibv_qp_state to = (mask & IBV_QP_STATE) != 0 ? attr.qp_state : now;
    const int given = mask & ~IBV_QP_STATE;
    if ((mask & IBV_QP_STATE) != 0 && (to == IBV_QPS_RESET || to == IBV_QPS_ERR)) {
        if ((given & ~IBV_QP_CUR_STATE) != 0)
            return fail(EINVAL, "a change to RESET or ERR takes no attributes");
        return {};
    }
    if (now == IBV_QPS_RTS && to == IBV_QPS_SQD)
        return fail(EOPNOTSUPP, "send queue drain is not offered");
    const Transition *row = find_transition(type, now, to);
    if (row == nullptr)
        return fail(EINVAL,
                    std::string("a QP cannot go from ") + name_of(now) + " to " + name_of(to));
    if ((given & row->required) != row->required)
        return fail(EINVAL,
                    "attributes are missing, mask bits " + std::to_string(row->required & ~given));
    if ((given & ~(row->required | row->optional | IBV_QP_CUR_STATE)) != 0)
        return fail(EINVAL, "attributes that this change does not take, mask bits " +
                                std::to_string(given & ~(row->required | row->optional)));
    return judge_values(attr, mask);
}

}  // namespace soft
