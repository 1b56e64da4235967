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

// Names of the mask bits that a row can be read with.
constexpr int kPkey = IBV_QP_PKEY_INDEX;
constexpr int kPort = IBV_QP_PORT;
constexpr int kQkey = IBV_QP_QKEY;
constexpr int kAccess = IBV_QP_ACCESS_FLAGS;
constexpr int kNow = IBV_QP_CUR_STATE;
constexpr int kRnrTimer = IBV_QP_MIN_RNR_TIMER;
constexpr int kMigration = IBV_QP_ALT_PATH | IBV_QP_PATH_MIG_STATE;
constexpr int kPeer = IBV_QP_AV | IBV_QP_PATH_MTU | IBV_QP_DEST_QPN | IBV_QP_RQ_PSN;
constexpr int kRetry =
    IBV_QP_TIMEOUT | IBV_QP_RETRY_CNT | IBV_QP_RNR_RETRY | IBV_QP_MAX_QP_RD_ATOMIC;
constexpr int kResponder = IBV_QP_MAX_DEST_RD_ATOMIC | IBV_QP_MIN_RNR_TIMER;

struct Row {
    ibv_qp_state from;
    ibv_qp_state to;
    Attributes rc;
    Attributes uc;
    Attributes ud;
    Attributes xrc_send;
    Attributes xrc_recv;
};

// A change that the type does not know.
constexpr Attributes kNone{-1, -1};

// SQD has no PORT for UC, and UD no AV at all: a datagram's path is in its address handle. RC and
// XRC are never in SQE (IBTA 10.3.1.6): their errors are fatal. Each end of XRC takes what only the
// other needs, as perftest gives it to both.
constexpr Row kRows[] = {
    {IBV_QPS_RESET,
     IBV_QPS_INIT,
     {kPkey | kPort | kAccess, 0},
     {kPkey | kPort | kAccess, 0},
     {kPkey | kPort | kQkey, 0},
     {kPkey | kPort | kAccess, 0},
     {kPkey | kPort | kAccess, 0}},
    {IBV_QPS_INIT,
     IBV_QPS_INIT,
     {0, kPkey | kPort | kAccess},
     {0, kPkey | kPort | kAccess},
     {0, kPkey | kPort | kQkey},
     {0, kPkey | kPort | kAccess},
     {0, kPkey | kPort | kAccess}},
    {IBV_QPS_INIT,
     IBV_QPS_RTR,
     {kPeer | IBV_QP_MAX_DEST_RD_ATOMIC | kRnrTimer, IBV_QP_ALT_PATH | kAccess | kPkey},
     {kPeer, IBV_QP_ALT_PATH | kAccess | kPkey},
     {0, kPkey | kQkey},
     {kPeer, IBV_QP_ALT_PATH | kAccess | kPkey | kResponder},
     {kPeer | kResponder, IBV_QP_ALT_PATH | kAccess | kPkey}},
    {IBV_QPS_RTR,
     IBV_QPS_RTS,
     {IBV_QP_SQ_PSN | kRetry, kNow | kAccess | kRnrTimer | kMigration},
     {IBV_QP_SQ_PSN, kNow | kAccess | kMigration},
     {IBV_QP_SQ_PSN, kNow | kQkey},
     {IBV_QP_SQ_PSN | kRetry, kNow | kAccess | kMigration},
     {IBV_QP_SQ_PSN | IBV_QP_TIMEOUT, kNow | kAccess | kRnrTimer | kMigration | kRetry}},
    {IBV_QPS_RTS,
     IBV_QPS_RTS,
     {0, kNow | kAccess | kRnrTimer | kMigration},
     {0, kNow | kAccess | kMigration},
     {0, kNow | kQkey},
     {0, kNow | kAccess | kMigration},
     {0, kNow | kAccess | kRnrTimer | kMigration}},
    {IBV_QPS_RTS,
     IBV_QPS_SQD,
     {0, IBV_QP_EN_SQD_ASYNC_NOTIFY},
     {0, IBV_QP_EN_SQD_ASYNC_NOTIFY},
     {0, IBV_QP_EN_SQD_ASYNC_NOTIFY},
     {0, IBV_QP_EN_SQD_ASYNC_NOTIFY},
     {0, IBV_QP_EN_SQD_ASYNC_NOTIFY}},
    {IBV_QPS_SQD,
     IBV_QPS_SQD,
     {0, kPort | IBV_QP_AV | kRetry | IBV_QP_MAX_DEST_RD_ATOMIC | kAccess | kPkey | kRnrTimer |
             kMigration},
     {0, IBV_QP_AV | kAccess | kPkey | kMigration},
     {0, kPkey | kQkey},
     {0, kPort | IBV_QP_AV | kRetry | kAccess | kPkey | kMigration},
     {0, kPort | IBV_QP_AV | IBV_QP_TIMEOUT | kResponder | kAccess | kPkey | kMigration}},
    {IBV_QPS_SQD,
     IBV_QPS_RTS,
     {0, kNow | kAccess | kRnrTimer | kMigration},
     {0, kNow | kAccess | kMigration},
     {0, kNow | kQkey},
     {0, kNow | kAccess | kMigration},
     {0, kNow | kAccess | kRnrTimer | kMigration}},
    {IBV_QPS_SQE, IBV_QPS_RTS, kNone, {0, kNow | kAccess}, {0, kNow | kQkey}, kNone, kNone},
};

// Some are about memory alone: programs hand on the flags of their regions.
constexpr unsigned kQpAccess = IBV_ACCESS_LOCAL_WRITE | IBV_ACCESS_REMOTE_WRITE |
                               IBV_ACCESS_REMOTE_READ | IBV_ACCESS_REMOTE_ATOMIC |
                               IBV_ACCESS_MW_BIND | IBV_ACCESS_ON_DEMAND;

struct Range {
    int bit;
    const char *name;
    uint64_t value;
    uint64_t least;
    uint64_t most;
};

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
    if ((mask & IBV_QP_ACCESS_FLAGS) != 0 &&
        (attr.qp_access_flags & ~(kQpAccess | flush_access())) != 0)
        return fail(EINVAL, "qp_access_flags has unknown bits");
    if ((mask & IBV_QP_ALT_PATH) != 0 || (mask & IBV_QP_PATH_MIG_STATE) != 0)
        return fail(EOPNOTSUPP, "path migration is not offered");
    return {};
}

}  // namespace

const char *name_of(ibv_qp_state state) noexcept {
    static constexpr const char *kNames[] = {"RESET", "INIT", "RTR", "RTS", "SQD", "SQE", "ERR"};
    const auto index = static_cast<std::size_t>(state);
    return index < std::size(kNames) ? kNames[index] : "no state";
}

namespace {

// The attributes of a type, or nullptr where it is none of ours.
const Attributes *of_type(const Row &row, ibv_qp_type type) noexcept {
    switch (type) {
    case IBV_QPT_RC:
        return &row.rc;
    case IBV_QPT_UC:
        return &row.uc;
    case IBV_QPT_UD:
        return &row.ud;
    case IBV_QPT_XRC_SEND:
        return &row.xrc_send;
    case IBV_QPT_XRC_RECV:
        return &row.xrc_recv;
    default:
        return nullptr;
    }
}

}  // namespace

const Attributes *find_transition(ibv_qp_type type, ibv_qp_state from, ibv_qp_state to) noexcept {
    static constexpr Attributes kNothing{0, 0};
    if (of_type(kRows[0], type) == nullptr) return nullptr;
    if (to == IBV_QPS_RESET || to == IBV_QPS_ERR) return &kNothing;
    for (const Row &row : kRows) {
        if (row.from != from || row.to != to) continue;
        const Attributes *attributes = of_type(row, type);
        return attributes->required == kNone.required ? nullptr : attributes;
    }
    return nullptr;
}

Result<void> judge_modify(ibv_qp_type type, ibv_qp_state now, const ibv_qp_attr &attr, int mask) {
    if ((mask & IBV_QP_CUR_STATE) != 0 && attr.cur_qp_state != now)
        return fail(EINVAL, "cur_qp_state is not the state of the QP");
    const ibv_qp_state to = (mask & IBV_QP_STATE) != 0 ? attr.qp_state : now;
    const Attributes *allowed = find_transition(type, now, to);
    if (allowed == nullptr)
        return fail(EINVAL,
                    std::string("a QP cannot go from ") + name_of(now) + " to " + name_of(to));
    const int given = mask & ~IBV_QP_STATE;
    if ((given & allowed->required) != allowed->required)
        return fail(EINVAL, std::string(name_of(now)) + " to " + name_of(to) +
                                ": attributes are missing, mask bits " +
                                std::to_string(allowed->required & ~given));
    if (const int foreign = given & ~(allowed->required | allowed->optional); foreign != 0)
        return fail(EINVAL, std::string(name_of(now)) + " to " + name_of(to) +
                                ": attributes that this change does not take, mask bits " +
                                std::to_string(foreign));
    return judge_values(attr, mask);
}

}  // namespace soft
