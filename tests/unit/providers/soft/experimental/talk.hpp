// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// The other end of a link with the process under test: a process of which the test says what it
// does, and when.
#pragma once

#include "link/mr_table.hpp"
#include "link/packet.hpp"
#include "link/qp_numbers.hpp"
#include "support/deadline.hpp"

#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <stdexcept>
#include <string>
#include <utility>

namespace soft_test {

class Talk {
public:
    Talk() : home_(must(soft::MrTable::create())) {}

    // Connects to the process that has a number.
    void call(uint32_t number) {
        socket_ = must(soft::connect_to_block(soft::block_of(number)));
        say(soft::PacketKind::hello, 0, home_.fd().get());
        next(soft::PacketKind::hello);
    }
    // Claims a number, by which the process under test finds this one.
    uint32_t claim() {
        return must(numbers_.claim([this](int listener) { listener_ = listener; }));
    }
    // Lets it in.
    void accept() {
        pollfd entry{listener_, POLLIN, 0};
        if (::poll(&entry, 1, patience_ms()) != 1) throw std::runtime_error("nobody connects");
        socket_ = verbs::UniqueFd(::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC));
        next(soft::PacketKind::hello);
        say(soft::PacketKind::hello, 0, home_.fd().get());
    }
    void hang_up() { socket_.reset(); }

    void say(const soft::Packet &packet, int fd = -1) {
        if (const int code = soft::send_packet(socket_.get(), packet, fd); code != 0)
            throw std::runtime_error("send_packet: " + std::to_string(code));
    }
    void say(soft::PacketKind kind, uint32_t channel, int fd = -1) { say(make(kind, channel), fd); }
    void answer(const soft::Packet &asked, int status) {
        soft::Packet packet = make(soft::PacketKind::qp_answer, asked.channel);
        packet.requester_qpn = asked.requester_qpn;
        packet.status = status;
        say(packet);
    }
    // The next packet, which is of this kind; kicks are passed over.
    soft::Received next(soft::PacketKind kind) {
        for (;;) {
            pollfd entry{socket_.get(), POLLIN, 0};
            if (::poll(&entry, 1, patience_ms()) != 1) throw std::runtime_error("no packet came");
            soft::Received received = must(soft::receive_packet(socket_.get()));
            const auto got = static_cast<soft::PacketKind>(received.packet.kind);
            if (got == kind) return received;
            if (got != soft::PacketKind::kick)
                throw std::runtime_error("a packet of kind " +
                                         std::to_string(received.packet.kind));
        }
    }
    // Nothing is said for a while.
    [[nodiscard]] bool is_quiet() const {
        pollfd entry{socket_.get(), POLLIN, 0};
        return ::poll(&entry, 1, static_cast<int>(verbs_test::kQuiet.count())) == 0;
    }

    static soft::Packet make(soft::PacketKind kind, uint32_t channel) {
        soft::Packet packet;
        packet.kind = static_cast<uint8_t>(kind);
        packet.channel = channel;
        return packet;
    }
    template <class T>
    static T must(verbs::Result<T> result) {
        if (!result) throw std::runtime_error(result.error().phrase);
        return std::move(*result);
    }

private:
    static int patience_ms() { return static_cast<int>(verbs_test::patience().count()); }

    soft::MrTable home_;
    soft::QpNumbers numbers_;
    int listener_ = -1;
    verbs::UniqueFd socket_;
};

}  // namespace soft_test
