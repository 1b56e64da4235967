// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Datagrams from another process, each with a number and a pattern in it.
#pragma once

#include "side.hpp"

namespace verbs_test {

inline constexpr uint32_t kMostOfADatagram = 1024;  // the least MTU that a port has here

// What a sending process is to do: each of its queue pairs sends to each of those that it is given.
struct DatagramPlan {
    uint32_t senders = 0;
    uint32_t count = 0;  // datagrams on each way
};

// Length and contents of a datagram follow from these.
struct DatagramMark {
    uint32_t sender = 0;
    uint32_t number = 0;
};
uint32_t length_of(const DatagramMark &mark);
// Begins with the mark.
std::vector<uint8_t> contents_of(const DatagramMark &mark);

// The role.
void serve_datagram_stream(Exchange &exchange);

}  // namespace verbs_test
