// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "uverbs/srq.hpp"

#include "uverbs/fake_kernel.hpp"

namespace verbs::test {
namespace {

using uverbs::SrqRequest;

class Srq : public EveryAge {
protected:
    void answer(std::int64_t handle, std::uint32_t max_wr) {
        kernel_.on_method(UVERBS_OBJECT_SRQ, UVERBS_METHOD_SRQ_CREATE, [=](MethodCall &call) {
            EXPECT_EQ(call.in<std::uint64_t>(UVERBS_ATTR_CREATE_SRQ_USER_HANDLE), 0xabcu);
            EXPECT_EQ(call.object(UVERBS_ATTR_CREATE_SRQ_PD_HANDLE), 2);
            EXPECT_EQ(call.in<std::uint32_t>(UVERBS_ATTR_CREATE_SRQ_MAX_WR), 10u);
            EXPECT_EQ(call.in<std::uint32_t>(UVERBS_ATTR_CREATE_SRQ_MAX_SGE), 3u);
            EXPECT_EQ(call.in<std::uint32_t>(UVERBS_ATTR_CREATE_SRQ_LIMIT), 0u);
            EXPECT_EQ(call.in<std::uint64_t>(UVERBS_ATTR_CREATE_SRQ_TYPE), 0u);
            call.create(UVERBS_ATTR_CREATE_SRQ_HANDLE, handle);
            call.out(UVERBS_ATTR_CREATE_SRQ_RESP_MAX_WR, max_wr);
            call.out(UVERBS_ATTR_CREATE_SRQ_RESP_MAX_SGE, std::uint32_t{4});
            give_driver(call.find(UVERBS_ATTR_UHW_OUT));
            return 0;
        });
        kernel_.on_command<ib_uverbs_create_srq, ib_uverbs_create_srq_resp>(
            IB_USER_VERBS_CMD_CREATE_SRQ, [=](const auto &request, auto &response, auto &call) {
                EXPECT_EQ(request.user_handle, 0xabcu);
                EXPECT_EQ(request.pd_handle, 2u);
                EXPECT_EQ(request.max_wr, 10u);
                EXPECT_EQ(request.max_sge, 3u);
                response.srq_handle = static_cast<std::uint32_t>(handle);
                response.max_wr = max_wr;
                response.max_sge = 4;
                const std::uint64_t driver = 77;
                EXPECT_EQ(call.driver_out.size(), sizeof driver);
                std::memcpy(call.driver_out.data(), &driver, sizeof driver);
                return 0;
            });
    }
    static void give_driver(const ib_uverbs_attr *attribute) {
        ASSERT_NE(attribute, nullptr);
        const std::uint64_t driver = 77;
        EXPECT_EQ(attribute->len, sizeof driver);
        std::memcpy(reinterpret_cast<void *>(static_cast<std::uintptr_t>(attribute->data)), &driver,
                    sizeof driver);
    }
    Result<uverbs::Srq> create(const uverbs::Context &context) {
        SrqRequest request;
        request.user_handle = 0xabc;
        request.pd = 2;
        request.max_wr = 10;
        request.max_sge = 3;
        return uverbs::create_srq(context, request, uverbs::udata_out(driver_));
    }
    std::uint64_t driver_ = 0;
};

TEST_P(Srq, IsCreatedWithTheDriversBytes) {
    const auto context = kernel_.context();
    answer(5, 15);
    const auto srq = create(context);
    ASSERT_TRUE(srq) << srq.error().phrase;
    EXPECT_EQ(srq->handle, 5u);
    EXPECT_EQ(srq->max_wr, 15u);
    EXPECT_EQ(srq->max_sge, 4u);
    EXPECT_EQ(driver_, 77u);
}

TEST_P(Srq, IsRefusedWithoutAHandleOrWithLessRoom) {
    const auto context = kernel_.context();
    answer(-1, 15);
    EXPECT_EQ(create(context).error().code, EPROTO);
    answer(5, 9);
    EXPECT_EQ(create(context).error().code, EPROTO);
}

TEST_P(Srq, IsModifiedAndQueried) {
    const auto context = kernel_.context();
    kernel_.on_command<ib_uverbs_modify_srq, NoAnswer>(
        IB_USER_VERBS_CMD_MODIFY_SRQ, [](const auto &request, auto &, CommandCall &call) {
            EXPECT_EQ(request.srq_handle, 5u);
            EXPECT_EQ(request.attr_mask, 3u);
            EXPECT_EQ(request.max_wr, 40u);
            EXPECT_EQ(request.srq_limit, 7u);
            EXPECT_EQ(call.driver_in.size(), 8u);
            return 0;
        });
    const std::uint64_t driver = 1;
    EXPECT_TRUE(uverbs::modify_srq(context, 5, 3, 40, 7, uverbs::udata_in(driver)));
    kernel_.on_command<ib_uverbs_query_srq, ib_uverbs_query_srq_resp>(
        IB_USER_VERBS_CMD_QUERY_SRQ, [](const auto &request, auto &response, auto &) {
            EXPECT_EQ(request.srq_handle, 5u);
            response = {40, 3, 7, 0};
            return 0;
        });
    const auto state = uverbs::query_srq(context, 5);
    ASSERT_TRUE(state) << state.error().phrase;
    EXPECT_EQ(state->max_wr, 40u);
    EXPECT_EQ(state->srq_limit, 7u);
}

TEST_P(Srq, TellsItsEventsWhenItIsDestroyed) {
    const auto context = kernel_.context();
    kernel_.on_method(UVERBS_OBJECT_SRQ, UVERBS_METHOD_SRQ_DESTROY, [](MethodCall &call) {
        EXPECT_EQ(call.object(UVERBS_ATTR_DESTROY_SRQ_HANDLE), 5);
        call.out(UVERBS_ATTR_DESTROY_SRQ_RESP, ib_uverbs_destroy_srq_resp{2});
        return 0;
    });
    kernel_.on_command<ib_uverbs_destroy_srq, ib_uverbs_destroy_srq_resp>(
        IB_USER_VERBS_CMD_DESTROY_SRQ, [](const auto &request, auto &response, auto &) {
            EXPECT_EQ(request.srq_handle, 5u);
            response.events_reported = 2;
            return 0;
        });
    EXPECT_EQ(*uverbs::destroy_srq(context, 5), 2u);
}

UVERBS_EVERY_AGE(Srq);

TEST(XrcSrq, NamesItsDomainInBothAbis) {
    for (const Age age : {Age::attributes, Age::before_methods, Age::before_ioctl}) {
        FakeKernel kernel(age);
        const auto context = kernel.context();
        kernel.on_method(UVERBS_OBJECT_SRQ, UVERBS_METHOD_SRQ_CREATE, [](MethodCall &call) {
            EXPECT_EQ(call.object(UVERBS_ATTR_CREATE_SRQ_XRCD_HANDLE), 30);
            EXPECT_EQ(call.object(UVERBS_ATTR_CREATE_SRQ_CQ_HANDLE), 6);
            EXPECT_EQ(call.in<std::uint64_t>(UVERBS_ATTR_CREATE_SRQ_TYPE),
                      std::uint64_t{IB_UVERBS_SRQT_XRC});
            EXPECT_FALSE(call.has(UVERBS_ATTR_CREATE_SRQ_MAX_NUM_TAGS));
            call.create(UVERBS_ATTR_CREATE_SRQ_HANDLE, 5);
            call.out(UVERBS_ATTR_CREATE_SRQ_RESP_MAX_WR, std::uint32_t{1});
            call.out(UVERBS_ATTR_CREATE_SRQ_RESP_MAX_SGE, std::uint32_t{1});
            call.out(UVERBS_ATTR_CREATE_SRQ_RESP_SRQ_NUM, std::uint32_t{44});
            return 0;
        });
        kernel.on_command<ib_uverbs_create_xsrq, ib_uverbs_create_srq_resp>(
            IB_USER_VERBS_CMD_CREATE_XSRQ, [](const auto &request, auto &response, auto &) {
                EXPECT_EQ(request.xrcd_handle, 30u);
                EXPECT_EQ(request.cq_handle, 6u);
                EXPECT_EQ(request.srq_type, std::uint32_t{IB_UVERBS_SRQT_XRC});
                response = {5, 1, 1, 44};
                return 0;
            });
        SrqRequest request;
        request.max_wr = 1;
        request.max_sge = 1;
        request.type = IB_UVERBS_SRQT_XRC;
        request.xrcd = 30;
        request.cq = 6;
        const auto srq = uverbs::create_srq(context, request);
        ASSERT_TRUE(srq) << srq.error().phrase;
        EXPECT_EQ(srq->srq_num, 44u);
    }
}

}  // namespace
}  // namespace verbs::test
