// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// A process that is stopped for five seconds in the middle of traffic and then goes on: nothing is
// lost, nothing fails, and nothing comes twice, whatever its part was.
#include "stream.hpp"

#include <signal.h>
#include <sys/wait.h>

#include <stdexcept>

namespace {

using namespace verbs_test;

constexpr Milliseconds kStop = 5s;
constexpr uint32_t kBefore = 100;  // messages before the stop
constexpr uint32_t kCount = 3000;

class StoppedPeer : public DeviceTest {
protected:
    void SetUp() override {
        DeviceTest::SetUp();
        if (IsSkipped()) return;
        here_ = std::make_unique<LocalSide>(context(), stream_options());
    }
    void start(Part part) {
        count_ = static_cast<uint32_t>(iterations(kCount)) + kBefore;
        peer_ = std::make_unique<PeerProcess>("stream");
        exchange().send_value(StreamPlan{part, count_});
        there_ = exchange().receive_value<QpAddress>();
        target_ = exchange().receive_value<RemotePlace>();
        exchange().send_value(here_->address());
        here_->connect(there_);
        exchange().receive_value<bool>();
        exchange().send_value(true);
    }
    // Lets the stream begin, stops the peer, goes on without it, and lets it go on.
    template <typename Stream>
    void expect_nothing_lost(Stream stream) {
        const auto pump_until = [&](auto claim, Milliseconds limit) {
            return eventually(
                [&] {
                    stream.pump();
                    return claim();
                },
                limit);
        };
        ASSERT_TRUE(pump_until([&] { return stream.completed() >= kBefore; }, patience()));
        ASSERT_EQ(::kill(peer_->pid(), SIGSTOP), 0);
        int status = 0;
        ASSERT_EQ(::waitpid(peer_->pid(), &status, WUNTRACED), peer_->pid());
        ASSERT_TRUE(WIFSTOPPED(status));
        // pump() throws when something fails meanwhile.
        pump_until([] { return false; }, kStop);
        const uint32_t during = stream.completed();
        ASSERT_EQ(::kill(peer_->pid(), SIGCONT), 0);
        EXPECT_TRUE(pump_until([&] { return stream.is_done(); }, patience(60s)))
            << stream.completed() << " of " << count_ << ", " << during
            << " of them when it went on";
        EXPECT_EQ(here_->state(), IBV_QPS_RTS);
        if (HasFailure()) return;
        exchange().receive_value<bool>(patience(60s));
        exchange().send_value(true);
        EXPECT_TRUE(peer_->ends_well());
    }
    LocalSide &here() { return *here_; }
    Exchange &exchange() { return peer_->exchange(); }
    [[nodiscard]] const RemotePlace &target() const { return target_; }
    [[nodiscard]] uint32_t count() const { return count_; }

private:
    std::unique_ptr<LocalSide> here_;
    std::unique_ptr<PeerProcess> peer_;
    QpAddress there_;
    RemotePlace target_;
    uint32_t count_ = 0;
};

TEST_F(StoppedPeer, LosesNothingOfWhatItSends) {
    start(Part::kSends);
    expect_nothing_lost(StreamReceiver(here(), count()));
}

TEST_F(StoppedPeer, LosesNothingOfWhatItReceives) {
    start(Part::kReceives);
    expect_nothing_lost(StreamSender(here(), count()));
}

TEST_F(StoppedPeer, LosesNothingOfWhatIsWrittenToItAndReadFromIt) {
    start(Part::kIdles);
    expect_nothing_lost(StreamWriter(here(), target(), count()));
}

}  // namespace
