// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// The kernel's side of shared queues, played in this process: it makes a queue in a file in memory,
// gives one mapping of it away, and works on another one. And the other end of the commands.
#pragma once

#include "core/fd.hpp"
#include "datapath/cq.hpp"
#include "datapath/qp.hpp"

#include <gtest/gtest.h>

#include <sys/mman.h>
#include <sys/socket.h>

#include <cstring>
#include <vector>

namespace verbs_test {

// As rdma_rxe's side: an index of its own, masked, and copied out after each change.
class KernelQueue {
public:
    // Slots of 2^log2_size bytes; `slots` is a power of two.
    KernelQueue(uint32_t slots, uint32_t log2_size)
        : size_(sizeof(rxe_queue_buf) + (std::size_t{slots} << log2_size)),
          file_(::memfd_create("queue", MFD_CLOEXEC)), mask_(slots - 1), shift_(log2_size) {
        EXPECT_EQ(::ftruncate(file_.get(), static_cast<off_t>(size_)), 0);
        memory_ = map();
        header().log2_elem_size = log2_size;
        header().index_mask = slots - 1;
    }

    [[nodiscard]] verbs::Mapping map() const {
        return std::move(*verbs::Mapping::shared(file_.get(), size_, PROT_READ | PROT_WRITE));
    }
    [[nodiscard]] rxe_queue_buf &header() const {
        return *static_cast<rxe_queue_buf *>(memory_.data());
    }
    [[nodiscard]] uint8_t *slot(uint32_t index) const {
        return reinterpret_cast<uint8_t *>(&header() + 1) +
               (static_cast<std::size_t>(index & mask_) << shift_);
    }

    // Of a queue that the program fills: how many requests wait, the oldest, and giving it back.
    [[nodiscard]] uint32_t waiting() const {
        return (load(header().producer_index) - index_) & mask_;
    }
    [[nodiscard]] const uint8_t *oldest() const { return slot(index_); }
    void complete() {
        index_ = (index_ + 1) & mask_;
        store(header().consumer_index, index_);
    }
    // The queue as if `count` requests had gone through it.
    void start_at(uint32_t index) {
        index_ = index;
        header().producer_index = header().consumer_index = index;
    }

    // Of a queue that the program empties. False: full.
    bool push(const ib_uverbs_wc &wc) {
        if (((index_ + 1 - load(header().consumer_index)) & mask_) == 0) return false;
        std::memcpy(slot(index_), &wc, sizeof wc);
        index_ = (index_ + 1) & mask_;
        store(header().producer_index, index_);
        return true;
    }

private:
    static uint32_t load(uint32_t &index) {
        return std::atomic_ref(index).load(std::memory_order_acquire);
    }
    static void store(uint32_t &index, uint32_t value) {
        std::atomic_ref(index).store(value, std::memory_order_release);
    }

    std::size_t size_;
    verbs::UniqueFd file_;
    verbs::Mapping memory_;
    uint32_t mask_;
    uint32_t shift_;
    uint32_t index_ = 0;
};

// Where the data path's commands go: every write() is a message of its own.
class CommandSink {
public:
    CommandSink() {
        int ends[2] = {-1, -1};
        EXPECT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
        ours_.reset(ends[0]);
        theirs_.reset(ends[1]);
    }
    [[nodiscard]] int fd() const { return theirs_.get(); }
    // The next command, or nothing.
    [[nodiscard]] std::vector<uint32_t> next() const {
        std::vector<uint32_t> words(64);
        const ssize_t size = ::read(ours_.get(), words.data(), 4 * words.size());
        words.resize(size > 0 ? static_cast<std::size_t>(size) / 4 : 0);
        return words;
    }
    [[nodiscard]] int count() const {
        int count = 0;
        while (!next().empty())
            ++count;
        return count;
    }

private:
    verbs::UniqueFd ours_;
    verbs::UniqueFd theirs_;
};

inline uint32_t word_at(const uint8_t *bytes, std::size_t offset) {
    uint32_t value;
    std::memcpy(&value, bytes + offset, sizeof value);
    return value;
}
inline uint64_t long_at(const uint8_t *bytes, std::size_t offset) {
    uint64_t value;
    std::memcpy(&value, bytes + offset, sizeof value);
    return value;
}

inline constexpr uint32_t kMaxSge = 4;
inline constexpr uint32_t kMaxInline = 64;
inline constexpr uint32_t kHandle = 77;
inline constexpr uint32_t kSlots = 8;

// A queue pair ready to send, and the kernel behind it.
class QueuePair : public ::testing::Test {
protected:
    void make(ibv_qp_type type) {
        context.cmd_fd = commands.fd();
        qp.context = &context;
        qp.qp_type = type;
        qp.state = IBV_QPS_RTS;
        qp.handle = kHandle;
        ibv_qp_cap cap{5, 5, kMaxSge, kMaxSge, kMaxInline};
        ASSERT_TRUE(rxe::attach(qp, type, kHandle, sends.map(), receives.map(), cap));
        EXPECT_EQ(cap.max_send_wr, kSlots - 1);
        EXPECT_EQ(cap.max_recv_wr, kSlots - 1);
    }
    int post(ibv_send_wr &wr) { return rxe::post_send(&qp, &wr, &bad_send); }
    int post(ibv_recv_wr &wr) { return rxe::post_recv(&qp, &wr, &bad_recv); }

    KernelQueue sends{kSlots, 9};
    KernelQueue receives{kSlots, 7};
    CommandSink commands;
    ibv_context context{};
    rxe::Qp qp;
    ibv_send_wr *bad_send = nullptr;
    ibv_recv_wr *bad_recv = nullptr;
};

inline ibv_send_wr request(ibv_wr_opcode opcode, unsigned flags = 0) {
    ibv_send_wr wr{};
    wr.wr_id = 0x1122334455667788;
    wr.opcode = opcode;
    wr.send_flags = flags;
    return wr;
}

}  // namespace verbs_test
