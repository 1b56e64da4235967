// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Requests that are built call by call (ibv_wr_*) against ibv_post_send, and completions that are
// taken in steps (ibv_start_poll) against ibv_poll_cq: on the same queues, in turn in one run.
//
// Timed are lists of 32 posts of 8 bytes, one by one, and taking 32 completions, one by one and in
// one go. Each post says everything: the request of ibv_post_send is cleared and written in the
// loop. "reposted" is a request that stands ready before the loop, of which only the number is new.
// What becomes of the posts is not timed, but for WRITEs, which are carried out when they are
// posted: into a shared file, where that is a store.
#include "two_processes.hpp"

#include <infiniband/verbs_exp.h>
#include <sys/mman.h>

#include <array>
#include <cstdio>

namespace {

using namespace bench;

constexpr uint32_t kBytes = 8;
constexpr uint32_t kList = 32;
constexpr uint32_t kDepth = 2 * kList;
constexpr size_t kPage = 4096;

ibv_cq_ex *create_cq(ibv_context *context) {
    ibv_cq_init_attr_ex attr{};
    attr.cqe = kDepth;
    attr.wc_flags = IBV_WC_EX_WITH_BYTE_LEN;
    ibv_cq_ex *cq = ibv_create_cq_ex(context, &attr);
    must(cq != nullptr, "ibv_create_cq_ex");
    return cq;
}

// A queue pair that sends to another one beside it.
class Loop {
public:
    explicit Loop(ibv_context *context)
        : pd_(ibv_alloc_pd(context)), memory_(map_pages(kPage, Memory::shared_file)),
          sent_(create_cq(context)), received_(create_cq(context)) {
        must(pd_ != nullptr, "ibv_alloc_pd");
        mr_ = ibv_reg_mr(pd_, memory_, kPage, IBV_ACCESS_LOCAL_WRITE | IBV_ACCESS_REMOTE_WRITE);
        must(mr_ != nullptr, "ibv_reg_mr");
        qps_ = {create_qp(sent_), create_qp(received_)};
        sender_ = ibv_qp_to_qp_ex(qps_[0]);
        connect_to_each_other(qps_);
    }
    ~Loop() {
        for (ibv_qp *qp : qps_)
            ibv_destroy_qp(qp);
        for (ibv_cq_ex *cq : {sent_, received_})
            ibv_destroy_cq(ibv_cq_ex_to_cq(cq));
        ibv_dereg_mr(mr_);
        ibv_dealloc_pd(pd_);
        ::munmap(memory_, kPage);
    }
    Loop(const Loop &) = delete;
    Loop &operator=(const Loop &) = delete;

    void offer_receives() {
        ibv_sge sge = here();
        ibv_recv_wr wr{};
        wr.sg_list = &sge;
        wr.num_sge = 1;
        for (uint32_t i = 0; i < kList; ++i) {
            ibv_recv_wr *bad = nullptr;
            must(ibv_post_recv(qps_[1], &wr, &bad) == 0, "ibv_post_recv");
        }
    }
    void receive() {
        for (uint32_t i = 0; i < kList; ++i)
            wait_one(ibv_cq_ex_to_cq(received_));
    }

    void post(ibv_wr_opcode opcode, unsigned flags) {
        for (uint32_t i = 0; i < kList; ++i) {
            ibv_sge sge = here();
            ibv_send_wr wr = request(opcode, flags, sge);
            post_one(wr, i);
        }
    }
    void repost(ibv_wr_opcode opcode, unsigned flags) {
        ibv_sge sge = here();
        ibv_send_wr wr = request(opcode, flags, sge);
        for (uint32_t i = 0; i < kList; ++i)
            post_one(wr, i);
    }
    void build(ibv_wr_opcode opcode, unsigned flags) {
        const ibv_sge sge = here();
        for (uint32_t i = 0; i < kList; ++i) {
            sender_->wr_id = i;
            sender_->wr_flags = IBV_SEND_SIGNALED;
            ibv_wr_start(sender_);
            if (opcode == IBV_WR_SEND)
                ibv_wr_send(sender_);
            else
                ibv_wr_rdma_write(sender_, mr_->rkey, sge.addr + kBytes);
            if ((flags & IBV_SEND_INLINE) != 0)
                ibv_wr_set_inline_data(sender_, memory_, kBytes);
            else
                ibv_wr_set_sge(sender_, sge.lkey, sge.addr, sge.length);
            must(ibv_wr_complete(sender_) == 0, "ibv_wr_complete");
        }
    }

    // Of a list that is complete. Each takes its number and its status.
    void poll_each() {
        for (uint32_t i = 0; i < kList; ++i) {
            const ibv_wc wc = wait_one(ibv_cq_ex_to_cq(sent_));
            must(wc.wr_id == i, "the order of completions");
        }
    }
    void poll_all() {
        std::array<ibv_wc, kList> wcs;
        uint32_t taken = 0;
        while (taken < kList) {
            const int more = ibv_poll_cq(ibv_cq_ex_to_cq(sent_), kList, wcs.data());
            for (int i = 0; i < more; ++i, ++taken)
                must(wcs[i].status == IBV_WC_SUCCESS && wcs[i].wr_id == taken, "ibv_poll_cq");
        }
    }
    void step_each() {
        for (uint32_t i = 0; i < kList; ++i) {
            start();
            must(sent_->status == IBV_WC_SUCCESS && sent_->wr_id == i, "ibv_start_poll");
            ibv_end_poll(sent_);
        }
    }
    void step_all() {
        start();
        for (uint32_t i = 0; i < kList; ++i) {
            if (i != 0) must(ibv_next_poll(sent_) == 0, "ibv_next_poll");
            must(sent_->status == IBV_WC_SUCCESS && sent_->wr_id == i, "ibv_next_poll");
        }
        ibv_end_poll(sent_);
    }

private:
    [[nodiscard]] ibv_sge here() const {
        return {reinterpret_cast<uint64_t>(memory_), kBytes, mr_->lkey};
    }
    [[nodiscard]] ibv_send_wr request(ibv_wr_opcode opcode, unsigned flags, ibv_sge &sge) const {
        ibv_send_wr wr{};
        wr.sg_list = &sge;
        wr.num_sge = 1;
        wr.opcode = opcode;
        wr.send_flags = flags | IBV_SEND_SIGNALED;
        if (opcode == IBV_WR_RDMA_WRITE) wr.wr.rdma = {sge.addr + kBytes, mr_->rkey};
        return wr;
    }
    void post_one(ibv_send_wr &wr, uint32_t number) {
        wr.wr_id = number;
        ibv_send_wr *bad = nullptr;
        must(ibv_post_send(qps_[0], &wr, &bad) == 0, "ibv_post_send");
    }
    void start() {
        ibv_poll_cq_attr attr{};
        int code = 0;
        while ((code = ibv_start_poll(sent_, &attr)) == ENOENT) {
        }
        must(code == 0, "ibv_start_poll");
    }
    ibv_qp *create_qp(ibv_cq_ex *cq) {
        ibv_qp_init_attr_ex attr{};
        attr.send_cq = attr.recv_cq = ibv_cq_ex_to_cq(cq);
        attr.qp_type = IBV_QPT_RC;
        attr.cap = {kDepth, kDepth, 1, 1, kBytes};
        attr.comp_mask = IBV_QP_INIT_ATTR_PD | IBV_QP_INIT_ATTR_SEND_OPS_FLAGS;
        attr.pd = pd_;
        attr.send_ops_flags = IBV_QP_EX_WITH_SEND | IBV_QP_EX_WITH_RDMA_WRITE;
        ibv_qp *qp = ibv_create_qp_ex(pd_->context, &attr);
        must(qp != nullptr, "ibv_create_qp_ex");
        return qp;
    }

    ibv_pd *pd_;
    uint8_t *memory_;
    ibv_cq_ex *sent_;
    ibv_cq_ex *received_;
    ibv_mr *mr_ = nullptr;
    std::array<ibv_qp *, 2> qps_{};
    ibv_qp_ex *sender_ = nullptr;
};

template <class Act>
double time_of(Act &&act) {
    const double start = now_ns();
    act();
    return now_ns() - start;
}

// What each way takes for one message, a value of each round.
class Times {
public:
    explicit Times(const char *name) : name_(name) {}
    void add(double ns) { sum_ += ns; }
    void end_round(int lists) {
        rounds_.push_back(sum_ / lists / kList);
        sum_ = 0;
    }
    [[nodiscard]] double ns() const { return median(rounds_); }
    void print(const char *what) const { std::printf("%s_%s_ns %.1f\n", name_, what, ns()); }
    void print_ratio(const char *what, const Times &to) const {
        std::printf("%s_to_%s_%s_ratio %.3f\n", name_, to.name_, what, ns() / to.ns());
    }

private:
    const char *name_;
    double sum_ = 0;
    std::vector<double> rounds_;
};

class Posts {
public:
    Posts(const char *what, ibv_wr_opcode opcode, unsigned flags)
        : what_(what), opcode_(opcode), flags_(flags) {}

    // List by list in turn.
    void run_round(Loop &loop, int count) {
        for (int i = 0; i < count; ++i) {
            built_.add(time_one(loop, &Loop::build));
            posted_.add(time_one(loop, &Loop::post));
            reposted_.add(time_one(loop, &Loop::repost));
        }
        for (Times *times : {&built_, &posted_, &reposted_})
            times->end_round(count);
    }
    void print() const {
        for (const Times *times : {&built_, &posted_, &reposted_})
            times->print(what_);
        built_.print_ratio(what_, posted_);
        built_.print_ratio(what_, reposted_);
    }
    [[nodiscard]] double ratio() const { return built_.ns() / posted_.ns(); }

private:
    double time_one(Loop &loop, void (Loop::*act)(ibv_wr_opcode, unsigned)) const {
        const bool is_send = opcode_ == IBV_WR_SEND;
        if (is_send) loop.offer_receives();
        const double ns = time_of([&] { (loop.*act)(opcode_, flags_); });
        if (is_send) loop.receive();
        loop.poll_all();
        return ns;
    }

    const char *what_;
    ibv_wr_opcode opcode_;
    unsigned flags_;
    Times built_{"built"};
    Times posted_{"posted"};
    Times reposted_{"reposted"};
};

class Polls {
public:
    using Act = void (Loop::*)();
    Polls(const char *what, Act polled, Act stepped) : what_(what), poll_(polled), step_(stepped) {}

    void run_round(Loop &loop, int count) {
        for (int i = 0; i < count; ++i) {
            stepped_.add(time_one(loop, step_));
            polled_.add(time_one(loop, poll_));
        }
        stepped_.end_round(count);
        polled_.end_round(count);
    }
    void print() const {
        stepped_.print(what_);
        polled_.print(what_);
        stepped_.print_ratio(what_, polled_);
    }

private:
    static double time_one(Loop &loop, Act act) {
        loop.offer_receives();
        loop.post(IBV_WR_SEND, IBV_SEND_INLINE);
        loop.receive();
        return time_of([&] { (loop.*act)(); });
    }

    const char *what_;
    Act poll_;
    Act step_;
    Times stepped_{"stepped"};
    Times polled_{"polled"};
};

}  // namespace

int main(int argc, char **argv) {
    const Options options = parse(argc, argv, {50, 201, {}});
    ibv_context *context = open_device(options.device);
    {
        Loop loop(context);
        Posts inline_sends("inline_send", IBV_WR_SEND, IBV_SEND_INLINE);
        Posts sends("send", IBV_WR_SEND, 0);
        Posts writes("inline_write", IBV_WR_RDMA_WRITE, IBV_SEND_INLINE);
        Polls each("completion", &Loop::poll_each, &Loop::step_each);
        Polls all("completion_of_32", &Loop::poll_all, &Loop::step_all);
        for (int round = 0; round < options.rounds; ++round) {
            for (Posts *posts : {&inline_sends, &sends, &writes})
                posts->run_round(loop, options.iterations);
            for (Polls *polls : {&each, &all})
                polls->run_round(loop, options.iterations);
        }
        for (const Posts *posts : {&inline_sends, &sends, &writes})
            posts->print();
        for (const Polls *polls : {&each, &all})
            polls->print();
        std::printf("ratio %.3f\n", inline_sends.ratio());
    }
    ibv_close_device(context);
    return 0;
}
