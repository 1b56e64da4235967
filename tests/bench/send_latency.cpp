// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Half the round trip of an 8 byte RC SEND between two processes on two cores, against the fastest
// there can be on the same cores in the same run: a flag in shared memory that goes to and fro.
#include "two_processes.hpp"

#include <sys/mman.h>

#include <array>
#include <atomic>
#include <cstdio>

namespace {

using namespace bench;

constexpr uint32_t kBytes = 8;
constexpr uint32_t kDepth = 128;
constexpr uint32_t kSignalEvery = 32;

// Each flag has a cache line of its own, and the next line too because the hardware fetches pairs.
struct Flags {
    alignas(128) std::atomic<uint64_t> ping;
    alignas(128) std::atomic<uint64_t> pong;
};

Flags *share_flags() {
    void *page = ::mmap(nullptr, sizeof(Flags), PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    must(page != MAP_FAILED, "mmap");
    return new (page) Flags{};
}

// Nanoseconds for `count` round trips, halved; counts go on from round to round.
double raw_half_trip(Flags &flags, int count, bool begins) {
    std::atomic<uint64_t> &out = begins ? flags.ping : flags.pong;
    std::atomic<uint64_t> &in = begins ? flags.pong : flags.ping;
    uint64_t value = out.load(std::memory_order_relaxed);
    const double start = now_ns();
    for (int i = 0; i < count; ++i) {
        ++value;
        if (begins) out.store(value, std::memory_order_release);
        while (in.load(std::memory_order_acquire) != value) {
        }
        if (!begins) out.store(value, std::memory_order_release);
    }
    return (now_ns() - start) / count / 2;
}

class Player {
public:
    explicit Player(const Endpoint &endpoint) : endpoint_(endpoint) {
        recv_sge_ = endpoint.sge(kBytes);
        recv_.sg_list = &recv_sge_;
        recv_.num_sge = 1;
        send_sge_ = endpoint.sge(kBytes);
        send_sge_.addr += 64;
        send_.sg_list = &send_sge_;
        send_.num_sge = 1;
        send_.opcode = IBV_WR_SEND;
        for (uint32_t i = 0; i < kDepth; ++i) {
            post_recv();
        }
    }
    double half_trip(int count, bool begins) {
        const double start = now_ns();
        for (int i = 0; i < count; ++i) {
            if (begins) say();
            wait_one(endpoint_.recv_cq());
            post_recv();
            if (!begins) say();
        }
        return (now_ns() - start) / count / 2;
    }

private:
    void post_recv() {
        ibv_recv_wr *bad = nullptr;
        must(ibv_post_recv(endpoint_.qp(), &recv_, &bad) == 0, "ibv_post_recv");
    }
    void say() {
        ibv_send_wr *bad = nullptr;
        const bool is_signaled = ++sent_ % kSignalEvery == 0;
        send_.send_flags = IBV_SEND_INLINE | (is_signaled ? IBV_SEND_SIGNALED : 0);
        must(ibv_post_send(endpoint_.qp(), &send_, &bad) == 0, "ibv_post_send");
        if (is_signaled) wait_one(endpoint_.send_cq());
    }

    const Endpoint &endpoint_;
    ibv_sge recv_sge_{};
    ibv_sge send_sge_{};
    ibv_recv_wr recv_{};
    ibv_send_wr send_{};
    uint32_t sent_ = 0;
};

void play(const Options &options, const Meeting &meeting, Flags &flags, bool begins) {
    const Endpoint endpoint(options, meeting, 4096, kDepth);
    Player player(endpoint);
    meeting.barrier();
    player.half_trip(options.iterations / 10 + 1, begins);
    raw_half_trip(flags, options.iterations / 10 + 1, begins);
    std::vector<double> verbs;
    std::vector<double> raw;
    for (int round = 0; round < options.rounds; ++round) {
        meeting.barrier();
        raw.push_back(raw_half_trip(flags, options.iterations, begins));
        meeting.barrier();
        verbs.push_back(player.half_trip(options.iterations, begins));
    }
    meeting.barrier();
    if (!begins) return;
    std::printf("verbs_ns %.1f\nraw_ns %.1f\nratio %.3f\n", median(verbs), median(raw),
                median(verbs) / median(raw));
}

}  // namespace

int main(int argc, char **argv) {
    const Options options = parse(argc, argv, {20000, 51, {}});
    Flags *flags = share_flags();
    return run_both([&](const Meeting &meeting) { play(options, meeting, *flags, true); },
                    [&](const Meeting &meeting) { play(options, meeting, *flags, false); });
}
