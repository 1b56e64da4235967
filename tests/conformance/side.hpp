// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// One side of a connection: a queue pair with its completion queues and one registered region, and
// a shared receive queue or a memory window where a test wants them. A side lives in this process
// or in another one, and a test does not care which.
#pragma once

#include "completions.hpp"
#include "paths.hpp"
#include "support/exchange.hpp"
#include "support/peer_process.hpp"

#include <array>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace verbs_test {

struct SideOptions {
    size_t memory = 1 << 16;  // bytes of the region
    int memory_access = kEveryAccess;
    Sharing sharing = Sharing::none;  // of the region's memory
    ibv_qp_type type = IBV_QPT_RC;
    ibv_qp_cap cap = {64, 64, 4, 4, 64};
    int sq_sig_all = 0;
    int cqe = 256;
    PathOptions path;
    ibv_srq_attr srq = {0, 0, 0};  // with room for requests: the queue pair receives from it
};

// A piece of the side's region. A nonzero lkey_flip spoils the key.
struct Slice {
    uint64_t offset = 0;
    uint32_t length = 0;
    uint32_t lkey_flip = 0;
};

class Slices {
public:
    static constexpr size_t kMost = 16;
    Slices(std::initializer_list<Slice> slices = {}) {
        for (const Slice &slice : slices) {
            add(slice);
        }
    }
    void add(const Slice &slice) { slices_.at(count_++) = slice; }
    [[nodiscard]] std::span<const Slice> all() const { return {slices_.data(), count_}; }

private:
    std::array<Slice, kMost> slices_{};
    size_t count_ = 0;
};

// A send request, flat, so that it can travel to the process that posts it.
struct Sending {
    uint64_t id = 0;
    ibv_wr_opcode opcode = IBV_WR_SEND;
    unsigned flags = IBV_SEND_SIGNALED;
    Slices data;
    RemotePlace remote;
    QpAddress datagram;        // UD: where to
    uint32_t qkey = 0;         // UD
    uint32_t imm = 0;          // in host order
    uint64_t compare_add = 0;  // atomics: what is compared, or added
    uint64_t swap = 0;         // atomics: what replaces a value that was as expected

    [[nodiscard]] Sending with_imm(uint32_t value) const {
        Sending copy = *this;
        copy.imm = value;
        copy.opcode = opcode == IBV_WR_SEND ? IBV_WR_SEND_WITH_IMM : IBV_WR_RDMA_WRITE_WITH_IMM;
        return copy;
    }
    [[nodiscard]] Sending with(unsigned more_flags) const {
        Sending copy = *this;
        copy.flags |= more_flags;
        return copy;
    }
    [[nodiscard]] Sending unsignaled() const {
        Sending copy = *this;
        copy.flags &= ~static_cast<unsigned>(IBV_SEND_SIGNALED);
        return copy;
    }
    [[nodiscard]] Sending to(const QpAddress &peer, uint32_t key) const {
        Sending copy = *this;
        copy.datagram = peer;
        copy.qkey = key;
        return copy;
    }
};

inline Sending make_send(uint64_t id, const Slices &data) {
    Sending sending;
    sending.id = id;
    sending.data = data;
    return sending;
}
inline Sending make_write(uint64_t id, const Slices &data, const RemotePlace &to) {
    Sending sending = make_send(id, data);
    sending.opcode = IBV_WR_RDMA_WRITE;
    sending.remote = to;
    return sending;
}
inline Sending make_read(uint64_t id, const Slices &data, const RemotePlace &from) {
    Sending sending = make_write(id, data, from);
    sending.opcode = IBV_WR_RDMA_READ;
    return sending;
}

inline Sending make_fetch_add(uint64_t id, const Slices &into, const RemotePlace &at,
                              uint64_t summand) {
    Sending sending = make_write(id, into, at);
    sending.opcode = IBV_WR_ATOMIC_FETCH_AND_ADD;
    sending.compare_add = summand;
    return sending;
}
inline Sending make_compare_swap(uint64_t id, const Slices &into, const RemotePlace &at,
                                 uint64_t expected, uint64_t desired) {
    Sending sending = make_write(id, into, at);
    sending.opcode = IBV_WR_ATOMIC_CMP_AND_SWP;
    sending.compare_add = expected;
    sending.swap = desired;
    return sending;
}

// Binds the side's window to a part of its region.
struct Binding {
    uint64_t id = 0;
    uint64_t offset = 0;
    uint64_t length = 0;
    int access = IBV_ACCESS_REMOTE_WRITE | IBV_ACCESS_REMOTE_READ;
    unsigned flags = IBV_SEND_SIGNALED;
};

// Posting, modifying, attaching and the like give the error number; the rest throws when it fails.
class Side {
public:
    virtual ~Side() = default;
    virtual QpAddress address() = 0;
    // The region from its first byte on; add to addr for the rest.
    virtual RemotePlace memory() = 0;
    virtual void connect(const QpAddress &peer) = 0;
    virtual int post_recv(uint64_t id, const Slices &into) = 0;
    virtual int post_send(const Sending &sending) = 0;
    virtual std::vector<ibv_wc> sent(size_t count) = 0;
    virtual std::vector<ibv_wc> received(size_t count) = 0;
    virtual std::vector<uint8_t> load(size_t offset, size_t length) = 0;
    virtual void store(size_t offset, std::span<const uint8_t> bytes) = 0;
    virtual ibv_qp_state state() = 0;
    virtual int change_state(ibv_qp_state state) = 0;
    // With a shared receive queue of its own.
    virtual int post_srq_recv(uint64_t id, const Slices &into) = 0;
    virtual int modify_srq(const ibv_srq_attr &attr, int mask) = 0;
    virtual ibv_srq_attr srq_attributes() = 0;
    // Adds 1 to a counter again and again with several additions under way, and gives the values
    // that were found there, in the order of posting.
    virtual std::vector<uint64_t> count_up(const RemotePlace &counter, size_t times) = 0;
    // The window is made by whichever is called first.
    virtual int bind(const Binding &binding) = 0;
    virtual uint32_t window_rkey() = 0;
    virtual int attach(const ibv_gid &group) = 0;
    virtual int detach(const ibv_gid &group) = 0;

    ibv_wc sent() { return sent(1).front(); }
    ibv_wc received() { return received(1).front(); }
    RemotePlace at(size_t offset) {
        const RemotePlace start = memory();
        return {start.addr + offset, start.rkey};
    }
};

class LocalSide final : public Side {
public:
    // With a shared receive queue that is given, it receives from that one instead of its own.
    explicit LocalSide(ibv_context *context, const SideOptions &options = {},
                       ibv_comp_channel *channel = nullptr, ibv_srq *shared = nullptr);
    // Leaves the groups that are left.
    ~LocalSide() override;

    QpAddress address() override;
    RemotePlace memory() override;
    void connect(const QpAddress &peer) override;
    int post_recv(uint64_t id, const Slices &into) override;
    int post_send(const Sending &sending) override;
    std::vector<ibv_wc> sent(size_t count) override;
    std::vector<ibv_wc> received(size_t count) override;
    std::vector<uint8_t> load(size_t offset, size_t length) override;
    void store(size_t offset, std::span<const uint8_t> bytes) override;
    ibv_qp_state state() override;
    int change_state(ibv_qp_state state) override;
    int post_srq_recv(uint64_t id, const Slices &into) override;
    int modify_srq(const ibv_srq_attr &attr, int mask) override;
    ibv_srq_attr srq_attributes() override;
    std::vector<uint64_t> count_up(const RemotePlace &counter, size_t times) override;
    int bind(const Binding &binding) override;
    uint32_t window_rkey() override;
    int attach(const ibv_gid &group) override;
    int detach(const ibv_gid &group) override;
    using Side::received;
    using Side::sent;

    [[nodiscard]] ibv_pd *pd() const { return pd_.get(); }
    [[nodiscard]] ibv_qp *qp() const { return qp_.get(); }
    [[nodiscard]] ibv_cq *send_cq() const { return send_cq_.get(); }
    [[nodiscard]] ibv_cq *recv_cq() const { return recv_cq_.get(); }
    [[nodiscard]] ibv_srq *srq() const { return srq_.get(); }
    [[nodiscard]] Srq &owned_srq() { return srq_; }
    [[nodiscard]] ibv_mw *window();
    [[nodiscard]] Mw &owned_window() { return window_; }
    [[nodiscard]] Region &region() { return region_; }
    [[nodiscard]] const ibv_qp_cap &cap() const { return cap_; }
    [[nodiscard]] Qp &owned_qp() { return qp_; }

private:
    std::vector<ibv_sge> sges(const Slices &slices) const;
    ibv_ah *address_handle(const ibv_gid &gid);

    SideOptions options_;
    Pd pd_;
    Region region_;
    Cq send_cq_;
    Cq recv_cq_;
    Srq srq_;
    ibv_qp_cap cap_;  // granted; filled when the queue pair is created
    Qp qp_;
    Mw window_;
    std::vector<ibv_gid> groups_;
    std::vector<std::pair<ibv_gid, Ah>> address_handles_;
};

// The same in a process of its own, which does what it is told until the side goes.
class RemoteSide final : public Side {
public:
    // The role has to end in serve_side.
    explicit RemoteSide(const SideOptions &options = {}, const char *role = "side");
    // Expects that the process ends well, unless it was killed.
    ~RemoteSide() override;

    QpAddress address() override;
    RemotePlace memory() override;
    void connect(const QpAddress &peer) override;
    int post_recv(uint64_t id, const Slices &into) override;
    int post_send(const Sending &sending) override;
    std::vector<ibv_wc> sent(size_t count) override;
    std::vector<ibv_wc> received(size_t count) override;
    std::vector<uint8_t> load(size_t offset, size_t length) override;
    void store(size_t offset, std::span<const uint8_t> bytes) override;
    ibv_qp_state state() override;
    int change_state(ibv_qp_state state) override;
    int post_srq_recv(uint64_t id, const Slices &into) override;
    int modify_srq(const ibv_srq_attr &attr, int mask) override;
    ibv_srq_attr srq_attributes() override;
    std::vector<uint64_t> count_up(const RemotePlace &counter, size_t times) override;
    int bind(const Binding &binding) override;
    uint32_t window_rkey() override;
    int attach(const ibv_gid &group) override;
    int detach(const ibv_gid &group) override;
    using Side::received;
    using Side::sent;

    // The process destroys everything in order and exits with 0.
    ::testing::AssertionResult leave();
    void kill();
    // The process forks a child that holds all it inherits until this side is gone.
    void fork_a_child();
    [[nodiscard]] pid_t pid() const { return process_.pid(); }
    // What the process wrote to its standard output and error so far.
    [[nodiscard]] std::string output() const { return process_.output(); }

private:
    enum class Act : uint32_t;
    Message ask(Message request);
    Message request(Act act);
    friend void serve_side(Exchange &exchange);

    PeerProcess process_;
    bool is_there_ = true;
};

// The role behind RemoteSide.
void serve_side(Exchange &exchange);

// Two sides that know each other.
void join(Side &a, Side &b);

}  // namespace verbs_test
