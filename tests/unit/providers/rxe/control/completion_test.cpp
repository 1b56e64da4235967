// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "fake_rxe.hpp"

namespace verbs::test {
namespace {

using RxeCq = FakeRxe;

TEST_F(RxeCq, LiesInTheDriversQueue) {
    auto *cq = create_cq();
    ASSERT_NE(cq, nullptr);
    EXPECT_EQ(user_handle_, reinterpret_cast<std::uintptr_t>(cq));
    EXPECT_EQ(cq->cqe, static_cast<int>(kSlots - 1));
    EXPECT_TRUE(objects_.contains(cq->handle));
    ibv_wc wc{};
    EXPECT_EQ(context_.ops.poll_cq(cq, 1, &wc), 0);
    const int before = retired_;
    EXPECT_TRUE(device_->destroy_cq(cq));
    EXPECT_EQ(retired_, before + 1);
    EXPECT_TRUE(objects_.empty());
}

TEST_F(RxeCq, IsGivenBackWhenItsQueueIsOdd) {
    is_odd = 1;
    EXPECT_EQ(device_->create_cq(10, nullptr, 0).error().code, EPROTO);
    EXPECT_TRUE(objects_.empty());
}

TEST_F(RxeCq, IsGivenBackWhenTheDriverDoesNotSayWhereItsQueueIs) {
    size_of_queues = 0;
    EXPECT_EQ(device_->create_cq(10, nullptr, 0).error().code, EPROTO);
    EXPECT_TRUE(objects_.empty());
}

TEST_F(RxeCq, IsGivenBackWhenTheQueueIsShorterThanItsSlots) {
    size_of_queues = 512;
    EXPECT_EQ(device_->create_cq(10, nullptr, 0).error().code, EPROTO);
    EXPECT_TRUE(objects_.empty());
}

TEST_F(RxeCq, GoesOverToTheNewQueueWhenItIsResized) {
    auto *cq = create_cq();
    kernel_.on_command<ib_uverbs_resize_cq, ib_uverbs_resize_cq_resp>(
        IB_USER_VERBS_CMD_RESIZE_CQ, [&](const auto &request, auto &response, CommandCall &call) {
            EXPECT_EQ(request.cq_handle, cq->handle);
            EXPECT_EQ(request.cqe, 12u);
            response.cqe = kSlots - 1;
            const rxe_resize_cq_resp answer{make_queue(6)};
            EXPECT_EQ(call.driver_out.size(), sizeof answer);
            std::memcpy(call.driver_out.data(), &answer, sizeof answer);
            return 0;
        });
    const void *before = static_cast<rxe::Cq *>(cq)->memory.data();
    ASSERT_TRUE(device_->resize_cq(cq, 12));
    EXPECT_NE(static_cast<rxe::Cq *>(cq)->memory.data(), before);
}

TEST_F(RxeCq, StaysAsItIsWhenTheKernelDoesNotResizeIt) {
    auto *cq = create_cq();
    const void *before = static_cast<rxe::Cq *>(cq)->memory.data();
    EXPECT_FALSE(device_->resize_cq(cq, 12));
    EXPECT_EQ(static_cast<rxe::Cq *>(cq)->memory.data(), before);
}

using RxeSrq = FakeRxe;

TEST_F(RxeSrq, LiesInTheDriversQueue) {
    ibv_srq_init_attr attr{};
    attr.attr = {10, 2, 0};
    const auto srq = device_->create_srq(&pd_, &attr);
    ASSERT_TRUE(srq) << srq.error().phrase;
    EXPECT_EQ(user_handle_, reinterpret_cast<std::uintptr_t>(*srq));
    EXPECT_EQ(attr.attr.max_wr, kSlots - 1);
    EXPECT_EQ(attr.attr.max_sge, 2u);
    EXPECT_EQ(static_cast<rxe::Srq *>(*srq)->srq_num, 23u);
    ibv_sge sge{};
    ibv_recv_wr wr{};
    wr.sg_list = &sge;
    wr.num_sge = 1;
    ibv_recv_wr *bad = nullptr;
    EXPECT_EQ(context_.ops.post_srq_recv(*srq, &wr, &bad), 0);
    EXPECT_TRUE(device_->destroy_srq(*srq));
    EXPECT_TRUE(objects_.empty());
}

TEST_F(RxeSrq, IsGivenBackWhenItsQueueIsOdd) {
    is_odd = 1;
    ibv_srq_init_attr attr{};
    attr.attr = {10, 2, 0};
    EXPECT_EQ(device_->create_srq(&pd_, &attr).error().code, EPROTO);
    EXPECT_TRUE(objects_.empty());
}

TEST_F(RxeSrq, TellsTheDriverWhereToPutTheNewQueue) {
    ibv_srq_init_attr attr{};
    attr.attr = {10, 2, 0};
    const auto srq = device_->create_srq(&pd_, &attr);
    ASSERT_TRUE(srq) << srq.error().phrase;
    std::uint32_t limit = 0;
    kernel_.on_command<ib_uverbs_modify_srq, NoAnswer>(
        IB_USER_VERBS_CMD_MODIFY_SRQ, [&](const auto &request, auto &, CommandCall &call) {
            rxe_modify_srq_cmd driver{};
            EXPECT_EQ(call.driver_in.size(), sizeof driver);
            std::memcpy(&driver, call.driver_in.data(), sizeof driver);
            limit = request.srq_limit;
            if ((request.attr_mask & IBV_SRQ_MAX_WR) == 0) return 0;
            const mminfo where = make_queue(7);
            std::memcpy(
                reinterpret_cast<void *>(static_cast<std::uintptr_t>(driver.mmap_info_addr)),
                &where, sizeof where);
            return 0;
        });
    const void *before = static_cast<rxe::Srq *>(*srq)->rq.memory.data();
    ibv_srq_attr change{};
    change.srq_limit = 3;
    ASSERT_TRUE(device_->modify_srq(*srq, &change, IBV_SRQ_LIMIT));
    EXPECT_EQ(limit, 3u);
    EXPECT_EQ(static_cast<rxe::Srq *>(*srq)->rq.memory.data(), before);
    change.max_wr = 12;
    ASSERT_TRUE(device_->modify_srq(*srq, &change, IBV_SRQ_MAX_WR));
    EXPECT_NE(static_cast<rxe::Srq *>(*srq)->rq.memory.data(), before);
}

}  // namespace
}  // namespace verbs::test
