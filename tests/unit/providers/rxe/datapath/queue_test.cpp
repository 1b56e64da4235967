// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// The shared queues alone: what is accepted from the kernel, and indices that are anything.
#include "fake_kernel.hpp"

namespace {

using namespace verbs_test;
using rxe::CompletionQueue;
using rxe::WorkQueue;

constexpr std::size_t kElement = 64;

int refusal(const verbs::Mapping &memory, std::size_t size, std::size_t element = kElement) {
    const auto queue = WorkQueue::open(memory.data(), size, element);
    return queue ? 0 : queue.error().code;
}

TEST(SharedQueue, HasOneRequestLessThanSlots) {
    const KernelQueue kernel(8, 6);
    const verbs::Mapping memory = kernel.map();
    const auto queue = WorkQueue::open(memory.data(), memory.size(), kElement);
    ASSERT_TRUE(queue);
    EXPECT_EQ(queue->capacity(), 7u);
    EXPECT_TRUE(queue->is_open());
    EXPECT_FALSE(WorkQueue().is_open());
}

TEST(SharedQueue, ThatIsShorterThanItsHeaderIsRefused) {
    const KernelQueue kernel(8, 6);
    const verbs::Mapping memory = kernel.map();
    EXPECT_EQ(refusal(memory, sizeof(rxe_queue_buf) - 1), EPROTO);
}

TEST(SharedQueue, WithSlotsBeyondTheMappingIsRefused) {
    const KernelQueue kernel(8, 6);
    const verbs::Mapping memory = kernel.map();
    EXPECT_EQ(refusal(memory, memory.size()), 0);
    EXPECT_EQ(refusal(memory, memory.size() - 1), EPROTO);
}

TEST(SharedQueue, WithSlotsSmallerThanARequestIsRefused) {
    const KernelQueue kernel(8, 6);
    const verbs::Mapping memory = kernel.map();
    EXPECT_EQ(refusal(memory, memory.size(), 65), EPROTO);
}

TEST(SharedQueue, WithAMaskThatIsNoneIsRefused) {
    const KernelQueue kernel(8, 6);
    const verbs::Mapping memory = kernel.map();
    kernel.header().index_mask = 5;
    EXPECT_EQ(refusal(memory, memory.size()), EPROTO);
}

TEST(SharedQueue, WithNumbersThatOverflowIsRefused) {
    const KernelQueue kernel(8, 6);
    const verbs::Mapping memory = kernel.map();
    kernel.header().index_mask = 0xffffffff;
    EXPECT_EQ(refusal(memory, memory.size()), EPROTO);
    kernel.header().log2_elem_size = 0xffffffff;
    EXPECT_EQ(refusal(memory, memory.size()), EPROTO);
    kernel.header().log2_elem_size = 31;
    EXPECT_EQ(refusal(memory, memory.size()), EPROTO);
}

TEST(WorkQueue, BeginsWhereTheKernelsCopyOfItsIndexIs) {
    KernelQueue kernel(8, 6);
    kernel.start_at(6);
    const verbs::Mapping memory = kernel.map();
    auto queue = WorkQueue::open(memory.data(), memory.size(), kElement);
    ASSERT_TRUE(queue);
    for (uint64_t i = 1; i <= 3; ++i) {
        ASSERT_FALSE(queue->is_full());
        *queue->next<uint64_t>() = i;
        queue->advance();
    }
    EXPECT_EQ(kernel.waiting(), 0u) << "nothing is seen before it is published";
    queue->publish();
    EXPECT_EQ(kernel.waiting(), 3u);
    for (uint64_t i = 1; i <= 3; ++i) {
        EXPECT_EQ(long_at(kernel.oldest(), 0), i) << "around the end";
        kernel.complete();
    }
}

TEST(WorkQueue, IsFullWithOneSlotLeftAndUsableAfterACompletion) {
    KernelQueue kernel(4, 6);
    const verbs::Mapping memory = kernel.map();
    auto queue = WorkQueue::open(memory.data(), memory.size(), kElement);
    ASSERT_TRUE(queue);
    for (int i = 0; i < 3; ++i) {
        EXPECT_FALSE(queue->is_full());
        queue->advance();
    }
    queue->publish();
    EXPECT_TRUE(queue->is_full());
    kernel.complete();
    EXPECT_FALSE(queue->is_full());
}

// Whatever the other side's index is, ours walks through the slots and nothing else.
TEST(WorkQueue, StaysInsideOfItsSlotsWithAnyConsumerIndex) {
    const KernelQueue kernel(4, 6);
    const verbs::Mapping memory = kernel.map();
    auto queue = WorkQueue::open(memory.data(), memory.size(), kElement);
    ASSERT_TRUE(queue);
    const auto *first = static_cast<uint8_t *>(memory.data()) + sizeof(rxe_queue_buf);
    for (const uint32_t hostile : {0xffffffffu, 0x80000000u, 4u, 5u, 0x7fffffffu, 1000000u}) {
        kernel.header().consumer_index = hostile;
        for (int i = 0; i < 10; ++i) {
            if (queue->is_full()) break;
            const auto *slot = queue->next<uint8_t>();
            EXPECT_GE(slot, first);
            EXPECT_LT(slot, first + 4 * 64);
            queue->advance();
            queue->publish();
            EXPECT_LT(kernel.header().producer_index, 4u);
        }
    }
}

TEST(WorkQueue, DoesNotBelieveWhatIsWrittenOverItsOwnNumbers) {
    KernelQueue kernel(4, 6);
    const verbs::Mapping memory = kernel.map();
    auto queue = WorkQueue::open(memory.data(), memory.size(), kElement);
    ASSERT_TRUE(queue);
    kernel.header().producer_index = 3;
    kernel.header().index_mask = 0xffff;
    kernel.header().log2_elem_size = 20;
    const auto *first = static_cast<uint8_t *>(memory.data()) + sizeof(rxe_queue_buf);
    EXPECT_EQ(queue->next<uint8_t>(), first);
    queue->advance();
    EXPECT_EQ(queue->next<uint8_t>(), first + 64);
    queue->publish();
    EXPECT_EQ(kernel.header().producer_index, 1u);
}

TEST(CompletionQueue, CountsNoMoreThanItsSlotsWithAnyProducerIndex) {
    const KernelQueue kernel(4, 6);
    const verbs::Mapping memory = kernel.map();
    auto queue = CompletionQueue::open(memory.data(), memory.size());
    ASSERT_TRUE(queue);
    for (const uint32_t hostile : {0xffffffffu, 0x80000000u, 7u, 1000000u}) {
        kernel.header().producer_index = hostile;
        EXPECT_LT(queue->count(), 4u) << hostile;
    }
}

}  // namespace
