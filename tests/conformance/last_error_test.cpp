// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// The reason in words behind an error number: there is one, and it names what was wrong. Only for
// programs of libverbs; the compat library has no such call.
#include "side.hpp"

#include <string>
#include <thread>

namespace {

using namespace verbs_test;

class LastError : public DeviceTest {
protected:
    static ::testing::AssertionResult names(const std::string &word) {
        const std::string text = verbs_last_error();
        if (text.empty()) return ::testing::AssertionFailure() << "there is no reason";
        if (text.find(word) != std::string::npos) return ::testing::AssertionSuccess();
        return ::testing::AssertionFailure()
               << "\"" << text << "\" does not name \"" << word << "\"";
    }
};

TEST_F(LastError, NamesThePort) {
    ibv_port_attr attr{};
    ASSERT_EQ(ibv_query_port(context(), 7, &attr), EINVAL);
    EXPECT_TRUE(names("port"));
    EXPECT_TRUE(names("7"));
}

TEST_F(LastError, NamesTheGidIndex) {
    ibv_gid gid{};
    ASSERT_EQ(ibv_query_gid(context(), kPort, 4711, &gid), -1);
    EXPECT_TRUE(names("4711"));
}

TEST_F(LastError, NamesTheAccessFlags) {
    const Pd pd = alloc_pd(context());
    const Pages pages(4096);
    ASSERT_FALSE(Mr(ibv_reg_mr(pd.get(), pages.data(), 4096, IBV_ACCESS_REMOTE_WRITE)));
    EXPECT_TRUE(names("access"));
}

TEST_F(LastError, NamesTheSizeOfACompletionQueue) {
    ASSERT_FALSE(Cq(ibv_create_cq(context(), -5, nullptr, nullptr, 0)));
    EXPECT_TRUE(names("entr"));
}

TEST_F(LastError, NamesTheStatesOfAQueuePair) {
    LocalSide side(context());
    ASSERT_EQ(rc_rts(context()).apply(side.qp()), EINVAL);
    EXPECT_TRUE(names("RESET"));
    EXPECT_TRUE(names("RTS"));
}

TEST_F(LastError, NamesAMissingAttribute) {
    LocalSide side(context());
    ASSERT_EQ(rc_init().without(IBV_QP_PORT).apply(side.qp()), EINVAL);
    EXPECT_FALSE(std::string(verbs_last_error()).empty());
}

TEST_F(LastError, NamesWhatIsBusy) {
    LocalSide side(context());
    ASSERT_EQ(ibv_dealloc_pd(side.pd()), EBUSY);
    EXPECT_FALSE(std::string(verbs_last_error()).empty());
}

TEST_F(LastError, SaysThatSomethingIsNotSupported) {
    const Pd pd = alloc_pd(context());
    ibv_qp_init_attr init{};
    const Cq cq = create_cq(context());
    init.send_cq = cq.get();
    init.recv_cq = cq.get();
    init.qp_type = IBV_QPT_RAW_PACKET;
    ASSERT_FALSE(Qp(ibv_create_qp(pd.get(), &init)));
    EXPECT_FALSE(std::string(verbs_last_error()).empty());
}

TEST_F(LastError, BelongsToTheThread) {
    ibv_gid gid{};
    ASSERT_EQ(ibv_query_gid(context(), kPort, 4711, &gid), -1);
    std::string of_other_thread = "not asked";
    std::thread([&] { of_other_thread = verbs_last_error(); }).join();
    EXPECT_EQ(of_other_thread, "");
    EXPECT_TRUE(names("4711"));
}

TEST_F(LastError, StaysAfterASuccess) {
    ibv_gid gid{};
    ASSERT_EQ(ibv_query_gid(context(), kPort, 4711, &gid), -1);
    alloc_pd(context());
    EXPECT_TRUE(names("4711"));
}

TEST_F(LastError, LeavesErrnoAlone) {
    errno = 4712;
    (void)verbs_last_error();
    EXPECT_EQ(errno, 4712);
}

TEST_F(LastError, NamesThePlaceOfAFaultThatIsNone) {
    require_feature("fault injection");
    if (IsSkipped()) return;
    ::setenv("VERBS_SOFT_FAULTS", "seed=1;dealy:us=5", 1);
    errno = 0;
    EXPECT_FALSE(Context(ibv_open_device(device_under_test())));
    EXPECT_EQ(errno, EINVAL);
    ::unsetenv("VERBS_SOFT_FAULTS");
    EXPECT_TRUE(names("character 8"));
    EXPECT_TRUE(names("dealy"));
}

}  // namespace
