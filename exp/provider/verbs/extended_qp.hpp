// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// QPs that are filled call by call (struct ibv_qp_ex), over a provider's own way to post a list of
// send requests. The calls write requests into arrays that are as long as the send queue.
#pragma once

#include <verbs/biased_lock.hpp>
#include <verbs/plain_attr.hpp>
#include <verbs/provider_exp.h>

#include "core/result.hpp"

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <new>
#include <string>
#include <utility>

namespace verbs::provider {

// What is built between wr_start and wr_complete.
class WrBatch {
public:
    // Has room for as many requests as the queue holds, behind one that never is any. The room is
    // not touched before it is used. nullptr: there is not so much memory.
    [[nodiscard]] static std::unique_ptr<WrBatch> create(const ibv_qp_cap &cap) noexcept {
        std::unique_ptr<WrBatch> batch(new (std::nothrow) WrBatch(cap));
        if (batch == nullptr) return nullptr;
        const std::size_t count = std::size_t{cap.max_send_wr} + 1;
        batch->requests_ = room_for<Request>(count, 1);
        batch->sges_ = room_for<ibv_sge>(count, batch->max_sge_);
        batch->inline_data_ = room_for<uint8_t>(count, batch->max_inline_);
        const bool is_whole = batch->requests_ != nullptr && batch->sges_ != nullptr &&
                              batch->inline_data_ != nullptr;
        if (!is_whole) return nullptr;
        batch->lock_.bias();
        batch->last_ = &batch->requests_[cap.max_send_wr];
        return batch;
    }

    // Held from wr_start to wr_complete or wr_abort, so that one thread builds at a time. It is not
    // the lock of the queue: programs may post and poll meanwhile.
    void start() noexcept {
        lock_.lock();
        current_ = &requests_[0];
        takes_ = kNothing;
        error_ = 0;
    }
    // `post` gets the first request and how many there are, and returns 0 or an errno value.
    template <class Post>
    int complete(Post &&post) noexcept {
        int code = error_;
        if (code == 0 && current_ != &requests_[0]) [[likely]] {
            ibv_send_wr &first = requests_[1].wr;
            current_->wr.next = nullptr;
            code = post(&first, &current_->wr == &first ? 1 : link_all());
        }
        lock_.unlock();
        return code;
    }
    void abort() noexcept { lock_.unlock(); }

    // What may be said of a request after it was begun.
    static constexpr unsigned kNothing = 0;
    static constexpr unsigned kData = 1 << 0;
    static constexpr unsigned kInline = 1 << 1;
    static constexpr unsigned kAddress = 1 << 2;
    static constexpr unsigned kReceiver = 1 << 3;  // XRC: what reaches the peer

    // What was built is not to be posted, for this reason unless there was one before.
    __attribute__((noinline)) void fail(int code) noexcept {
        if (error_ == 0) error_ = code;
    }

    // The next request, which has no data yet.
    ibv_send_wr &begin(const ibv_qp_ex &qp, ibv_wr_opcode opcode, unsigned takes) noexcept {
        if (current_ != last_) [[likely]]
            ++current_;
        else if (error_ == 0)
            error_ = ENOMEM;  // not by fail(): a call that comes back costs registers
        takes_ = takes;
        ibv_send_wr &wr = current_->wr;
        wr.wr_id = qp.wr_id;
        wr.num_sge = 0;
        wr.opcode = opcode;
        wr.qp_type.xrc.remote_srqn = 0;  // nobody's
        wr.send_flags = qp.wr_flags & ~unsigned{IBV_SEND_INLINE};
        return wr;
    }
    // The request that was begun last, to be told more of what it takes; nullptr: it does not.
    ibv_send_wr *continued(unsigned what) noexcept {
        if ((takes_ & what) != 0) [[likely]]
            return &current_->wr;
        fail(EINVAL);
        return nullptr;
    }

    // The last call about data counts. A single piece is what most requests have.
    void set_sge(const ibv_sge &sge) noexcept {
        ibv_send_wr *wr = continued(kData);
        if (wr == nullptr) return;
        wr->send_flags &= ~unsigned{IBV_SEND_INLINE};
        set_piece(*wr, sge);
    }
    void set_inline(const void *data, std::size_t length) noexcept {
        if (length != sizeof(uint64_t)) return set_inline_of_any_length(data, length);
        ibv_send_wr *wr = continued(kInline);
        if (wr == nullptr) return;
        if (length > max_inline_) [[unlikely]]
            return fail(EINVAL);
        uint8_t *own = &current_->few[0];
        std::memcpy(own, data, sizeof(uint64_t));  // no call
        wr->send_flags |= IBV_SEND_INLINE;
        set_piece(*wr, {reinterpret_cast<uintptr_t>(own), sizeof(uint64_t), 0});
    }
    void set_sges(const ibv_sge *list, std::size_t count) noexcept {
        ibv_send_wr *wr = continued(kData);
        if (wr == nullptr) return;
        if (count > max_sge_) [[unlikely]]
            return fail(EINVAL);
        ibv_sge *own = &sges_[place() * max_sge_];
        for (std::size_t i = 0; i < count; ++i)
            own[i] = list[i];
        wr->send_flags &= ~unsigned{IBV_SEND_INLINE};
        wr->sg_list = own;
        wr->num_sge = static_cast<int>(count);
    }
    void set_inline_list(const ibv_data_buf *list, std::size_t count) noexcept {
        ibv_send_wr *wr = continued(kInline);
        if (wr == nullptr) return;
        uint8_t *const own = inline_room();
        uint32_t length = 0;
        for (std::size_t i = 0; i < count; ++i) {
            if (list[i].length > max_inline_ - length) [[unlikely]]
                return fail(EINVAL);
            if (list[i].length == 0) continue;  // its address may be anything
            std::memcpy(own + length, list[i].addr, list[i].length);
            length += static_cast<uint32_t>(list[i].length);
        }
        wr->send_flags |= IBV_SEND_INLINE;
        set_piece(*wr, {reinterpret_cast<uintptr_t>(own), length, 0});
    }

private:
    // With the data that most have, so that a short request is in adjacent cache lines.
    struct Request {
        ibv_send_wr wr;
        ibv_sge piece;
        uint8_t few[sizeof(uint64_t)];
    };

    explicit WrBatch(const ibv_qp_cap &cap) noexcept
        : max_sge_(std::max(cap.max_send_sge, 1u)), max_inline_(cap.max_inline_data) {}

    template <class T>
    static std::unique_ptr<T[]> room_for(std::size_t count, std::size_t each) noexcept {
        std::size_t total = 0;
        if (__builtin_mul_overflow(count, each, &total) || total > PTRDIFF_MAX / sizeof(T))
            return nullptr;
        return std::unique_ptr<T[]>(new (std::nothrow) T[total]);
    }

    // Out of line, as the length that is set most often needs no registers for this.
    __attribute__((noinline)) void set_inline_of_any_length(const void *data,
                                                            std::size_t length) noexcept {
        ibv_send_wr *wr = continued(kInline);
        if (wr == nullptr) return;
        if (length > max_inline_) return fail(EINVAL);
        uint8_t *const own = inline_room();
        if (length != 0) std::memcpy(own, data, length);
        wr->send_flags |= IBV_SEND_INLINE;
        set_piece(*wr, {reinterpret_cast<uintptr_t>(own), static_cast<uint32_t>(length), 0});
    }
    // Makes one list of several requests, and gives their number.
    __attribute__((noinline)) uint32_t link_all() noexcept {
        for (Request *request = &requests_[1]; request != current_; ++request)
            request->wr.next = &request[1].wr;
        return static_cast<uint32_t>(place());
    }
    [[nodiscard]] std::size_t place() const noexcept {
        return static_cast<std::size_t>(current_ - &requests_[0]);
    }
    [[nodiscard]] uint8_t *inline_room() const noexcept {
        return &inline_data_[0] + place() * max_inline_;
    }
    void set_piece(ibv_send_wr &wr, const ibv_sge &sge) noexcept {
        current_->piece = sge;
        wr.sg_list = &current_->piece;
        wr.num_sge = 1;
    }

    BiasedLock lock_;
    int error_ = 0;
    unsigned takes_ = kNothing;
    uint32_t max_sge_;
    uint32_t max_inline_;
    Request *current_ = nullptr;  // that was begun last; the one in front: none was
    Request *last_ = nullptr;     // that there is room for
    std::unique_ptr<Request[]> requests_;
    std::unique_ptr<ibv_sge[]> sges_;
    std::unique_ptr<uint8_t[]> inline_data_;
};

// The front of a provider's QP in place of ibv_qp: room for the public struct of the extended kind,
// which begins with the plain one. So each QP of the provider can be either.
struct ExtendedFront : ibv_qp {
    // Everything is zero, which the analyzer does not see through two bases.
    ExtendedFront() noexcept : ibv_qp{} {}  // NOLINT(clang-analyzer-optin.*)

    [[nodiscard]] ibv_qp_ex &extended() noexcept { return *reinterpret_cast<ibv_qp_ex *>(this); }
    [[nodiscard]] static ExtendedFront &of(ibv_qp_ex *qp) noexcept {
        return *reinterpret_cast<ExtendedFront *>(qp);
    }

    // Of ibv_qp_ex. Ours never looks at it but through extended().
    alignas(ibv_qp_ex) unsigned char beyond_ibv_qp[sizeof(ibv_qp_ex) - sizeof(ibv_qp)] = {};
};

// The same of a QP whose requests are built here, in memory beside its queue.
struct ExtendedQp : ExtendedFront {
    [[nodiscard]] static ExtendedQp &of(ibv_qp_ex *qp) noexcept {
        return static_cast<ExtendedQp &>(ExtendedFront::of(qp));
    }

    std::unique_ptr<WrBatch> batch;  // nullptr: not made to be filled call by call
};
static_assert(offsetof(ibv_qp_ex, comp_mask) == sizeof(ibv_qp) &&
              alignof(ibv_qp_ex) == alignof(ibv_qp));

// The slot qp_to_qp_ex.
[[nodiscard]] inline ibv_qp_ex *extended_face(ExtendedQp &qp) noexcept {
    return qp.batch != nullptr ? &qp.extended() : nullptr;
}

// The operations that a QP of a type can have at all (IBTA 10.3, table of supported operations);
// enum ibv_qp_create_send_ops_flags.
[[nodiscard]] constexpr uint64_t send_ops_of(ibv_qp_type type) noexcept {
    constexpr uint64_t kUd = IBV_QP_EX_WITH_SEND | IBV_QP_EX_WITH_SEND_WITH_IMM;
    constexpr uint64_t kUc = kUd | IBV_QP_EX_WITH_RDMA_WRITE | IBV_QP_EX_WITH_RDMA_WRITE_WITH_IMM |
                             IBV_QP_EX_WITH_LOCAL_INV | IBV_QP_EX_WITH_BIND_MW |
                             IBV_QP_EX_WITH_SEND_WITH_INV;
    constexpr uint64_t kRc = kUc | IBV_QP_EX_WITH_RDMA_READ | IBV_QP_EX_WITH_ATOMIC_CMP_AND_SWP |
                             IBV_QP_EX_WITH_ATOMIC_FETCH_AND_ADD | IBV_QP_EX_WITH_ATOMIC_WRITE |
                             IBV_QP_EX_WITH_FLUSH;
    switch (type) {
    case IBV_QPT_RC:
    case IBV_QPT_XRC_SEND:
        return kRc;
    case IBV_QPT_UC:
        return kUc;
    case IBV_QPT_UD:
        return kUd;
    default:
        return 0;
    }
}

// What a QP may be asked for: a protection domain, and of the operations those of `ops`.
[[nodiscard]] inline Result<void> judge_qp(const ibv_qp_init_attr_ex &attr, uint64_t ops) {
    constexpr uint32_t kTaken =
        IBV_QP_INIT_ATTR_PD | IBV_QP_INIT_ATTR_CREATE_FLAGS | IBV_QP_INIT_ATTR_SEND_OPS_FLAGS;
    constexpr uint32_t kKnown = kTaken | IBV_QP_INIT_ATTR_XRCD | IBV_QP_INIT_ATTR_MAX_TSO_HEADER |
                                IBV_QP_INIT_ATTR_IND_TABLE | IBV_QP_INIT_ATTR_RX_HASH;
    if ((attr.comp_mask & ~kKnown) != 0)
        return fail(EINVAL, "comp_mask has bits that are not known");
    if ((attr.comp_mask & IBV_QP_INIT_ATTR_XRCD) != 0)
        return fail(EOPNOTSUPP, "the device has no XRC domains");
    if ((attr.comp_mask & ~kTaken) != 0)
        return fail(EOPNOTSUPP, "the device has no segmentation, indirection tables and hashing");
    if ((attr.comp_mask & IBV_QP_INIT_ATTR_PD) == 0 || attr.pd == nullptr)
        return fail(EINVAL, "a QP needs a protection domain: IBV_QP_INIT_ATTR_PD and pd");
    if ((attr.comp_mask & IBV_QP_INIT_ATTR_CREATE_FLAGS) != 0 && attr.create_flags != 0)
        return fail(EOPNOTSUPP, "the device has none of the create_flags");
    if ((attr.comp_mask & IBV_QP_INIT_ATTR_SEND_OPS_FLAGS) == 0) return {};
    if (const uint64_t missing = attr.send_ops_flags & ~(ops & send_ops_of(attr.qp_type));
        missing != 0)
        return fail(EOPNOTSUPP, "QPs of this type do not have all of send_ops_flags: without " +
                                    std::to_string(missing) + " they do");
    return {};
}

// What IBV_WR_FLUSH asks for. With IBV_FLUSH_MR there is no length.
struct Flush {
    uint64_t address;
    uint32_t length;
    uint32_t rkey;
    uint8_t type;   // enum ibv_placement_type: known bits, at least one
    uint8_t level;  // enum ibv_selectivity_level
};

// struct ibv_send_wr has no members for it. What was built has it where a bind has the window's,
// and this in place of the window: so ibv_post_send cannot be asked for one by chance.
inline ibv_mw no_window{};

inline void put_flush(ibv_send_wr &wr, const Flush &flush) noexcept {
    const unsigned kind = flush.type | unsigned{flush.level} << 8;
    wr.bind_mw = {&no_window, flush.rkey, {nullptr, flush.address, flush.length, kind}};
}

// What a program asks for by ibv_wr_flush. False: it is not a flush.
[[nodiscard]] inline bool make_flush(uint32_t rkey, uint64_t address, std::size_t length,
                                     uint8_t type, uint8_t level, Flush &flush) noexcept {
    constexpr unsigned kTypes = IBV_FLUSH_GLOBAL | IBV_FLUSH_PERSISTENT;
    const bool has_range = level == IBV_FLUSH_RANGE;
    flush = {address, has_range ? static_cast<uint32_t>(length) : 0, rkey, type, level};
    return type != 0 && (type & ~kTypes) == 0 && (has_range || level == IBV_FLUSH_MR) &&
           (!has_range || length <= UINT32_MAX);
}

// False: the request was not built by wr_flush.
[[nodiscard]] inline bool take_flush(const ibv_send_wr &wr, Flush &flush) noexcept {
    if (wr.bind_mw.mw != &no_window) return false;
    const ibv_mw_bind_info &info = wr.bind_mw.bind_info;
    flush = {info.addr, static_cast<uint32_t>(info.length), wr.bind_mw.rkey,
             static_cast<uint8_t>(info.mw_access_flags),
             static_cast<uint8_t>(info.mw_access_flags >> 8)};
    return true;
}

// The calls of ibv_qp_ex, except those that are the provider's.
namespace wr {

[[nodiscard]] inline WrBatch &batch_of(ibv_qp_ex *qp) noexcept {
    return *ExtendedQp::of(qp).batch;
}
inline void start(ibv_qp_ex *qp) noexcept {
    batch_of(qp).start();
}
inline void abort(ibv_qp_ex *qp) noexcept {
    batch_of(qp).abort();
}

inline constexpr unsigned kMessage = WrBatch::kData | WrBatch::kInline | WrBatch::kReceiver;

// A datagram that is not told its address is refused when it is posted.
inline ibv_send_wr &begin_send(ibv_qp_ex *qp, ibv_wr_opcode opcode) noexcept {
    ibv_send_wr &request = batch_of(qp).begin(*qp, opcode, kMessage | WrBatch::kAddress);
    request.wr.ud.ah = nullptr;
    return request;
}
inline void send(ibv_qp_ex *qp) noexcept {
    begin_send(qp, IBV_WR_SEND);
}
inline void send_imm(ibv_qp_ex *qp, __be32 imm_data) noexcept {
    begin_send(qp, IBV_WR_SEND_WITH_IMM).imm_data = imm_data;
}
inline void send_inv(ibv_qp_ex *qp, uint32_t rkey) noexcept {
    begin_send(qp, IBV_WR_SEND_WITH_INV).invalidate_rkey = rkey;
}

inline ibv_send_wr &begin_rdma(ibv_qp_ex *qp, ibv_wr_opcode opcode, unsigned takes, uint32_t rkey,
                               uint64_t address) noexcept {
    ibv_send_wr &request = batch_of(qp).begin(*qp, opcode, takes);
    request.wr.rdma = {address, rkey};
    return request;
}
inline void rdma_write(ibv_qp_ex *qp, uint32_t rkey, uint64_t address) noexcept {
    begin_rdma(qp, IBV_WR_RDMA_WRITE, kMessage, rkey, address);
}
inline void rdma_write_imm(ibv_qp_ex *qp, uint32_t rkey, uint64_t address,
                           __be32 imm_data) noexcept {
    begin_rdma(qp, IBV_WR_RDMA_WRITE_WITH_IMM, kMessage, rkey, address).imm_data = imm_data;
}
inline void rdma_read(ibv_qp_ex *qp, uint32_t rkey, uint64_t address) noexcept {
    begin_rdma(qp, IBV_WR_RDMA_READ, WrBatch::kData | WrBatch::kReceiver, rkey, address);
}
inline void atomic_write(ibv_qp_ex *qp, uint32_t rkey, uint64_t address,
                         const void *value) noexcept {
    begin_rdma(qp, IBV_WR_ATOMIC_WRITE, WrBatch::kInline | WrBatch::kReceiver, rkey, address);
    batch_of(qp).set_inline(value, sizeof(uint64_t));
}
inline void atomic(ibv_qp_ex *qp, ibv_wr_opcode opcode, uint32_t rkey, uint64_t address,
                   uint64_t compare_add, uint64_t swap) noexcept {
    constexpr unsigned kTakes = WrBatch::kData | WrBatch::kReceiver;
    batch_of(qp).begin(*qp, opcode, kTakes).wr.atomic = {address, compare_add, swap, rkey};
}
inline void atomic_cmp_swp(ibv_qp_ex *qp, uint32_t rkey, uint64_t address, uint64_t compare,
                           uint64_t swap) noexcept {
    atomic(qp, IBV_WR_ATOMIC_CMP_AND_SWP, rkey, address, compare, swap);
}
inline void atomic_fetch_add(ibv_qp_ex *qp, uint32_t rkey, uint64_t address,
                             uint64_t add) noexcept {
    atomic(qp, IBV_WR_ATOMIC_FETCH_AND_ADD, rkey, address, add, 0);
}

inline void bind_mw(ibv_qp_ex *qp, ibv_mw *mw, uint32_t rkey,
                    const ibv_mw_bind_info *bind_info) noexcept {
    batch_of(qp).begin(*qp, IBV_WR_BIND_MW, WrBatch::kNothing).bind_mw = {mw, rkey, *bind_info};
}
inline void local_inv(ibv_qp_ex *qp, uint32_t rkey) noexcept {
    batch_of(qp).begin(*qp, IBV_WR_LOCAL_INV, WrBatch::kNothing).invalidate_rkey = rkey;
}

// It takes pieces of memory, as its manual page has it, which nobody looks at.
inline void flush(ibv_qp_ex *qp, uint32_t rkey, uint64_t address, std::size_t length, uint8_t type,
                  uint8_t level) noexcept {
    WrBatch &batch = batch_of(qp);
    ibv_send_wr &request = batch.begin(*qp, IBV_WR_FLUSH, WrBatch::kData | WrBatch::kReceiver);
    Flush flush;
    if (!make_flush(rkey, address, length, type, level, flush)) [[unlikely]]
        batch.fail(EINVAL);
    put_flush(request, flush);
}

inline void set_ud_addr(ibv_qp_ex *qp, ibv_ah *ah, uint32_t qpn, uint32_t qkey) noexcept {
    if (ibv_send_wr *request = batch_of(qp).continued(WrBatch::kAddress); request != nullptr)
        request->wr.ud = {ah, qpn, qkey};
}
inline void set_xrc_srqn(ibv_qp_ex *qp, uint32_t srqn) noexcept {
    if (ibv_send_wr *request = batch_of(qp).continued(WrBatch::kReceiver); request != nullptr)
        request->qp_type.xrc.remote_srqn = srqn;
}
inline void set_sge(ibv_qp_ex *qp, uint32_t lkey, uint64_t address, uint32_t length) noexcept {
    batch_of(qp).set_sge({address, length, lkey});
}
inline void set_sge_list(ibv_qp_ex *qp, std::size_t count, const ibv_sge *list) noexcept {
    batch_of(qp).set_sges(list, count);
}
inline void set_inline_data(ibv_qp_ex *qp, void *address, std::size_t length) noexcept {
    batch_of(qp).set_inline(address, length);
}
inline void set_inline_data_list(ibv_qp_ex *qp, std::size_t count,
                                 const ibv_data_buf *list) noexcept {
    batch_of(qp).set_inline_list(list, count);
}

// Only what was asked for.
inline void fill_operations(ibv_qp_ex &qp, uint64_t ops) noexcept {
    if ((ops & IBV_QP_EX_WITH_SEND) != 0) qp.wr_send = &send;
    if ((ops & IBV_QP_EX_WITH_SEND_WITH_IMM) != 0) qp.wr_send_imm = &send_imm;
    if ((ops & IBV_QP_EX_WITH_SEND_WITH_INV) != 0) qp.wr_send_inv = &send_inv;
    if ((ops & IBV_QP_EX_WITH_RDMA_WRITE) != 0) qp.wr_rdma_write = &rdma_write;
    if ((ops & IBV_QP_EX_WITH_RDMA_WRITE_WITH_IMM) != 0) qp.wr_rdma_write_imm = &rdma_write_imm;
    if ((ops & IBV_QP_EX_WITH_RDMA_READ) != 0) qp.wr_rdma_read = &rdma_read;
    if ((ops & IBV_QP_EX_WITH_ATOMIC_WRITE) != 0) qp.wr_atomic_write = &atomic_write;
    if ((ops & IBV_QP_EX_WITH_ATOMIC_CMP_AND_SWP) != 0) qp.wr_atomic_cmp_swp = &atomic_cmp_swp;
    if ((ops & IBV_QP_EX_WITH_ATOMIC_FETCH_AND_ADD) != 0)
        qp.wr_atomic_fetch_add = &atomic_fetch_add;
    if ((ops & IBV_QP_EX_WITH_BIND_MW) != 0) qp.wr_bind_mw = &bind_mw;
    if ((ops & IBV_QP_EX_WITH_FLUSH) != 0) qp.wr_flush = &flush;
    if ((ops & IBV_QP_EX_WITH_LOCAL_INV) != 0) qp.wr_local_inv = &local_inv;
}

}  // namespace wr

// Makes a QP that the provider has created, and judge_qp has let pass, one that is filled call by
// call. attr.cap is what was granted. Post is int(Qp &, ibv_send_wr *first, uint32_t count): posts
// all of the list, or none and returns an errno value.
template <class Qp, auto Post>
[[nodiscard]] Result<void> extend(Qp &own, const ibv_qp_init_attr_ex &attr) {
    own.batch = WrBatch::create(attr.cap);
    if (own.batch == nullptr) return fail(ENOMEM, "no memory to build requests in");
    ibv_qp_ex &qp = own.extended();
    wr::fill_operations(qp, attr.send_ops_flags);
    if (attr.qp_type == IBV_QPT_UD) qp.wr_set_ud_addr = &wr::set_ud_addr;
    if (attr.qp_type == IBV_QPT_XRC_SEND) qp.wr_set_xrc_srqn = &wr::set_xrc_srqn;
    qp.wr_set_sge = &wr::set_sge;
    qp.wr_set_sge_list = &wr::set_sge_list;
    qp.wr_set_inline_data = &wr::set_inline_data;
    qp.wr_set_inline_data_list = &wr::set_inline_data_list;
    qp.wr_start = &wr::start;
    qp.wr_abort = &wr::abort;
    qp.wr_complete = [](ibv_qp_ex *extended) {
        Qp &self = static_cast<Qp &>(ExtendedQp::of(extended));
        return self.batch->complete(
            [&](ibv_send_wr *first, uint32_t count) { return Post(self, first, count); });
    };
    return {};
}

}  // namespace verbs::provider
