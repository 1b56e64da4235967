// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Wake-ups of processes that have nothing to do: context switches of all threads of two connected
// processes over a second, which must not grow, in each state that an idle process can be in. As a
// control the same is counted while one side sends a message now and then.
//
// --iterations is the window in milliseconds. The child sleeps in a read of the meeting's socket;
// the parent measures it and itself, except the thread that measures.
#include "ping_pong.hpp"

#include <poll.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

namespace {

using namespace bench;

constexpr int kSettleMs = 50;
constexpr double kSettleDeadlineNs = 10e9;

uint64_t switches_of(pid_t process, pid_t except) {
    uint64_t total = 0;
    const std::string tasks = "/proc/" + std::to_string(process) + "/task";
    for (const auto &task : std::filesystem::directory_iterator(tasks)) {
        if (task.path().filename() == std::to_string(except)) continue;
        std::ifstream status(task.path() / "status");
        for (std::string line; std::getline(status, line);)
            if (line.find("voluntary_ctxt_switches:") != std::string::npos)
                total += std::stoull(line.substr(line.find(':') + 1));
    }
    return total;
}

class Watch {
public:
    explicit Watch(pid_t peer) : peer_(peer) {}
    [[nodiscard]] uint64_t count_over(int milliseconds) const {
        const uint64_t before = now();
        must(::poll(nullptr, 0, milliseconds) == 0, "poll");
        return now() - before;
    }
    // What was going on before may end first; a process that never rests is found out here.
    void let_settle() const {
        const double deadline = now_ns() + kSettleDeadlineNs;
        while (count_over(kSettleMs) != 0)
            if (now_ns() > deadline) {
                std::fprintf(stderr, "a process does not come to rest\n");
                std::exit(1);
            }
    }

private:
    [[nodiscard]] uint64_t now() const {
        return switches_of(peer_, 0) + switches_of(::getpid(), ::gettid());
    }
    pid_t peer_;
};

void send_one(const Endpoint &endpoint) {
    ibv_sge sge = endpoint.sge(8);
    ibv_send_wr wr{};
    wr.sg_list = &sge;
    wr.num_sge = 1;
    wr.opcode = IBV_WR_SEND;
    ibv_send_wr *bad = nullptr;
    must(ibv_post_send(endpoint.qp(), &wr, &bad) == 0, "ibv_post_send");
}

void play(const Options &options, const Meeting &meeting, bool begins) {
    const Endpoint endpoint(options, meeting, 4096, PingPong::kDepth);
    const Watch watch(meeting.peer());
    uint64_t total = 0;
    // Both sides come here in the same state; the one that does not begin sleeps.
    const auto count = [&](const char *state) {
        meeting.barrier();
        if (begins) {
            watch.let_settle();
            const uint64_t switches = watch.count_over(options.iterations);
            std::printf("%s_switches %lu\n", state, switches);
            total += switches;
        }
        meeting.barrier();
    };
    count("connected");
    // A message that waits: nobody has posted a receive yet.
    if (begins) send_one(endpoint);
    count("receiver_not_ready");
    PingPong game(endpoint);
    game.arm();
    count("armed");
    if (!begins) wait_one(endpoint.recv_cq());
    game.by_polling(5000, begins);
    count("polled_before");
    game.by_events(50, begins);
    count("events_before");

    // The control: messages wake the thread of a peer that does not poll, so the counter moves.
    if (!begins) game.arm();
    meeting.barrier();
    if (begins) {
        uint64_t switches = 0;
        for (int i = 0; i < 10; ++i) {
            game.send();
            switches += watch.count_over(options.iterations / 10);
        }
        std::printf("control_ten_messages_switches %lu\n", switches);
        must(switches > 0, "the counter does not count");
    }
    meeting.barrier();
    if (begins && total != 0) std::exit(1);
}

}  // namespace

int main(int argc, char **argv) {
    const Options options = parse(argc, argv, {1000, 1, {}});
    return run_both([&](const Meeting &meeting) { play(options, meeting, true); },
                    [&](const Meeting &meeting) { play(options, meeting, false); });
}
