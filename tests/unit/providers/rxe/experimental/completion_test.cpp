// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "fake_rxe.hpp"

namespace verbs::test {
namespace {

class RxeCqEx : public FakeRxe {
protected:
    static ibv_cq_init_attr_ex request(std::uint64_t fields) {
        ibv_cq_init_attr_ex attr{};
        attr.cqe = 10;
        attr.wc_flags = fields;
        return attr;
    }
};

TEST_F(RxeCqEx, StepsThroughTheDriversQueue) {
    auto attr = request(IBV_WC_STANDARD_FLAGS);
    const auto made = device_->create_cq_ex(&attr);
    ASSERT_TRUE(made) << made.error().phrase;
    ibv_cq_ex *cq = *made;
    auto *plain = reinterpret_cast<ibv_cq *>(cq);
    EXPECT_EQ(user_handle_, reinterpret_cast<std::uintptr_t>(plain));
    EXPECT_EQ(cq->cqe, static_cast<int>(kSlots - 1));
    // As the kernel would put two there.
    auto &queue = *static_cast<rxe_queue_buf *>(static_cast<rxe::Cq *>(plain)->memory.data());
    auto *slots = reinterpret_cast<std::uint8_t *>(&queue + 1);
    for (std::uint32_t i = 0; i < 2; ++i) {
        ib_uverbs_wc wc{};
        wc.wr_id = 30 + i;
        wc.status = i == 0 ? IBV_WC_SUCCESS : IBV_WC_REM_ACCESS_ERR;
        wc.byte_len = 8;
        wc.wc_flags = rxe::kKernelWithInvalidate;
        std::memcpy(slots + 64u * i, &wc, sizeof wc);
    }
    std::atomic_ref(queue.producer_index).store(2, std::memory_order_release);
    ibv_poll_cq_attr nothing{};
    ASSERT_EQ(cq->start_poll(cq, &nothing), 0);
    EXPECT_EQ(cq->wr_id, 30u);
    EXPECT_EQ(cq->status, IBV_WC_SUCCESS);
    EXPECT_EQ(cq->read_byte_len(cq), 8u);
    EXPECT_EQ(cq->read_wc_flags(cq), unsigned{IBV_WC_WITH_INV});
    ASSERT_EQ(cq->next_poll(cq), 0);
    EXPECT_EQ(cq->status, IBV_WC_REM_ACCESS_ERR);
    EXPECT_EQ(cq->next_poll(cq), ENOENT);
    cq->end_poll(cq);
    EXPECT_EQ(queue.consumer_index, 2u);
    EXPECT_TRUE(device_->destroy_cq(plain));
    EXPECT_TRUE(objects_.empty());
}

TEST_F(RxeCqEx, IsPolledLikeAnyOther) {
    auto attr = request(0);
    const auto cq = device_->create_cq_ex(&attr);
    ASSERT_TRUE(cq) << cq.error().phrase;
    ibv_wc wc{};
    EXPECT_EQ(context_.ops.poll_cq(reinterpret_cast<ibv_cq *>(*cq), 1, &wc), 0);
}

TEST_F(RxeCqEx, AsksTheKernelForNothingThatItCannotTell) {
    for (const auto field :
         {IBV_WC_EX_WITH_COMPLETION_TIMESTAMP, IBV_WC_EX_WITH_COMPLETION_TIMESTAMP_WALLCLOCK,
          IBV_WC_EX_WITH_CVLAN, IBV_WC_EX_WITH_FLOW_TAG, IBV_WC_EX_WITH_TM_INFO}) {
        auto attr = request(field);
        EXPECT_EQ(device_->create_cq_ex(&attr).error().code, EOPNOTSUPP) << field;
    }
    EXPECT_TRUE(objects_.empty());
}

TEST_F(RxeCqEx, IsGivenBackWhenItsQueueIsOdd) {
    is_odd = 1;
    auto attr = request(0);
    EXPECT_EQ(device_->create_cq_ex(&attr).error().code, EPROTO);
    EXPECT_TRUE(objects_.empty());
}

}  // namespace
}  // namespace verbs::test
