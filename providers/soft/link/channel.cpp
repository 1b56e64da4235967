// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Making, sealing and judging a channel's shared memory.
#include "link/channel.hpp"

#include "link/sealed_memory.hpp"

#include <sys/random.h>

#include <string>

namespace soft {

using verbs::fail;
using verbs::Result;
using verbs::UniqueFd;

void ChannelSegment::remember() noexcept {
    nonce_ = header().nonce;
    kind_ = static_cast<ChannelKind>(header().kind);
    requester_qpn_ = header().requester_qpn;
    responder_qpn_ = header().responder_qpn;
    rnr_retry_ = header().rnr_retry;
}

Result<std::pair<ChannelSegment, UniqueFd>> ChannelSegment::create(ChannelKind kind,
                                                                   uint32_t requester_qpn,
                                                                   uint32_t responder_qpn,
                                                                   uint32_t rnr_retry) {
    VERBS_TRY(fd, make_sealed_memory("verbs-soft-channel", kChannelBytes));
    VERBS_TRY(memory, verbs::Mapping::shared(fd.get(), kChannelBytes, PROT_READ | PROT_WRITE));
    ChannelSegment segment;
    segment.memory_ = std::move(memory);
    ChannelHeader &header = segment.header();
    header.version = kLayoutVersion;
    header.ring_bytes = kRingBytes;
    // Unpredictable, so that no payload left in the ring passes for a message's tag.
    if (::getrandom(&header.nonce, sizeof header.nonce, 0) != sizeof header.nonce)
        return fail(errno, "getrandom failed");
    header.kind = static_cast<uint32_t>(kind);
    header.requester_qpn = requester_qpn;
    header.responder_qpn = responder_qpn;
    header.rnr_retry = rnr_retry;
    header.magic = kChannelMagic;
    segment.remember();
    return std::pair(std::move(segment), std::move(fd));
}

Result<ChannelSegment> ChannelSegment::map(const UniqueFd &fd) {
    VERBS_CHECK(judge_sealed_memory(fd, kChannelBytes));
    VERBS_TRY(memory, verbs::Mapping::shared(fd.get(), kChannelBytes, PROT_READ | PROT_WRITE));
    ChannelSegment segment;
    segment.memory_ = std::move(memory);
    const ChannelHeader &header = segment.header();
    if (header.magic != kChannelMagic) return fail(EPROTO, "channel has the wrong magic");
    if (header.version != kLayoutVersion || header.ring_bytes != kRingBytes)
        return fail(EPROTO, "channel has layout version " + std::to_string(header.version) +
                                ", this side has " + std::to_string(kLayoutVersion));
    segment.remember();
    if (segment.kind_ != ChannelKind::rc && segment.kind_ != ChannelKind::uc &&
        segment.kind_ != ChannelKind::ud && segment.kind_ != ChannelKind::xrc)
        return fail(EPROTO, "channel is of an unknown kind");
    return segment;
}

}  // namespace soft
