// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// A ping-pong between two processes for bench_system_calls to watch: first by polling, then by
// events. Each part stands between two marks in the trace: writes to no descriptor, which fail.
#include "ping_pong.hpp"

#include <unistd.h>

#include <string_view>

namespace {

using namespace bench;

void mark(std::string_view name) {
    must(::write(-1, name.data(), name.size()) == -1, "the mark");
}

void play(const Options &options, const Meeting &meeting, bool begins) {
    const Endpoint endpoint(options, meeting, 4096, PingPong::kDepth);
    PingPong game(endpoint);
    game.by_polling(1000, begins);  // until both sides have seen that both poll
    meeting.barrier();
    mark("polling begins");
    game.by_polling(options.iterations, begins);
    mark("polling ends");
    meeting.barrier();
    mark("events begin");
    game.by_events(options.iterations / 100, begins);
    mark("events end");
    meeting.barrier();
}

}  // namespace

int main(int argc, char **argv) {
    const Options options = parse(argc, argv, {100000, 1, {}});
    return run_both([&](const Meeting &meeting) { play(options, meeting, true); },
                    [&](const Meeting &meeting) { play(options, meeting, false); });
}
