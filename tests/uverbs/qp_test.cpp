// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "uverbs/qp.hpp"

#include "uverbs/fake_kernel.hpp"

namespace verbs::test {
namespace {

using uverbs::QpRequest;

constexpr ib_uverbs_qp_cap kAsked{16, 17, 2, 3, 64};
constexpr ib_uverbs_qp_cap kGranted{31, 32, 4, 5, 128};

class Qp : public EveryAge {
protected:
    void answer(std::int64_t handle, std::uint32_t qp_num) {
        kernel_.on_method(UVERBS_OBJECT_QP, UVERBS_METHOD_QP_CREATE, [=](MethodCall &call) {
            EXPECT_EQ(call.in<std::uint64_t>(UVERBS_ATTR_CREATE_QP_USER_HANDLE), 0xabcu);
            EXPECT_EQ(call.in<std::uint64_t>(UVERBS_ATTR_CREATE_QP_TYPE),
                      std::uint64_t{IB_UVERBS_QPT_UD});
            EXPECT_EQ(call.object(UVERBS_ATTR_CREATE_QP_PD_HANDLE), 2);
            EXPECT_EQ(call.object(UVERBS_ATTR_CREATE_QP_SEND_CQ_HANDLE), 6);
            EXPECT_EQ(call.object(UVERBS_ATTR_CREATE_QP_RECV_CQ_HANDLE), 7);
            EXPECT_EQ(call.object(UVERBS_ATTR_CREATE_QP_SRQ_HANDLE), 0);
            EXPECT_FALSE(call.has(UVERBS_ATTR_CREATE_QP_XRCD_HANDLE));
            const auto cap = call.in<ib_uverbs_qp_cap>(UVERBS_ATTR_CREATE_QP_CAP);
            EXPECT_EQ(std::memcmp(&cap, &kAsked, sizeof cap), 0);
            EXPECT_EQ(call.in<std::uint32_t>(UVERBS_ATTR_CREATE_QP_FLAGS),
                      std::uint32_t{IB_UVERBS_QP_CREATE_SQ_SIG_ALL});
            call.create(UVERBS_ATTR_CREATE_QP_HANDLE, handle);
            call.out(UVERBS_ATTR_CREATE_QP_RESP_CAP, kGranted);
            call.out(UVERBS_ATTR_CREATE_QP_RESP_QP_NUM, qp_num);
            return 0;
        });
        kernel_.on_command<ib_uverbs_create_qp, ib_uverbs_create_qp_resp>(
            IB_USER_VERBS_CMD_CREATE_QP, [=](const auto &request, auto &response, auto &) {
                EXPECT_EQ(request.user_handle, 0xabcu);
                EXPECT_EQ(request.qp_type, IB_UVERBS_QPT_UD);
                EXPECT_EQ(request.pd_handle, 2u);
                EXPECT_EQ(request.send_cq_handle, 6u);
                EXPECT_EQ(request.recv_cq_handle, 7u);
                EXPECT_EQ(request.is_srq, 1);
                EXPECT_EQ(request.srq_handle, 0u);
                EXPECT_EQ(request.sq_sig_all, 1);
                EXPECT_EQ(request.max_send_wr, 16u);
                EXPECT_EQ(request.max_inline_data, 64u);
                response.qp_handle = static_cast<std::uint32_t>(handle);
                response.qpn = qp_num;
                response.max_send_wr = 31;
                response.max_recv_wr = 32;
                response.max_send_sge = 4;
                response.max_recv_sge = 5;
                response.max_inline_data = 128;
                return 0;
            });
    }
    static QpRequest request() {
        QpRequest request;
        request.user_handle = 0xabc;
        request.type = IB_UVERBS_QPT_UD;
        request.pd = 2;
        request.send_cq = 6;
        request.recv_cq = 7;
        request.srq = 0;  // a handle like others
        request.cap = kAsked;
        request.sq_sig_all = true;
        return request;
    }
};

TEST_P(Qp, IsCreated) {
    const auto context = kernel_.context();
    answer(9, 0x1234);
    const auto qp = uverbs::create_qp(context, request());
    ASSERT_TRUE(qp) << qp.error().phrase;
    EXPECT_EQ(qp->handle, 9u);
    EXPECT_EQ(qp->qp_num, 0x1234u);
    EXPECT_EQ(std::memcmp(&qp->cap, &kGranted, sizeof kGranted), 0);
}

TEST_P(Qp, IsRefusedWithoutAHandleOrANumber) {
    const auto context = kernel_.context();
    answer(-1, 0x1234);
    EXPECT_EQ(uverbs::create_qp(context, request()).error().code, EPROTO);
    answer(9, 0x1000000);
    EXPECT_EQ(uverbs::create_qp(context, request()).error().code, EPROTO);
}

TEST_P(Qp, PassesOnARefusal) {
    const auto context = kernel_.context();
    kernel_.on_method(UVERBS_OBJECT_QP, UVERBS_METHOD_QP_CREATE,
                      [](MethodCall &) { return ENOMEM; });
    kernel_.on_command<ib_uverbs_create_qp, ib_uverbs_create_qp_resp>(
        IB_USER_VERBS_CMD_CREATE_QP, [](auto &, auto &, auto &) { return ENOMEM; });
    EXPECT_EQ(uverbs::create_qp(context, request()).error().code, ENOMEM);
}

TEST_P(Qp, IsModifiedByTheKernelsOwnStruct) {
    const auto context = kernel_.context();
    ib_uverbs_modify_qp change{};
    change.qp_handle = 9;
    change.attr_mask = 0x1;
    change.qp_state = 1;
    change.dest.dlid = 3;
    kernel_.on_command<ib_uverbs_modify_qp, NoAnswer>(
        IB_USER_VERBS_CMD_MODIFY_QP, [&](const auto &request, auto &, auto &) {
            EXPECT_EQ(std::memcmp(&request, &change, sizeof change), 0);
            return 0;
        });
    EXPECT_TRUE(uverbs::modify_qp(context, change));
}

TEST_P(Qp, IsModifiedByTheExtendedCommand) {
    const auto context = kernel_.context();
    ib_uverbs_ex_modify_qp change{};
    change.base.qp_handle = 9;
    change.rate_limit = 1000;
    kernel_.on_command<ib_uverbs_ex_modify_qp, ib_uverbs_ex_modify_qp_resp>(
        IB_USER_VERBS_EX_CMD_MODIFY_QP | IB_USER_VERBS_CMD_FLAG_EXTENDED,
        [&](const auto &request, auto &, auto &) {
            EXPECT_EQ(std::memcmp(&request, &change, sizeof change), 0);
            return 0;
        });
    EXPECT_TRUE(uverbs::modify_qp_ex(context, change));
}

TEST_P(Qp, IsQueried) {
    const auto context = kernel_.context();
    kernel_.on_command<ib_uverbs_query_qp, ib_uverbs_query_qp_resp>(
        IB_USER_VERBS_CMD_QUERY_QP, [](const auto &request, auto &response, auto &) {
            EXPECT_EQ(request.qp_handle, 9u);
            EXPECT_EQ(request.attr_mask, 0x80u);
            response.qp_state = 3;
            response.sq_sig_all = 1;
            return 0;
        });
    ib_uverbs_query_qp_resp state{};
    const auto queried = uverbs::query_qp(context, 9, 0x80, state);
    ASSERT_TRUE(queried) << queried.error().phrase;
    EXPECT_EQ(state.qp_state, 3);
    EXPECT_EQ(state.sq_sig_all, 1);
}

void on_destroy(FakeKernel &kernel, int code) {
    kernel.on_method(UVERBS_OBJECT_QP, UVERBS_METHOD_QP_DESTROY, [code](MethodCall &call) {
        EXPECT_EQ(call.object(UVERBS_ATTR_DESTROY_QP_HANDLE), 9);
        call.out(UVERBS_ATTR_DESTROY_QP_RESP, ib_uverbs_destroy_qp_resp{6});
        return code;
    });
    kernel.on_command<ib_uverbs_destroy_qp, ib_uverbs_destroy_qp_resp>(
        IB_USER_VERBS_CMD_DESTROY_QP, [code](const auto &request, auto &response, auto &) {
            EXPECT_EQ(request.qp_handle, 9u);
            response.events_reported = 6;
            return code;
        });
}

TEST_P(Qp, TellsItsEventsWhenItIsDestroyed) {
    const auto context = kernel_.context();
    on_destroy(kernel_, 0);
    EXPECT_EQ(*uverbs::destroy_qp(context, 9), 6u);
}

TEST_P(Qp, GoesWithARemovedDeviceAndWithoutEvents) {
    const auto context = kernel_.context();
    on_destroy(kernel_, EIO);
    EXPECT_EQ(*uverbs::destroy_qp(context, 9), 0u);
}

TEST_P(Qp, StaysInAMulticastGroup) {
    const auto context = kernel_.context();
    on_destroy(kernel_, EBUSY);
    EXPECT_EQ(uverbs::destroy_qp(context, 9).error().code, EBUSY);
}

TEST_P(Qp, HasADoorbellWithoutRequests) {
    const auto context = kernel_.context();
    kernel_.on_command<ib_uverbs_post_send, ib_uverbs_post_send_resp>(
        IB_USER_VERBS_CMD_POST_SEND, [](const auto &request, auto &, auto &) {
            EXPECT_EQ(request.qp_handle, 9u);
            EXPECT_EQ(request.wr_count, 0u);
            EXPECT_EQ(request.sge_count, 0u);
            EXPECT_EQ(request.wqe_size, sizeof(ib_uverbs_send_wr));
            return 0;
        });
    EXPECT_EQ(uverbs::post_send_doorbell(context, 9), 0);
}

UVERBS_EVERY_AGE(Qp);

TEST(ExtendedQp, HasItsFlagsInBothAbis) {
    for (const Age age : {Age::attributes, Age::before_methods, Age::before_ioctl}) {
        FakeKernel kernel(age);
        const auto context = kernel.context();
        static constexpr std::uint32_t kFlags = IB_UVERBS_QP_CREATE_BLOCK_MULTICAST_LOOPBACK;
        kernel.on_method(UVERBS_OBJECT_QP, UVERBS_METHOD_QP_CREATE, [](MethodCall &call) {
            EXPECT_EQ(call.in<std::uint32_t>(UVERBS_ATTR_CREATE_QP_FLAGS), kFlags);
            EXPECT_EQ(call.in<std::uint32_t>(UVERBS_ATTR_CREATE_QP_SOURCE_QPN), 77u);
            call.create(UVERBS_ATTR_CREATE_QP_HANDLE, 9);
            call.out(UVERBS_ATTR_CREATE_QP_RESP_CAP, kGranted);
            call.out(UVERBS_ATTR_CREATE_QP_RESP_QP_NUM, std::uint32_t{5});
            return 0;
        });
        kernel.on_command<ib_uverbs_ex_create_qp, ib_uverbs_ex_create_qp_resp>(
            IB_USER_VERBS_EX_CMD_CREATE_QP | IB_USER_VERBS_CMD_FLAG_EXTENDED,
            [](const auto &request, auto &response, auto &) {
                EXPECT_EQ(request.create_flags, kFlags);
                EXPECT_EQ(request.source_qpn, 77u);
                response.base.qp_handle = 9;
                response.base.qpn = 5;
                return 0;
            });
        QpRequest request;
        request.type = IB_UVERBS_QPT_UD;
        request.pd = 2;
        request.flags = kFlags;
        request.source_qpn = 77;
        const auto qp = uverbs::create_qp(context, request);
        ASSERT_TRUE(qp) << qp.error().phrase;
        EXPECT_EQ(qp->qp_num, 5u);
    }
}

TEST(OpenQp, NamesTheDomainWhereOthersHaveAPd) {
    FakeKernel kernel;
    const auto context = kernel.context();
    kernel.on_command<ib_uverbs_open_qp, ib_uverbs_create_qp_resp>(
        IB_USER_VERBS_CMD_OPEN_QP, [](const auto &request, auto &response, auto &) {
            EXPECT_EQ(request.pd_handle, 30u);
            EXPECT_EQ(request.qpn, 55u);
            EXPECT_EQ(request.qp_type, IB_UVERBS_QPT_XRC_TGT);
            response.qp_handle = 9;
            response.qpn = 55;
            return 0;
        });
    const auto qp = uverbs::open_qp(context, 30, 55, IB_UVERBS_QPT_XRC_TGT, 0xabc);
    ASSERT_TRUE(qp) << qp.error().phrase;
    EXPECT_EQ(qp->handle, 9u);
}

}  // namespace
}  // namespace verbs::test
