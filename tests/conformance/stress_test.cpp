// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Every call from many threads at once, for as long as VERBS_TEST_STRESS_SECONDS says (1 by
// default): nothing is lost, nothing comes twice. It is for ThreadSanitizer above all.
#include "echo.hpp"
#include "side.hpp"

#include <atomic>
#include <cstdlib>
#include <thread>

namespace {

using namespace verbs_test;

Milliseconds stress_time() {
    const char *text = std::getenv("VERBS_TEST_STRESS_SECONDS");
    const double seconds = text != nullptr ? std::strtod(text, nullptr) : 1.0;
    return Milliseconds(static_cast<Milliseconds::rep>(1000 * std::max(0.1, seconds)));
}

// Threads that all do something over and over until the time is up and each has done it once, or
// one of them fails.
class Stress : public DeviceTest {
protected:
    template <typename Work>
    void add(const char *name, Work work) {
        ++without_a_round_;
        threads_.emplace_back([this, name, work = std::move(work)]() mutable {
            uint64_t rounds = 0;
            try {
                for (; !is_over(); ++rounds) {
                    work();
                    if (rounds == 0) --without_a_round_;
                }
            } catch (const std::exception &problem) {
                ADD_FAILURE() << name << ": " << problem.what();
                is_over_ = true;
            }
            if (rounds == 0) ADD_FAILURE() << name << " did nothing";
        });
    }
    [[nodiscard]] bool is_over() const {
        return is_over_ || (without_a_round_ == 0 && deadline_.passed());
    }
    void run() {
        for (std::thread &thread : threads_) {
            thread.join();
        }
        threads_.clear();
    }
    void TearDown() override {
        is_over_ = true;  // a test that gave up half-way
        run();
    }

    static void expect(bool claim, const char *what) {
        if (!claim) throw std::runtime_error(what);
    }
    static void expect(const ::testing::AssertionResult &result) {
        if (!result) throw std::runtime_error(result.message());
    }

private:
    Deadline deadline_{stress_time()};
    std::atomic<bool> is_over_{false};
    std::atomic<int> without_a_round_{0};
    std::vector<std::thread> threads_;
};

// Several threads post to one queue pair and several poll each of its queues. Each request has a
// number of its own, and a table tells how often it completed.
class SharedConnection {
public:
    static constexpr uint32_t kDepth = 64;

    explicit SharedConnection(ibv_context *context)
        : here_(context, options()), there_(context, options()), completed_(kSize),
          receive_done_(kDepth) {
        join(here_, there_);
        for (uint64_t id = 0; id < kDepth; ++id) {
            if (there_.post_recv(id, {{0, 64}}) != 0) throw std::runtime_error("no receive");
        }
    }
    // At most kDepth under way; a thread that finds no room does nothing this time.
    void post() {
        uint32_t under_way = under_way_;
        do {
            if (under_way >= kDepth) return std::this_thread::yield();
        } while (!under_way_.compare_exchange_weak(under_way, under_way + 1));
        const uint64_t id = next_++;
        const Sending request =
            id % 3 == 0 ? make_write(id, {{0, 64}}, there_.at(1024)) : make_send(id, {{0, 64}});
        if (const int error = here_.post_send(request); error != 0) {
            throw std::runtime_error("post_send gave " + std::to_string(error));
        }
    }
    void poll_sent() {
        std::array<ibv_wc, 4> wcs{};
        const int taken = ibv_poll_cq(here_.send_cq(), 4, wcs.data());
        for (int i = 0; i < taken; ++i) {
            const ibv_wc &wc = wcs[static_cast<size_t>(i)];
            if (wc.status != IBV_WC_SUCCESS) throw std::runtime_error(ibv_wc_status_str(wc.status));
            // The table is used anew after kSize numbers, which is more than are ever under way.
            const auto lap = static_cast<uint32_t>(wc.wr_id / kSize);
            if (completed_[wc.wr_id % kSize].exchange(lap + 1) != lap) {
                throw std::runtime_error("request " + std::to_string(wc.wr_id) +
                                         " completed out of turn");
            }
            ++sent_;
            --under_way_;
        }
    }
    void poll_received() {
        ibv_wc wc{};
        if (ibv_poll_cq(there_.recv_cq(), 1, &wc) != 1) return;
        if (wc.status != IBV_WC_SUCCESS) throw std::runtime_error(ibv_wc_status_str(wc.status));
        if (receive_done_[wc.wr_id].exchange(1) != 0) throw std::runtime_error("received twice");
        ++received_;
        receive_done_[wc.wr_id] = 0;
        if (there_.post_recv(wc.wr_id, {{0, 64}}) != 0) throw std::runtime_error("no receive");
    }
    // Attributes that may be changed while it works, and asked for.
    void modify_and_query() {
        Step step;
        step.attr.min_rnr_timer = static_cast<uint8_t>(1 + next_ % 10);
        step.attr.qp_access_flags = IBV_ACCESS_REMOTE_WRITE | IBV_ACCESS_REMOTE_READ;
        step.mask = IBV_QP_MIN_RNR_TIMER | IBV_QP_ACCESS_FLAGS;
        if (step.apply(there_.qp()) != 0) throw std::runtime_error("modify failed");
        if (there_.state() != IBV_QPS_RTS || here_.state() != IBV_QPS_RTS) {
            throw std::runtime_error("a state changed");
        }
    }
    // Everything that was posted has completed once on both sides.
    void expect_all_done() {
        EXPECT_TRUE(eventually([&] {
            poll_sent();
            poll_received();
            return sent_ == next_ && received_ == sends();
        })) << sent_
            << " of " << next_ << " completed, " << received_ << " of " << sends() << " received";
        EXPECT_TRUE(is_empty(here_.send_cq()));
        EXPECT_TRUE(is_empty(there_.recv_cq()));
    }

private:
    static constexpr uint64_t kSize = 1 << 12;
    static SideOptions options() {
        SideOptions options;
        options.cap = {kDepth, kDepth, 1, 1, 0};
        options.cqe = 4 * kDepth;
        return options;
    }
    [[nodiscard]] uint64_t sends() const { return next_ - (next_ + 2) / 3; }

    LocalSide here_;
    LocalSide there_;
    std::vector<std::atomic<uint32_t>> completed_;
    std::vector<std::atomic<int>> receive_done_;
    std::atomic<uint32_t> under_way_{0};
    std::atomic<uint64_t> next_{0};
    std::atomic<uint64_t> sent_{0};
    std::atomic<uint64_t> received_{0};
};

// A connection of its own with one thread, which sleeps on events or polls.
class OwnConnection {
public:
    OwnConnection(ibv_context *context, bool sleeps, ibv_qp_type type = IBV_QPT_RC)
        : sleeps_(sleeps), channel_(create_channel(context)), here_(context, options(type)),
          there_(context, options(type), sleeps ? channel_.get() : nullptr) {
        join(here_, there_);
    }
    void round() {
        const uint32_t length = 1 + number_ * 37 % (is_datagram() ? 1000 : 20000);
        const uint32_t head = is_datagram() ? 40 : 0;
        here_.store(0, pattern(number_, length));
        if (sleeps_) must(ibv_req_notify_cq(there_.recv_cq(), 0) == 0, "arming");
        must(there_.post_recv(number_, {{0, 32000}}) == 0, "a receive");
        must(here_.post_send(
                 make_send(number_, {{0, length}}).to(there_.address(), PathOptions().qkey)) == 0,
             "a send");
        if (sleeps_) {
            must(wait_readable(channel_->fd), "an event");
            ibv_cq *cq = nullptr;
            void *cq_context = nullptr;
            must(ibv_get_cq_event(channel_.get(), &cq, &cq_context) == 0, "getting an event");
            ibv_ack_cq_events(cq, 1);
        }
        must(there_.received().wr_id == number_, "a receive completion");
        must(here_.sent().status == IBV_WC_SUCCESS, "a send completion");
        must(there_.load(head, length) == pattern(number_, length), "the content");
        ++number_;
    }

private:
    static SideOptions options(ibv_qp_type type) {
        SideOptions options;
        options.type = type;
        return options;
    }
    static void must(bool claim, const char *what) {
        if (!claim) throw std::runtime_error(std::string(what) + " failed");
    }
    [[nodiscard]] bool is_datagram() const { return here_.qp()->qp_type == IBV_QPT_UD; }

    bool sleeps_;
    Channel channel_;
    LocalSide here_;
    LocalSide there_;
    uint32_t number_ = 1;
};

void make_and_destroy(ibv_context *context, uint32_t seed) {
    const Channel channel = create_channel(context);
    LocalSide one(context, {}, channel.get());
    LocalSide other(context);
    join(one, other);
    ibv_ah_attr route = route_to(context, one.address().gid);
    const Ah ah(ibv_create_ah(one.pd(), &route));
    one.store(0, pattern(seed, 3000));
    if (other.post_recv(1, {{0, 3000}}) != 0 || one.post_send(make_send(2, {{0, 3000}})) != 0 ||
        !succeeded(other.received(), 1, IBV_WC_RECV) || !succeeded(one.sent(), 2, IBV_WC_SEND) ||
        other.load(0, 3000) != pattern(seed, 3000) || !ah) {
        throw std::runtime_error("a short-lived connection failed");
    }
    // Goes with requests under way on both of its queues.
    one.post_recv(3, {{0, 8}});
    one.post_send(make_send(4, {{0, 8}}));
}

TEST_F(Stress, OfAllCallsFromManyThreadsLosesNothing) {
    SharedConnection shared(context());
    OwnConnection polling(context(), false);
    OwnConnection sleeping(context(), true);
    OwnConnection datagrams(context(), false, IBV_QPT_UD);
    OwnConnection sleeping_datagrams(context(), true, IBV_QPT_UD);
    RemoteSide process;
    LocalSide to_process(context());
    join(to_process, process);
    const RemotePlace place = process.at(0);

    for (int i = 0; i < 2; ++i) {
        add("posting to one queue pair", [&] { shared.post(); });
        add("polling one queue of sends", [&] { shared.poll_sent(); });
        add("polling one queue of receives", [&] { shared.poll_received(); });
    }
    add("modifying and querying", [&] { shared.modify_and_query(); });
    add("polling a connection", [&] { polling.round(); });
    add("sleeping on a connection", [&] { sleeping.round(); });
    add("polling datagrams", [&] { datagrams.round(); });
    add("sleeping on datagrams", [&] { sleeping_datagrams.round(); });
    for (uint32_t i = 0; i < 2; ++i) {
        add("making and destroying", [&, seed = i]() mutable {
            make_and_destroy(context(), seed);
            seed += 2;
        });
    }
    add("opening the device", [&] {
        const Context again = open_device();
        const Pd pd = alloc_pd(again.get());
        const Region region(pd.get(), 4096);
    });
    add("asking the device", [&] {
        expect(device_limits(context()).max_qp > 0, "no queue pairs");
        expect(port_attributes(context()).state == IBV_PORT_ACTIVE, "the port is down");
        expect(!is_zero(gid_at(context(), gid_index(context()))), "no GID");
    });
    add("registering memory that is used at once", [&] {
        const Region region(to_process.pd(), 8192);
        expect(region.sge(0, 1).lkey != 0, "no key");
    });
    add("another process", [&] {
        expect(to_process.post_send(make_write(1, {{0, 9000}}, place)) == 0, "a write was refused");
        expect(to_process.post_send(make_read(2, {{20000, 9000}}, place)) == 0,
               "a read was refused");
        expect(succeeded(to_process.sent(), 1, IBV_WC_RDMA_WRITE));
        expect(succeeded(to_process.sent(), 2, IBV_WC_RDMA_READ));
    });
    run();
    shared.expect_all_done();
}

}  // namespace
