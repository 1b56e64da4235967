// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Two queue pairs of one context that know each other. Their completion queues are polled in steps,
// and the first of them has the ibv_wr_* calls.
#pragma once

#include "paths.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

namespace verbs_test {

// IBV_WC_STANDARD_FLAGS: a macro in some headers, an enumerator in others.
inline constexpr uint64_t kStandardFields = 0x7f;

// A completion as the calls for single fields tell it, each only if the queue was asked for it.
struct Seen {
    uint64_t id = 0;
    ibv_wc_status status = IBV_WC_GENERAL_ERR;
    ibv_wc_opcode opcode = IBV_WC_SEND;
    unsigned flags = 0;
    uint32_t byte_len = 0;
    uint32_t imm = 0;  // in host order
    uint32_t invalidated_rkey = 0;
    uint32_t qp_num = 0;
    uint32_t src_qp = 0;
    uint64_t ticks = 0;
    uint64_t wallclock_ns = 0;
};

struct PairOptions {
    ibv_qp_type type = IBV_QPT_RC;
    uint64_t send_ops = IBV_QP_EX_WITH_SEND;
    uint64_t wc_flags = kStandardFields;
    ibv_comp_channel *channel = nullptr;  // of the receiving queue
    uint32_t depth = 32;                  // requests in each queue
    uint32_t max_inline_data = 64;
    int access = IBV_ACCESS_REMOTE_WRITE | IBV_ACCESS_REMOTE_READ;
    int memory_access = kEveryAccess;
    // Makes the queues, not the region, in a parent domain of the pair's protection domain, which
    // comes into pd.
    const ibv_parent_domain_init_attr *parent = nullptr;
};

// Throws when the queue cannot be had; errno is what it was refused with.
ibv_cq_ex *create_cq_ex(ibv_context *context, uint64_t wc_flags, uint32_t cqe = 256,
                        ibv_comp_channel *channel = nullptr, ibv_pd *parent_domain = nullptr);

class ExtendedPair {
public:
    static constexpr size_t kRegion = 1 << 16;

    ExtendedPair(ibv_context *context, const PairOptions &options = {});

    [[nodiscard]] ibv_qp_ex *sender() const { return sender_; }
    [[nodiscard]] ibv_qp *here() const { return here_.get(); }
    [[nodiscard]] ibv_qp *there() const { return there_.get(); }
    [[nodiscard]] ibv_cq_ex *sent() const { return sent_; }
    [[nodiscard]] ibv_cq_ex *received() const { return received_; }
    [[nodiscard]] ibv_pd *pd() const { return pd_.get(); }
    [[nodiscard]] const ibv_qp_cap &cap() const { return cap_; }

    // One region serves both ends: the lower half is sent from, the upper half is received into.
    [[nodiscard]] uint8_t *from(size_t offset = 0) const { return pages_.data() + offset; }
    [[nodiscard]] uint8_t *into(size_t offset = 0) const { return from(kRegion / 2 + offset); }
    [[nodiscard]] ibv_mr *mr() const { return mr_.get(); }
    [[nodiscard]] uint32_t lkey() const { return mr_->lkey; }
    [[nodiscard]] uint32_t rkey() const { return mr_->rkey; }
    [[nodiscard]] static uint64_t address(const uint8_t *place) {
        return reinterpret_cast<uint64_t>(place);
    }

    void post_recv(uint64_t id, uint32_t length, size_t offset = 0);
    // One request of the sender, which `begin` names, with this data: how it ended.
    template <class Begin>
    Seen request(Begin &&begin, const ibv_sge &sge, uint64_t id = 1) const {
        ibv_wr_start(sender_);
        sender_->wr_id = id;
        sender_->wr_flags = IBV_SEND_SIGNALED;
        begin(sender_);
        ibv_wr_set_sge(sender_, sge.lkey, sge.addr, sge.length);
        EXPECT_EQ(ibv_wr_complete(sender_), 0);
        return sent_one();
    }
    // UD: where requests of the sender go to.
    [[nodiscard]] ibv_ah *address_handle() const { return ah_.get(); }
    [[nodiscard]] uint32_t qkey() const { return path_.qkey; }

    std::vector<Seen> sent(size_t count) const { return collect(sent_, count); }
    std::vector<Seen> received(size_t count) const { return collect(received_, count); }
    [[nodiscard]] Seen sent_one() const { return sent(1).front(); }
    [[nodiscard]] Seen received_one() const { return received(1).front(); }

private:
    [[nodiscard]] std::vector<Seen> collect(ibv_cq_ex *cq, size_t count) const;
    [[nodiscard]] Seen read(ibv_cq_ex *cq) const;
    void connect();
    // What queues are made in.
    [[nodiscard]] ibv_pd *domain() const { return parent_ ? parent_.get() : pd_.get(); }

    PairOptions options_;
    PathOptions path_;
    Pd pd_;
    Pd parent_;
    ibv_cq_ex *sent_;
    Cq owned_sent_;
    ibv_cq_ex *received_;
    Cq owned_received_;
    Pages pages_;
    Mr mr_;
    ibv_qp_cap cap_{};
    Qp here_;
    ibv_qp_ex *sender_ = nullptr;
    Qp there_;
    Ah ah_;
};

inline ::testing::AssertionResult went_well(const Seen &seen, uint64_t id, ibv_wc_opcode opcode) {
    if (seen.id == id && seen.status == IBV_WC_SUCCESS && seen.opcode == opcode)
        return ::testing::AssertionSuccess();
    return ::testing::AssertionFailure()
           << "request " << seen.id << ", " << ibv_wc_status_str(seen.status) << ", opcode "
           << seen.opcode << "; expected request " << id << " and opcode " << opcode;
}

}  // namespace verbs_test
