// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Every cell of the table of state changes: each attribute that is missing, each that is too much.
#include "control/qp_transitions.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <ostream>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

using namespace soft;

ibv_qp_attr good() {
    ibv_qp_attr attr{};
    attr.port_num = 1;
    attr.path_mtu = IBV_MTU_1024;
    attr.dest_qp_num = 0x1234;
    attr.min_rnr_timer = 12;
    attr.timeout = 14;
    attr.retry_cnt = 7;
    attr.rnr_retry = 7;
    attr.max_rd_atomic = attr.max_dest_rd_atomic = 1;
    attr.ah_attr.is_global = 1;
    attr.ah_attr.port_num = 1;
    return attr;
}

constexpr ibv_qp_state kStates[] = {IBV_QPS_RESET, IBV_QPS_INIT, IBV_QPS_RTR, IBV_QPS_RTS,
                                    IBV_QPS_SQD,   IBV_QPS_SQE,  IBV_QPS_ERR};

// Every bit that a modify mask can have, and what it is called below.
struct Bit {
    const char *name;
    int bit;
};
constexpr Bit kBits[] = {
    {"now", IBV_QP_CUR_STATE},
    {"notify", IBV_QP_EN_SQD_ASYNC_NOTIFY},
    {"access", IBV_QP_ACCESS_FLAGS},
    {"pkey", IBV_QP_PKEY_INDEX},
    {"port", IBV_QP_PORT},
    {"qkey", IBV_QP_QKEY},
    {"av", IBV_QP_AV},
    {"mtu", IBV_QP_PATH_MTU},
    {"timeout", IBV_QP_TIMEOUT},
    {"retry", IBV_QP_RETRY_CNT},
    {"rnr_retry", IBV_QP_RNR_RETRY},
    {"rq_psn", IBV_QP_RQ_PSN},
    {"rd_atomic", IBV_QP_MAX_QP_RD_ATOMIC},
    {"alt_path", IBV_QP_ALT_PATH},
    {"rnr_timer", IBV_QP_MIN_RNR_TIMER},
    {"sq_psn", IBV_QP_SQ_PSN},
    {"dest_rd_atomic", IBV_QP_MAX_DEST_RD_ATOMIC},
    {"migration", IBV_QP_PATH_MIG_STATE},
    {"cap", IBV_QP_CAP},
    {"dest_qpn", IBV_QP_DEST_QPN},
    {"rate_limit", IBV_QP_RATE_LIMIT},
};

// The table of IBTA 10.3.1 once more, in words. Changes to RESET and ERR are not here: they are
// legal from everywhere and take nothing.
struct Cell {
    ibv_qp_type type;
    ibv_qp_state from;
    ibv_qp_state to;
    const char *required;
    const char *optional;
};
constexpr Cell kCells[] = {
    {IBV_QPT_RC, IBV_QPS_RESET, IBV_QPS_INIT, "pkey port access", ""},
    {IBV_QPT_RC, IBV_QPS_INIT, IBV_QPS_INIT, "", "pkey port access"},
    {IBV_QPT_RC, IBV_QPS_INIT, IBV_QPS_RTR, "av mtu dest_qpn rq_psn dest_rd_atomic rnr_timer",
     "alt_path access pkey"},
    {IBV_QPT_RC, IBV_QPS_RTR, IBV_QPS_RTS, "timeout retry rnr_retry sq_psn rd_atomic",
     "now access rnr_timer alt_path migration"},
    {IBV_QPT_RC, IBV_QPS_RTS, IBV_QPS_RTS, "", "now access rnr_timer alt_path migration"},
    {IBV_QPT_RC, IBV_QPS_RTS, IBV_QPS_SQD, "", "notify"},
    {IBV_QPT_RC, IBV_QPS_SQD, IBV_QPS_SQD, "",
     "port av timeout retry rnr_retry rd_atomic dest_rd_atomic access pkey rnr_timer alt_path "
     "migration"},
    {IBV_QPT_RC, IBV_QPS_SQD, IBV_QPS_RTS, "", "now access rnr_timer alt_path migration"},

    {IBV_QPT_UC, IBV_QPS_RESET, IBV_QPS_INIT, "pkey port access", ""},
    {IBV_QPT_UC, IBV_QPS_INIT, IBV_QPS_INIT, "", "pkey port access"},
    {IBV_QPT_UC, IBV_QPS_INIT, IBV_QPS_RTR, "av mtu dest_qpn rq_psn", "alt_path access pkey"},
    {IBV_QPT_UC, IBV_QPS_RTR, IBV_QPS_RTS, "sq_psn", "now access alt_path migration"},
    {IBV_QPT_UC, IBV_QPS_RTS, IBV_QPS_RTS, "", "now access alt_path migration"},
    {IBV_QPT_UC, IBV_QPS_RTS, IBV_QPS_SQD, "", "notify"},
    {IBV_QPT_UC, IBV_QPS_SQD, IBV_QPS_SQD, "", "av access pkey alt_path migration"},
    {IBV_QPT_UC, IBV_QPS_SQD, IBV_QPS_RTS, "", "now access alt_path migration"},
    {IBV_QPT_UC, IBV_QPS_SQE, IBV_QPS_RTS, "", "now access"},

    {IBV_QPT_UD, IBV_QPS_RESET, IBV_QPS_INIT, "pkey port qkey", ""},
    {IBV_QPT_UD, IBV_QPS_INIT, IBV_QPS_INIT, "", "pkey port qkey"},
    {IBV_QPT_UD, IBV_QPS_INIT, IBV_QPS_RTR, "", "pkey qkey"},
    {IBV_QPT_UD, IBV_QPS_RTR, IBV_QPS_RTS, "sq_psn", "now qkey"},
    {IBV_QPT_UD, IBV_QPS_RTS, IBV_QPS_RTS, "", "now qkey"},
    {IBV_QPT_UD, IBV_QPS_RTS, IBV_QPS_SQD, "", "notify"},
    {IBV_QPT_UD, IBV_QPS_SQD, IBV_QPS_SQD, "", "pkey qkey"},
    {IBV_QPT_UD, IBV_QPS_SQD, IBV_QPS_RTS, "", "now qkey"},
    {IBV_QPT_UD, IBV_QPS_SQE, IBV_QPS_RTS, "", "now qkey"},

    {IBV_QPT_XRC_SEND, IBV_QPS_RESET, IBV_QPS_INIT, "pkey port access", ""},
    {IBV_QPT_XRC_SEND, IBV_QPS_INIT, IBV_QPS_INIT, "", "pkey port access"},
    {IBV_QPT_XRC_SEND, IBV_QPS_INIT, IBV_QPS_RTR, "av mtu dest_qpn rq_psn",
     "alt_path access pkey dest_rd_atomic rnr_timer"},
    {IBV_QPT_XRC_SEND, IBV_QPS_RTR, IBV_QPS_RTS, "timeout retry rnr_retry sq_psn rd_atomic",
     "now access alt_path migration"},
    {IBV_QPT_XRC_SEND, IBV_QPS_RTS, IBV_QPS_RTS, "", "now access alt_path migration"},
    {IBV_QPT_XRC_SEND, IBV_QPS_RTS, IBV_QPS_SQD, "", "notify"},
    {IBV_QPT_XRC_SEND, IBV_QPS_SQD, IBV_QPS_SQD, "",
     "port av timeout retry rnr_retry rd_atomic access pkey alt_path migration"},
    {IBV_QPT_XRC_SEND, IBV_QPS_SQD, IBV_QPS_RTS, "", "now access alt_path migration"},

    {IBV_QPT_XRC_RECV, IBV_QPS_RESET, IBV_QPS_INIT, "pkey port access", ""},
    {IBV_QPT_XRC_RECV, IBV_QPS_INIT, IBV_QPS_INIT, "", "pkey port access"},
    {IBV_QPT_XRC_RECV, IBV_QPS_INIT, IBV_QPS_RTR, "av mtu dest_qpn rq_psn dest_rd_atomic rnr_timer",
     "alt_path access pkey"},
    {IBV_QPT_XRC_RECV, IBV_QPS_RTR, IBV_QPS_RTS, "timeout sq_psn",
     "now access rnr_timer alt_path migration retry rnr_retry rd_atomic"},
    {IBV_QPT_XRC_RECV, IBV_QPS_RTS, IBV_QPS_RTS, "", "now access rnr_timer alt_path migration"},
    {IBV_QPT_XRC_RECV, IBV_QPS_RTS, IBV_QPS_SQD, "", "notify"},
    {IBV_QPT_XRC_RECV, IBV_QPS_SQD, IBV_QPS_SQD, "",
     "port av timeout dest_rd_atomic access pkey rnr_timer alt_path migration"},
    {IBV_QPT_XRC_RECV, IBV_QPS_SQD, IBV_QPS_RTS, "", "now access rnr_timer alt_path migration"},
};

int mask_of(const char *words) {
    int mask = 0;
    std::istringstream stream(words);
    for (std::string word; stream >> word;) {
        const auto *found = std::ranges::find(kBits, word, &Bit::name);
        if (found == std::end(kBits)) throw std::logic_error("no attribute is called " + word);
        mask |= found->bit;
    }
    return mask;
}

// Every pair of states for every type.
struct Change {
    ibv_qp_type type;
    ibv_qp_state from;
    ibv_qp_state to;

    [[nodiscard]] const Cell *cell() const {
        const auto *found = std::ranges::find_if(kCells, [&](const Cell &cell) {
            return cell.type == type && cell.from == from && cell.to == to;
        });
        return found != std::end(kCells) ? found : nullptr;
    }
    [[nodiscard]] bool is_legal() const { return cell() != nullptr || takes_nothing(); }
    [[nodiscard]] bool takes_nothing() const { return to == IBV_QPS_RESET || to == IBV_QPS_ERR; }
    [[nodiscard]] int required() const { return cell() != nullptr ? mask_of(cell()->required) : 0; }
    [[nodiscard]] int optional() const { return cell() != nullptr ? mask_of(cell()->optional) : 0; }
    // 0, or the number that a change with these attributes is refused with.
    [[nodiscard]] int judge(int attributes) const {
        ibv_qp_attr attr = good();
        attr.qp_state = to;
        attr.cur_qp_state = from;
        const auto judged = judge_modify(type, from, attr, attributes | IBV_QP_STATE);
        return judged ? 0 : judged.error().code;
    }
};
std::ostream &operator<<(std::ostream &out, const Change &change) {
    return out << name_of(change.from) << " to " << name_of(change.to);
}

constexpr int kMigration = IBV_QP_ALT_PATH | IBV_QP_PATH_MIG_STATE;

std::vector<Change> every_change() {
    std::vector<Change> changes;
    for (const ibv_qp_type type :
         {IBV_QPT_RC, IBV_QPT_UC, IBV_QPT_UD, IBV_QPT_XRC_SEND, IBV_QPT_XRC_RECV})
        for (const ibv_qp_state from : kStates)
            for (const ibv_qp_state to : kStates)
                changes.push_back({type, from, to});
    return changes;
}

class QpChange : public testing::TestWithParam<Change> {};

TEST_P(QpChange, IsTakenWithWhatItNeedsWhereItIsLegalAndRefusedElsewhere) {
    const Change &change = GetParam();
    EXPECT_EQ(change.judge(change.required()), change.is_legal() ? 0 : EINVAL);
}

TEST_P(QpChange, IsRefusedWithoutAnyOneThatItNeeds) {
    const Change &change = GetParam();
    for (const Bit &one : kBits)
        if ((change.required() & one.bit) != 0) {
            EXPECT_EQ(change.judge(change.required() & ~one.bit), EINVAL) << one.name;
        }
}

TEST_P(QpChange, TakesEachThatItMayHave) {
    const Change &change = GetParam();
    for (const Bit &one : kBits) {
        if ((change.optional() & one.bit) == 0) continue;
        const int expected = (one.bit & kMigration) != 0 ? EOPNOTSUPP : 0;
        EXPECT_EQ(change.judge(change.required() | one.bit), expected) << one.name;
    }
    if (!change.is_legal()) return;
    EXPECT_EQ(change.judge(change.required() | (change.optional() & ~kMigration)), 0);
}

TEST_P(QpChange, IsRefusedWithEachThatItDoesNotKnow) {
    const Change &change = GetParam();
    const int known = change.required() | change.optional();
    for (const Bit &one : kBits)
        if ((known & one.bit) == 0) {
            EXPECT_EQ(change.judge(change.required() | one.bit), EINVAL) << one.name;
        }
}

const char *type_name(ibv_qp_type type) {
    switch (type) {
    case IBV_QPT_RC:
        return "Rc";
    case IBV_QPT_UC:
        return "Uc";
    case IBV_QPT_UD:
        return "Ud";
    default:
        return type == IBV_QPT_XRC_SEND ? "XrcSend" : "XrcRecv";
    }
}

INSTANTIATE_TEST_SUITE_P(Of, QpChange, testing::ValuesIn(every_change()), [](const auto &change) {
    const Change &one = change.param;
    return std::string(type_name(one.type)) + name_of(one.from) + "to" + name_of(one.to);
});

TEST(QpAttributes, MayChangeWithoutNamingTheStateWhereItStays) {
    ibv_qp_attr attr = good();
    EXPECT_TRUE(judge_modify(IBV_QPT_RC, IBV_QPS_RTS, attr, IBV_QP_MIN_RNR_TIMER).has_value());
    EXPECT_TRUE(judge_modify(IBV_QPT_RC, IBV_QPS_SQD, attr, IBV_QP_TIMEOUT).has_value());
    EXPECT_FALSE(judge_modify(IBV_QPT_RC, IBV_QPS_RTS, attr, IBV_QP_TIMEOUT).has_value());
    EXPECT_FALSE(judge_modify(IBV_QPT_RC, IBV_QPS_RTR, attr, IBV_QP_MIN_RNR_TIMER).has_value());
    EXPECT_FALSE(judge_modify(IBV_QPT_RC, IBV_QPS_ERR, attr, IBV_QP_ACCESS_FLAGS).has_value());
}

TEST(QpAttributes, OfAStateThatThereIsNotAreRefused) {
    ibv_qp_attr attr = good();
    attr.qp_state = IBV_QPS_UNKNOWN;
    EXPECT_FALSE(judge_modify(IBV_QPT_RC, IBV_QPS_RTS, attr, IBV_QP_STATE).has_value());
}

TEST(QpAttributes, OutOfTheirRangeAreRefusedByName) {
    struct Case {
        const char *name;
        void (*spoil)(ibv_qp_attr &);
        ibv_qp_state from;
    };
    const Case cases[] = {
        {"port_num", [](ibv_qp_attr &attr) { attr.port_num = 2; }, IBV_QPS_RESET},
        {"pkey_index", [](ibv_qp_attr &attr) { attr.pkey_index = 1; }, IBV_QPS_RESET},
        {"qp_access_flags", [](ibv_qp_attr &attr) { attr.qp_access_flags = 1u << 30; },
         IBV_QPS_RESET},
        {"path_mtu", [](ibv_qp_attr &attr) { attr.path_mtu = static_cast<ibv_mtu>(6); },
         IBV_QPS_INIT},
        {"path_mtu", [](ibv_qp_attr &attr) { attr.path_mtu = static_cast<ibv_mtu>(0); },
         IBV_QPS_INIT},
        {"dest_qp_num", [](ibv_qp_attr &attr) { attr.dest_qp_num = 1u << 24; }, IBV_QPS_INIT},
        {"rq_psn", [](ibv_qp_attr &attr) { attr.rq_psn = 1u << 24; }, IBV_QPS_INIT},
        {"min_rnr_timer", [](ibv_qp_attr &attr) { attr.min_rnr_timer = 32; }, IBV_QPS_INIT},
        {"max_dest_rd_atomic", [](ibv_qp_attr &attr) { attr.max_dest_rd_atomic = 255; },
         IBV_QPS_INIT},
        {"timeout", [](ibv_qp_attr &attr) { attr.timeout = 32; }, IBV_QPS_RTR},
        {"retry_cnt", [](ibv_qp_attr &attr) { attr.retry_cnt = 8; }, IBV_QPS_RTR},
        {"rnr_retry", [](ibv_qp_attr &attr) { attr.rnr_retry = 8; }, IBV_QPS_RTR},
        {"sq_psn", [](ibv_qp_attr &attr) { attr.sq_psn = 1u << 24; }, IBV_QPS_RTR},
    };
    for (const Case &one : cases) {
        ibv_qp_attr attr = good();
        one.spoil(attr);
        attr.qp_state = static_cast<ibv_qp_state>(one.from + 1);
        const Attributes *row = find_transition(IBV_QPT_RC, one.from, attr.qp_state);
        ASSERT_NE(row, nullptr);
        const auto judged = judge_modify(IBV_QPT_RC, one.from, attr, row->required | IBV_QP_STATE);
        ASSERT_FALSE(judged.has_value()) << one.name;
        EXPECT_EQ(judged.error().code, EINVAL);
        EXPECT_NE(judged.error().phrase.find(one.name), std::string::npos) << judged.error().phrase;
    }
}

TEST(QpAttributes, WithAWrongIdeaOfTheCurrentStateAreRefused) {
    ibv_qp_attr attr = good();
    attr.cur_qp_state = IBV_QPS_RTR;
    EXPECT_FALSE(judge_modify(IBV_QPT_RC, IBV_QPS_RTS, attr, IBV_QP_CUR_STATE).has_value());
    attr.cur_qp_state = IBV_QPS_RTS;
    EXPECT_TRUE(judge_modify(IBV_QPT_RC, IBV_QPS_RTS, attr, IBV_QP_CUR_STATE).has_value());
}

TEST(QpAttributes, OfPathMigrationAreRefusedAsNotOffered) {
    ibv_qp_attr attr = good();
    const auto judged = judge_modify(IBV_QPT_RC, IBV_QPS_RTS, attr, IBV_QP_PATH_MIG_STATE);
    ASSERT_FALSE(judged.has_value());
    EXPECT_EQ(judged.error().code, EOPNOTSUPP);
}

}  // namespace
