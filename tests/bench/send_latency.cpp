// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Half the round trip of an 8 byte RC SEND between two processes on two cores, against the fastest
// there can be on the same cores in the same run: a flag in shared memory that goes to and fro.
//
// In the timed loop of either side is all that a program with such a loop has to do: post a receive
// in place of each that was used, post an inline send, poll an empty queue until the answer is
// there. One send in 32 is signalled, and its completion waited for: that too is inside. The
// payload is gathered from and scattered to registered memory; neither side looks at it.
#include "raw_flag.hpp"

namespace {

using namespace bench;

constexpr uint32_t kBytes = 8;
constexpr uint32_t kDepth = 128;
constexpr uint32_t kSignalEvery = 32;

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
    compare_half_trips(options, meeting, flags, begins,
                       [&](int count) { return player.half_trip(count, begins); });
}

}  // namespace

int main(int argc, char **argv) {
    const Options options = parse(argc, argv, {2000, 501, {}});
    Flags *flags = share_flags();
    return run_both([&](const Meeting &meeting) { play(options, meeting, *flags, true); },
                    [&](const Meeting &meeting) { play(options, meeting, *flags, false); });
}
