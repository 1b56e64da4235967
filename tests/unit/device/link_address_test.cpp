// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Link addresses over a virtual cable: one end is here, in a network namespace of this test, the
// other in the namespace of a child process, which answers when it is asked for its address.
#include "device/link_address.hpp"

#include <gtest/gtest.h>

#include <arpa/inet.h>
#include <net/if.h>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <optional>
#include <string>

using verbs::device::kNoVlan;
using verbs::device::resolve_link_address;
using verbs::device::vlan_of;

namespace {

constexpr const char *kNearMac = "02:00:00:00:00:01";
constexpr const char *kFarMac = "02:00:00:00:00:02";

bool run(const std::string &command) {
    return std::system((command + " >/dev/null 2>&1").c_str()) == 0;
}

ibv_gid gid_of(const std::string &address) {
    ibv_gid gid{};
    const std::string text = address.find(':') == std::string::npos ? "::ffff:" + address : address;
    EXPECT_EQ(::inet_pton(AF_INET6, text.c_str(), gid.raw), 1) << address;
    return gid;
}

// A child in a network namespace of its own, where it does nothing.
class Far {
public:
    Far() {
        int ready[2];
        if (::pipe(ready) != 0) return;
        child_ = ::fork();
        if (child_ == 0) {
            const char is_apart = ::unshare(CLONE_NEWNET) == 0 ? 1 : 0;
            if (::write(ready[1], &is_apart, 1) == 1)
                for (;;)
                    ::pause();
            ::_exit(1);
        }
        ::close(ready[1]);
        char is_apart = 0;
        is_apart_ = child_ > 0 && ::read(ready[0], &is_apart, 1) == 1 && is_apart == 1;
        ::close(ready[0]);
    }
    ~Far() {
        if (child_ <= 0) return;
        ::kill(child_, SIGKILL);
        ::waitpid(child_, nullptr, 0);
    }
    Far(const Far &) = delete;
    Far &operator=(const Far &) = delete;

    [[nodiscard]] bool is_apart() const { return is_apart_; }
    [[nodiscard]] std::string pid() const { return std::to_string(child_); }
    [[nodiscard]] bool run(const std::string &command) const {
        return ::run("nsenter -t " + pid() + " -n " + command);
    }

private:
    pid_t child_ = -1;
    bool is_apart_ = false;
};

class LinkAddress : public testing::Test {
protected:
    void SetUp() override {
        // A case at a time may be all that runs in this process, or all of them.
        if (::unshare(CLONE_NEWNET) != 0) GTEST_SKIP() << "a network namespace is not allowed";
        far_.emplace();
        const std::string near_mac = kNearMac;
        const std::string far_mac = kFarMac;
        const bool is_laid =
            far_->is_apart() && run("ip link set lo up") &&
            run("ip link add near address " + near_mac + " type veth peer name far address " +
                far_mac) &&
            run("ip link set far netns " + far_->pid()) &&
            run("ip addr add 10.9.0.1/24 dev near") &&
            run("ip addr add fd09::1/64 dev near nodad") && run("ip link set near up") &&
            far_->run("ip addr add 10.9.0.2/24 dev far") &&
            far_->run("ip addr add fd09::2/64 dev far nodad") && far_->run("ip link set far up");
        if (!is_laid) GTEST_SKIP() << "a virtual cable cannot be laid";
        near_ = ::if_nametoindex("near");
    }

    // The link address on the way to `destination`, or the errno value.
    std::string resolve(const std::string &destination) const {
        const bool is_v4 = destination.find(':') == std::string::npos;
        const auto found = resolve_link_address(near_, gid_of(is_v4 ? "10.9.0.1" : "fd09::1"),
                                                gid_of(destination));
        if (!found) return std::strerror(found.error().code);
        const auto &mac = *found;
        char text[18];
        std::snprintf(text, sizeof text, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2],
                      mac[3], mac[4], mac[5]);
        return text;
    }

    uint32_t near_ = 0;

private:
    std::optional<Far> far_;
};

}  // namespace

TEST_F(LinkAddress, OfANeighbourIsAskedFor) {
    EXPECT_EQ(resolve("10.9.0.2"), kFarMac);
    EXPECT_EQ(resolve("fd09::2"), kFarMac);
}

TEST_F(LinkAddress, OfAKnownNeighbourIsKnown) {
    ASSERT_TRUE(run("ip neigh add 10.9.0.9 lladdr 02:00:00:00:00:09 dev near nud permanent"));
    ASSERT_TRUE(run("ip neigh add fd09::9 lladdr 02:00:00:00:00:0a dev near nud permanent"));
    EXPECT_EQ(resolve("10.9.0.9"), "02:00:00:00:00:09");
    EXPECT_EQ(resolve("fd09::9"), "02:00:00:00:00:0a");
}

TEST_F(LinkAddress, BehindAGatewayIsTheGateways) {
    ASSERT_TRUE(run("ip route add 10.10.0.0/16 via 10.9.0.2"));
    ASSERT_TRUE(run("ip route add fd10::/64 via fd09::2"));
    EXPECT_EQ(resolve("10.10.1.1"), kFarMac);
    EXPECT_EQ(resolve("fd10::1"), kFarMac);
}

TEST_F(LinkAddress, OfAnAddressOfThisHostIsTheInterfaces) {
    EXPECT_EQ(resolve("10.9.0.1"), kNearMac);
    EXPECT_EQ(resolve("fd09::1"), kNearMac);
}

TEST_F(LinkAddress, OfAGroupFollowsFromTheAddress) {
    EXPECT_EQ(resolve("239.129.2.3"), "01:00:5e:01:02:03");
    EXPECT_EQ(resolve("ff02::1:ff12:3456"), "33:33:ff:12:34:56");
}

TEST_F(LinkAddress, OfANeighbourWhoIsSilentIsNotFound) {
    std::ofstream("/proc/sys/net/ipv4/neigh/near/mcast_solicit") << 1;
    std::ofstream("/proc/sys/net/ipv4/neigh/near/retrans_time_ms") << 20;
    EXPECT_EQ(resolve("10.9.0.77"), std::strerror(EHOSTUNREACH));
}

TEST_F(LinkAddress, WithoutARouteIsNotFound) {
    EXPECT_EQ(resolve("192.0.2.1"), std::strerror(ENETUNREACH));
    EXPECT_EQ(resolve("2001:db8::1"), std::strerror(ENETUNREACH));
}

TEST_F(LinkAddress, HasNoVlanOnAPlainInterface) {
    EXPECT_EQ(vlan_of(near_).value(), kNoVlan);
}

TEST_F(LinkAddress, HasTheVlanOfItsInterface) {
    if (!run("ip link add link near name near.7 type vlan id 7"))
        GTEST_SKIP() << "the kernel has no VLANs";
    EXPECT_EQ(vlan_of(::if_nametoindex("near.7")).value(), 7);
}

TEST_F(LinkAddress, IsNotLookedForInAnotherFamily) {
    const auto found = resolve_link_address(near_, gid_of("fd09::1"), gid_of("10.9.0.2"));
    ASSERT_FALSE(found);
    EXPECT_EQ(found.error().code, EAFNOSUPPORT);
    EXPECT_EQ(found.error().phrase, "no way to the GID on the Ethernet");
}

TEST_F(LinkAddress, NeedsAnInterface) {
    const auto vlan = vlan_of(0x7fffffff);
    ASSERT_FALSE(vlan);
    EXPECT_EQ(vlan.error().code, ENODEV);
}
