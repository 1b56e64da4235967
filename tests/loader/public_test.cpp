// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Loading as a program meets it: through libverbs.so.1, told by the environment. Providers are
// looked for once per process, so this program has one folder of manifests for all its tests: a
// faulty plugin and the frozen one.
#include "support/folder.hpp"

#include <gtest/gtest.h>
#include <infiniband/verbs.h>

#include <cstring>

namespace {

using verbs_test::Folder;
using verbs_test::manifest_of;

std::string plugin(const std::string &name) {
    return std::string(VERBS_TEST_PLUGINS) + "/" + name + ".so";
}

class Frozen : public testing::Test {
protected:
    static void SetUpTestSuite() {
        static const Folder folder;
        folder.write("10-faulty.json", manifest_of("faulty", plugin("wrong_magic")));
        folder.write("20-frozen.json", manifest_of("frozen", plugin("frozen_contract_1")));
        ::setenv("VERBS_PROVIDERS", folder.path().c_str(), 1);
        ::unsetenv("VERBS_PROVIDERS_EXTRA");
    }
    void SetUp() override {
        int count = 0;
        ibv_device **list = ibv_get_device_list(&count);
        ASSERT_NE(list, nullptr);
        ASSERT_EQ(count, 1) << verbs_last_error();
        ASSERT_STREQ(ibv_get_device_name(list[0]), "frozen0");
        context = ibv_open_device(list[0]);
        ibv_free_device_list(list);
        ASSERT_NE(context, nullptr) << verbs_last_error();
    }
    void TearDown() override { EXPECT_EQ(ibv_close_device(context), 0); }

    ibv_context *context = nullptr;
};

}  // namespace

TEST_F(Frozen, IsOpenedAndDescribed) {
    EXPECT_EQ(context->num_comp_vectors, 3);
    EXPECT_GE(context->async_fd, 0);
    EXPECT_EQ(ibv_get_device_index(context->device), 5);
    EXPECT_EQ(ibv_get_device_guid(context->device), 0x1234u);
    ibv_device_attr device{};
    EXPECT_EQ(ibv_query_device(context, &device), 0);
    EXPECT_EQ(device.max_qp, 7);
    ibv_port_attr port{};
    EXPECT_EQ(ibv_query_port(context, 1, &port), 0);
    EXPECT_EQ(port.state, IBV_PORT_ACTIVE);
}

// Its contract has no slot for it.
TEST_F(Frozen, AnswersTheExtendedQueryByWhatThePlainOneTells) {
    ibv_device_attr plain{};
    ASSERT_EQ(ibv_query_device(context, &plain), 0);
    ibv_device_attr_ex extended{};
    extended.hca_core_clock = 5;
    ASSERT_EQ(ibv_query_device_ex(context, nullptr, &extended), 0);
    EXPECT_EQ(extended.orig_attr.max_qp, 7);
    EXPECT_EQ(extended.device_cap_flags_ex, plain.device_cap_flags);
    EXPECT_EQ(extended.phys_port_cnt_ex, plain.phys_port_cnt);
    EXPECT_EQ(extended.hca_core_clock, 0u);
}

TEST_F(Frozen, GivesItsReasons) {
    ibv_port_attr port{};
    EXPECT_EQ(ibv_query_port(context, 9, &port), EINVAL);
    EXPECT_STREQ(verbs_last_error(), "frozen: query_port: frozen has one port");
}

TEST_F(Frozen, RunsItsDataPath) {
    ibv_pd *pd = ibv_alloc_pd(context);
    ibv_cq *cq = ibv_create_cq(context, 1, nullptr, nullptr, 0);
    ASSERT_TRUE(pd && cq);
    ibv_qp_init_attr init{};
    init.send_cq = init.recv_cq = cq;
    ibv_qp *qp = ibv_create_qp(pd, &init);
    ASSERT_NE(qp, nullptr);
    EXPECT_EQ(ibv_poll_cq(cq, 2, nullptr), -998);
    ibv_send_wr wr{};
    ibv_send_wr *bad = nullptr;
    EXPECT_EQ(ibv_post_send(qp, &wr, &bad), ENOSPC);
    EXPECT_EQ(bad, &wr);
    ibv_qp_attr attr{};
    EXPECT_EQ(ibv_modify_qp(qp, &attr, IBV_QP_STATE), 0);
    EXPECT_EQ(ibv_destroy_qp(qp), 0);
    EXPECT_EQ(ibv_destroy_cq(cq), 0);
    EXPECT_EQ(ibv_dealloc_pd(pd), 0);
}

TEST_F(Frozen, LacksWhatItsContractLeftOptional) {
    EXPECT_EQ(ibv_create_comp_channel(context), nullptr);
    EXPECT_EQ(errno, EOPNOTSUPP);
    ibv_gid gid{};
    EXPECT_EQ(ibv_query_gid(context, 1, 0, &gid), -1);
    EXPECT_EQ(errno, EOPNOTSUPP);
}
