// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// The list of tagged buffers of a shared receive queue that matches tags, oldest first.
//
// A message that finds no buffer is unexpected: it takes an ordinary receive. From then on, until
// the program has said that it has seen as many such messages as there were, buffers that come are
// asleep: they might be the ones that the message should have found. The lock is held over looking
// and completing, so that completions come in the order of the matches.
#pragma once

#include "datapath/qp.hpp"
#include "datapath/srq.hpp"

#include <array>
#include <cstdint>
#include <vector>

namespace soft {

inline constexpr uint32_t kMaxTags = 1024;    // buffers in one list
inline constexpr uint32_t kMaxTagSge = 8;     // in one buffer
inline constexpr uint32_t kMaxTagOps = 1024;  // what a program may ask for; none is ever under way
inline constexpr uint32_t kMaxRendezvous = 256;  // bytes of a rendezvous message, headers included

// How messages begin: as struct ibv_tmh and struct ibv_rvh of <infiniband/tm_types.h>.
inline constexpr uint32_t kTagHeader = 16;
inline constexpr uint32_t kRendezvousHeaders = 32;
enum class TagOpcode : uint8_t { no_tag = 0, rendezvous = 1, fin = 2, eager = 3 };

struct TagBuffer {
    enum class Place : uint8_t {
        free,
        list,     // waits for a message
        message,  // has been found by one that is not complete
    };

    uint64_t wr_id = 0;  // of the message's completion
    uint64_t tag = 0;
    uint64_t mask = 0;
    uint32_t handle = 0;  // the place in the list in its low bits; each use has another one
    uint32_t sge_count = 0;
    Place place = Place::free;
    // In the list. After, too, among those that are free, or wait for their rendezvous.
    TagBuffer *before = nullptr;
    TagBuffer *after = nullptr;
    std::array<ibv_sge, kMaxTagSge> sges{};

    // Found by a rendezvous message: where the data is.
    uint64_t remote_address = 0;
    uint32_t rkey = 0;
    uint32_t length = 0;
    RendezvousAnswer answer{};
};

class TagList {
public:
    explicit TagList(uint32_t max_tags);

    SpinLock lock;  // after the queues', before the leaves: all below

    [[nodiscard]] bool is_full() const noexcept { return free_ == nullptr; }
    // A buffer that is not full joins the list, awake or asleep.
    TagBuffer &add() noexcept;
    // The buffer of a handle, or nullptr for what was never one.
    [[nodiscard]] TagBuffer *find(uint32_t handle) noexcept;
    // Out of the list and free again, of what is in it or was found by a message.
    void remove(TagBuffer &buffer) noexcept;
    void release(TagBuffer &buffer) noexcept;
    // The oldest buffer that is awake and fits, out of the list; nullptr: there is none.
    [[nodiscard]] TagBuffer *match(uint64_t tag) noexcept;

    void count_unexpected() noexcept { ++unexpected_; }
    // One of them did not get to the program after all.
    void discount_unexpected() noexcept {
        --unexpected_;
        wake_if_level();
    }
    // So many unexpected messages the program has seen.
    void note_handled(uint32_t count) noexcept {
        handled_ = count;
        wake_if_level();
    }
    // Whether buffers that come fall asleep.
    [[nodiscard]] bool is_behind() const noexcept { return handled_ != unexpected_; }
    [[nodiscard]] bool has_awake() const noexcept { return first_ != asleep_; }

private:
    void unlink(TagBuffer &buffer) noexcept;
    void wake_if_level() noexcept {
        if (!is_behind()) asleep_ = nullptr;
    }

    std::vector<TagBuffer> buffers_;
    uint32_t handle_step_;  // more than any place
    TagBuffer *free_ = nullptr;
    TagBuffer *first_ = nullptr;
    TagBuffer *last_ = nullptr;
    TagBuffer *asleep_ = nullptr;  // from here on to the last
    uint32_t unexpected_ = 0;
    uint32_t handled_ = 0;
};

// What a queue pair of such a receive queue has of messages that are not complete. Under the lock
// of its receive queue, and the rendezvous under that of the list.
struct TaggedReceive {
    TagBuffer *buffer = nullptr;     // of the message that comes in parts, if it found one
    uint32_t length = 0;             // of all of it
    ibv_wc_opcode opcode{};          // of its completion, if it did not
    bool counts_unexpected = false;  // and is one of those
    TagBuffer *first_job = nullptr;  // rendezvous that wait for the send queue, oldest first
    TagBuffer *last_job = nullptr;
};

// A message that came in parts does not go on: its sender has begun anew.
void discard_part(Qp &qp) noexcept;

}  // namespace soft
