// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Half the round trip of an 8 byte RDMA WRITE whose target is polled by the peer's program, against
// a flag in shared memory that goes to and fro on the same cores in the same run.
//
// In the timed loop of either side: an inline WRITE of a growing value into the peer's memory, and
// loads from the own memory until the peer's value is there. One WRITE in 32 is signalled and its
// completion waited for, inside too. The memory is in a shared file, where a WRITE is a store.
#include "raw_flag.hpp"

namespace {

using namespace bench;

constexpr uint32_t kBytes = 8;
constexpr uint32_t kDepth = 128;
constexpr uint32_t kSignalEvery = 32;

class Player {
public:
    explicit Player(const Endpoint &endpoint)
        : endpoint_(endpoint), in_(reinterpret_cast<std::atomic<uint64_t> *>(endpoint.memory())) {
        sge_ = endpoint.sge(kBytes);
        sge_.addr = reinterpret_cast<uint64_t>(&value_);
        wr_.sg_list = &sge_;
        wr_.num_sge = 1;
        wr_.opcode = IBV_WR_RDMA_WRITE;
        wr_.wr.rdma.remote_addr = endpoint.peer_addr();
        wr_.wr.rdma.rkey = endpoint.peer_rkey();
    }
    double half_trip(int count, bool begins) {
        const double start = now_ns();
        for (int i = 0; i < count; ++i) {
            ++value_;
            if (begins) write();
            while (in_->load(std::memory_order_acquire) != value_) {
            }
            if (!begins) write();
        }
        return (now_ns() - start) / count / 2;
    }

private:
    void write() {
        ibv_send_wr *bad = nullptr;
        const bool is_signaled = ++sent_ % kSignalEvery == 0;
        wr_.send_flags = IBV_SEND_INLINE | (is_signaled ? IBV_SEND_SIGNALED : 0);
        must(ibv_post_send(endpoint_.qp(), &wr_, &bad) == 0, "ibv_post_send");
        if (is_signaled) wait_one(endpoint_.send_cq());
    }

    const Endpoint &endpoint_;
    std::atomic<uint64_t> *in_;
    uint64_t value_ = 0;
    ibv_sge sge_{};
    ibv_send_wr wr_{};
    uint32_t sent_ = 0;
};

void play(const Options &options, const Meeting &meeting, Flags &flags, bool begins) {
    const Endpoint endpoint(options, meeting, 4096, kDepth, Memory::shared_file);
    Player player(endpoint);
    compare_half_trips(options, meeting, flags, begins,
                       [&](int count) { return player.half_trip(count, begins); });
}

}  // namespace

int main(int argc, char **argv) {
    const Options options = parse(argc, argv, {100, 501, {}});
    Flags *flags = share_flags();
    return run_both([&](const Meeting &meeting) { play(options, meeting, *flags, true); },
                    [&](const Meeting &meeting) { play(options, meeting, *flags, false); });
}
