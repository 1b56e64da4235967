// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// The states of queue pairs: which changes there are, what each needs, which values it takes, and
// that a refused change changes nothing (IBTA volume 1, 10.3.1 and 11.2.4.2).
#include "side.hpp"

#include <functional>
#include <map>
#include <ostream>
#include <string>

namespace {

using namespace verbs_test;

const char *name_of(ibv_qp_state state) {
    static constexpr const char *kNames[] = {"Reset", "Init", "Rtr", "Rts", "Sqd", "Sqe", "Err"};
    return kNames[state];
}

// A queue pair whose peer is itself, so that a test has one object to look at.
class QpState : public DeviceTest {
protected:
    void SetUp() override {
        DeviceTest::SetUp();
        if (!IsSkipped()) make(IBV_QPT_RC);
    }
    void make(ibv_qp_type type) {
        SideOptions options;
        options.type = type;
        side_ = std::make_unique<LocalSide>(context(), options);
    }
    LocalSide &side() { return *side_; }
    [[nodiscard]] ibv_qp *qp() const { return side_->qp(); }

    // The change that leads to a state in the usual order, complete and right.
    Step usual(ibv_qp_state target) {
        const bool is_ud = qp()->qp_type == IBV_QPT_UD;
        switch (target) {
        case IBV_QPS_INIT:
            return is_ud ? ud_init() : rc_init();
        case IBV_QPS_RTR:
            return is_ud ? ud_rtr() : rc_rtr(context(), side_->address());
        case IBV_QPS_RTS:
            return is_ud ? ud_rts() : rc_rts(context());
        default:
            return to_state(target);
        }
    }
    void bring_to(ibv_qp_state target) {
        if (state_of(qp()) != IBV_QPS_RESET) {
            ASSERT_EQ(usual(IBV_QPS_RESET).apply(qp()), 0);
        }
        if (target == IBV_QPS_RESET) return;
        for (const ibv_qp_state state : {IBV_QPS_INIT, IBV_QPS_RTR, IBV_QPS_RTS, IBV_QPS_ERR}) {
            if (state == IBV_QPS_ERR && target != IBV_QPS_ERR) return;
            ASSERT_EQ(usual(state).apply(qp()), 0) << "to " << name_of(state);
            ASSERT_EQ(state_of(qp()), state);
            if (state == target) return;
        }
    }
    void expect_refused(Step step, const std::string &what = {}) {
        const ibv_qp_state before = state_of(qp());
        EXPECT_EQ(step.apply(qp()), EINVAL) << what;
        EXPECT_EQ(state_of(qp()), before) << what;
        EXPECT_EQ(qp()->state, before) << what;
    }

private:
    std::unique_ptr<LocalSide> side_;
};

TEST_F(QpState, GoesThroughItsWholeLifeTwice) {
    for (int life = 0; life < 2; ++life) {
        for (const ibv_qp_state state :
             {IBV_QPS_INIT, IBV_QPS_RTR, IBV_QPS_RTS, IBV_QPS_ERR, IBV_QPS_RESET}) {
            ASSERT_EQ(usual(state).apply(qp()), 0) << "to " << name_of(state);
            EXPECT_EQ(qp()->state, state);
            EXPECT_EQ(state_of(qp()), state);
        }
    }
}

TEST_F(QpState, OfDatagramsGoesThroughItsWholeLifeTwice) {
    make(IBV_QPT_UD);
    for (int life = 0; life < 2; ++life) {
        for (const ibv_qp_state state :
             {IBV_QPS_INIT, IBV_QPS_RTR, IBV_QPS_RTS, IBV_QPS_ERR, IBV_QPS_RESET}) {
            ASSERT_EQ(usual(state).apply(qp()), 0) << "to " << name_of(state);
            EXPECT_EQ(state_of(qp()), state);
        }
    }
}

TEST_F(QpState, MayBeEnteredAgainWhereThatChangesAttributesOnly) {
    bring_to(IBV_QPS_INIT);
    EXPECT_EQ(rc_init().apply(qp()), 0);
    bring_to(IBV_QPS_RTS);
    Step access = to_state(IBV_QPS_RTS);
    access.attr.qp_access_flags = IBV_ACCESS_REMOTE_READ;
    access.mask |= IBV_QP_ACCESS_FLAGS;
    EXPECT_EQ(access.apply(qp()), 0);
    ibv_qp_attr attr{};
    ibv_qp_init_attr init{};
    ASSERT_EQ(ibv_query_qp(qp(), &attr, IBV_QP_ACCESS_FLAGS, &init), 0);
    EXPECT_EQ(attr.qp_access_flags, static_cast<unsigned>(IBV_ACCESS_REMOTE_READ));
}

TEST_F(QpState, FallsToErrorAndToResetFromEveryStateOfWork) {
    for (const ibv_qp_state from : {IBV_QPS_INIT, IBV_QPS_RTR, IBV_QPS_RTS, IBV_QPS_ERR}) {
        bring_to(from);
        EXPECT_EQ(to_state(IBV_QPS_ERR).apply(qp()), 0) << "from " << name_of(from);
        bring_to(from);
        EXPECT_EQ(to_state(IBV_QPS_RESET).apply(qp()), 0) << "from " << name_of(from);
    }
}

TEST_F(QpState, IgnoresWhatIsNotInTheMask) {
    Step step = rc_init();
    step.attr.path_mtu = static_cast<ibv_mtu>(7);
    step.attr.retry_cnt = 255;
    step.attr.rnr_retry = 255;
    step.attr.dest_qp_num = UINT32_MAX;
    EXPECT_EQ(step.apply(qp()), 0);
}

struct Change {
    ibv_qp_state from;
    ibv_qp_state to;
};
std::ostream &operator<<(std::ostream &out, const Change &change) {
    return out << name_of(change.from) << " to " << name_of(change.to);
}

class IllegalChange : public QpState, public ::testing::WithParamInterface<Change> {};

TEST_P(IllegalChange, IsRefused) {
    bring_to(GetParam().from);
    expect_refused(usual(GetParam().to));
}

TEST_P(IllegalChange, IsRefusedForDatagramsToo) {
    make(IBV_QPT_UD);
    bring_to(GetParam().from);
    expect_refused(usual(GetParam().to));
}

INSTANTIATE_TEST_SUITE_P(
    Qp, IllegalChange,
    ::testing::Values(Change{IBV_QPS_RESET, IBV_QPS_RTR}, Change{IBV_QPS_RESET, IBV_QPS_RTS},
                      Change{IBV_QPS_INIT, IBV_QPS_RTS}, Change{IBV_QPS_RTR, IBV_QPS_INIT},
                      Change{IBV_QPS_RTS, IBV_QPS_INIT}, Change{IBV_QPS_RTS, IBV_QPS_RTR},
                      Change{IBV_QPS_ERR, IBV_QPS_INIT}, Change{IBV_QPS_ERR, IBV_QPS_RTR},
                      Change{IBV_QPS_ERR, IBV_QPS_RTS}, Change{IBV_QPS_RESET, IBV_QPS_SQD},
                      Change{IBV_QPS_RESET, IBV_QPS_SQE}, Change{IBV_QPS_RTS, IBV_QPS_SQE}),
    [](const auto &test) {
        return std::string(name_of(test.param.from)) + "To" + name_of(test.param.to);
    });

struct Attribute {
    const char *name;
    ibv_qp_type type;
    ibv_qp_state from;
    ibv_qp_state to;
    int bit;
};
std::ostream &operator<<(std::ostream &out, const Attribute &attribute) {
    return out << attribute.name << " from " << name_of(attribute.from);
}
std::string attribute_name(const ::testing::TestParamInfo<Attribute> &info) {
    return std::string(info.param.type == IBV_QPT_UD ? "Ud" : "Rc") + name_of(info.param.from) +
           "To" + name_of(info.param.to) + info.param.name;
}

class RequiredAttribute : public QpState, public ::testing::WithParamInterface<Attribute> {};

TEST_P(RequiredAttribute, IsMissedWhenItIsNotThere) {
    const Attribute &attribute = GetParam();
    make(attribute.type);
    bring_to(attribute.from);
    expect_refused(usual(attribute.to).without(attribute.bit));
    EXPECT_EQ(usual(attribute.to).apply(qp()), 0) << "with it";
}

INSTANTIATE_TEST_SUITE_P(
    Qp, RequiredAttribute,
    ::testing::Values(
        Attribute{"PkeyIndex", IBV_QPT_RC, IBV_QPS_RESET, IBV_QPS_INIT, IBV_QP_PKEY_INDEX},
        Attribute{"Port", IBV_QPT_RC, IBV_QPS_RESET, IBV_QPS_INIT, IBV_QP_PORT},
        Attribute{"AccessFlags", IBV_QPT_RC, IBV_QPS_RESET, IBV_QPS_INIT, IBV_QP_ACCESS_FLAGS},
        Attribute{"Av", IBV_QPT_RC, IBV_QPS_INIT, IBV_QPS_RTR, IBV_QP_AV},
        Attribute{"PathMtu", IBV_QPT_RC, IBV_QPS_INIT, IBV_QPS_RTR, IBV_QP_PATH_MTU},
        Attribute{"DestQpn", IBV_QPT_RC, IBV_QPS_INIT, IBV_QPS_RTR, IBV_QP_DEST_QPN},
        Attribute{"RqPsn", IBV_QPT_RC, IBV_QPS_INIT, IBV_QPS_RTR, IBV_QP_RQ_PSN},
        Attribute{"MaxDestRdAtomic", IBV_QPT_RC, IBV_QPS_INIT, IBV_QPS_RTR,
                  IBV_QP_MAX_DEST_RD_ATOMIC},
        Attribute{"MinRnrTimer", IBV_QPT_RC, IBV_QPS_INIT, IBV_QPS_RTR, IBV_QP_MIN_RNR_TIMER},
        Attribute{"Timeout", IBV_QPT_RC, IBV_QPS_RTR, IBV_QPS_RTS, IBV_QP_TIMEOUT},
        Attribute{"RetryCnt", IBV_QPT_RC, IBV_QPS_RTR, IBV_QPS_RTS, IBV_QP_RETRY_CNT},
        Attribute{"RnrRetry", IBV_QPT_RC, IBV_QPS_RTR, IBV_QPS_RTS, IBV_QP_RNR_RETRY},
        Attribute{"SqPsn", IBV_QPT_RC, IBV_QPS_RTR, IBV_QPS_RTS, IBV_QP_SQ_PSN},
        Attribute{"MaxRdAtomic", IBV_QPT_RC, IBV_QPS_RTR, IBV_QPS_RTS, IBV_QP_MAX_QP_RD_ATOMIC},
        Attribute{"PkeyIndex", IBV_QPT_UD, IBV_QPS_RESET, IBV_QPS_INIT, IBV_QP_PKEY_INDEX},
        Attribute{"Port", IBV_QPT_UD, IBV_QPS_RESET, IBV_QPS_INIT, IBV_QP_PORT},
        Attribute{"Qkey", IBV_QPT_UD, IBV_QPS_RESET, IBV_QPS_INIT, IBV_QP_QKEY},
        Attribute{"SqPsn", IBV_QPT_UD, IBV_QPS_RTR, IBV_QPS_RTS, IBV_QP_SQ_PSN}),
    attribute_name);

class ForeignAttribute : public QpState, public ::testing::WithParamInterface<Attribute> {};

TEST_P(ForeignAttribute, IsRefusedInAChangeThatHasNoUseForIt) {
    const Attribute &attribute = GetParam();
    make(attribute.type);
    bring_to(attribute.from);
    Step step = usual(attribute.to);
    step.mask |= attribute.bit;
    expect_refused(step);
}

INSTANTIATE_TEST_SUITE_P(
    Qp, ForeignAttribute,
    ::testing::Values(Attribute{"Qkey", IBV_QPT_RC, IBV_QPS_RESET, IBV_QPS_INIT, IBV_QP_QKEY},
                      Attribute{"Timeout", IBV_QPT_RC, IBV_QPS_RESET, IBV_QPS_INIT, IBV_QP_TIMEOUT},
                      Attribute{"SqPsn", IBV_QPT_RC, IBV_QPS_INIT, IBV_QPS_RTR, IBV_QP_SQ_PSN},
                      Attribute{"PathMtu", IBV_QPT_RC, IBV_QPS_RTR, IBV_QPS_RTS, IBV_QP_PATH_MTU},
                      Attribute{"DestQpn", IBV_QPT_RC, IBV_QPS_RTR, IBV_QPS_RTS, IBV_QP_DEST_QPN},
                      Attribute{"AccessFlags", IBV_QPT_UD, IBV_QPS_RESET, IBV_QPS_INIT,
                                IBV_QP_ACCESS_FLAGS},
                      Attribute{"Av", IBV_QPT_UD, IBV_QPS_INIT, IBV_QPS_RTR, IBV_QP_AV},
                      Attribute{"RetryCnt", IBV_QPT_UD, IBV_QPS_RTR, IBV_QPS_RTS, IBV_QP_RETRY_CNT},
                      Attribute{"UnknownBit", IBV_QPT_RC, IBV_QPS_RESET, IBV_QPS_INIT, 1 << 30}),
    attribute_name);

struct BadValue {
    const char *name;
    ibv_qp_state from;
    ibv_qp_state to;
    void (*spoil)(ibv_context *context, ibv_qp_attr &attr);
};
std::ostream &operator<<(std::ostream &out, const BadValue &value) {
    return out << value.name;
}

class BadAttribute : public QpState, public ::testing::WithParamInterface<BadValue> {};

TEST_P(BadAttribute, IsRefused) {
    bring_to(GetParam().from);
    Step step = usual(GetParam().to);
    GetParam().spoil(context(), step.attr);
    expect_refused(step);
}

using Attr = ibv_qp_attr;
INSTANTIATE_TEST_SUITE_P(
    Qp, BadAttribute,
    ::testing::Values(
        BadValue{"PortZero", IBV_QPS_RESET, IBV_QPS_INIT,
                 [](ibv_context *, Attr &attr) { attr.port_num = 0; }},
        BadValue{"PortTwo", IBV_QPS_RESET, IBV_QPS_INIT,
                 [](ibv_context *, Attr &attr) { attr.port_num = 2; }},
        BadValue{"PkeyIndexOutsideTheTable", IBV_QPS_RESET, IBV_QPS_INIT,
                 [](ibv_context *context, Attr &attr) {
                     attr.pkey_index = port_attributes(context).pkey_tbl_len;
                 }},
        BadValue{"AccessNobodyKnows", IBV_QPS_RESET, IBV_QPS_INIT,
                 [](ibv_context *, Attr &attr) { attr.qp_access_flags = 1u << 18; }},
        BadValue{"GidIndexOutsideTheTable", IBV_QPS_INIT, IBV_QPS_RTR,
                 [](ibv_context *context, Attr &attr) {
                     attr.ah_attr.grh.sgid_index =
                         static_cast<uint8_t>(port_attributes(context).gid_tbl_len);
                 }},
        BadValue{"RouteWithoutGlobalPartOnEthernet", IBV_QPS_INIT, IBV_QPS_RTR,
                 [](ibv_context *, Attr &attr) { attr.ah_attr.is_global = 0; }},
        BadValue{"RouteByAnotherPort", IBV_QPS_INIT, IBV_QPS_RTR,
                 [](ibv_context *, Attr &attr) { attr.ah_attr.port_num = 2; }},
        BadValue{"MtuZero", IBV_QPS_INIT, IBV_QPS_RTR,
                 [](ibv_context *, Attr &attr) { attr.path_mtu = static_cast<ibv_mtu>(0); }},
        BadValue{"MtuAboveTheLargest", IBV_QPS_INIT, IBV_QPS_RTR,
                 [](ibv_context *, Attr &attr) { attr.path_mtu = static_cast<ibv_mtu>(6); }},
        BadValue{"MinRnrTimerOfSixBits", IBV_QPS_INIT, IBV_QPS_RTR,
                 [](ibv_context *, Attr &attr) { attr.min_rnr_timer = 32; }},
        BadValue{"MaxDestRdAtomicAboveTheDevice", IBV_QPS_INIT, IBV_QPS_RTR,
                 [](ibv_context *, Attr &attr) { attr.max_dest_rd_atomic = 255; }},
        BadValue{"TimeoutOfSixBits", IBV_QPS_RTR, IBV_QPS_RTS,
                 [](ibv_context *, Attr &attr) { attr.timeout = 32; }},
        BadValue{"RetryCntOfFourBits", IBV_QPS_RTR, IBV_QPS_RTS,
                 [](ibv_context *, Attr &attr) { attr.retry_cnt = 8; }},
        BadValue{"RnrRetryOfFourBits", IBV_QPS_RTR, IBV_QPS_RTS,
                 [](ibv_context *, Attr &attr) { attr.rnr_retry = 8; }},
        BadValue{"MaxRdAtomicAboveTheDevice", IBV_QPS_RTR, IBV_QPS_RTS,
                 [](ibv_context *, Attr &attr) { attr.max_rd_atomic = 255; }}),
    [](const auto &test) { return std::string(test.param.name); });

TEST_F(QpState, ToldByAQueryIsWhatWasSet) {
    PathOptions options;
    options.mtu = IBV_MTU_2048;
    options.timeout = 13;
    options.retry_cnt = 5;
    options.rnr_retry = 3;
    options.min_rnr_timer = 12;
    options.rd_atomic = 1;
    options.psn = 0xabcdef;
    options.qp_access = IBV_ACCESS_REMOTE_WRITE;
    QpAddress peer = side().address();
    peer.qp_num = 0x54321;
    peer.psn = 0xfedcba;
    ASSERT_EQ(rc_init(options).apply(qp()), 0);
    Step rtr = rc_rtr(context(), peer, options);
    rtr.attr.ah_attr.grh.traffic_class = 32;
    rtr.attr.ah_attr.grh.flow_label = 0x54321;
    rtr.attr.ah_attr.grh.hop_limit = 7;
    ASSERT_EQ(rtr.apply(qp()), 0);
    ASSERT_EQ(rc_rts(context(), options).apply(qp()), 0);

    ibv_qp_attr attr{};
    ibv_qp_init_attr init{};
    const int everything = IBV_QP_STATE | IBV_QP_CUR_STATE | IBV_QP_ACCESS_FLAGS |
                           IBV_QP_PKEY_INDEX | IBV_QP_PORT | IBV_QP_AV | IBV_QP_PATH_MTU |
                           IBV_QP_TIMEOUT | IBV_QP_RETRY_CNT | IBV_QP_RNR_RETRY | IBV_QP_RQ_PSN |
                           IBV_QP_MAX_QP_RD_ATOMIC | IBV_QP_MIN_RNR_TIMER | IBV_QP_SQ_PSN |
                           IBV_QP_MAX_DEST_RD_ATOMIC | IBV_QP_CAP | IBV_QP_DEST_QPN;
    ASSERT_EQ(ibv_query_qp(qp(), &attr, everything, &init), 0);
    EXPECT_EQ(attr.qp_state, IBV_QPS_RTS);
    EXPECT_EQ(attr.cur_qp_state, IBV_QPS_RTS);
    EXPECT_EQ(attr.qp_access_flags, static_cast<unsigned>(IBV_ACCESS_REMOTE_WRITE));
    EXPECT_EQ(attr.pkey_index, 0);
    EXPECT_EQ(attr.port_num, kPort);
    EXPECT_EQ(attr.path_mtu, IBV_MTU_2048);
    EXPECT_EQ(attr.timeout, 13);
    EXPECT_EQ(attr.retry_cnt, 5);
    EXPECT_EQ(attr.rnr_retry, 3);
    EXPECT_EQ(attr.min_rnr_timer, 12);
    EXPECT_EQ(attr.max_rd_atomic, 1);
    EXPECT_EQ(attr.max_dest_rd_atomic, 1);
    EXPECT_EQ(attr.sq_psn, 0xabcdefu);
    EXPECT_EQ(attr.rq_psn, 0xfedcbau);
    EXPECT_EQ(attr.dest_qp_num, 0x54321u);
    EXPECT_EQ(attr.ah_attr.is_global, 1);
    EXPECT_EQ(attr.ah_attr.port_num, kPort);
    EXPECT_EQ(std::memcmp(attr.ah_attr.grh.dgid.raw, peer.gid.raw, sizeof peer.gid.raw), 0);
    EXPECT_EQ(attr.ah_attr.grh.sgid_index, gid_index(context()));
    EXPECT_EQ(attr.ah_attr.grh.hop_limit, 7);
    EXPECT_EQ(attr.ah_attr.grh.traffic_class, 32);
    EXPECT_EQ(attr.ah_attr.grh.flow_label, 0x54321u);
}

TEST_F(QpState, OfDatagramsToldByAQueryIsWhatWasSet) {
    make(IBV_QPT_UD);
    PathOptions options;
    options.qkey = 0x1ee7;
    options.psn = 0x10203;
    ASSERT_EQ(activate_ud(qp(), options), 0);
    ibv_qp_attr attr{};
    ibv_qp_init_attr init{};
    ASSERT_EQ(ibv_query_qp(qp(), &attr, IBV_QP_STATE | IBV_QP_QKEY | IBV_QP_SQ_PSN, &init), 0);
    EXPECT_EQ(attr.qp_state, IBV_QPS_RTS);
    EXPECT_EQ(attr.qkey, 0x1ee7u);
    EXPECT_EQ(attr.sq_psn, 0x10203u);
    EXPECT_EQ(attr.port_num, kPort);
    EXPECT_EQ(init.qp_type, IBV_QPT_UD);
}

TEST_F(QpState, DecidesWhetherReceivesMayBePosted) {
    EXPECT_EQ(side().post_recv(1, {{0, 8}}), EINVAL) << "in RESET";
    for (const ibv_qp_state state : {IBV_QPS_INIT, IBV_QPS_RTR, IBV_QPS_RTS}) {
        bring_to(state);
        EXPECT_EQ(side().post_recv(1, {{0, 8}}), 0) << "in " << name_of(state);
    }
}

TEST_F(QpState, DecidesWhetherSendsMayBePosted) {
    for (const ibv_qp_state state : {IBV_QPS_RESET, IBV_QPS_INIT, IBV_QPS_RTR}) {
        bring_to(state);
        EXPECT_EQ(side().post_send(make_send(1, {{0, 8}})), EINVAL) << "in " << name_of(state);
    }
}

TEST_F(QpState, OfDatagramsDecidesWhetherSendsMayBePosted) {
    make(IBV_QPT_UD);
    for (const ibv_qp_state state : {IBV_QPS_RESET, IBV_QPS_INIT, IBV_QPS_RTR}) {
        bring_to(state);
        EXPECT_EQ(side().post_send(make_send(1, {{0, 8}}).to(side().address(), 1)), EINVAL)
            << "in " << name_of(state);
    }
}

TEST_F(QpState, ReadyToReceiveIsEnoughToReceive) {
    LocalSide peer(context());
    ASSERT_EQ(rc_init().apply(qp()), 0);
    ASSERT_EQ(side().post_recv(7, {{0, 8}}), 0);
    ASSERT_EQ(rc_rtr(context(), peer.address()).apply(qp()), 0);
    peer.connect(side().address());
    ASSERT_EQ(peer.post_send(make_send(8, {{0, 8}})), 0);
    EXPECT_TRUE(succeeded(side().received(), 7, IBV_WC_RECV));
    EXPECT_TRUE(succeeded(peer.sent(), 8, IBV_WC_SEND));
}

}  // namespace
