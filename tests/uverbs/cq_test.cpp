// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "uverbs/cq.hpp"

#include "uverbs/fake_kernel.hpp"

#include <optional>

namespace verbs::test {
namespace {

using uverbs::CqRequest;

class Cq : public EveryAge {
protected:
    // What the kernel was asked for, in either ABI.
    struct Asked {
        std::uint64_t user_handle = 0;
        std::uint32_t cqe = 0;
        int channel = -1;
        std::uint32_t vector = 0;
        std::uint32_t flags = 0;
    };

    void answer(std::int64_t handle, std::uint32_t cqe) {
        kernel_.on_method(UVERBS_OBJECT_CQ, UVERBS_METHOD_CQ_CREATE, [=, this](MethodCall &call) {
            asked_.user_handle = call.in<std::uint64_t>(UVERBS_ATTR_CREATE_CQ_USER_HANDLE);
            asked_.cqe = call.in<std::uint32_t>(UVERBS_ATTR_CREATE_CQ_CQE);
            asked_.vector = call.in<std::uint32_t>(UVERBS_ATTR_CREATE_CQ_COMP_VECTOR);
            if (call.has(UVERBS_ATTR_CREATE_CQ_COMP_CHANNEL))
                asked_.channel = static_cast<int>(call.object(UVERBS_ATTR_CREATE_CQ_COMP_CHANNEL));
            if (call.has(UVERBS_ATTR_CREATE_CQ_FLAGS))
                asked_.flags = call.in<std::uint32_t>(UVERBS_ATTR_CREATE_CQ_FLAGS);
            call.create(UVERBS_ATTR_CREATE_CQ_HANDLE, handle);
            call.out(UVERBS_ATTR_CREATE_CQ_RESP_CQE, cqe);
            return 0;
        });
        kernel_.on_command<ib_uverbs_create_cq, ib_uverbs_create_cq_resp>(
            IB_USER_VERBS_CMD_CREATE_CQ, [=, this](const auto &request, auto &response, auto &) {
                asked_ = {request.user_handle, request.cqe, request.comp_channel,
                          request.comp_vector, 0};
                response.cq_handle = static_cast<std::uint32_t>(handle);
                response.cqe = cqe;
                return 0;
            });
        kernel_.on_command<ib_uverbs_ex_create_cq, ib_uverbs_ex_create_cq_resp>(
            IB_USER_VERBS_EX_CMD_CREATE_CQ | IB_USER_VERBS_CMD_FLAG_EXTENDED,
            [=, this](const auto &request, auto &response, auto &) {
                asked_ = {request.user_handle, request.cqe, request.comp_channel,
                          request.comp_vector, request.flags};
                response.base.cq_handle = static_cast<std::uint32_t>(handle);
                response.base.cqe = cqe;
                return 0;
            });
    }

    static CqRequest request() {
        CqRequest request;
        request.user_handle = 0x123456789abc;
        request.cqe = 10;
        request.comp_vector = 2;
        return request;
    }
    Asked asked_;
};

TEST_P(Cq, IsCreated) {
    const auto context = kernel_.context();
    answer(6, 15);
    const auto cq = uverbs::create_cq(context, request());
    ASSERT_TRUE(cq) << cq.error().phrase;
    EXPECT_EQ(cq->handle, 6u);
    EXPECT_EQ(cq->cqe, 15u);
    EXPECT_EQ(asked_.user_handle, 0x123456789abcu);
    EXPECT_EQ(asked_.cqe, 10u);
    EXPECT_EQ(asked_.vector, 2u);
    EXPECT_EQ(asked_.channel, -1);
    EXPECT_EQ(asked_.flags, 0u);
}

TEST_P(Cq, IsCreatedWithAChannelAndFlags) {
    const auto context = kernel_.context();
    answer(6, 15);
    CqRequest asking = request();
    asking.channel_fd = 33;
    asking.flags = IB_UVERBS_CQ_FLAGS_IGNORE_OVERRUN;
    ASSERT_TRUE(uverbs::create_cq(context, asking));
    EXPECT_EQ(asked_.channel, 33);
    EXPECT_EQ(asked_.flags, std::uint32_t{IB_UVERBS_CQ_FLAGS_IGNORE_OVERRUN});
}

TEST_P(Cq, IsRefusedWithLessRoomThanWasAskedFor) {
    const auto context = kernel_.context();
    answer(6, 9);
    EXPECT_EQ(uverbs::create_cq(context, request()).error().code, EPROTO);
    answer(6, 0x80000000);
    EXPECT_EQ(uverbs::create_cq(context, request()).error().code, EPROTO);
}

TEST_P(Cq, IsRefusedWithoutAHandle) {
    const auto context = kernel_.context();
    answer(-1, 15);
    EXPECT_EQ(uverbs::create_cq(context, request()).error().code, EPROTO);
}

TEST_P(Cq, IsResized) {
    const auto context = kernel_.context();
    std::uint32_t granted = 31;
    kernel_.on_command<ib_uverbs_resize_cq, ib_uverbs_resize_cq_resp>(
        IB_USER_VERBS_CMD_RESIZE_CQ, [&](const auto &request, auto &response, auto &) {
            EXPECT_EQ(request.cq_handle, 6u);
            EXPECT_EQ(request.cqe, 20u);
            response.cqe = granted;
            return 0;
        });
    EXPECT_EQ(*uverbs::resize_cq(context, 6, 20), 31u);
    granted = 19;
    EXPECT_EQ(uverbs::resize_cq(context, 6, 20).error().code, EPROTO);
}

TEST_P(Cq, IsModerated) {
    const auto context = kernel_.context();
    kernel_.on_command<ib_uverbs_ex_modify_cq, NoAnswer>(IB_USER_VERBS_EX_CMD_MODIFY_CQ |
                                                             IB_USER_VERBS_CMD_FLAG_EXTENDED,
                                                         [](const auto &request, auto &, auto &) {
                                                             EXPECT_EQ(request.cq_handle, 6u);
                                                             EXPECT_EQ(request.attr_mask, 1u);
                                                             EXPECT_EQ(request.attr.cq_count, 16);
                                                             EXPECT_EQ(request.attr.cq_period, 100);
                                                             return 0;
                                                         });
    EXPECT_TRUE(uverbs::modify_cq(context, 6, 16, 100));
}

void on_destroy(FakeKernel &kernel, int code) {
    kernel.on_method(UVERBS_OBJECT_CQ, UVERBS_METHOD_CQ_DESTROY, [code](MethodCall &call) {
        EXPECT_EQ(call.object(UVERBS_ATTR_DESTROY_CQ_HANDLE), 6);
        if (code == 0) call.out(UVERBS_ATTR_DESTROY_CQ_RESP, ib_uverbs_destroy_cq_resp{3, 4});
        return code;
    });
    kernel.on_command<ib_uverbs_destroy_cq, ib_uverbs_destroy_cq_resp>(
        IB_USER_VERBS_CMD_DESTROY_CQ, [code](const auto &request, auto &response, auto &) {
            EXPECT_EQ(request.cq_handle, 6u);
            response = {3, 4};
            return code;
        });
}

TEST_P(Cq, TellsItsEventsWhenItIsDestroyed) {
    const auto context = kernel_.context();
    on_destroy(kernel_, 0);
    const auto reported = uverbs::destroy_cq(context, 6);
    ASSERT_TRUE(reported) << reported.error().phrase;
    EXPECT_EQ(reported->completion, 3u);
    EXPECT_EQ(reported->async, 4u);
}

TEST_P(Cq, GoesWithARemovedDeviceAndWithoutEvents) {
    const auto context = kernel_.context();
    on_destroy(kernel_, EIO);
    const auto reported = uverbs::destroy_cq(context, 6);
    ASSERT_TRUE(reported);
    EXPECT_EQ(reported->completion, 0u);
    EXPECT_EQ(reported->async, 0u);
}

TEST_P(Cq, StaysWhileItIsInUse) {
    const auto context = kernel_.context();
    on_destroy(kernel_, EBUSY);
    EXPECT_EQ(uverbs::destroy_cq(context, 6).error().code, EBUSY);
}

TEST_P(Cq, IsArmedByOneWrite) {
    const auto context = kernel_.context();
    std::optional<std::uint32_t> solicited;
    kernel_.on_command<ib_uverbs_req_notify_cq, NoAnswer>(IB_USER_VERBS_CMD_REQ_NOTIFY_CQ,
                                                          [&](const auto &request, auto &, auto &) {
                                                              EXPECT_EQ(request.cq_handle, 6u);
                                                              solicited = request.solicited_only;
                                                              return 0;
                                                          });
    const int writes = kernel_.writes;
    const int ioctls = kernel_.ioctls;
    EXPECT_EQ(uverbs::req_notify_cq(context, 6, true), 0);
    EXPECT_EQ(solicited, 1u);
    EXPECT_EQ(kernel_.writes, writes + 1);
    EXPECT_EQ(kernel_.ioctls, ioctls);
    const unsigned char expected[] = {23, 0, 0, 0, 4, 0, 0, 0, 6, 0, 0, 0, 1, 0, 0, 0};
    ASSERT_EQ(kernel_.written.size(), sizeof expected);
    EXPECT_EQ(std::memcmp(kernel_.written.data(), expected, sizeof expected), 0);
}

UVERBS_EVERY_AGE(Cq);

}  // namespace
}  // namespace verbs::test
