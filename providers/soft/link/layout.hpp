// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// What two processes of one host see of each other in shared memory: the home of a process (its
// memory regions, read-only to others) and the channel of a queue pair (a ring of messages).
// Everything here may be written by the other side at any time: readers copy first, judge after.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace soft {

inline constexpr std::size_t kCacheLine = 64;
inline constexpr uint32_t kLayoutVersion = 6;

// --- home: one per process, sealed so that only its owner can write ---------------------------

inline constexpr uint64_t kHomeMagic = 0x62764c656d6f4801;
inline constexpr uint32_t kMrCapacity = 1u << 18;

// One memory region. `key` is written last when a region appears (release) and first when it goes;
// a reader takes key (acquire), the rest, and key again.
struct SharedMr {
    std::atomic<uint32_t> key;  // 0: no region here
    std::atomic<uint32_t> access;
    std::atomic<uint32_t> pd;    // or a queue pair: see bound_to()
    std::atomic<uint32_t> file;  // the shared file that the region is in; 0: private memory
    std::atomic<uint64_t> iova;
    std::atomic<uint64_t> address;
    std::atomic<uint64_t> length;
    std::atomic<uint64_t> file_offset;  // where in `file` it begins
};
static_assert(sizeof(SharedMr) == 48);

// In place of a protection domain, which all have smaller numbers: the region opens to the peer of
// this queue pair and to nobody else. Of memory windows of type 2.
inline constexpr uint32_t bound_to(uint32_t qpn) {
    return 0x8000'0000u | qpn;
}

// A process hands out so many different files in its life; regions in further ones count as
// private.
inline constexpr uint32_t kMostFiles = 256;

struct Home {
    uint64_t magic;
    uint32_t version;
    uint32_t mr_capacity;
    uint8_t reserved[4096 - 16];
    SharedMr mrs[kMrCapacity];
};
static_assert(offsetof(Home, mrs) == 4096);

// --- channel: one per direction of a connected queue pair, or per pair of datagram QPs -----------

inline constexpr uint64_t kChannelMagic = 0x6c6e6e6168434c01;
inline constexpr uint32_t kRingBytes = 64 * 1024;
inline constexpr uint32_t kSlotBytes = 64;
inline constexpr uint32_t kSlots = kRingBytes / kSlotBytes;

enum class ChannelKind : uint32_t { rc = 1, ud = 2, uc = 3, xrc = 4 };

// How many atomic operations of one queue pair can be under way: each has a place for its result.
inline constexpr uint32_t kAtomicResults = 128;

enum class ResponderState : uint32_t {
    absent = 0,    // nobody has taken the channel yet
    attached = 1,  // a QP reads it
    closed = 2,    // the QP that read it has left RTR/RTS, for good
};

// Why a responder refused a message; what the requester's completion becomes.
enum class Refusal : uint8_t {
    none = 0,
    invalid_request = 1,
    access = 2,
    operation = 3,
    rnr = 4,
};

// NOLINTNEXTLINE(clang-analyzer-optin.performance.Padding): who writes decides the line
struct ChannelHeader {
    // Written by the requester before the segment is handed over, never after.
    uint64_t magic;
    uint32_t version;
    uint32_t ring_bytes;
    uint64_t nonce;
    uint32_t kind;
    uint32_t requester_qpn;
    uint32_t responder_qpn;
    uint32_t rnr_retry;

    // Written by the requester.
    // The rkey whose memory the requester is copying to or from right now, 0 for none. Pairs with
    // MrTable::withdraw, which waits for it after the key is gone: without it a region could be
    // written after ibv_dereg_mr returned.
    alignas(kCacheLine) std::atomic<uint32_t> accessing_rkey;
    std::atomic<uint32_t> requester_wants_kick;
    // The requester looks at responder_wants_kick without a fence after it has published a message:
    // who sets that must make it see with a barrier for all (datapath/fence.hpp).
    std::atomic<uint32_t> requester_skips_fences;
    // The requester has given back the memory of all that it sent and that is not yet freed. What a
    // message only refers to is good if this is still 0 after it was copied.
    std::atomic<uint32_t> requester_withdrew;

    // Written by the responder for each message.
    alignas(kCacheLine) std::atomic<uint64_t> freed;  // ring position up to which all is done
    std::atomic<uint64_t> refused;  // (position << 8 | Refusal) of the message that ended it all

    // Written by the responder now and then.
    alignas(kCacheLine) std::atomic<uint32_t> responder_state;
    std::atomic<uint32_t> responder_access;  // the QP's remote access flags
    std::atomic<uint32_t> responder_pd;
    std::atomic<uint32_t> responder_wants_kick;
    std::atomic<uint32_t> responder_skips_fences;  // as the requester's, towards `freed`
    // XRC: of the responding queue pair. Behind a channel to receive queues that are in another
    // process there is none: there the requester writes these and responder_access, from what the
    // channel to the queue pair says. What lies about them is a process of the same user, which
    // could as well reach the memory itself.
    std::atomic<uint32_t> xrc_rnr_timer_ns;
    std::atomic<uint64_t> xrc_domain[3];

    // Written by the responder: what stood in memory before each atomic operation. The requester
    // gives out the places in turn and reads one when `freed` has passed its message.
    alignas(kCacheLine) std::atomic<uint64_t> atomic_results[kAtomicResults];
};
static_assert(offsetof(ChannelHeader, atomic_results) == 4 * kCacheLine);
static_assert(sizeof(ChannelHeader) <= 4096);
static_assert(std::atomic<uint64_t>::is_always_lock_free);

// Behind the ring: where a responder puts what an RDMA READ asks for, if the requester's memory
// cannot be reached directly. Its pages exist only once it is used.
inline constexpr uint32_t kReplyBytes = 64 * 1024;

inline constexpr std::size_t kChannelBytes = 4096 + kRingBytes + kReplyBytes;

enum class MessageKind : uint8_t {
    pad = 0,        // fills the ring's end, nothing to do
    send = 1,       // consumes a receive
    write_imm = 2,  // data is in place already; consumes a receive for the immediate
    fatal = 3,      // requester was refused by our memory table: argument is a Refusal
    write = 4,      // OneSided, then data for that place
    read = 5,       // OneSided: copy from that place into the reply area
    atomic = 6,     // AtomicRequest; argument: the place of its result
    flush = 7,      // FlushRequest
};

inline constexpr uint8_t kFlagImmediate = 1;  // of a write: its immediate follows its parts
inline constexpr uint8_t kFlagSolicited = 2;
inline constexpr uint8_t kFlagByReference = 4;  // payload is RemoteSegment[], not the data
inline constexpr uint8_t kFlagMore = 8;         // a part of a SEND, others follow; argument: offset
inline constexpr uint8_t kFlagInvalidate = 16;  // of a SEND: imm_be is a key that it takes back
// Of a SEND: it answers to what its receiver has sent, which is to complete before it.
inline constexpr uint8_t kFlagAnswer = 32;

// Header of a message; the payload follows it. A message takes whole slots, never wraps.
// `tag` is nonce + ring position, stored last (release), so old bytes of the ring are not taken
// for a message; the responder loads it with acquire.
struct Message {
    std::atomic<uint64_t> tag;
    uint8_t kind;
    uint8_t flags;
    uint16_t slots;
    uint32_t payload;  // bytes that follow in the ring
    uint32_t length;   // bytes of the verbs message
    uint32_t imm_be;
    // Datagrams: the Q_Key. XRC: the number of the receive queue. Messages of another connection
    // that take a receive: how far their sender has freed the ring of the opposite direction, as
    // the tag of the message that comes next there, modulo 2^32. It saves the peer a look at
    // `freed`, whose cache line would have to come over.
    uint32_t qkey_or_ack;
    uint32_t argument;
};
static_assert(sizeof(Message) == 32);

struct RemoteSegment {
    uint64_t address;
    uint64_t length;
};

// In front of the payload of a write, and all the payload of a read.
struct OneSided {
    uint64_t address;
    uint32_t rkey;
    uint32_t length;
};
static_assert(sizeof(OneSided) == 16);

enum class AtomicKind : uint32_t { fetch_and_add = 1, compare_and_swap = 2, write = 3 };

// All the payload of an atomic operation on 8 bytes. Operands and memory are in host order.
struct AtomicRequest {
    uint64_t address;
    uint32_t rkey;
    uint32_t kind;         // AtomicKind
    uint64_t compare_add;  // or what is written
    uint64_t swap;
};
static_assert(sizeof(AtomicRequest) == 32);

// All the payload of a flush.
struct FlushRequest {
    uint64_t address;  // this and the length count with IBV_FLUSH_RANGE
    uint32_t rkey;
    uint32_t length;
    uint8_t type;   // enum ibv_placement_type
    uint8_t level;  // enum ibv_selectivity_level
    uint8_t reserved[6];
};
static_assert(sizeof(FlushRequest) == 24);

// Datagrams carry their addresses in front of the data: the receiver makes the GRH of them.
struct DatagramPrefix {
    uint8_t sgid[16];
    uint8_t dgid[16];
    uint8_t traffic_class;
    uint8_t hop_limit;
    uint8_t service_level;  // with kPathInfiniband
    uint8_t flags;
    uint16_t slid;  // with kPathInfiniband
    uint8_t reserved[2];
};
static_assert(sizeof(DatagramPrefix) == 40);

inline constexpr uint8_t kPathInfiniband = 1;  // the port's link layer; otherwise Ethernet
inline constexpr uint8_t kPathWithoutGrh = 2;  // by LID alone

constexpr uint32_t slots_for(std::size_t payload) {
    return static_cast<uint32_t>((sizeof(Message) + payload + kSlotBytes - 1) / kSlotBytes);
}

// Longest payload that travels in the ring; longer messages go by reference.
inline constexpr uint32_t kEagerBytes = 8192;
static_assert(slots_for(kEagerBytes + sizeof(DatagramPrefix)) < kSlots / 4);

}  // namespace soft
