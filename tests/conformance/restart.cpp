// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Opens the device until its first queue pair has a wanted number, then talks to whom it is told.
#include "restart.hpp"

namespace verbs_test {

namespace {

SideOptions small_side(const PathOptions &path) {
    SideOptions options;
    options.path = path;
    options.memory = 4096;
    options.cqe = 16;
    options.cap = {4, 4, 1, 1, 0};
    return options;
}

struct Found {
    Context context;
    std::unique_ptr<LocalSide> side;
};

Found look_for(const std::vector<uint32_t> &wanted, const SideOptions &options) {
    Found found;
    for (int i = 0; i < kRebirths; ++i) {
        found.context = open_device();
        found.side = std::make_unique<LocalSide>(found.context.get(), options);
        if (std::ranges::find(wanted, found.side->qp()->qp_num) != wanted.end()) return found;
        found.side.reset();
        found.context = Context();
    }
    return {};
}

}  // namespace

void serve_reborn(Exchange &exchange) {
    const auto wanted = exchange.receive().take_all<uint32_t>();
    const Found found = look_for(wanted, small_side(exchange.receive_value<PathOptions>()));
    if (!found.side) {
        exchange.send_value(QpAddress());
        return;
    }
    LocalSide &side = *found.side;
    exchange.send_value(side.address());
    side.connect(exchange.receive_value<QpAddress>());
    if (side.post_recv(1, {{0, 100}}) != 0) throw std::runtime_error("a receive was refused");
    if (side.post_send(make_send(2, {{512, 8}})) != 0)
        throw std::runtime_error("a send was refused");
    exchange.send_value(true);
    Rebirth told;
    told.sent = side.sent().status;
    told.received = side.received().status;
    exchange.send_value(told);
    exchange.receive_value<bool>();
}

}  // namespace verbs_test
