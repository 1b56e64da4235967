// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Between processes that may not reach into each other: of one user, data moves all the same, and
// the log says by which way; of two users, nothing moves, and both hear of it.
#include "restrictions.hpp"

#include <unistd.h>

namespace {

using namespace verbs_test;

constexpr uint32_t kLong = 300000;

SideOptions usual() {
    SideOptions options;
    options.memory = 1 << 20;
    return options;
}

// Before memory is used that the peer wrote or read. A program knows from the peer that he is done;
// a device that has no hands of its own did it by a thread in the same process, and asking for the
// state orders the two, which ThreadSanitizer wants to see.
void settle(Side &side) {
    EXPECT_EQ(side.state(), IBV_QPS_RTS);
}

// Everything that a connection can carry, from one side to the other.
void expect_all_moves(Side &from, Side &to, uint32_t seed) {
    for (const uint32_t size : {1u, 100u, 5000u, kLong}) {
        SCOPED_TRACE(::testing::Message() << size << " bytes");
        from.store(0, pattern(seed + size, size));
        ASSERT_EQ(to.post_recv(1, {{0, size}}), 0);
        ASSERT_EQ(from.post_send(make_send(2, {{0, size}})), 0);
        ASSERT_TRUE(succeeded(to.received(), 1, IBV_WC_RECV));
        ASSERT_TRUE(succeeded(from.sent(), 2, IBV_WC_SEND));
        ASSERT_TRUE(to.load(0, size) == pattern(seed + size, size)) << "send";

        const RemotePlace place = to.at(kLong);
        ASSERT_EQ(from.post_send(make_write(3, {{0, size}}, place)), 0);
        ASSERT_TRUE(succeeded(from.sent(), 3, IBV_WC_RDMA_WRITE));
        settle(to);
        ASSERT_TRUE(to.load(kLong, size) == pattern(seed + size, size)) << "write";

        ASSERT_EQ(from.post_send(make_read(4, {{kLong, size}}, place)), 0);
        ASSERT_TRUE(succeeded(from.sent(), 4, IBV_WC_RDMA_READ));
        ASSERT_TRUE(from.load(kLong, size) == pattern(seed + size, size)) << "read";

        settle(to);
        to.store(kLong, std::vector<uint8_t>(size));
        ASSERT_EQ(to.post_recv(5, {}), 0);
        ASSERT_EQ(from.post_send(make_write(6, {{0, size}}, place).with_imm(size)), 0);
        ASSERT_TRUE(succeeded(to.received(), 5, IBV_WC_RECV_RDMA_WITH_IMM));
        ASSERT_TRUE(succeeded(from.sent(), 6, IBV_WC_RDMA_WRITE));
        ASSERT_TRUE(to.load(kLong, size) == pattern(seed + size, size)) << "write with immediate";
    }
}

// A key that was not given is refused on the other way too. Ends the connection.
void expect_wrong_keys_are_refused(Side &from, Side &to) {
    for (const bool reads : {false, true}) {
        join(from, to);
        to.store(0, pattern(99, kLong));
        from.store(0, pattern(98, kLong));
        RemotePlace place = to.at(0);
        place.rkey ^= 0x00ffff00;
        ASSERT_EQ(to.post_recv(1, {}), 0);
        ASSERT_EQ(from.post_send(reads ? make_read(2, {{0, kLong}}, place)
                                       : make_write(2, {{0, kLong}}, place)),
                  0);
        EXPECT_TRUE(ended(from.sent(), 2, IBV_WC_REM_ACCESS_ERR));
        EXPECT_TRUE(ended(to.received(), 1, IBV_WC_WR_FLUSH_ERR));
        EXPECT_TRUE(from.load(0, kLong) == pattern(98, kLong));
        EXPECT_TRUE(to.load(0, kLong) == pattern(99, kLong));
    }
}

// Who may not copy, and the role of the other one, if not this process.
struct Boundary {
    const char *name;
    const char *role;
    const char *other_role;
};
std::ostream &operator<<(std::ostream &out, const Boundary &boundary) {
    return out << boundary.name;
}

class BoundaryOfOneUser : public DeviceTest, public ::testing::WithParamInterface<Boundary> {
protected:
    void SetUp() override {
        DeviceTest::SetUp();
        if (IsSkipped()) return;
        const std::string role = GetParam().role;
        if (role.find("nobody") != std::string::npos && ::geteuid() != 0) {
            GTEST_SKIP() << "only root can start a process of another user";
        }
        try {
            const RemoteSide trial(usual(), GetParam().role);
        } catch (const std::runtime_error &problem) {
            const std::string reason = problem.what();
            if (reason.find(kNoUserNamespace) == std::string::npos) throw;
            GTEST_SKIP() << reason;
        }
    }
};
INSTANTIATE_TEST_SUITE_P(
    Processes, BoundaryOfOneUser,
    ::testing::Values(
        Boundary{"ByAFilterOfSystemCalls", "side-without-copies", "logging-side"},
        Boundary{"ByAFilterOfSystemCallsOnBothSides", "side-without-copies", "side-without-copies"},
        Boundary{"ByAUserNamespace", "side-in-user-namespace", "logging-side"},
        Boundary{"ByTwoUserNamespaces", "side-in-user-namespace", "side-in-user-namespace"},
        Boundary{"ByMemoryThatIsNotDumpable", "undumpable-side-of-nobody", "side-of-nobody"}),
    [](const auto &test) { return std::string(test.param.name); });

TEST_P(BoundaryOfOneUser, StopsNoDataInEitherDirection) {
    RemoteSide restricted(usual(), GetParam().role);
    RemoteSide other(usual(), GetParam().other_role);
    join(restricted, other);
    ASSERT_NO_FATAL_FAILURE(expect_all_moves(restricted, other, 1));
    ASSERT_NO_FATAL_FAILURE(expect_all_moves(other, restricted, 2));
}

TEST_P(BoundaryOfOneUser, LetsNoWrongKeyThrough) {
    RemoteSide restricted(usual(), GetParam().role);
    RemoteSide other(usual(), GetParam().other_role);
    ASSERT_NO_FATAL_FAILURE(expect_wrong_keys_are_refused(restricted, other));
    ASSERT_NO_FATAL_FAILURE(expect_wrong_keys_are_refused(other, restricted));
}

TEST_P(BoundaryOfOneUser, IsToldInTheLogWithTheWayThatDataTakesInstead) {
    RemoteSide restricted(usual(), GetParam().role);
    RemoteSide other(usual(), GetParam().other_role);
    join(restricted, other);
    ASSERT_NO_FATAL_FAILURE(expect_all_moves(restricted, other, 1));
    ASSERT_NO_FATAL_FAILURE(expect_all_moves(other, restricted, 2));
    // The one who may not reach out says so: the filter and the namespace restrict himself, the
    // memory that is not dumpable restricts the other.
    const bool restricts_other = std::string(GetParam().role).starts_with("undumpable");
    const std::string log = restricts_other ? other.output() : restricted.output();
    EXPECT_NE(log.find("data moves through the rings"), std::string::npos) << log;
}

TEST_F(DeviceTest, LogOfTwoProcessesWithoutABoundarySaysThatDataIsCopiedDirectly) {
    RemoteSide one(usual(), "logging-side");
    RemoteSide other(usual(), "logging-side");
    join(one, other);
    ASSERT_NO_FATAL_FAILURE(expect_all_moves(one, other, 1));
    EXPECT_NE(one.output().find("data moves by direct copies"), std::string::npos) << one.output();
}

// Two users. The refusal shows as on any network where the peer does not answer; the log tells why.
class BoundaryOfTwoUsers : public DeviceTest {
protected:
    void SetUp() override {
        DeviceTest::SetUp();
        if (IsSkipped()) return;
        if (::geteuid() != 0) GTEST_SKIP() << "only root can start a process of another user";
    }
    static SideOptions impatient() {
        SideOptions options;
        options.path.timeout = 12;  // 17 ms
        options.path.retry_cnt = 1;
        return options;
    }
    // Each request fails in time, and nothing moves.
    static void expect_refused(RemoteSide &from, Side &to, const Sending &request) {
        join(from, to);
        from.store(0, pattern(1, 1000));
        to.store(0, pattern(2, 1000));
        ASSERT_EQ(to.post_recv(1, {{0, 1000}}), 0);
        ASSERT_EQ(from.post_send(request), 0);
        EXPECT_TRUE(ended(from.sent(), request.id, IBV_WC_RETRY_EXC_ERR));
        EXPECT_EQ(from.state(), IBV_QPS_ERR);
        EXPECT_EQ(from.load(0, 1000), pattern(1, 1000));
        EXPECT_EQ(to.load(0, 1000), pattern(2, 1000));
        ASSERT_EQ(to.change_state(IBV_QPS_ERR), 0);
        EXPECT_TRUE(ended(to.received(), 1, IBV_WC_WR_FLUSH_ERR));
    }
    static void expect_all_refused(RemoteSide &from, Side &to, const char *reason) {
        const RemotePlace place = to.at(0);
        for (const Sending &request : {make_send(5, {{0, 1000}}), make_write(6, {{0, 1000}}, place),
                                       make_read(7, {{0, 1000}}, place)}) {
            ASSERT_NO_FATAL_FAILURE(expect_refused(from, to, request));
        }
        EXPECT_NE(from.output().find(reason), std::string::npos) << from.output();
    }
};

TEST_F(BoundaryOfTwoUsers, LetsNobodyIntoTheMemoryOfRoot) {
    LocalSide root(context(), impatient());
    RemoteSide nobody(impatient(), "side-of-nobody");
    expect_all_refused(nobody, root, "belongs to user 0");
}

TEST_F(BoundaryOfTwoUsers, LetsNotEvenRootIntoTheMemoryOfAnother) {
    RemoteSide root(impatient(), "logging-side");
    RemoteSide nobody(impatient(), "side-of-nobody");
    expect_all_refused(root, nobody, "belongs to user 65534");
}

TEST_F(BoundaryOfTwoUsers, LosesDatagrams) {
    SideOptions options;
    options.type = IBV_QPT_UD;
    LocalSide root(context(), options);
    RemoteSide nobody(options, "side-of-nobody");
    join(root, nobody);
    ASSERT_EQ(root.post_recv(1, {{0, 200}}), 0);
    const uint32_t qkey = PathOptions().qkey;
    for (uint64_t id = 0; id < 3; ++id) {
        ASSERT_EQ(nobody.post_send(make_send(id, {{0, 100}}).to(root.address(), qkey)), 0);
        EXPECT_TRUE(succeeded(nobody.sent(), id, IBV_WC_SEND));
    }
    EXPECT_TRUE(never([&] { return !is_empty(root.recv_cq()); }));
    EXPECT_NE(nobody.output().find("belongs to user 0"), std::string::npos) << nobody.output();
}

}  // namespace
