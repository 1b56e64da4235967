// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// A stream of numbered messages over a connection, each checked. Either end is in a process that
// runs on its own, so that it can be stopped at any moment of it.
#pragma once

#include "side.hpp"

namespace verbs_test {

// What the process behind the role does with its side.
enum class Part : uint32_t {
    kSends,     // the stream
    kReceives,  // the stream
    kIdles,     // it is written and read
};

struct StreamPlan {
    Part part = Part::kIdles;
    uint32_t count = 0;  // messages
};

SideOptions stream_options();

// Posting as far as the queue goes, completing as far as it got; one call does not wait.
class StreamSender {
public:
    StreamSender(LocalSide &side, uint32_t count) : side_(&side), count_(count) {}
    // Throws when something fails.
    void pump();
    [[nodiscard]] uint32_t completed() const { return completed_; }
    [[nodiscard]] bool is_done() const { return completed_ == count_; }

private:
    LocalSide *side_;
    uint32_t count_;
    uint32_t posted_ = 0;
    uint32_t completed_ = 0;
};

class StreamReceiver {
public:
    StreamReceiver(LocalSide &side, uint32_t count) : side_(&side), count_(count) {}
    void pump();
    [[nodiscard]] uint32_t completed() const { return completed_; }
    [[nodiscard]] bool is_done() const { return completed_ == count_; }

private:
    LocalSide *side_;
    uint32_t count_;
    uint32_t posted_ = 0;
    uint32_t completed_ = 0;
};

// Writes blocks to the peer and reads each back.
class StreamWriter {
public:
    StreamWriter(LocalSide &side, const RemotePlace &target, uint32_t count)
        : side_(&side), target_(target), count_(count) {}
    void pump();
    [[nodiscard]] uint32_t completed() const { return completed_; }
    [[nodiscard]] bool is_done() const { return completed_ == count_; }

private:
    LocalSide *side_;
    RemotePlace target_;
    uint32_t count_;
    bool is_posted_ = false;
    uint32_t completed_ = 0;
};

// The role of the process that runs on its own.
void serve_stream(Exchange &exchange);

}  // namespace verbs_test
