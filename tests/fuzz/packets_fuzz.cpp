// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// The rendezvous: what a hostile process says over the sockets, as a requester who connects and as
// a responder to whom the victim connects. Packets of every kind in any order, descriptors of every
// kind and number, hang-ups at any time, while the victim's queue pairs change their state.
//
// The victim is whole here, its progress thread included. An honest bystander must be answered all
// the time, and when all is over no descriptor may be left.
#include "fuzz/hostile_socket.hpp"
#include "fuzz/victim.hpp"

#include <dirent.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <memory>
#include <mutex>

namespace {

using namespace soft;
using fuzz::check;
using fuzz::Choices;
using fuzz::HostileSocket;
using fuzz::Victim;
using verbs::UniqueFd;

constexpr std::size_t kMostSockets = 4;
constexpr uint32_t kVictims = 3;

// Opening and reading a folder of /proc takes a descriptor itself, each time.
int count_descriptors() {
    int count = 0;
    DIR *folder = ::opendir("/proc/self/fd");
    while (folder != nullptr && ::readdir(folder) != nullptr)
        ++count;
    if (folder != nullptr) ::closedir(folder);
    return count;
}

// False when nothing comes in ten seconds. libFuzzer's own clock interrupts system calls.
bool await_packet(int socket) {
    const int64_t deadline = monotonic_ns() + 10'000'000'000;
    while (monotonic_ns() < deadline) {
        pollfd entry{socket, POLLIN, 0};
        if (::poll(&entry, 1, 1'000) == 1) return true;
    }
    return false;
}

// An honest process connects and is greeted. The progress thread takes sockets in the order in
// which they became readable, so everything that was said before has been heard then.
void ask_bystander(Process &process, uint32_t block) {
    auto socket = connect_to_block(block);
    check(socket.has_value(), "a bystander is let in");
    HostileSocket bystander(std::move(*socket));
    check(bystander.greet(), "a bystander can speak");
    for (;;) {
        check(await_packet(bystander.fd()), "a bystander is answered");
        const auto received = receive_packet(bystander.fd());
        check(received.has_value(), "a bystander is not hung up on");
        if (received->packet.kind == static_cast<uint8_t>(PacketKind::hello)) break;
    }
    // What the thread did under the mutex happened before now.
    const std::lock_guard hold(process.mutex());
}

// Claims QP numbers as a process would; the victim's queue pairs connect here.
class HostileListener {
public:
    HostileListener() {
        auto claimed = numbers_.claim(nobody(), [this](int fd) { listener_ = fd; });
        check(claimed.has_value(), "QP numbers can be claimed");
        qpn_ = *claimed;
    }
    [[nodiscard]] uint32_t qpn() const noexcept { return qpn_; }
    [[nodiscard]] UniqueFd accept() const noexcept {
        return UniqueFd(::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    }

private:
    // Only its address is noted, and nobody asks this register.
    static Qp &nobody() noexcept {
        alignas(Qp) static uint8_t memory[sizeof(Qp)];
        return *reinterpret_cast<Qp *>(memory);
    }
    QpNumbers numbers_;
    int listener_ = -1;
    uint32_t qpn_ = 0;
};

HostileListener &listener() {
    static HostileListener one;
    return one;
}

class PacketsInput {
public:
    explicit PacketsInput(Choices &choices) : choices_(choices) {
        for (uint32_t i = 0; i < kVictims; ++i)
            make_victim(i);
        process_ = victims_[0]->qp().owner;
        block_ = block_of(victims_[0]->qp().qp_num);
    }

    void run() {
        connect();
        for (int i = 0; i < 60 && !choices_.is_over(); ++i)
            step();
        settle();
        sockets_.clear();
        turn_away();
        for (auto &victim : victims_)
            victim.reset();
    }

    // Accepts and closes what the victim may still have connected.
    static void turn_away() {
        while (listener().accept().is_open()) {
        }
    }

private:
    void make_victim(uint32_t which) {
        auto &victim = victims_[which];
        victim = std::make_unique<Victim>();
        check(victim->create_qp(which == 2 ? IBV_QPT_UD : IBV_QPT_RC), "create_qp");
        victim->to_init(0);
        if (which != 0) victim->to_rtr(listener().qpn());
    }

    void connect() {
        if (sockets_.size() == kMostSockets) return;
        auto socket = connect_to_block(block_);
        check(socket.has_value(), "a peer is let in");
        sockets_.push_back(std::make_unique<HostileSocket>(std::move(*socket)));
        if (choices_.byte() < 200) (void)sockets_.back()->greet();
    }

    void accept() {
        UniqueFd socket = listener().accept();
        if (!socket.is_open() || sockets_.size() == kMostSockets) return;
        sockets_.push_back(std::make_unique<HostileSocket>(std::move(socket)));
        if (choices_.byte() < 200) (void)sockets_.back()->greet();
    }

    HostileSocket *pick_socket() {
        if (sockets_.empty()) return nullptr;
        return sockets_[choices_.below(static_cast<uint32_t>(sockets_.size()))].get();
    }

    // Everything said is heard, every victim is well.
    void settle() {
        ask_bystander(*process_, block_);
        for (auto &victim : victims_)
            victim->settle();
    }

    void step() {
        Victim &victim = *victims_[choices_.below(kVictims)];
        HostileSocket *socket = pick_socket();
        const uint32_t what = choices_.below(16);
        if (socket == nullptr && what < 9) return connect();
        switch (what) {
        case 0:
        case 1:
        case 2:
        case 3:
            socket->say(choices_, victim.qp().qp_num, listener().qpn());
            break;
        case 4:
            socket->babble(choices_);
            break;
        case 5:
            socket->put_message(choices_, victim);
            break;
        case 6:
            socket->listen(choices_);
            break;
        case 7:
            ::shutdown(socket->fd(), static_cast<int>(choices_.below(3)));
            break;
        case 8:
            sockets_.erase(sockets_.begin() +
                           choices_.below(static_cast<uint32_t>(sockets_.size())));
            break;
        case 9:
            connect();
            break;
        case 10:
            accept();
            break;
        case 11:
            settle();
            break;
        case 12:
            // Nothing that came before may be taken for what comes through the new receive.
            settle();
            victim.post_recv(choices_);
            break;
        case 13:
            post_send(victim);
            break;
        case 14: {
            settle();
            const uint32_t which = choices_.below(kVictims);
            victims_[which].reset();
            make_victim(which);
            break;
        }
        default:
            settle();
            change_state(victim);
            break;
        }
    }

    void change_state(Victim &victim) {
        switch (victim.qp().now.load()) {
        case IBV_QPS_RESET:
            return victim.to_init(IBV_ACCESS_REMOTE_WRITE);
        case IBV_QPS_INIT:
            return victim.to_rtr(listener().qpn());
        case IBV_QPS_RTR:
            if (choices_.below(4) != 0) return victim.to_rts();
            break;
        default:
            break;
        }
        victim.to(choices_.flag() ? IBV_QPS_RESET : IBV_QPS_ERR);
    }

    void post_send(Victim &victim) {
        ibv_send_wr wr{};
        if (victim.qp().is_datagram) return;
        ibv_sge sge = victim.pick_sge(choices_, Victim::receives, choices_.raw<uint16_t>());
        wr.wr_id = victim.next_wr_id++;
        wr.sg_list = &sge;
        wr.num_sge = 1;
        wr.opcode = IBV_WR_SEND;
        wr.send_flags = choices_.flag() ? IBV_SEND_SIGNALED : 0;
        victim.sends.push_back({wr.wr_id, {}, 0, wr.send_flags != 0});
        ibv_send_wr *bad = nullptr;
        if (soft::post_send(&victim.qp(), &wr, &bad) != 0) victim.sends.pop_back();
    }

    Choices &choices_;
    std::unique_ptr<Victim> victims_[kVictims];
    std::vector<std::unique_ptr<HostileSocket>> sockets_;
    Process *process_ = nullptr;
    uint32_t block_ = 0;
};

// Links go when the progress thread has seen their hang-up.
void expect_descriptors(int expected) {
    const int64_t deadline = monotonic_ns() + 10'000'000'000;
    // Fewer: the first input's bystander was not quite gone when it was counted.
    while (count_descriptors() > expected) {
        check(monotonic_ns() < deadline, "no descriptor is left behind");
        ::sched_yield();
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    // What is made once is made by a first input that says nothing.
    static const bool is_prepared = [] {
        HostileSocket::prepare();
        Choices none(nullptr, 0);
        PacketsInput(none).run();
        return true;
    }();
    check(is_prepared, "the first input comes to its end");
    const int descriptors = count_descriptors();
    Choices choices(data, size);
    PacketsInput(choices).run();
    expect_descriptors(descriptors);
    return 0;
}
