// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// 10,000 queue pairs on one CQ and 100,000 memory regions in one process: what the first tenth
// costs each, what the last tenth does, and the growth between them, in time to create and to
// destroy and in resident memory. Creating n objects is no worse than linear if the growth stays
// near 1; 3 is the bound that fails. Time of a tenth is the median of its hundredths, so that a
// busy machine does not decide it. Regions and queue pairs have a process each, because memory that
// one kind gave back would be the other's.
//
// --iterations is the number of queue pairs, at least 4,000; there are ten times as many regions.
#include "memory_use.hpp"
#include "two_processes.hpp"

#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

namespace {

using namespace bench;

constexpr double kMaxGrowth = 3;
constexpr int kParts = 10;
constexpr int kSlices = 10;
bool failed = false;

struct Tenth {
    double ns;     // per object
    double bytes;  // per object
};

// Calls act(i) for i in [begin, end).
template <typename Act>
Tenth measure(int begin, int end, Act &&act) {
    const int64_t rss = memory_use().rss;
    std::vector<double> slices;
    for (int slice = 0; slice < kSlices; ++slice) {
        const int from = begin + (end - begin) * slice / kSlices;
        const int to = begin + (end - begin) * (slice + 1) / kSlices;
        const double start = now_ns();
        for (int i = from; i < to; ++i)
            act(i);
        slices.push_back((now_ns() - start) / (to - from));
    }
    return {median(slices), static_cast<double>(memory_use().rss - rss) / (end - begin)};
}

void judge(const char *what, double first, double last) {
    const double growth = last / first;
    std::printf("%s_first %.1f\n%s_last %.1f\n%s_growth %.3f\n", what, first, what, last, what,
                growth);
    if (growth <= kMaxGrowth) return;
    std::fprintf(stderr, "%s grows %.1f times, allowed is %.0f\n", what, growth, kMaxGrowth);
    failed = true;
}

// All objects of one kind, by tenths.
template <typename Act>
std::vector<Tenth> by_tenths(int count, Act &&act) {
    std::vector<Tenth> tenths;
    for (int part = 0; part < kParts; ++part)
        tenths.push_back(measure(count / kParts * part, count / kParts * (part + 1), act));
    return tenths;
}

struct World {
    ibv_context *context;
    ibv_pd *pd;
    ibv_cq *cq;
};

ibv_qp *create_qp(const World &world) {
    ibv_qp_init_attr init{};
    init.send_cq = init.recv_cq = world.cq;
    init.qp_type = IBV_QPT_RC;
    init.cap = {16, 16, 1, 1, 0};
    ibv_qp *qp = ibv_create_qp(world.pd, &init);
    must(qp != nullptr, "ibv_create_qp");
    return qp;
}

ibv_mr *register_page(const World &world, uint8_t *memory) {
    ibv_mr *mr =
        ibv_reg_mr(world.pd, memory, 4096, IBV_ACCESS_LOCAL_WRITE | IBV_ACCESS_REMOTE_WRITE);
    must(mr != nullptr, "ibv_reg_mr");
    return mr;
}

double empty_poll_ns(const World &world) {
    const double start = now_ns();
    ibv_wc wc;
    for (int i = 0; i < 100; ++i)
        must(ibv_poll_cq(world.cq, 1, &wc) == 0, "ibv_poll_cq");
    return (now_ns() - start) / 100;
}

// Registers and takes back regions; nanoseconds for both together.
double register_and_take_back(const World &world, uint8_t *memory, int count) {
    return measure(0, count, [&](int) { ibv_dereg_mr(register_page(world, memory)); }).ns;
}

World make_world(const Options &options) {
    World world{open_device(options.device), nullptr, nullptr};
    world.pd = ibv_alloc_pd(world.context);
    world.cq = ibv_create_cq(world.context, 1024, nullptr, nullptr, 0);
    must(world.pd != nullptr && world.cq != nullptr, "PD and CQ");
    return world;
}

void end_world(const World &world) {
    must(ibv_destroy_cq(world.cq) == 0, "ibv_destroy_cq");
    must(ibv_dealloc_pd(world.pd) == 0, "ibv_dealloc_pd");
    must(ibv_close_device(world.context) == 0, "ibv_close_device");
}

uint8_t *map_page() {
    void *page = ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    must(page != MAP_FAILED, "mmap");
    return static_cast<uint8_t *>(page);
}

void many_regions(const Options &options, int count) {
    const World world = make_world(options);
    uint8_t *memory = map_page();
    std::vector<ibv_mr *> mrs(static_cast<size_t>(count));
    const auto made = by_tenths(count, [&](int i) { mrs[i] = register_page(world, memory); });
    const auto gone = by_tenths(count, [&](int i) { ibv_dereg_mr(mrs[i]); });
    judge("mr_create_ns", made.front().ns, made.back().ns);
    judge("mr_bytes", made.front().bytes, made.back().bytes);
    // The tenth that is destroyed first has all the others beside it.
    judge("mr_destroy_ns", gone.back().ns, gone.front().ns);
    end_world(world);
}

void many_queue_pairs(const Options &options, int count) {
    const World world = make_world(options);
    uint8_t *memory = map_page();
    std::vector<ibv_qp *> qps(static_cast<size_t>(count));
    const double mr_alone = register_and_take_back(world, memory, 200);
    const double poll_alone = empty_poll_ns(world);
    const auto made = by_tenths(count, [&](int i) { qps[i] = create_qp(world); });
    const double mr_among = register_and_take_back(world, memory, 200);
    const double poll_among = empty_poll_ns(world);
    const auto gone = by_tenths(count, [&](int i) { ibv_destroy_qp(qps[i]); });
    judge("qp_create_ns", made.front().ns, made.back().ns);
    judge("qp_bytes", made.front().bytes, made.back().bytes);
    judge("qp_destroy_ns", gone.back().ns, gone.front().ns);
    // What else depends on how many queue pairs there are.
    std::printf("mr_life_ns_no_qp %.1f\nmr_life_ns_all_qps %.1f\n", mr_alone, mr_among);
    std::printf("empty_poll_ns_no_qp %.1f\nempty_poll_ns_all_qps %.1f\n", poll_alone, poll_among);
    std::printf("ratio %.3f\n", made.back().ns / made.front().ns);
    end_world(world);
}

// Runs one part in a process of its own; false when it found too much growth or failed.
template <typename Part>
bool in_child(Part &&part) {
    const pid_t child = ::fork();
    must(child >= 0, "fork");
    if (child == 0) {
        part();
        std::exit(failed ? 1 : 0);
    }
    int status = 0;
    must(::waitpid(child, &status, 0) == child, "waitpid");
    return status == 0;
}

}  // namespace

int main(int argc, char **argv) {
    const Options options = parse(argc, argv, {10000, 1, {}});
    const int count = std::max(options.iterations, 4000);
    const bool regions = in_child([&] { many_regions(options, count * 10); });
    const bool queue_pairs = in_child([&] { many_queue_pairs(options, count); });
    return regions && queue_pairs ? 0 : 1;
}
