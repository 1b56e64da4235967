// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "uverbs/wq.hpp"

#include "uverbs/fake_kernel.hpp"

#include <array>

namespace verbs::test {
namespace {

using Wq = EveryAge;

constexpr std::uint32_t extended(std::uint32_t number) {
    return number | IB_USER_VERBS_CMD_FLAG_EXTENDED;
}

TEST_P(Wq, IsCreatedModifiedAndDestroyed) {
    const auto context = kernel_.context();
    kernel_.on_command<ib_uverbs_ex_create_wq, ib_uverbs_ex_create_wq_resp>(
        extended(IB_USER_VERBS_EX_CMD_CREATE_WQ), [](const auto &request, auto &response, auto &) {
            EXPECT_EQ(request.user_handle, 0xabcu);
            EXPECT_EQ(request.pd_handle, 2u);
            EXPECT_EQ(request.cq_handle, 6u);
            EXPECT_EQ(request.max_wr, 10u);
            EXPECT_EQ(request.max_sge, 1u);
            EXPECT_EQ(request.create_flags, 4u);
            response.wq_handle = 40;
            response.wqn = 41;
            response.max_wr = 15;
            return 0;
        });
    uverbs::WqRequest request;
    request.user_handle = 0xabc;
    request.pd = 2;
    request.cq = 6;
    request.max_wr = 10;
    request.max_sge = 1;
    request.flags = 4;
    const auto wq = uverbs::create_wq(context, request);
    ASSERT_TRUE(wq) << wq.error().phrase;
    EXPECT_EQ(wq->handle, 40u);
    EXPECT_EQ(wq->wq_num, 41u);
    EXPECT_EQ(wq->max_wr, 15u);

    ib_uverbs_ex_modify_wq change{};
    change.wq_handle = 40;
    change.wq_state = 1;
    kernel_.on_command<ib_uverbs_ex_modify_wq, NoAnswer>(
        extended(IB_USER_VERBS_EX_CMD_MODIFY_WQ), [&](const auto &sent, auto &, auto &) {
            EXPECT_EQ(std::memcmp(&sent, &change, sizeof change), 0);
            return 0;
        });
    EXPECT_TRUE(uverbs::modify_wq(context, change));

    kernel_.on_command<ib_uverbs_ex_destroy_wq, ib_uverbs_ex_destroy_wq_resp>(
        extended(IB_USER_VERBS_EX_CMD_DESTROY_WQ), [](const auto &sent, auto &response, auto &) {
            EXPECT_EQ(sent.wq_handle, 40u);
            response.events_reported = 2;
            return 0;
        });
    EXPECT_EQ(*uverbs::destroy_wq(context, 40), 2u);
}

UVERBS_EVERY_AGE(Wq);

// Requests of this length, for the typed face of the fake kernel.
template <std::size_t Count>
struct TableRequest {
    std::uint32_t comp_mask;
    std::uint32_t log_size;
    std::uint32_t wqs[Count];
};

TEST(IndTable, ListsItsQueues) {
    for (const Age age : {Age::attributes, Age::before_ioctl}) {
        FakeKernel kernel(age);
        const auto context = kernel.context();
        kernel.on_command<TableRequest<4>, ib_uverbs_ex_create_rwq_ind_table_resp>(
            extended(IB_USER_VERBS_EX_CMD_CREATE_RWQ_IND_TBL),
            [](const auto &request, auto &response, auto &) {
                EXPECT_EQ(request.log_size, 2u);
                EXPECT_EQ(request.wqs[0], 5u);
                EXPECT_EQ(request.wqs[3], 8u);
                response.ind_tbl_handle = 50;
                response.ind_tbl_num = 51;
                return 0;
            });
        const auto table =
            uverbs::create_rwq_ind_table(context, std::array<std::uint32_t, 4>{5, 6, 7, 8});
        ASSERT_TRUE(table) << table.error().phrase;
        EXPECT_EQ(table->handle, 50u);
        EXPECT_EQ(table->number, 51u);
    }
}

TEST(IndTable, OfOneIsFilledUpToAWord) {
    FakeKernel kernel(Age::before_ioctl);
    const auto context = kernel.context();
    kernel.on_command<TableRequest<2>, ib_uverbs_ex_create_rwq_ind_table_resp>(
        extended(IB_USER_VERBS_EX_CMD_CREATE_RWQ_IND_TBL),
        [](const auto &request, auto &response, auto &) {
            EXPECT_EQ(request.log_size, 0u);
            EXPECT_EQ(request.wqs[0], 5u);
            EXPECT_EQ(request.wqs[1], 0u);
            response.ind_tbl_handle = 50;
            return 0;
        });
    EXPECT_TRUE(uverbs::create_rwq_ind_table(context, std::array<std::uint32_t, 1>{5}));
}

TEST(IndTable, IsAsLongAsAPowerOfTwo) {
    FakeKernel kernel;
    const auto context = kernel.context();
    const std::array<std::uint32_t, 128> many{};
    EXPECT_EQ(uverbs::create_rwq_ind_table(context, {}).error().code, EINVAL);
    EXPECT_EQ(uverbs::create_rwq_ind_table(context, std::span(many).first(3)).error().code, EINVAL);
    EXPECT_EQ(uverbs::create_rwq_ind_table(context, many).error().code, EINVAL);
}

}  // namespace
}  // namespace verbs::test
