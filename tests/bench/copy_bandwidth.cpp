// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// RDMA WRITE and READ of 1 MiB to and from another process, one at a time: of its private memory
// against the kernel's own copy between two processes (process_vm_writev and readv), and of its
// memory in a shared file against memcpy to and from memory that both processes have mapped, all
// with buffers of the same size in the same run.
//
// In a timed loop of verbs: post one signalled request, poll for its completion. In the others: the
// call, nothing else.
#include "two_processes.hpp"

#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/uio.h>

#include <cstdio>
#include <cstring>

namespace {

using namespace bench;

constexpr uint32_t kBytes = 1 << 20;
constexpr uint32_t kDepth = 16;
constexpr int kMark = 0x5a;

template <typename Move>
double gib_per_second(int count, Move &&move) {
    const double start = now_ns();
    for (int i = 0; i < count; ++i)
        move();
    return static_cast<double>(kBytes) * count / (now_ns() - start) * 1e9 / (1 << 30);
}

double by_verbs(const Endpoint &endpoint, ibv_wr_opcode opcode, int count) {
    ibv_sge sge = endpoint.sge(kBytes);
    ibv_send_wr wr{};
    wr.sg_list = &sge;
    wr.num_sge = 1;
    wr.opcode = opcode;
    wr.send_flags = IBV_SEND_SIGNALED;
    wr.wr.rdma.remote_addr = endpoint.peer_addr();
    wr.wr.rdma.rkey = endpoint.peer_rkey();
    return gib_per_second(count, [&] {
        ibv_send_wr *bad = nullptr;
        must(ibv_post_send(endpoint.qp(), &wr, &bad) == 0, "ibv_post_send");
        wait_one(endpoint.send_cq());
    });
}

using KernelCopy = decltype(&::process_vm_writev);

double by_kernel(const Endpoint &endpoint, pid_t peer, KernelCopy copy, int count) {
    const iovec mine{endpoint.memory(), kBytes};
    const iovec theirs{reinterpret_cast<void *>(endpoint.peer_addr()), kBytes};
    return gib_per_second(
        count, [&] { must(copy(peer, &mine, 1, &theirs, 1, 0) == kBytes, "the kernel's copy"); });
}

double by_memcpy(void *to, const void *from, int count) {
    return gib_per_second(count, [&] {
        std::memcpy(to, from, kBytes);
        asm volatile("" : : "r"(to) : "memory");  // each copy is made
    });
}

uint8_t *share_memory() {
    void *pages = ::mmap(nullptr, kBytes, PROT_READ | PROT_WRITE,
                         MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    must(pages != MAP_FAILED, "mmap");
    return static_cast<uint8_t *>(pages);
}

// One direction, four ways in turn.
struct Series {
    std::vector<double> to_private;
    std::vector<double> kernel;
    std::vector<double> to_shared;
    std::vector<double> memcpy;

    void print(const char *name) const {
        std::printf("%s_private_gib_per_s %.2f\n%s_kernel_gib_per_s %.2f\n", name,
                    median(to_private), name, median(kernel));
        std::printf("%s_shared_gib_per_s %.2f\n%s_memcpy_gib_per_s %.2f\n", name, median(to_shared),
                    name, median(memcpy));
        std::printf("%s_ratio_kernel %.3f\n%s_ratio_memcpy %.3f\n", name, ratio_to_kernel(), name,
                    median(to_shared) / median(memcpy));
    }
    [[nodiscard]] double ratio_to_kernel() const { return median(to_private) / median(kernel); }
};

// What is at the peer was written there, or is to be read from there next.
void mark(const Endpoint &endpoint, int value) {
    std::memset(endpoint.memory(), value, kBytes);
}
void check(const Endpoint &endpoint, int value, const char *what) {
    must(endpoint.memory()[0] == value && endpoint.memory()[kBytes - 1] == value, what);
}

void copy(const Options &options, const Meeting &meeting, uint8_t *shared) {
    const Endpoint ordinary(options, meeting, kBytes, kDepth);
    const Endpoint file(options, meeting, kBytes, kDepth, Memory::shared_file);
    mark(ordinary, kMark);
    mark(file, kMark);
    meeting.barrier();
    Series write;
    Series read;
    const int count = options.iterations;
    for (int round = 0; round < options.rounds; ++round) {
        write.kernel.push_back(by_kernel(ordinary, meeting.peer(), ::process_vm_writev, count));
        write.to_private.push_back(by_verbs(ordinary, IBV_WR_RDMA_WRITE, count));
        write.memcpy.push_back(by_memcpy(shared, file.memory(), count));
        write.to_shared.push_back(by_verbs(file, IBV_WR_RDMA_WRITE, count));
        read.kernel.push_back(by_kernel(ordinary, meeting.peer(), ::process_vm_readv, count));
        read.to_private.push_back(by_verbs(ordinary, IBV_WR_RDMA_READ, count));
        read.memcpy.push_back(by_memcpy(file.memory(), shared, count));
        read.to_shared.push_back(by_verbs(file, IBV_WR_RDMA_READ, count));
    }
    meeting.barrier();  // all is written
    meeting.barrier();  // all is checked, and there is something else to read
    for (const Endpoint *endpoint : {&ordinary, &file}) {
        by_verbs(*endpoint, IBV_WR_RDMA_READ, 1);
        check(*endpoint, kMark + 1, "what was read is not the peer's data");
    }
    meeting.barrier();
    write.print("write");
    read.print("read");
    std::printf("ratio %.3f\n", std::min(write.ratio_to_kernel(), read.ratio_to_kernel()));
}

void be_copied(const Options &options, const Meeting &meeting) {
    // Where only declared tracers may touch a process; the parent is one elsewhere.
    ::prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0, 0, 0);
    const Endpoint ordinary(options, meeting, kBytes, kDepth);
    const Endpoint file(options, meeting, kBytes, kDepth, Memory::shared_file);
    meeting.barrier();
    meeting.barrier();
    for (const Endpoint *endpoint : {&ordinary, &file}) {
        check(*endpoint, kMark, "the data did not arrive");
        mark(*endpoint, kMark + 1);
    }
    meeting.barrier();
    meeting.barrier();
}

}  // namespace

int main(int argc, char **argv) {
    const Options options = parse(argc, argv, {10, 101, {}});
    uint8_t *shared = share_memory();
    return run_both([&](const Meeting &meeting) { copy(options, meeting, shared); },
                    [&](const Meeting &meeting) { be_copied(options, meeting); });
}
