// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// A network of our own, in a namespace that goes with its process: two interfaces joined by a
// virtual cable.
#pragma once

#include "support/exchange.hpp"

#include <string>

struct nl_sock;

namespace verbs_test {

// One end of the cable is called kNear, the other one kFar.
inline constexpr const char *kNear = "near";
inline constexpr const char *kFar = "far";

class Network {
public:
    // Moves this process, which has one thread yet, into a namespace of its own. Throws what is
    // missing when that cannot be done here.
    Network();
    ~Network();
    Network(const Network &) = delete;
    Network &operator=(const Network &) = delete;

    void set_up(const char *interface, bool is_up);
    void add_address(const char *interface, const char *address);
    void remove_address(const char *interface, const char *address);
    void remove_interface(const char *interface);

private:
    void change_address(const char *interface, const char *address, bool is_there);
    nl_sock *socket_;
};

// The role of the process in which a test of network_test.cpp happens.
void serve_network(Exchange &exchange);

}  // namespace verbs_test
