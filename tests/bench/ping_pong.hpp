// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// A ping-pong of short SENDs, by polling or by events: what the counting benches count.
#pragma once

#include "two_processes.hpp"

namespace bench {

class PingPong {
public:
    static constexpr uint32_t kDepth = 64;

    explicit PingPong(const Endpoint &endpoint, uint32_t bytes = 8)
        : endpoint_(endpoint), recv_sge_(endpoint.sge(bytes)), send_sge_(recv_sge_) {
        for (uint32_t i = 0; i < kDepth; ++i)
            post_recv();
    }
    void by_polling(int count, bool begins) {
        for (int i = 0; i < count; ++i) {
            if (begins) send();
            wait_one(endpoint_.recv_cq());
            post_recv();
            if (!begins) send();
        }
    }
    void by_events(int count, bool begins) {
        for (int i = 0; i < count; ++i) {
            if (begins) send();
            wait_for_event();
            post_recv();
            if (!begins) send();
        }
    }
    // At most what the receives were made for.
    void set_send_length(uint32_t bytes) { send_sge_.length = bytes; }
    void arm() { must(ibv_req_notify_cq(endpoint_.recv_cq(), 0) == 0, "ibv_req_notify_cq"); }
    void post_recv() {
        ibv_recv_wr wr{};
        wr.sg_list = &recv_sge_;
        wr.num_sge = 1;
        ibv_recv_wr *bad = nullptr;
        must(ibv_post_recv(endpoint_.qp(), &wr, &bad) == 0, "ibv_post_recv");
    }
    void send() {
        ibv_send_wr wr{};
        wr.sg_list = &send_sge_;
        wr.num_sge = 1;
        wr.opcode = IBV_WR_SEND;
        wr.send_flags = ++sent_ % (kDepth / 2) == 0 ? IBV_SEND_SIGNALED : 0;
        ibv_send_wr *bad = nullptr;
        must(ibv_post_send(endpoint_.qp(), &wr, &bad) == 0, "ibv_post_send");
        if (wr.send_flags != 0) wait_one(endpoint_.send_cq());
    }

private:
    void wait_for_event() {
        ibv_wc wc{};
        arm();
        while (ibv_poll_cq(endpoint_.recv_cq(), 1, &wc) == 0) {
            ibv_cq *cq = nullptr;
            void *context = nullptr;
            must(ibv_get_cq_event(endpoint_.events(), &cq, &context) == 0, "ibv_get_cq_event");
            ibv_ack_cq_events(cq, 1);
            arm();
        }
        must(wc.status == IBV_WC_SUCCESS, "a receive failed");
    }

    const Endpoint &endpoint_;
    ibv_sge recv_sge_;
    ibv_sge send_sge_;
    uint32_t sent_ = 0;
};

}  // namespace bench
