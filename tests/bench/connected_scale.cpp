// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// 1,000 connected pairs between two processes: time to connect, and memory, descriptors and
// mappings for each of one process's queue pairs, after connecting and after a message each way.
// The growth from the first to the last tenth of the connects must stay under 3.
//
// --iterations is the number of pairs.
#include "memory_use.hpp"
#include "two_processes.hpp"

#include <sys/mman.h>

#include <cstdio>
#include <cstdlib>

namespace {

using namespace bench;

constexpr double kMaxGrowth = 3;

struct Usage {
    MemoryUse memory = memory_use();
    int64_t descriptors = open_descriptors();
    int64_t maps = mappings();
};

void print_growth(const char *when, const Usage &from, const Usage &to, int pairs) {
    std::printf("%s_rss_bytes_per_qp %ld\n%s_pss_bytes_per_qp %ld\n", when,
                (to.memory.rss - from.memory.rss) / pairs, when,
                (to.memory.pss - from.memory.pss) / pairs);
    std::printf("%s_descriptors %ld\n%s_mappings_per_qp %.2f\n", when,
                to.descriptors - from.descriptors, when,
                static_cast<double>(to.maps - from.maps) / pairs);
}

class Crowd {
public:
    Crowd(const Options &options, int pairs) : context_(open_device(options.device)) {
        pd_ = ibv_alloc_pd(context_);
        cq_ = ibv_create_cq(context_, pairs * 4, nullptr, nullptr, 0);
        must(pd_ != nullptr && cq_ != nullptr, "PD and CQ");
        mr_ = ibv_reg_mr(pd_, memory_, sizeof memory_, IBV_ACCESS_LOCAL_WRITE);
        must(mr_ != nullptr, "ibv_reg_mr");
        sge_ = {reinterpret_cast<uint64_t>(memory_), 8, mr_->lkey};
        for (int i = 0; i < pairs; ++i) {
            ibv_qp_init_attr init{};
            init.send_cq = init.recv_cq = cq_;
            init.qp_type = IBV_QPT_RC;
            init.cap = {4, 4, 1, 1, 0};
            qps_.push_back(ibv_create_qp(pd_, &init));
            must(qps_.back() != nullptr, "ibv_create_qp");
        }
    }
    ~Crowd() {
        for (ibv_qp *qp : qps_)
            ibv_destroy_qp(qp);
        ibv_dereg_mr(mr_);
        ibv_destroy_cq(cq_);
        ibv_dealloc_pd(pd_);
        ibv_close_device(context_);
    }
    Crowd(const Crowd &) = delete;
    Crowd &operator=(const Crowd &) = delete;

    // Nanoseconds for each tenth of the pairs, per pair.
    std::vector<double> connect(const Meeting &meeting) {
        const int index = choose_gid(context_);
        Address own{};
        must(ibv_query_gid(context_, 1, index, &own.gid) == 0, "ibv_query_gid");
        std::vector<Address> peers;
        for (ibv_qp *qp : qps_) {
            own.qp_num = qp->qp_num;
            peers.push_back(meeting.swap(own));
        }
        std::vector<double> tenths;
        for (size_t part = 0; part < 10; ++part) {
            meeting.barrier();
            const size_t end = qps_.size() * (part + 1) / 10;
            size_t i = qps_.size() * part / 10;
            const size_t count = end - i;
            const double start = now_ns();
            for (; i < end; ++i)
                connect_qp(qps_[i], index, peers[i]);
            meeting.barrier();
            tenths.push_back((now_ns() - start) / static_cast<double>(count));
        }
        return tenths;
    }
    // A message each way on every pair; returns when all have come and gone.
    void exchange() {
        for (ibv_qp *qp : qps_) {
            ibv_recv_wr recv{};
            recv.sg_list = &sge_;
            recv.num_sge = 1;
            ibv_recv_wr *bad_recv = nullptr;
            must(ibv_post_recv(qp, &recv, &bad_recv) == 0, "ibv_post_recv");
            ibv_send_wr send{};
            send.sg_list = &sge_;
            send.num_sge = 1;
            send.opcode = IBV_WR_SEND;
            send.send_flags = IBV_SEND_SIGNALED;
            ibv_send_wr *bad_send = nullptr;
            must(ibv_post_send(qp, &send, &bad_send) == 0, "ibv_post_send");
        }
        for (size_t i = 0; i < 2 * qps_.size(); ++i)
            wait_one(cq_);
    }

private:
    ibv_context *context_;
    ibv_pd *pd_ = nullptr;
    ibv_cq *cq_ = nullptr;
    ibv_mr *mr_ = nullptr;
    ibv_sge sge_{};
    uint8_t memory_[64] = {};
    std::vector<ibv_qp *> qps_;
};

void play(int pairs, const Options &options, const Meeting &meeting, bool begins) {
    Crowd crowd(options, pairs);
    meeting.barrier();
    const Usage before;
    meeting.barrier();
    const std::vector<double> tenths = crowd.connect(meeting);
    crowd.exchange();
    meeting.barrier();
    const Usage once;
    meeting.barrier();
    const double start = now_ns();
    for (int i = 0; i < 20; ++i)
        crowd.exchange();
    const double exchange_ns = (now_ns() - start) / 20 / pairs;
    meeting.barrier();
    if (!begins) return;
    std::printf("connect_us_first %.1f\nconnect_us_last %.1f\n", tenths.front() / 1e3,
                tenths.back() / 1e3);
    print_growth("first_message", before, once, pairs);
    std::printf("exchange_ns_per_pair %.1f\n", exchange_ns);
    const double growth = tenths.back() / tenths.front();
    std::printf("ratio %.3f\n", growth);
    if (growth <= kMaxGrowth) return;
    std::fprintf(stderr, "connecting grows %.1f times, allowed is %.0f\n", growth, kMaxGrowth);
    std::exit(1);
}

}  // namespace

int main(int argc, char **argv) {
    const Options options = parse(argc, argv, {1000, 1, {}});
    const int pairs = std::max(options.iterations, 100);
    return run_both([&](const Meeting &meeting) { play(pairs, options, meeting, true); },
                    [&](const Meeting &meeting) { play(pairs, options, meeting, false); });
}
