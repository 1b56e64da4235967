// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Two threads of one process that each post and poll on queues of their own, against the same loop
// in two processes, which have nothing in common at all: a ratio of 1 says that the threads do not
// stand in each other's way.
//
// In the timed loop of either: post a receive and an inline SEND of 8 bytes on a pair of queue
// pairs that are connected to each other, and poll their CQ for the two completions. The threads
// share the context and the protection domain.
#include "two_processes.hpp"

#include <array>
#include <barrier>
#include <cstdio>
#include <thread>

namespace {

using namespace bench;

constexpr uint32_t kBytes = 8;
constexpr uint32_t kDepth = 16;

// A queue pair that sends to another one beside it.
class Loop {
public:
    Loop(ibv_context *context, ibv_pd *pd)
        : pd_(pd), cq_(ibv_create_cq(context, kDepth, nullptr, nullptr, 0)) {
        must(cq_ != nullptr, "ibv_create_cq");
        mr_ = ibv_reg_mr(pd, memory_.data(), memory_.size(), IBV_ACCESS_LOCAL_WRITE);
        must(mr_ != nullptr, "ibv_reg_mr");
        for (ibv_qp *&qp : qps_)
            qp = create_qp();
        connect_to_each_other(qps_);
    }
    ~Loop() {
        for (ibv_qp *qp : qps_)
            ibv_destroy_qp(qp);
        ibv_dereg_mr(mr_);
        ibv_destroy_cq(cq_);
    }
    Loop(const Loop &) = delete;
    Loop &operator=(const Loop &) = delete;

    // Nanoseconds for each message.
    double run(int count) {
        ibv_sge sge{reinterpret_cast<uint64_t>(memory_.data()), kBytes, mr_->lkey};
        ibv_recv_wr recv{};
        recv.sg_list = &sge;
        recv.num_sge = 1;
        ibv_send_wr send{};
        send.sg_list = &sge;
        send.num_sge = 1;
        send.opcode = IBV_WR_SEND;
        send.send_flags = IBV_SEND_SIGNALED | IBV_SEND_INLINE;
        const double start = now_ns();
        for (int i = 0; i < count; ++i) {
            ibv_recv_wr *bad_recv = nullptr;
            ibv_send_wr *bad_send = nullptr;
            must(ibv_post_recv(qps_[1], &recv, &bad_recv) == 0, "ibv_post_recv");
            must(ibv_post_send(qps_[0], &send, &bad_send) == 0, "ibv_post_send");
            wait_one(cq_);
            wait_one(cq_);
        }
        return (now_ns() - start) / count;
    }

private:
    ibv_qp *create_qp() {
        ibv_qp_init_attr init{};
        init.send_cq = init.recv_cq = cq_;
        init.qp_type = IBV_QPT_RC;
        init.cap = {kDepth, kDepth, 1, 1, kBytes};
        ibv_qp *qp = ibv_create_qp(pd_, &init);
        must(qp != nullptr, "ibv_create_qp");
        return qp;
    }

    ibv_pd *pd_;
    ibv_cq *cq_;
    ibv_mr *mr_;
    std::array<uint8_t, 64> memory_{};
    std::array<ibv_qp *, 2> qps_{};
};

// The mean of what two threads say, each on its core.
double run_two(std::array<Loop *, 2> loops, std::array<int, 2> cores, int count) {
    std::array<double, 2> ns{};
    std::barrier both(2);
    std::array<std::thread, 2> threads;
    for (size_t i = 0; i < threads.size(); ++i)
        threads[i] = std::thread([&, i] {
            stay_on(cores[i]);
            both.arrive_and_wait();
            ns[i] = loops[i]->run(count);
            // Nobody measures an empty core beside him.
            both.arrive_and_wait();
        });
    for (std::thread &thread : threads)
        thread.join();
    return (ns[0] + ns[1]) / 2;
}

void compare(const Options &options, const Meeting &meeting, bool prints) {
    ibv_context *context = open_device(options.device);
    ibv_pd *pd = ibv_alloc_pd(context);
    must(pd != nullptr, "ibv_alloc_pd");
    {
        Loop one(context, pd);
        Loop other(context, pd);
        const std::array<int, 2> cores{current_core(), meeting.swap(current_core())};
        std::vector<double> processes;
        std::vector<double> threads;
        one.run(options.iterations);
        for (int round = 0; round < options.rounds; ++round) {
            meeting.barrier();
            const double mine = one.run(options.iterations);
            processes.push_back((mine + meeting.swap(mine)) / 2);
            meeting.barrier();
            if (prints) threads.push_back(run_two({&one, &other}, cores, options.iterations));
        }
        meeting.barrier();
        if (prints) {
            std::printf("threads_ns %.1f\nprocesses_ns %.1f\n", median(threads), median(processes));
            std::printf("ratio %.3f\n", median(threads) / median(processes));
        }
    }
    ibv_dealloc_pd(pd);
    ibv_close_device(context);
}

}  // namespace

int main(int argc, char **argv) {
    const Options options = parse(argc, argv, {2000, 101, {}});
    return run_both([&](const Meeting &meeting) { compare(options, meeting, true); },
                    [&](const Meeting &meeting) { compare(options, meeting, false); });
}
