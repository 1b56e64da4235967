// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <gtest/gtest.h>
#include <infiniband/verbs_exp.h>

TEST(WordsForOperations, AreThoseThatProgramsPrint) {
    EXPECT_STREQ(ibv_wr_opcode_str(IBV_WR_RDMA_WRITE), "rdma-write");
    EXPECT_STREQ(ibv_wr_opcode_str(IBV_WR_SEND_WITH_IMM), "send-with-imm");
    EXPECT_STREQ(ibv_wr_opcode_str(IBV_WR_ATOMIC_FETCH_AND_ADD), "atomic-fetch-and-add");
    EXPECT_STREQ(ibv_wr_opcode_str(IBV_WR_DRIVER1), "driver1");
    EXPECT_STREQ(ibv_wr_opcode_str(IBV_WR_ATOMIC_WRITE), "atomic-write");
}

TEST(WordsForOperations, AreNoneForNumbersBetween) {
    EXPECT_STREQ(ibv_wr_opcode_str(static_cast<ibv_wr_opcode>(12)), "unknown");
    EXPECT_STREQ(ibv_wr_opcode_str(static_cast<ibv_wr_opcode>(13)), "unknown");
}
