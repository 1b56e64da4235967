// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Multicast: who gets a copy of a datagram to a group, what its header says, and who may join and
// leave (IBTA volume 1, 10.5 and 11.3).
#include "rc_test.hpp"

#include <arpa/inet.h>
#include <unistd.h>

#include <optional>

namespace {

using namespace verbs_test;

constexpr uint32_t kGrh = 40;
constexpr uint32_t kQkey = 0x11111111;
constexpr uint32_t kEveryone = 0xffffff;

// Groups are known to the whole host: those of this process carry its number.
ibv_gid numbered(ibv_gid gid, uint8_t number) {
    const auto pid = static_cast<uint32_t>(::getpid());
    gid.raw[13] = static_cast<uint8_t>(pid >> 16);
    gid.raw[14] = static_cast<uint8_t>(pid >> 8);
    gid.raw[15] = static_cast<uint8_t>(pid);
    if (is_ipv4(gid)) {
        gid.raw[13] = static_cast<uint8_t>(gid.raw[13] ^ (number << 6));
    } else {
        gid.raw[9] = number;
    }
    return gid;
}
// 239.0.0.0/8, as RoCE writes it.
ibv_gid ipv4_group(uint8_t number = 0) {
    return numbered({{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 239}}, number);
}
ibv_gid ipv6_group(uint8_t number = 0) {
    return numbered({{0xff, 0x1e, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x42}}, number);
}
QpAddress everyone_in(const ibv_gid &group) {
    return {group, kEveryone, 0};
}

SideOptions ud_options() {
    SideOptions options;
    options.type = IBV_QPT_UD;
    return options;
}

class Multicast : public RcTest {
protected:
    void SetUp() override {
        RcTest::SetUp();
        if (!IsSkipped()) require_feature("multicast");
        if (!IsSkipped()) connect(ud_options());
    }
    std::unique_ptr<Side> another(const SideOptions &options = ud_options()) {
        std::unique_ptr<Side> side = make_there(GetParam(), options);
        side->connect({});
        return side;
    }
    Sending to_group(uint64_t id, const Slices &data, uint32_t qkey = kQkey) {
        return make_send(id, data).to(everyone_in(group()), qkey);
    }
    void send(const Sending &request) {
        ASSERT_EQ(here().post_send(request), 0);
        ASSERT_TRUE(succeeded(here().sent(), request.id, IBV_WC_SEND));
    }
    // The next thing that the side receives is a copy of what lies at the start of our memory.
    void expect_copy(Side &side, uint32_t length, size_t source = 0) {
        const ibv_wc wc = side.received();
        ASSERT_EQ(wc.status, IBV_WC_SUCCESS);
        EXPECT_EQ(wc.byte_len, kGrh + length);
        EXPECT_EQ(wc.src_qp, here().address().qp_num);
        EXPECT_EQ(wc.qp_num, side.address().qp_num);
        EXPECT_EQ(side.load(kGrh, length), here().load(source, length));
    }
    static void post(Side &side, size_t count = 2) {
        for (size_t i = 0; i < count; ++i) {
            ASSERT_EQ(side.post_recv(i, {{0, 4096 + kGrh}}), 0);
        }
    }
    // Nothing has come to the side: the first to arrive is what is now sent to it alone.
    void expect_nothing(Side &side) {
        // From where no receive of ours puts a header.
        send(make_send(77, {{8192, 7}}).to(side.address(), kQkey));
        expect_copy(side, 7, 8192);
    }
    void fill(uint32_t seed) { here().store(0, pattern(seed, 4096)); }
    [[nodiscard]] static ibv_gid group() { return ipv4_group(); }
};
VERBS_TEST_EVERYWHERE(Multicast);

TEST_P(Multicast, IsAdvertised) {
    const ibv_device_attr limits = device_limits(context());
    EXPECT_GT(limits.max_mcast_grp, 0);
    EXPECT_GT(limits.max_mcast_qp_attach, 0);
    EXPECT_GE(limits.max_total_mcast_qp_attach, limits.max_mcast_qp_attach);
}

TEST_P(Multicast, GivesEveryMemberOneCopy) {
    std::vector<std::unique_ptr<Side>> more;
    std::vector<Side *> members = {&there()};
    for (int i = 0; i < 2; ++i) {
        more.push_back(another());
        members.push_back(more.back().get());
    }
    more.push_back(std::make_unique<LocalSide>(context(), ud_options()));
    more.back()->connect({});
    members.push_back(more.back().get());
    for (Side *member : members) {
        ASSERT_EQ(member->attach(group()), 0);
        ASSERT_NO_FATAL_FAILURE(post(*member, 4));
    }
    for (uint32_t round = 0; round < 3; ++round) {
        fill(round);
        send(to_group(round, {{0, 100 + round}}));
        for (Side *member : members) {
            expect_copy(*member, 100 + round);
        }
    }
    for (Side *member : members) {
        expect_nothing(*member);
    }
}

TEST_P(Multicast, BringsMessagesOfEverySize) {
    const uint32_t mtu = std::min(4096u, 128u << port_attributes(context()).active_mtu);
    ASSERT_EQ(there().attach(group()), 0);
    fill(1);
    for (const uint32_t size : {0u, 1u, 1000u, mtu}) {
        ASSERT_NO_FATAL_FAILURE(post(there(), 1));
        send(to_group(1, size == 0 ? Slices{} : Slices{{0, size}}));
        expect_copy(there(), size);
    }
}

TEST_P(Multicast, ReachesAMemberThatWasResetOnceItTakesMessagesAgain) {
    LocalSide member(context(), ud_options());
    member.connect({});
    ASSERT_EQ(member.attach(group()), 0);
    ASSERT_NO_FATAL_FAILURE(post(member));
    fill(1);
    send(to_group(1, {{0, 100}}));
    expect_copy(member, 100);
    ASSERT_EQ(member.change_state(IBV_QPS_RESET), 0);
    send(to_group(2, {{0, 101}}));  // nobody is there
    member.connect({});
    ASSERT_NO_FATAL_FAILURE(post(member));
    // Until the sender has heard of the change, what it sends may be lost. A datagram may also be
    // late: the one that was sent to nobody is on its way until somebody is there again.
    ibv_wc wc{};
    uint64_t receive = 0;  // of the two that are posted
    const auto arrives = [&] {
        send(to_group(3, {{0, 102}}));
        if (ibv_poll_cq(member.recv_cq(), 1, &wc) != 1) return false;
        const bool is_late = receive == 0 && wc.byte_len == kGrh + 101;
        if (is_late) receive = 1;
        return !is_late;
    };
    ASSERT_TRUE(eventually(arrives));
    EXPECT_TRUE(succeeded(wc, receive, IBV_WC_RECV));
    EXPECT_EQ(wc.byte_len, kGrh + 102);
}

TEST_P(Multicast, IsSentByAQueuePairThatWasReset) {
    ASSERT_EQ(there().attach(group()), 0);
    ASSERT_NO_FATAL_FAILURE(post(there()));
    fill(1);
    send(to_group(1, {{0, 100}}));
    expect_copy(there(), 100);
    ASSERT_EQ(here().change_state(IBV_QPS_RESET), 0);
    here().connect({});
    send(to_group(2, {{0, 101}}));
    expect_copy(there(), 101);
}

TEST_P(Multicast, ReachesTheOthersWhenOneMemberTakesNothing) {
    LocalSide stuck(context(), ud_options());
    LocalSide lively(context(), ud_options());
    for (LocalSide *member : {&stuck, &lively}) {
        member->connect({});
        ASSERT_EQ(member->attach(group()), 0);
    }
    fill(1);
    // More than any receiver that posts nothing is waited for. No one else's numbers stand behind
    // the first one's: those of later queue pairs are larger.
    const uint64_t count = 24;
    ASSERT_LT(stuck.address().qp_num, lively.address().qp_num);
    for (uint64_t i = 0; i < count; ++i) {
        ASSERT_NO_FATAL_FAILURE(post(lively, 1));
        send(to_group(i, {{0, 4096}}));
        ASSERT_NO_FATAL_FAILURE(expect_copy(lively, 4096)) << "datagram " << i;
    }
}

TEST_P(Multicast, CarriesImmediateData) {
    ASSERT_EQ(there().attach(group()), 0);
    ASSERT_NO_FATAL_FAILURE(post(there()));
    send(to_group(1, {{0, 8}}).with_imm(0xdeadbeef));
    const ibv_wc wc = there().received();
    ASSERT_TRUE(succeeded(wc, 0, IBV_WC_RECV));
    EXPECT_NE(wc.wc_flags & IBV_WC_WITH_IMM, 0u);
    EXPECT_EQ(ntohl(wc.imm_data), 0xdeadbeefu);
}

TEST_P(Multicast, KeepsTheOrderOfMessages) {
    ASSERT_EQ(there().attach(group()), 0);
    for (uint32_t i = 0; i < 40; ++i) {
        ASSERT_EQ(there().post_recv(i, {{i * 512, 512}}), 0);
    }
    fill(2);
    for (uint32_t i = 0; i < 40; ++i) {
        ASSERT_EQ(here().post_send(to_group(i, {{i, i + 1}})), 0);
    }
    const std::vector<ibv_wc> wcs = there().received(40);
    for (uint32_t i = 0; i < 40; ++i) {
        ASSERT_TRUE(succeeded(wcs[i], i, IBV_WC_RECV));
        EXPECT_EQ(there().load(i * 512 + kGrh, i + 1), here().load(i, i + 1));
    }
    EXPECT_EQ(here().sent(40).size(), 40u);
}

TEST_P(Multicast, ReachesTheSenderWhenItIsAMember) {
    ASSERT_EQ(here().attach(group()), 0);
    ASSERT_EQ(there().attach(group()), 0);
    ASSERT_NO_FATAL_FAILURE(post(there()));
    ASSERT_EQ(here().post_recv(1, {{8192, 4096}}), 0);
    fill(3);
    send(to_group(2, {{0, 100}}));
    expect_copy(there(), 100);
    const ibv_wc own = here().received();
    ASSERT_TRUE(succeeded(own, 1, IBV_WC_RECV));
    EXPECT_EQ(own.src_qp, here().address().qp_num);
    EXPECT_EQ(here().load(8192 + kGrh, 100), pattern(3, 100));
}

TEST_P(Multicast, DoesNotReachASenderThatIsNoMember) {
    ASSERT_EQ(there().attach(group()), 0);
    ASSERT_NO_FATAL_FAILURE(post(there()));
    ASSERT_NO_FATAL_FAILURE(post(here()));
    send(to_group(2, {{0, 100}}));
    expect_copy(there(), 100);
    expect_nothing(here());
}

TEST_P(Multicast, DoesNotReachWhoIsNoMember) {
    const std::unique_ptr<Side> stranger = another();
    ASSERT_EQ(there().attach(group()), 0);
    ASSERT_NO_FATAL_FAILURE(post(there()));
    ASSERT_NO_FATAL_FAILURE(post(*stranger));
    send(to_group(1, {{0, 100}}));
    expect_copy(there(), 100);
    expect_nothing(*stranger);
}

TEST_P(Multicast, ToAGroupWithoutMembersIsLostWithoutAnError) {
    ASSERT_NO_FATAL_FAILURE(post(there()));
    send(to_group(1, {{0, 100}}));
    expect_nothing(there());
}

TEST_P(Multicast, StopsForWhoLeaves) {
    const std::unique_ptr<Side> other = another();
    for (Side *member : {&there(), other.get()}) {
        ASSERT_EQ(member->attach(group()), 0);
        ASSERT_NO_FATAL_FAILURE(post(*member, 3));
    }
    send(to_group(1, {{0, 100}}));
    expect_copy(there(), 100);
    expect_copy(*other, 100);
    ASSERT_EQ(there().detach(group()), 0);
    send(to_group(2, {{0, 50}}));
    expect_copy(*other, 50);
    expect_nothing(there());
}

TEST_P(Multicast, BeginsForWhoJoinsLater) {
    ASSERT_EQ(there().attach(group()), 0);
    ASSERT_NO_FATAL_FAILURE(post(there()));
    send(to_group(1, {{0, 100}}));
    expect_copy(there(), 100);
    const std::unique_ptr<Side> late = another();
    ASSERT_NO_FATAL_FAILURE(post(*late));
    ASSERT_EQ(late->attach(group()), 0);
    send(to_group(2, {{0, 60}}));
    expect_copy(there(), 60);
    expect_copy(*late, 60);
}

TEST_P(Multicast, BeginsAgainForWhoComesBack) {
    for (uint32_t round = 0; round < 5; ++round) {
        ASSERT_EQ(there().attach(group()), 0);
        ASSERT_NO_FATAL_FAILURE(post(there()));
        send(to_group(1, {{0, 100}}));
        expect_copy(there(), 100);
        ASSERT_EQ(there().detach(group()), 0);
        send(to_group(2, {{0, 60}}));
        expect_nothing(there());
    }
}

TEST_P(Multicast, KeepsGroupsApart) {
    const ibv_gid second = ipv4_group(1);
    const std::unique_ptr<Side> other = another();
    ASSERT_EQ(there().attach(group()), 0);
    ASSERT_EQ(other->attach(second), 0);
    ASSERT_NO_FATAL_FAILURE(post(there(), 3));
    ASSERT_NO_FATAL_FAILURE(post(*other, 3));
    send(make_send(1, {{0, 30}}).to(everyone_in(second), kQkey));
    send(to_group(2, {{0, 20}}));
    expect_copy(there(), 20);
    expect_copy(*other, 30);
    ASSERT_EQ(there().attach(second), 0) << "a member of both";
    send(make_send(3, {{0, 40}}).to(everyone_in(second), kQkey));
    expect_copy(there(), 40);
    expect_copy(*other, 40);
    ASSERT_EQ(there().detach(group()), 0);
    send(to_group(4, {{0, 50}}));
    expect_nothing(there());
}

TEST_P(Multicast, NeedsTheKeyOfEachMember) {
    SideOptions strict = ud_options();
    strict.path.qkey = kQkey ^ 4;
    const std::unique_ptr<Side> other = another(strict);
    for (Side *member : {&there(), other.get()}) {
        ASSERT_EQ(member->attach(group()), 0);
        ASSERT_NO_FATAL_FAILURE(post(*member));
    }
    send(to_group(1, {{0, 100}}));
    send(to_group(2, {{0, 50}}, kQkey ^ 4));
    expect_copy(there(), 100);
    expect_copy(*other, 50);
    expect_nothing(there());
}

TEST_P(Multicast, WaitsForNoMemberThatTakesNothing) {
    const std::unique_ptr<Side> idle = another();
    ASSERT_EQ(there().attach(group()), 0);
    ASSERT_EQ(idle->attach(group()), 0);
    ASSERT_NO_FATAL_FAILURE(post(there(), 10));
    for (uint64_t i = 0; i < 10; ++i) {
        send(to_group(i, {{0, 100}}));
        expect_copy(there(), 100);
    }
}

TEST_P(Multicast, ToAMemberInErrorIsLostForThatMemberAlone) {
    const std::unique_ptr<Side> failed = another();
    for (Side *member : {&there(), failed.get()}) {
        ASSERT_EQ(member->attach(group()), 0);
        ASSERT_NO_FATAL_FAILURE(post(*member));
    }
    ASSERT_EQ(failed->change_state(IBV_QPS_ERR), 0);
    send(to_group(1, {{0, 100}}));
    expect_copy(there(), 100);
    for (const ibv_wc &wc : failed->received(2)) {
        EXPECT_EQ(wc.status, IBV_WC_WR_FLUSH_ERR);
    }
}

TEST_P(Multicast, ComesFromManySenders) {
    const std::unique_ptr<Side> other = another();
    ASSERT_EQ(there().attach(group()), 0);
    ASSERT_NO_FATAL_FAILURE(post(there()));
    send(to_group(1, {{0, 100}}));
    expect_copy(there(), 100);
    ASSERT_EQ(other->post_send(to_group(2, {{0, 50}})), 0);
    const ibv_wc wc = there().received();
    ASSERT_TRUE(succeeded(wc, 1, IBV_WC_RECV));
    EXPECT_EQ(wc.src_qp, other->address().qp_num);
    EXPECT_TRUE(succeeded(other->sent(), 2, IBV_WC_SEND));
}

TEST_P(Multicast, HasAnIpv4HeaderThatNamesTheGroup) {
    const ibv_gid own = gid_at(context(), gid_index(context()));
    ASSERT_TRUE(is_ipv4(own)) << "this test needs an IPv4 address";
    ASSERT_EQ(there().attach(group()), 0);
    ASSERT_NO_FATAL_FAILURE(post(there()));
    send(to_group(1, {{0, 8}}));
    const ibv_wc wc = there().received();
    ASSERT_TRUE(succeeded(wc, 0, IBV_WC_RECV));
    EXPECT_NE(wc.wc_flags & IBV_WC_GRH, 0u);
    EXPECT_EQ(wc.sl & 7, 2);
    const auto header = there().load(20, 20);
    EXPECT_EQ(header[0], 0x45) << "version 4, five words";
    EXPECT_TRUE(std::equal(header.begin() + 12, header.begin() + 16, own.raw + 12)) << "source";
    EXPECT_TRUE(std::equal(header.begin() + 16, header.end(), group().raw + 12)) << "destination";
}

TEST_P(Multicast, HasAGlobalRouteHeaderThatNamesTheGroup) {
    const int length = port_attributes(context()).gid_tbl_len;
    int index = 0;
    while (index < length &&
           (is_zero(gid_at(context(), index)) || is_ipv4(gid_at(context(), index)))) {
        ++index;
    }
    if (index == length) GTEST_SKIP() << "the port has no IPv6 address";
    const ibv_gid own = gid_at(context(), index);
    SideOptions options = ud_options();
    options.path.gid_index = index;
    connect(options);
    ASSERT_EQ(there().attach(ipv6_group()), 0);
    ASSERT_NO_FATAL_FAILURE(post(there()));
    send(make_send(1, {{0, 8}}).to(everyone_in(ipv6_group()), kQkey));
    const ibv_wc wc = there().received();
    ASSERT_TRUE(succeeded(wc, 0, IBV_WC_RECV));
    EXPECT_NE(wc.wc_flags & IBV_WC_GRH, 0u);
    EXPECT_NE(wc.sl & 7, 2) << "2 stands for IPv4";
    const auto header = there().load(0, kGrh);
    EXPECT_EQ(header[0] >> 4, 6) << "version";
    EXPECT_TRUE(std::equal(header.begin() + 8, header.begin() + 24, own.raw)) << "source";
    EXPECT_TRUE(std::equal(header.begin() + 24, header.end(), ipv6_group().raw)) << "destination";
}

TEST_P(Multicast, GroupIsJoinedOnceHoweverOftenOneAsks) {
    ASSERT_EQ(there().attach(group()), 0);
    ASSERT_EQ(there().attach(group()), 0);
    ASSERT_NO_FATAL_FAILURE(post(there()));
    send(to_group(1, {{0, 100}}));
    expect_copy(there(), 100);
    expect_nothing(there());
    EXPECT_EQ(there().detach(group()), 0);
    EXPECT_EQ(there().detach(group()), EINVAL) << "left already";
}

TEST_P(Multicast, GroupCannotBeLeftByWhoIsNoMember) {
    EXPECT_EQ(there().detach(group()), EINVAL);
    ASSERT_EQ(here().attach(group()), 0);
    EXPECT_EQ(there().detach(group()), EINVAL) << "though another is one";
    EXPECT_EQ(here().detach(ipv4_group(1)), EINVAL) << "of another group";
}

TEST_P(Multicast, GroupIsOneThatTheAddressSaysIsOne) {
    EXPECT_EQ(there().attach(gid_at(context(), gid_index(context()))), EINVAL);
    EXPECT_EQ(there().attach(ibv_gid{}), EINVAL);
    ibv_gid almost = ipv6_group();
    almost.raw[0] = 0xfe;
    EXPECT_EQ(there().attach(almost), EINVAL);
    EXPECT_EQ(there().attach(ipv6_group()), 0);
    EXPECT_EQ(there().attach(group()), 0);
}

TEST_P(Multicast, IsForDatagramsOnly) {
    const std::unique_ptr<Side> rc = make_there(GetParam(), SideOptions());
    EXPECT_EQ(rc->attach(group()), EINVAL);
    EXPECT_EQ(rc->detach(group()), EINVAL);
}

TEST_P(Multicast, IsNotForUnreliableConnections) {
    require_feature("uc");
    if (IsSkipped()) return;
    SideOptions options;
    options.type = IBV_QPT_UC;
    EXPECT_EQ(make_there(GetParam(), options)->attach(group()), EINVAL);
}

class MulticastMember : public DeviceTest {
protected:
    void SetUp() override {
        DeviceTest::SetUp();
        if (!IsSkipped()) require_feature("multicast");
    }
    static void send_and_receive(LocalSide &sender, uint64_t id, Side &receiver) {
        ASSERT_EQ(receiver.post_recv(id, {{0, 4096}}), 0);
        const Sending request = make_send(id, {{0, 100}}).to(everyone_in(ipv4_group()), kQkey);
        ASSERT_EQ(sender.post_send(request), 0);
        EXPECT_TRUE(succeeded(receiver.received(), id, IBV_WC_RECV));
        EXPECT_TRUE(succeeded(sender.sent(), id, IBV_WC_SEND));
    }
};

TEST_F(MulticastMember, ThatDiesDisturbsNobody) {
    LocalSide sender(context(), ud_options());
    RemoteSide survivor(ud_options());
    RemoteSide victim(ud_options());
    sender.connect({});
    survivor.connect({});
    victim.connect({});
    ASSERT_EQ(survivor.attach(ipv4_group()), 0);
    ASSERT_EQ(victim.attach(ipv4_group()), 0);
    ASSERT_EQ(victim.post_recv(1, {{0, 4096}}), 0);
    ASSERT_NO_FATAL_FAILURE(send_and_receive(sender, 1, survivor));
    ASSERT_TRUE(succeeded(victim.received(), 1, IBV_WC_RECV));
    victim.kill();
    for (uint64_t i = 2; i < 10; ++i) {
        ASSERT_NO_FATAL_FAILURE(send_and_receive(sender, i, survivor));
    }
    EXPECT_EQ(sender.state(), IBV_QPS_RTS);
    RemoteSide successor(ud_options());
    successor.connect({});
    ASSERT_EQ(successor.attach(ipv4_group()), 0);
    ASSERT_EQ(survivor.post_recv(20, {{0, 4096}}), 0);
    ASSERT_NO_FATAL_FAILURE(send_and_receive(sender, 21, successor));
    EXPECT_TRUE(succeeded(survivor.received(), 20, IBV_WC_RECV));
}

TEST_F(MulticastMember, ThatDiesBeforeTheFirstMessageIsForgotten) {
    LocalSide sender(context(), ud_options());
    sender.connect({});
    LocalSide survivor(context(), ud_options());
    survivor.connect({});
    ASSERT_EQ(survivor.attach(ipv4_group()), 0);
    RemoteSide victim(ud_options());
    victim.connect({});
    ASSERT_EQ(victim.attach(ipv4_group()), 0);
    victim.kill();
    ASSERT_NO_FATAL_FAILURE(send_and_receive(sender, 1, survivor));
}

TEST_F(MulticastMember, HasToLeaveBeforeItsQueuePairIsDestroyed) {
    LocalSide side(context(), ud_options());
    side.connect({});
    ASSERT_EQ(side.attach(ipv4_group()), 0);
    EXPECT_EQ(side.owned_qp().close(), EBUSY);
    LocalSide sender(context(), ud_options());
    sender.connect({});
    ASSERT_NO_FATAL_FAILURE(send_and_receive(sender, 1, side));
    ASSERT_EQ(side.detach(ipv4_group()), 0);
    EXPECT_EQ(side.owned_qp().close(), 0);
}

TEST_F(MulticastMember, MayBeOneBeforeItsQueuePairIsReady) {
    LocalSide side(context(), ud_options());
    ASSERT_EQ(side.attach(ipv4_group()), 0) << "in reset";
    side.connect({});
    LocalSide sender(context(), ud_options());
    sender.connect({});
    ASSERT_NO_FATAL_FAILURE(send_and_receive(sender, 1, side));
}

}  // namespace
