// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// What two processes say to each other over their UNIX socket: who they are, which channels they
// open and close, and wake-ups. Data never goes this way.
#pragma once

#include "core/fd.hpp"
#include "core/result.hpp"

#include <cstdint>

namespace soft {

inline constexpr uint32_t kPacketMagic = 0x4c766253;
inline constexpr uint16_t kPacketVersion = 3;

enum class PacketKind : uint8_t {
    hello = 1,      // first in each direction; carries the home's descriptor
    open = 2,       // requester: take this channel; carries its descriptor
    opened = 3,     // responder: `status` is 0, or an errno value when it must wait or is refused
    close = 4,      // requester: done with the channel
    closed = 5,     // responder: the QP behind the channel is gone
    kick = 6,       // look at the channel (0: at all)
    joined = 7,     // a QP joined a multicast group: who sends to groups looks for members anew
    noted = 8,      // the answer to that
    want_file = 9,  // requester: give me your shared file number `channel`
    file = 10,      // responder: there; carries its descriptor, or `status` is an errno value
    open_srq = 11,  // requester: as open, to the XRC receive queue of the number responder_qpn
    open_qp = 12,   // requester: let me have a handle of the receiving XRC QP responder_qpn, by the
                    // number `channel`; carries the descriptor of its page (link/xrc_handle.hpp)
    call_qp = 13,   // requester: do what the page says; requester_qpn counts the calls
    qp_answer = 14,  // responder: to both; `status` is 0 or an errno value
    close_qp = 15,   // requester: done with the handle
    qp_event = 16,   // responder: `status` is an asynchronous event of the QP
    qp_gone = 17,    // responder: the QP has ended
};

// The sender can reach the receiver's memory.
inline constexpr uint8_t kCanCopy = 1;
// The sender has enabled the barrier for all processes (datapath/fence.hpp).
inline constexpr uint8_t kHasBarrier = 2;

struct Packet {
    uint32_t magic = kPacketMagic;
    uint16_t version = kPacketVersion;
    uint8_t kind = 0;
    uint8_t abilities = 0;  // hello: kCanCopy, kHasBarrier
    uint32_t channel = 0;   // the requester's number for it
    uint32_t requester_qpn = 0;
    uint32_t responder_qpn = 0;
    int32_t status = 0;
    uint64_t canary_address = 0;  // hello: read this in my memory to see whether you can
    uint64_t canary = 0;          // hello: what must stand there
    uint8_t dgid[16] = {};
};
static_assert(sizeof(Packet) == 56);

// Sends without blocking. 0 or an errno value; EAGAIN when the socket is full.
int send_packet(int socket, const Packet &packet, int fd) noexcept;

struct Received {
    Packet packet;
    verbs::UniqueFd fd;
};

// The next packet. EAGAIN: none now; ECONNRESET: the other side is gone; EPROTO: not our language.
verbs::Result<Received> receive_packet(int socket);

}  // namespace soft
