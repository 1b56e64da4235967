// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// What opening a device costs: cold, in a process that has not called verbs before (with the device
// list, and without it), and warm, open and close again and again; and what a process holds that
// has opened a device and made one queue pair. Cold figures come from children that are forked for
// it. The ratio is that of a warm open and close to the aim of 1 ms.
#include "memory_use.hpp"
#include "two_processes.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

namespace {

using namespace bench;

struct Cold {
    double list_ns;
    double open_ns;
    int64_t rss_before, rss_open, rss_qp;
    int64_t pss_before, pss_open, pss_qp;
};

Cold open_cold() {
    Cold cold{};
    const MemoryUse before = memory_use();
    const double start = now_ns();
    int count = 0;
    ibv_device **list = ibv_get_device_list(&count);
    must(list != nullptr && count > 0, "no device");
    cold.list_ns = now_ns() - start;
    const double opened = now_ns();
    ibv_context *context = ibv_open_device(list[0]);
    must(context != nullptr, "ibv_open_device");
    cold.open_ns = now_ns() - opened;
    ibv_free_device_list(list);
    const MemoryUse open = memory_use();
    ibv_pd *pd = ibv_alloc_pd(context);
    ibv_cq *cq = ibv_create_cq(context, 64, nullptr, nullptr, 0);
    ibv_qp_init_attr init{};
    init.send_cq = init.recv_cq = cq;
    init.qp_type = IBV_QPT_RC;
    init.cap = {64, 64, 1, 1, 0};
    must(pd != nullptr && cq != nullptr && ibv_create_qp(pd, &init) != nullptr, "a queue pair");
    const MemoryUse with_qp = memory_use();
    cold.rss_before = before.rss, cold.pss_before = before.pss;
    cold.rss_open = open.rss, cold.pss_open = open.pss;
    cold.rss_qp = with_qp.rss, cold.pss_qp = with_qp.pss;
    return cold;
}

// In a child, so that it is cold each time.
Cold open_cold_in_child() {
    int ends[2];
    must(::pipe(ends) == 0, "pipe");
    const pid_t child = ::fork();
    must(child >= 0, "fork");
    if (child == 0) {
        const Cold cold = open_cold();
        must(::write(ends[1], &cold, sizeof cold) == sizeof cold, "write");
        std::_Exit(0);
    }
    ::close(ends[1]);
    Cold cold{};
    must(::read(ends[0], &cold, sizeof cold) == sizeof cold, "the child failed");
    ::close(ends[0]);
    int status = 0;
    must(::waitpid(child, &status, 0) == child && status == 0, "waitpid");
    return cold;
}

double warm_us(ibv_device *device, int count) {
    const double start = now_ns();
    for (int i = 0; i < count; ++i) {
        ibv_context *context = ibv_open_device(device);
        must(context != nullptr, "ibv_open_device");
        must(ibv_close_device(context) == 0, "ibv_close_device");
    }
    return (now_ns() - start) / count / 1e3;
}

template <typename Member>
double median_of(const std::vector<Cold> &all, Member member) {
    std::vector<double> values;
    for (const Cold &cold : all)
        values.push_back(static_cast<double>(cold.*member));
    return median(values);
}

}  // namespace

int main(int argc, char **argv) {
    const Options options = parse(argc, argv, {20, 21, {}});
    std::vector<Cold> cold;
    for (int round = 0; round < options.rounds; ++round)
        cold.push_back(open_cold_in_child());

    int count = 0;
    ibv_device **list = ibv_get_device_list(&count);
    must(list != nullptr && count > 0, "no device");
    std::vector<double> only;
    std::vector<double> second;
    warm_us(list[0], 1);
    for (int round = 0; round < options.rounds; ++round) {
        only.push_back(warm_us(list[0], options.iterations));
        ibv_context *other = ibv_open_device(list[0]);
        must(other != nullptr, "ibv_open_device");
        second.push_back(warm_us(list[0], options.iterations));
        ibv_close_device(other);
    }
    ibv_free_device_list(list);

    std::printf("cold_list_us %.1f\ncold_open_us %.1f\n", median_of(cold, &Cold::list_ns) / 1e3,
                median_of(cold, &Cold::open_ns) / 1e3);
    std::printf("warm_open_close_us %.1f\nwarm_open_close_of_a_second_us %.1f\n", median(only),
                median(second));
    std::printf("rss_kib_before %.0f\nrss_kib_open %.0f\nrss_kib_with_qp %.0f\n",
                median_of(cold, &Cold::rss_before) / 1024, median_of(cold, &Cold::rss_open) / 1024,
                median_of(cold, &Cold::rss_qp) / 1024);
    std::printf("pss_kib_before %.0f\npss_kib_open %.0f\npss_kib_with_qp %.0f\n",
                median_of(cold, &Cold::pss_before) / 1024, median_of(cold, &Cold::pss_open) / 1024,
                median_of(cold, &Cold::pss_qp) / 1024);
    std::printf("ratio %.3f\n", median(only) / 1e3);
    return 0;
}
