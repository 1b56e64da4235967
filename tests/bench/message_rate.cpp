// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Messages per second of 8 byte RC SENDs, one way, one pair of processes on two cores: our half of
// bench_message_rate, which compares it with UCX.
//
// In the sender's timed loop: lists of 32 inline requests, the last one signalled, and a poll for
// the completions whenever fewer than 32 places are left of 512. In the receiver's: polls for up to
// 32 completions at once, and as many receives posted again, as one list. The sender never
// overtakes the receives that are posted: the queues are equally deep, and a receive is posted
// again before the next completion is asked for. Time runs until the last message's
// acknowledgement.
#include "two_processes.hpp"

#include <array>
#include <cstdio>

namespace {

using namespace bench;

constexpr uint32_t kBytes = 8;
constexpr uint32_t kDepth = 512;
constexpr int kBatch = 32;

double send_all(const Endpoint &endpoint, int batches) {
    ibv_sge sge = endpoint.sge(kBytes);
    std::array<ibv_send_wr, kBatch> list{};
    for (int i = 0; i < kBatch; ++i) {
        list[i].sg_list = &sge;
        list[i].num_sge = 1;
        list[i].opcode = IBV_WR_SEND;
        list[i].send_flags = IBV_SEND_INLINE;
        list[i].next = i + 1 < kBatch ? &list[i + 1] : nullptr;
    }
    list.back().send_flags |= IBV_SEND_SIGNALED;
    const double start = now_ns();
    int outstanding = 0;
    for (int i = 0; i < batches; ++i) {
        if (outstanding == static_cast<int>(kDepth) / kBatch) {
            wait_one(endpoint.send_cq());
            --outstanding;
        }
        ibv_send_wr *bad = nullptr;
        must(ibv_post_send(endpoint.qp(), list.data(), &bad) == 0, "ibv_post_send");
        ++outstanding;
    }
    for (; outstanding > 0; --outstanding)
        wait_one(endpoint.send_cq());
    return static_cast<double>(batches) * kBatch / (now_ns() - start) * 1e3;
}

class Receiver {
public:
    explicit Receiver(const Endpoint &endpoint) : endpoint_(endpoint), sge_(endpoint.sge(kBytes)) {
        for (ibv_recv_wr &wr : list_) {
            wr.sg_list = &sge_;
            wr.num_sge = 1;
        }
        for (uint32_t i = 0; i < kDepth; i += kBatch)
            post(kBatch);
    }
    void receive(int count) {
        std::array<ibv_wc, kBatch> completions;
        while (count > 0) {
            const int n = ibv_poll_cq(endpoint_.recv_cq(), kBatch, completions.data());
            must(n >= 0, "ibv_poll_cq");
            for (int i = 0; i < n; ++i)
                must(completions[i].status == IBV_WC_SUCCESS, "a receive failed");
            if (n > 0) post(n);
            count -= n;
        }
    }

private:
    void post(int count) {
        for (int i = 0; i < count; ++i)
            list_[i].next = i + 1 < count ? &list_[i + 1] : nullptr;
        ibv_recv_wr *bad = nullptr;
        must(ibv_post_recv(endpoint_.qp(), list_.data(), &bad) == 0, "ibv_post_recv");
    }

    const Endpoint &endpoint_;
    ibv_sge sge_;
    std::array<ibv_recv_wr, kBatch> list_{};
};

void send(const Options &options, const Meeting &meeting) {
    const Endpoint endpoint(options, meeting, 4096, kDepth);
    meeting.barrier();
    std::vector<double> rates;
    for (int round = 0; round <= options.rounds; ++round) {
        meeting.barrier();
        const double rate = send_all(endpoint, options.iterations);
        if (round > 0) rates.push_back(rate);  // the first one warms up
    }
    meeting.barrier();
    std::printf("verbs_million_per_s %.3f\n", median(rates));
}

void receive(const Options &options, const Meeting &meeting) {
    const Endpoint endpoint(options, meeting, 4096, kDepth);
    Receiver receiver(endpoint);
    meeting.barrier();
    for (int round = 0; round <= options.rounds; ++round) {
        meeting.barrier();
        receiver.receive(options.iterations * kBatch);
    }
    meeting.barrier();
}

}  // namespace

int main(int argc, char **argv) {
    const Options options = parse(argc, argv, {2000, 51, {}});
    return run_both([&](const Meeting &meeting) { send(options, meeting); },
                    [&](const Meeting &meeting) { receive(options, meeting); });
}
