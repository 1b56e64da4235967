// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// The child of a fork has copies of its parent's objects, and no thread that looks after them: it
// may use them up to their end all the same.
#include "loopback.hpp"

#include "support/child.hpp"

#include <unistd.h>

namespace soft_test {
namespace {

class SoftFork : public Loopback {
protected:
    ibv_cq *make() { return reinterpret_cast<ibv_cq *>(create_cq(0)); }
    // As often as makes a queue one that a program polls.
    static bool polls_empty(ibv_cq *cq) {
        ibv_wc wc;
        bool is_empty = true;
        for (int i = 0; i < 1000; ++i)
            is_empty = is_empty && soft::poll_cq(cq, 1, &wc) == 0;
        return is_empty;
    }
};

TEST_F(SoftFork, LeavesQueuesToTheChildThatItMayPollAndDestroy) {
    ibv_cq *polled = make();
    ibv_cq *fresh = make();
    ASSERT_TRUE(polls_empty(polled));
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
        ::alarm(30);
        for (ibv_cq *cq : {polled, fresh})
            if (!polls_empty(cq) || !device_->destroy_cq(cq)) ::_exit(1);
        ibv_cq *own = make();
        if (!polls_empty(own) || !device_->destroy_cq(own) || !device_->close()) ::_exit(2);
        device_.reset();
        verbs_test::end_well();
    }
    EXPECT_TRUE(verbs_test::ended_well(child));
    EXPECT_TRUE(polls_empty(polled));
    for (ibv_cq *cq : {polled, fresh})
        EXPECT_TRUE(device_->destroy_cq(cq));
}

}  // namespace
}  // namespace soft_test
