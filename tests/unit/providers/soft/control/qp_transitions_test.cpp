// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Every cell of the table of state changes: each attribute that is missing, each that is too much.
#include "control/qp_transitions.hpp"

#include <gtest/gtest.h>

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
                                    IBV_QPS_ERR};

// The legal ways of a connected or datagram QP.
const Transition *rows(ibv_qp_type type, ibv_qp_state from, ibv_qp_state to) {
    return find_transition(type, from, to);
}

class EachType : public testing::TestWithParam<ibv_qp_type> {};

TEST_P(EachType, GoesThroughItsLifeWithWhatIsRequired) {
    const ibv_qp_state life[] = {IBV_QPS_RESET, IBV_QPS_INIT, IBV_QPS_RTR, IBV_QPS_RTS};
    for (int i = 0; i < 3; ++i) {
        const Transition *row = rows(GetParam(), life[i], life[i + 1]);
        ASSERT_NE(row, nullptr);
        ibv_qp_attr attr = good();
        attr.qp_state = life[i + 1];
        const auto judged = judge_modify(GetParam(), life[i], attr, row->required | IBV_QP_STATE);
        EXPECT_TRUE(judged.has_value()) << judged.error().phrase;
    }
}

TEST_P(EachType, IsRefusedWhenAnyRequiredAttributeIsMissing) {
    int cells = 0;
    for (const ibv_qp_state from : kStates)
        for (const ibv_qp_state to : kStates) {
            const Transition *row = rows(GetParam(), from, to);
            if (row == nullptr) continue;
            ibv_qp_attr attr = good();
            attr.qp_state = to;
            for (int bit = 1; bit < 1 << 26; bit <<= 1) {
                if ((row->required & bit) == 0) continue;
                ++cells;
                const auto judged =
                    judge_modify(GetParam(), from, attr, (row->required & ~bit) | IBV_QP_STATE);
                ASSERT_FALSE(judged.has_value()) << from << " to " << to << " without " << bit;
                EXPECT_EQ(judged.error().code, EINVAL);
            }
        }
    EXPECT_GE(cells, 4);
}

TEST_P(EachType, IsRefusedWithAnyAttributeThatTheChangeDoesNotTake) {
    for (const ibv_qp_state from : kStates)
        for (const ibv_qp_state to : kStates) {
            const Transition *row = rows(GetParam(), from, to);
            if (row == nullptr) continue;
            ibv_qp_attr attr = good();
            attr.qp_state = to;
            attr.cur_qp_state = from;
            for (int bit = IBV_QP_ACCESS_FLAGS; bit < 1 << 20; bit <<= 1) {
                if (((row->required | row->optional) & bit) != 0) continue;
                if (bit == IBV_QP_CUR_STATE) continue;
                EXPECT_FALSE(
                    judge_modify(GetParam(), from, attr, row->required | bit | IBV_QP_STATE)
                        .has_value())
                    << from << " to " << to << " with " << bit;
            }
        }
}

TEST_P(EachType, HasNoOtherWays) {
    for (const ibv_qp_state from : kStates)
        for (const ibv_qp_state to : kStates) {
            if (to == IBV_QPS_RESET || to == IBV_QPS_ERR) continue;
            if (rows(GetParam(), from, to) != nullptr) continue;
            ibv_qp_attr attr = good();
            attr.qp_state = to;
            EXPECT_FALSE(judge_modify(GetParam(), from, attr, IBV_QP_STATE).has_value())
                << from << " to " << to;
        }
}

TEST_P(EachType, CanAlwaysBeResetOrPutInError) {
    for (const ibv_qp_state from : kStates)
        for (const ibv_qp_state to : {IBV_QPS_RESET, IBV_QPS_ERR}) {
            ibv_qp_attr attr = good();
            attr.qp_state = to;
            EXPECT_TRUE(judge_modify(GetParam(), from, attr, IBV_QP_STATE).has_value());
        }
}

INSTANTIATE_TEST_SUITE_P(Qp, EachType, testing::Values(IBV_QPT_RC, IBV_QPT_UD),
                         [](const auto &qp) { return qp.param == IBV_QPT_RC ? "Rc" : "Ud"; });

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
        {"is_global", [](ibv_qp_attr &attr) { attr.ah_attr.is_global = 0; }, IBV_QPS_INIT},
        {"sgid_index", [](ibv_qp_attr &attr) { attr.ah_attr.grh.sgid_index = 200; }, IBV_QPS_INIT},
        {"port_num", [](ibv_qp_attr &attr) { attr.ah_attr.port_num = 9; }, IBV_QPS_INIT},
        {"timeout", [](ibv_qp_attr &attr) { attr.timeout = 32; }, IBV_QPS_RTR},
        {"retry_cnt", [](ibv_qp_attr &attr) { attr.retry_cnt = 8; }, IBV_QPS_RTR},
        {"rnr_retry", [](ibv_qp_attr &attr) { attr.rnr_retry = 8; }, IBV_QPS_RTR},
        {"sq_psn", [](ibv_qp_attr &attr) { attr.sq_psn = 1u << 24; }, IBV_QPS_RTR},
    };
    for (const Case &one : cases) {
        ibv_qp_attr attr = good();
        one.spoil(attr);
        attr.qp_state = static_cast<ibv_qp_state>(one.from + 1);
        const Transition *row = find_transition(IBV_QPT_RC, one.from, attr.qp_state);
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
