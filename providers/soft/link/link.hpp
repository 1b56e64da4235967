// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Link: the conversation with one other process (or with ourselves) over a UNIX socket. The side
// that connected is the requester of all channels on it; its hang-up says that the peer is gone.
#pragma once

#include "core/fd.hpp"
#include "core/mapping.hpp"
#include "link/layout.hpp"
#include "link/packet.hpp"
#include "link/peer_files.hpp"

#include <sys/types.h>

#include <atomic>
#include <deque>
#include <mutex>
#include <unordered_map>

namespace soft {

struct Qp;

class Link {
public:
    enum class Role { requester, responder };

    Link(verbs::UniqueFd socket, Role role, pid_t pid) noexcept;

    // Sends, or queues when the socket is full; is_blocked() then asks for POLLOUT. Any thread.
    // The descriptor is duplicated if it has to wait. Out of memory it is lost, and logged.
    void send(const Packet &packet, int fd = -1) noexcept;
    // Wakes the other side for one channel. Any thread; hot paths call it when asked to.
    void kick(uint32_t channel) noexcept;
    // Sends what waited. The progress thread, on POLLOUT.
    void flush();
    [[nodiscard]] bool is_blocked() const noexcept {
        return blocked_.load(std::memory_order_acquire);
    }
    // The eventfd that wakes whoever calls flush(): it sleeps, and does not watch for room, when a
    // program's thread finds none. Before other threads know the link.
    void wake_when_blocked(int eventfd) noexcept { wake_ = eventfd; }

    // Takes the peer's hello: maps its home, tries whether its memory can be reached.
    verbs::Result<void> greet(const Packet &hello, const verbs::UniqueFd &home);

    [[nodiscard]] int socket() const noexcept { return socket_.get(); }
    // Becomes readable when the peer's process ends; -1 where the system has no such thing. The
    // socket alone does not tell while a child that the peer forked lives on with a copy of it.
    [[nodiscard]] int life() const noexcept { return life_.get(); }
    [[nodiscard]] Role role() const noexcept { return role_; }
    [[nodiscard]] pid_t pid() const noexcept { return pid_; }
    // After the peer's hello, for ever: home() and the two below are valid.
    [[nodiscard]] bool is_up() const noexcept { return up_.load(std::memory_order_acquire); }
    [[nodiscard]] const Home &home() const noexcept {
        return *static_cast<const Home *>(home_.data());
    }
    [[nodiscard]] bool reaches_peer() const noexcept { return reaches_peer_; }
    [[nodiscard]] bool peer_reaches_us() const noexcept { return peer_reaches_us_; }
    // Both processes have the barrier for all.
    [[nodiscard]] bool peer_has_barrier() const noexcept { return is_up() && peer_has_barrier_; }
    [[nodiscard]] bool is_lost() const noexcept { return lost_.load(std::memory_order_acquire); }
    void mark_lost() noexcept { lost_.store(true, std::memory_order_release); }

    // A place in one of the peer's shared files, or nullptr: it has to be reached in another way.
    // The first call for a file asks for it. Any thread, hot.
    [[nodiscard]] uint8_t *find_shared(uint32_t file, uint64_t offset, uint64_t length) noexcept;
    PeerFiles files;

    // The QPs behind the channels, by channel number. Under the process's mutex.
    std::unordered_map<uint32_t, Qp *> channels;
    bool asks_for_room = false;  // epoll watches for POLLOUT; the progress thread's

private:
    void queue(const Packet &packet, int fd);
    void block() noexcept;

    verbs::UniqueFd socket_;
    Role role_;
    pid_t pid_;
    verbs::UniqueFd life_;
    int wake_ = -1;
    std::atomic<bool> up_{false};
    std::atomic<bool> lost_{false};
    std::atomic<bool> blocked_{false};
    bool reaches_peer_ = false;
    bool peer_reaches_us_ = false;
    bool peer_has_barrier_ = false;
    verbs::Mapping home_;

    struct Waiting {
        Packet packet;
        verbs::UniqueFd fd;
    };
    std::mutex mutex_;  // leaf: nothing is locked under it
    std::deque<Waiting> waiting_;
    bool kick_all_waits_ = false;
};

}  // namespace soft
