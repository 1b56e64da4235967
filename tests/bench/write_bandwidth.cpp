// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// RDMA WRITEs of 1 MiB into another process, one at a time, against process_vm_writev with the same
// two buffers in the same run: the one copy that the kernel makes is the least there can be.
#include "two_processes.hpp"

#include <sys/prctl.h>
#include <sys/uio.h>

#include <cstdio>
#include <cstring>

namespace {

using namespace bench;

constexpr uint32_t kBytes = 1 << 20;
constexpr uint32_t kDepth = 16;

double gib_per_second(double ns, int count) {
    return static_cast<double>(kBytes) * count / ns * 1e9 / (1 << 30);
}

double by_verbs(const Endpoint &endpoint, int count) {
    ibv_sge sge = endpoint.sge(kBytes);
    ibv_send_wr wr{};
    wr.sg_list = &sge;
    wr.num_sge = 1;
    wr.opcode = IBV_WR_RDMA_WRITE;
    wr.send_flags = IBV_SEND_SIGNALED;
    wr.wr.rdma.remote_addr = endpoint.peer_addr();
    wr.wr.rdma.rkey = endpoint.peer_rkey();
    const double start = now_ns();
    for (int i = 0; i < count; ++i) {
        ibv_send_wr *bad = nullptr;
        must(ibv_post_send(endpoint.qp(), &wr, &bad) == 0, "ibv_post_send");
        wait_one(endpoint.send_cq());
    }
    return gib_per_second(now_ns() - start, count);
}

double by_kernel(const Endpoint &endpoint, pid_t peer, int count) {
    const iovec from{endpoint.memory(), kBytes};
    const iovec to{reinterpret_cast<void *>(endpoint.peer_addr()), kBytes};
    const double start = now_ns();
    for (int i = 0; i < count; ++i) {
        must(::process_vm_writev(peer, &from, 1, &to, 1, 0) == kBytes, "process_vm_writev");
    }
    return gib_per_second(now_ns() - start, count);
}

void write(const Options &options, const Meeting &meeting) {
    const Endpoint endpoint(options, meeting, kBytes, kDepth);
    std::memset(endpoint.memory(), 0x5a, kBytes);
    meeting.barrier();
    by_verbs(endpoint, options.iterations / 10 + 1);
    by_kernel(endpoint, meeting.peer(), options.iterations / 10 + 1);
    std::vector<double> verbs;
    std::vector<double> raw;
    for (int round = 0; round < options.rounds; ++round) {
        raw.push_back(by_kernel(endpoint, meeting.peer(), options.iterations));
        verbs.push_back(by_verbs(endpoint, options.iterations));
    }
    meeting.barrier();
    meeting.barrier();
    std::printf("verbs_gib_per_s %.2f\nraw_gib_per_s %.2f\nratio %.3f\n", median(verbs),
                median(raw), median(verbs) / median(raw));
}

void be_written_to(const Options &options, const Meeting &meeting) {
    // Where only declared tracers may touch a process; the parent is one elsewhere.
    ::prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0, 0, 0);
    const Endpoint endpoint(options, meeting, kBytes, kDepth);
    meeting.barrier();
    meeting.barrier();  // all is written
    must(endpoint.memory()[0] == 0x5a && endpoint.memory()[kBytes - 1] == 0x5a,
         "the data did not arrive");
    meeting.barrier();
}

}  // namespace

int main(int argc, char **argv) {
    const Options options = parse(argc, argv, {50, 31, {}});
    return run_both([&](const Meeting &meeting) { write(options, meeting); },
                    [&](const Meeting &meeting) { be_written_to(options, meeting); });
}
