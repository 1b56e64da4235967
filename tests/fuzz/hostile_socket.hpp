// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// A hostile process's end of a conversation with the victim.
#pragma once

#include "fuzz/choices.hpp"
#include "fuzz/victim.hpp"
#include "link/channel.hpp"
#include "link/packet.hpp"

#include <array>
#include <optional>

namespace fuzz {

class HostileSocket {
public:
    explicit HostileSocket(verbs::UniqueFd socket) : socket_(std::move(socket)) {}

    // Makes what all sockets share, so that descriptors can be counted afterwards.
    static void prepare();
    [[nodiscard]] int fd() const noexcept { return socket_.get(); }
    // Says hello as an honest process would. False when nobody listens.
    bool greet() noexcept;
    // A packet, with as many descriptors of whatever kind as the input says.
    void say(Choices &choices, uint32_t victim_qpn, uint32_t own_qpn);
    // Bytes that are no packet, perhaps with descriptors.
    void babble(Choices &choices);
    // A message in one of the channels that this socket offered, then perhaps a kick.
    void put_message(Choices &choices, Victim &victim);
    // Reads what the victim says, and changes a channel that it may have opened to us.
    void listen(Choices &choices);

private:
    struct Offered {
        soft::ChannelSegment segment;
        verbs::UniqueFd fd;
        uint64_t position = 0;
    };
    Offered &offered(Choices &choices, uint32_t victim_qpn, uint32_t own_qpn);
    int pick_fd(Choices &choices, uint32_t victim_qpn, uint32_t own_qpn);
    void send(const void *bytes, std::size_t size, const int *fds, std::size_t count) noexcept;

    verbs::UniqueFd socket_;
    std::array<std::optional<Offered>, 4> offered_;
    std::optional<soft::ChannelSegment> opened_;  // the last that the victim opened to us
};

}  // namespace fuzz
