// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Sixty-four processes on one host, each connected to each, in bounded time.
#include "crowd.hpp"

namespace {

using namespace verbs_test;

// Processes that a sanitizer slows down, or a scale asks to be fewer, are fewer.
uint32_t crowd_size() {
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
    return 16;
#else
    return std::max(8u, std::min(64u, static_cast<uint32_t>(iterations(64))));
#endif
}

class Crowd : public DeviceTest {
protected:
    void SetUp() override {
        DeviceTest::SetUp();
        if (IsSkipped()) return;
        const uint32_t count = crowd_size();
        for (uint32_t rank = 0; rank < count; ++rank) {
            members_.push_back(std::make_unique<PeerProcess>("crowd"));
            members_.back()->exchange().send_value(CrowdPlace{rank, count});
        }
    }
    // Row i has what member i has for each; member j needs the j-th of each row.
    void introduce() {
        std::vector<std::vector<CrowdContact>> rows;
        for (const auto &member : members_) {
            rows.push_back(member->exchange().receive(patience(60s)).take_all<CrowdContact>());
            ASSERT_EQ(rows.back().size(), members_.size());
        }
        for (size_t j = 0; j < members_.size(); ++j) {
            std::vector<CrowdContact> column;
            for (const auto &row : rows) {
                column.push_back(row[j]);
            }
            Message message;
            message.put_all(std::span<const CrowdContact>(column));
            members_[j]->exchange().send(message);
        }
    }
    // All have come to this point; what one failed with is in its output.
    void meet() {
        for (size_t i = 0; i < members_.size(); ++i) {
            try {
                members_[i]->exchange().receive_value<bool>(patience(60s));
            } catch (const std::exception &problem) {
                FAIL() << "member " << i << ": " << problem.what() << "\n" << members_[i]->output();
            }
        }
        for (const auto &member : members_) {
            member->exchange().send_value(true);
        }
    }
    void expect_all_end_well() {
        for (const auto &member : members_) {
            EXPECT_TRUE(member->ends_well());
        }
    }

private:
    std::vector<std::unique_ptr<PeerProcess>> members_;
};

TEST_F(Crowd, TalksEachToEachInAMinute) {
    const auto start = Clock::now();
    ASSERT_NO_FATAL_FAILURE(introduce());
    ASSERT_NO_FATAL_FAILURE(meet());  // everybody is connected
    ASSERT_NO_FATAL_FAILURE(meet());  // everybody has heard and read everybody
    expect_all_end_well();
    EXPECT_LT(Clock::now() - start, patience(60s));
}

}  // namespace
