// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "extended_device.hpp"

namespace {

class WorkQueue : public verbs_test::FakeQueuesOfExtendedDevice {
protected:
    void SetUp() override {
        FakeQueuesOfExtendedDevice::SetUp();
        attr.wq_context = this;
        attr.max_wr = 10;
        attr.max_sge = 1;
        attr.pd = pd;
        attr.cq = cq;
    }
    void expect_refusal(int code, const char *reason) {
        EXPECT_EQ(ibv_create_wq(context, &attr), nullptr);
        EXPECT_EQ(errno, code);
        EXPECT_STREQ(verbs_last_error(), reason);
    }
    ibv_wq_init_attr attr{};
};

class TableOfWorkQueues : public WorkQueue {
protected:
    void SetUp() override {
        WorkQueue::SetUp();
        for (ibv_wq *&wq : queues)
            ASSERT_NE(wq = ibv_create_wq(context, &attr), nullptr) << verbs_last_error();
    }
    void TearDown() override {
        fail_nothing();
        for (ibv_wq *wq : queues)
            EXPECT_EQ(ibv_destroy_wq(wq), 0);
        WorkQueue::TearDown();
    }
    ibv_wq *queues[2] = {};
    ibv_rwq_ind_table_init_attr table_attr{1, queues, 0};
};

}  // namespace

TEST_F(WorkQueue, HasWhatIsTheLibrarysSet) {
    errno = kUntouched;
    ibv_wq *wq = ibv_create_wq(context, &attr);
    ASSERT_NE(wq, nullptr) << verbs_last_error();
    EXPECT_EQ(errno, kUntouched);
    EXPECT_EQ(attr.max_wr, 64u);
    EXPECT_EQ(attr.max_sge, 4u);
    EXPECT_EQ(wq->context, context);
    EXPECT_EQ(wq->wq_context, this);
    EXPECT_EQ(wq->pd, pd);
    EXPECT_EQ(wq->cq, cq);
    EXPECT_EQ(wq->state, IBV_WQS_RESET);
    EXPECT_EQ(wq->wq_type, IBV_WQT_RQ);
    EXPECT_EQ(wq->events_completed, 0u);
    EXPECT_EQ(ibv_destroy_wq(wq), 0);
}

TEST_F(WorkQueue, ReadsNoMoreThanTheMaskSays) {
    attr.create_flags = 5;
    ibv_wq *wq = ibv_create_wq(context, &attr);
    ASSERT_NE(wq, nullptr) << verbs_last_error();
    EXPECT_EQ(last.wq.create_flags, 0u);
    EXPECT_EQ(ibv_destroy_wq(wq), 0);
}

TEST_F(WorkQueue, IsRefusedWithTheUnknownOrWhatIsOfAnotherDevice) {
    attr.comp_mask = 2;
    expect_refusal(EINVAL, "unknown bits in comp_mask");
    attr.comp_mask = 0;
    attr.wq_type = static_cast<ibv_wq_type>(1);
    expect_refusal(EINVAL, "there is no such type of work queue");
    attr.wq_type = IBV_WQT_RQ;
    ibv_pd foreign{};
    attr.pd = &foreign;
    expect_refusal(EINVAL, "pd belongs to another open device");
    attr.pd = pd;
    attr.cq = nullptr;
    expect_refusal(EINVAL, "cq is NULL");
    EXPECT_EQ(ibv_create_wq(context, nullptr), nullptr);
    EXPECT_EQ(ibv_create_wq(nullptr, &attr), nullptr);
    EXPECT_EQ(fake.calls_of("create_wq"), 0);
    EXPECT_EQ(ibv_destroy_wq(nullptr), EINVAL);
}

TEST_F(WorkQueue, TellsWhyTheProviderRefused) {
    fail("create_wq", EOPNOTSUPP, "no work queues");
    expect_refusal(EOPNOTSUPP, "fake: create_wq: no work queues");
}

TEST_F(WorkQueue, RemembersItsStateOnceItHasChanged) {
    ibv_wq *wq = ibv_create_wq(context, &attr);
    ASSERT_NE(wq, nullptr) << verbs_last_error();
    ibv_wq_attr change{};
    change.attr_mask = IBV_WQ_ATTR_STATE;
    change.wq_state = IBV_WQS_RDY;
    fail("modify_wq", EINVAL);
    EXPECT_EQ(ibv_modify_wq(wq, &change), EINVAL);
    EXPECT_EQ(wq->state, IBV_WQS_RESET);
    fail_nothing();
    EXPECT_EQ(ibv_modify_wq(wq, &change), 0);
    EXPECT_EQ(wq->state, IBV_WQS_RDY);
    change.attr_mask = IBV_WQ_ATTR_FLAGS;
    change.wq_state = IBV_WQS_ERR;
    EXPECT_EQ(ibv_modify_wq(wq, &change), 0);
    EXPECT_EQ(wq->state, IBV_WQS_RDY);
    change.attr_mask = IBV_WQ_ATTR_RESERVED;
    EXPECT_EQ(ibv_modify_wq(wq, &change), EINVAL);
    EXPECT_EQ(ibv_modify_wq(wq, nullptr), EINVAL);
    EXPECT_EQ(ibv_modify_wq(nullptr, &change), EINVAL);
    EXPECT_EQ(ibv_destroy_wq(wq), 0);
}

TEST_F(TableOfWorkQueues, IsOfTheContext) {
    ibv_rwq_ind_table *table = ibv_create_rwq_ind_table(context, &table_attr);
    ASSERT_NE(table, nullptr) << verbs_last_error();
    EXPECT_EQ(table->context, context);
    EXPECT_EQ(last.log_ind_tbl_size, 1u);
    EXPECT_EQ(ibv_destroy_rwq_ind_table(table), 0);
}

TEST_F(TableOfWorkQueues, IsRefusedWithTheUnknownOrWithoutAQueue) {
    table_attr.comp_mask = 1;
    EXPECT_EQ(ibv_create_rwq_ind_table(context, &table_attr), nullptr);
    EXPECT_EQ(errno, EINVAL);
    table_attr.comp_mask = 0;
    table_attr.log_ind_tbl_size = 32;
    EXPECT_EQ(ibv_create_rwq_ind_table(context, &table_attr), nullptr);
    EXPECT_STREQ(verbs_last_error(), "the table is too long");
    table_attr.log_ind_tbl_size = 1;
    ibv_wq foreign{};
    ibv_wq *mixed[2] = {queues[0], &foreign};
    table_attr.ind_tbl = mixed;
    EXPECT_EQ(ibv_create_rwq_ind_table(context, &table_attr), nullptr);
    EXPECT_STREQ(verbs_last_error(), "a queue in ind_tbl belongs to another open device");
    mixed[1] = nullptr;
    EXPECT_EQ(ibv_create_rwq_ind_table(context, &table_attr), nullptr);
    EXPECT_STREQ(verbs_last_error(), "a queue in ind_tbl is NULL");
    EXPECT_EQ(ibv_create_rwq_ind_table(context, nullptr), nullptr);
    EXPECT_EQ(ibv_create_rwq_ind_table(nullptr, &table_attr), nullptr);
    EXPECT_EQ(ibv_destroy_rwq_ind_table(nullptr), EINVAL);
    EXPECT_EQ(fake.calls_of("create_rwq_ind_table"), 0);
}
