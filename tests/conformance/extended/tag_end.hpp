// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// A receive queue that matches tags, and senders to it, all of one context.
#pragma once

#include "completions.hpp"
#include "extended_pair.hpp"

#include <infiniband/tm_types.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <span>
#include <vector>

namespace verbs_test {

// A completion of the receiving side. Of a failed one status, wr_id and QP are told alone.
struct TagSeen {
    uint64_t id = 0;
    ibv_wc_status status = IBV_WC_GENERAL_ERR;
    ibv_wc_opcode opcode = IBV_WC_SEND;
    unsigned flags = 0;
    uint32_t byte_len = 0;
    uint32_t imm = 0;  // in host order
    uint32_t qp_num = 0;
    uint64_t tag = 0;
    uint32_t priv = 0;
};

inline constexpr unsigned kMatched = IBV_WC_TM_MATCH;
inline constexpr unsigned kValid = IBV_WC_TM_DATA_VALID;

struct TagOptions {
    uint32_t tags = 16;
    ibv_comp_channel *channel = nullptr;
};

// The queue, its CQ and the memory that messages come into.
class TagEnd {
public:
    static constexpr size_t kRegion = 1 << 21;

    explicit TagEnd(ibv_context *context, const TagOptions &options = {});

    [[nodiscard]] ibv_pd *pd() const { return pd_.get(); }
    [[nodiscard]] ibv_srq *srq() const { return srq_.get(); }
    [[nodiscard]] Srq &owned_srq() { return srq_; }
    [[nodiscard]] ibv_cq_ex *cq() const { return cq_; }
    [[nodiscard]] Cq &owned_cq() { return owned_cq_; }
    [[nodiscard]] uint8_t *into(size_t offset = 0) const { return region_.data() + offset; }
    [[nodiscard]] const Region &region() const { return region_; }

    // An operation that completes, and tells how many unexpected messages were handled so far.
    // Its wr_id is that of the buffer, plus kOperation.
    static constexpr uint64_t kOperation = 1000;
    [[nodiscard]] ibv_ops_wr adding(uint64_t id, uint64_t tag, uint64_t mask = ~uint64_t{0});
    // Posts it; the completion has to say success, and these flags. Gives the handle.
    uint32_t add(uint64_t id, uint64_t tag, uint64_t mask = ~uint64_t{0}, unsigned flags = 0);
    // Of the next buffers.
    void set_buffer(size_t offset, uint32_t length) { sge_ = region_.sge(offset, length); }
    [[nodiscard]] TagSeen remove(uint32_t handle);
    [[nodiscard]] TagSeen sync();
    uint32_t handled = 0;

    void post_recv(uint64_t id, uint32_t length, size_t offset = 0);
    [[nodiscard]] std::vector<TagSeen> seen(size_t count) const;
    [[nodiscard]] TagSeen seen_one() const { return seen(1).front(); }
    [[nodiscard]] bool is_empty() const;

private:
    [[nodiscard]] TagSeen read() const;
    [[nodiscard]] TagSeen post(ibv_ops_wr &op);

    Pd pd_;
    Region region_;
    ibv_cq_ex *cq_;
    Cq owned_cq_;
    Srq srq_;
    ibv_sge sge_;
};

// A queue pair that sends, and the one of the receive queue that it is connected to.
class TagSender {
public:
    static constexpr size_t kRegion = 1 << 21;

    explicit TagSender(TagEnd &end, ibv_qp_state there = IBV_QPS_RTS,
                       int access = IBV_ACCESS_REMOTE_READ,
                       const std::function<void(ibv_qp *)> &prepare_there = {});

    [[nodiscard]] ibv_qp *here() const { return here_.get(); }
    [[nodiscard]] ibv_qp *there() const { return there_.get(); }
    [[nodiscard]] Qp &owned_there() { return there_; }
    [[nodiscard]] ibv_cq *cq() const { return cq_.get(); }
    [[nodiscard]] const Region &region() const { return region_; }
    // What is sent: all of it, or what follows the headers.
    [[nodiscard]] uint8_t *from(size_t offset = 0) const { return region_.data() + offset; }
    [[nodiscard]] static constexpr uint32_t eager(uint32_t length) {
        return static_cast<uint32_t>(sizeof(ibv_tmh)) + length;
    }

    void write_header(uint8_t opcode, uint64_t tag, uint32_t priv = 0) const;
    void post(uint32_t length, ibv_wr_opcode opcode = IBV_WR_SEND) const;
    // An eager message with so many bytes of data; waits until it is acknowledged.
    void send(uint64_t tag, uint32_t length, uint32_t priv = 0) const;
    void send_rendezvous(uint64_t tag, const RemotePlace &data, uint32_t length) const;
    // Does not wait.
    void post_rendezvous(uint64_t tag, const RemotePlace &data, uint32_t length) const;
    // Where FINs come.
    static constexpr size_t kAnswers = kRegion / 2;
    void post_recv(uint64_t id) const;
    // Whether the answer to the rendezvous that was sent last is there.
    [[nodiscard]] bool is_answered() const;

private:
    Pd pd_;
    Region region_;
    Cq cq_;
    Qp here_;
    Qp there_;
};

// A test with the two.
class TagTest : public DeviceTest {
protected:
    void SetUp() override {
        DeviceTest::SetUp();
        if (IsSkipped()) return;
        require_feature("tag matching");
        if (!IsSkipped()) make({});
    }
    void TearDown() override {
        drop();
        DeviceTest::TearDown();
    }
    void make(const TagOptions &options, ibv_qp_state there = IBV_QPS_RTS,
              int access = IBV_ACCESS_REMOTE_READ) {
        drop();
        end_ = std::make_unique<TagEnd>(context(), options);
        sender_ = std::make_unique<TagSender>(*end_, there, access);
        const auto bytes = pattern(3, TagSender::kRegion);
        std::copy(bytes.begin(), bytes.end(), sender().from());
    }
    void drop() {
        sender_.reset();
        end_.reset();
    }
    TagEnd &end() { return *end_; }
    TagSender &sender() { return *sender_; }

private:
    std::unique_ptr<TagEnd> end_;
    std::unique_ptr<TagSender> sender_;
};

inline ::testing::AssertionResult is(const TagSeen &seen, uint64_t id, ibv_wc_opcode opcode,
                                     unsigned flags) {
    if (seen.id == id && seen.status == IBV_WC_SUCCESS && seen.opcode == opcode &&
        seen.flags == flags)
        return ::testing::AssertionSuccess();
    return ::testing::AssertionFailure()
           << seen.id << ": " << ibv_wc_status_str(seen.status) << ", opcode " << seen.opcode
           << ", flags " << seen.flags << "; expected " << id << ", opcode " << opcode << ", flags "
           << flags;
}

}  // namespace verbs_test
