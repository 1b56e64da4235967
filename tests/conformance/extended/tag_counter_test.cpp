// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// What counters of completions make of receives that match tags.
#include "comp_cntr.hpp"
#include "support/deadline.hpp"
#include "tag_end.hpp"

namespace {

using namespace verbs_test;

class CountedTags : public DeviceTest {
protected:
    void SetUp() override {
        DeviceTest::SetUp();
        if (!IsSkipped()) require_feature("tag matching");
        if (!IsSkipped()) require_feature("counters of completions");
    }
};

uint64_t value_of(int (*read)(ibv_comp_cntr *, uint64_t *), const CompCntr &counter) {
    uint64_t value = 0;
    EXPECT_EQ(read(counter.get(), &value), 0);
    return value;
}

// A sender to a queue pair whose receives are counted.
TagSender counted(TagEnd &end, const CompCntr &counter) {
    return TagSender(end, IBV_QPS_RTS, IBV_ACCESS_REMOTE_READ, [&](ibv_qp *there) {
        ibv_qp_attach_comp_cntr_attr receives{0, IBV_QP_ATTACH_COMP_CNTR_OP_RECV};
        ASSERT_EQ(ibv_qp_attach_comp_cntr(there, counter.get(), &receives), 0);
    });
}

// Two completions tell of a message that is long, or fetched: that it matched, and that it is
// there.
TEST_F(CountedTags, AreOneForEachMessage) {
    constexpr uint32_t kLong = 100'000;
    ibv_comp_cntr_init_attr attr{0, IBV_COMP_CNTR_TYPE_WRS, 0};
    const CompCntr counter(ibv_create_comp_cntr(context(), &attr));
    ASSERT_TRUE(counter);
    TagEnd end(context());
    const TagSender sender = counted(end, counter);
    end.set_buffer(0, kLong);
    for (uint64_t tag = 1; tag <= 3; ++tag)
        end.add(tag, tag);
    sender.post_recv(7);
    sender.send(1, 8);
    sender.send(2, kLong);
    sender.send_rendezvous(3, sender.region().at(4096), 3000);
    const auto seen = end.seen(5);
    EXPECT_TRUE(is(seen.front(), 1, IBV_WC_TM_RECV, IBV_WC_TM_MATCH | IBV_WC_TM_DATA_VALID));
    EXPECT_TRUE(is(seen.back(), 3, IBV_WC_TM_RECV, IBV_WC_TM_DATA_VALID));
    EXPECT_EQ(value_of(&ibv_read_comp_cntr, counter), 3u);
    EXPECT_EQ(value_of(&ibv_read_err_comp_cntr, counter), 0u);
}

TEST_F(CountedTags, AreAnErrorWhereTheDataCannotBeFetched) {
    ibv_comp_cntr_init_attr attr{0, IBV_COMP_CNTR_TYPE_WRS, 0};
    const CompCntr counter(ibv_create_comp_cntr(context(), &attr));
    ASSERT_TRUE(counter);
    TagEnd end(context());
    const TagSender sender = counted(end, counter);
    end.add(3, 3);
    RemotePlace nowhere = sender.region().at(4096);
    nowhere.rkey ^= 0xff;
    sender.send_rendezvous(3, nowhere, 3000);
    const auto seen = end.seen(2);
    EXPECT_TRUE(is(seen.front(), 3, IBV_WC_TM_RECV, IBV_WC_TM_MATCH));
    EXPECT_NE(seen.back().status, IBV_WC_SUCCESS);
    EXPECT_EQ(value_of(&ibv_read_comp_cntr, counter), 0u);
    EXPECT_EQ(value_of(&ibv_read_err_comp_cntr, counter), 1u);
}

}  // namespace
