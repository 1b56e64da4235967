// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Allocations between post and poll, of all threads of both processes: there must be none. The
// program has its own malloc, which counts and calls the C library's; the plugin gets it too.
#include "ping_pong.hpp"

#include <malloc.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstdlib>

extern "C" {
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *old, size_t size);
void *__libc_memalign(size_t alignment, size_t size);
}

namespace {
std::atomic<uint64_t> allocations{0};
void count_one() {
    allocations.fetch_add(1, std::memory_order_relaxed);
}
}  // namespace

extern "C" {
__attribute__((visibility("default"))) void *malloc(size_t size) {
    count_one();
    return __libc_malloc(size);
}
__attribute__((visibility("default"))) void *calloc(size_t count, size_t size) {
    count_one();
    return __libc_calloc(count, size);
}
__attribute__((visibility("default"))) void *realloc(void *old, size_t size) {
    count_one();
    return __libc_realloc(old, size);
}
__attribute__((visibility("default"))) void *memalign(size_t alignment, size_t size) {
    count_one();
    return __libc_memalign(alignment, size);
}
__attribute__((visibility("default"))) void *aligned_alloc(size_t alignment, size_t size) {
    count_one();
    return __libc_memalign(alignment, size);
}
__attribute__((visibility("default"))) int posix_memalign(void **to, size_t alignment,
                                                          size_t size) {
    count_one();
    *to = __libc_memalign(alignment, size);
    return *to != nullptr ? 0 : ENOMEM;
}
}

namespace {

using namespace bench;

constexpr uint32_t kLong = 64 * 1024;  // too long for the ring: fetched from the sender's memory

void one_sided(const Endpoint &endpoint, ibv_wr_opcode opcode) {
    ibv_sge sge = endpoint.sge(kLong);
    ibv_send_wr wr{};
    wr.sg_list = &sge;
    wr.num_sge = 1;
    wr.opcode = opcode;
    wr.send_flags = IBV_SEND_SIGNALED;
    wr.wr.rdma.remote_addr = endpoint.peer_addr();
    wr.wr.rdma.rkey = endpoint.peer_rkey();
    ibv_send_wr *bad = nullptr;
    must(ibv_post_send(endpoint.qp(), &wr, &bad) == 0, "ibv_post_send");
    wait_one(endpoint.send_cq());
}

struct Counts {
    uint64_t short_sends;
    uint64_t long_sends;
    uint64_t one_sided;
    uint64_t by_events;
};

template <typename Act>
uint64_t count_in(const Meeting &meeting, Act &&act) {
    act();  // what is needed once
    meeting.barrier();
    const uint64_t before = allocations.load();
    act();
    meeting.barrier();
    return allocations.load() - before;
}

void play(const Options &options, const Meeting &meeting, bool begins) {
    const int count = options.iterations;
    // The program's calls are seen at all, and the plugin's: opening a device allocates.
    const uint64_t before = allocations.load();
    const Endpoint endpoint(options, meeting, kLong, PingPong::kDepth);
    must(allocations.load() > before + 10, "the counter does not count");
    Counts mine{};
    // Receives of the greatest length serve both kinds of sends.
    PingPong game(endpoint, kLong);
    game.set_send_length(8);
    mine.short_sends = count_in(meeting, [&] { game.by_polling(count, begins); });
    game.set_send_length(kLong);
    mine.long_sends = count_in(meeting, [&] { game.by_polling(count / 10 + 1, begins); });
    mine.one_sided = count_in(meeting, [&] {
        for (int i = 0; i < count / 10 + 1; ++i) {
            one_sided(endpoint, IBV_WR_RDMA_WRITE);
            one_sided(endpoint, IBV_WR_RDMA_READ);
        }
    });
    game.set_send_length(8);
    mine.by_events = count_in(meeting, [&] { game.by_events(count / 10 + 1, begins); });
    const Counts theirs = meeting.swap(mine);
    if (!begins) return;
    const Counts both{mine.short_sends + theirs.short_sends, mine.long_sends + theirs.long_sends,
                      mine.one_sided + theirs.one_sided, mine.by_events + theirs.by_events};
    std::printf("short_sends_allocations %lu\nlong_sends_allocations %lu\n", both.short_sends,
                both.long_sends);
    std::printf("one_sided_allocations %lu\nby_events_allocations %lu\n", both.one_sided,
                both.by_events);
    if (both.short_sends + both.long_sends + both.one_sided + both.by_events != 0) std::exit(1);
}

}  // namespace

int main(int argc, char **argv) {
    const Options options = parse(argc, argv, {20000, 1, {}});
    return run_both([&](const Meeting &meeting) { play(options, meeting, true); },
                    [&](const Meeting &meeting) { play(options, meeting, false); });
}
