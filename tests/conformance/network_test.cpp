// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// A device that stands on a network interface follows it: port events with the carrier, GID changes
// with the addresses, and the device's end with the interface's. Each test happens in a process of
// its own with a network of its own.
#include "echo.hpp"
#include "network.hpp"

#include <optional>
#include <set>

namespace verbs_test {
namespace {

// The device on kNear, and what it has told so far.
class NearDevice {
public:
    NearDevice() {
        int count = 0;
        ibv_device **list = ibv_get_device_list(&count);
        if (list == nullptr) give_up("ibv_get_device_list");
        for (int i = 0; i < count; ++i) {
            if (std::string(ibv_get_device_name(list[i])).ends_with(kNear))
                context_ = Context(ibv_open_device(list[i]));
        }
        ibv_free_device_list(list);
        if (!context_) throw std::runtime_error("there is no device on the interface");
        make_nonblocking(context_->async_fd);
    }
    [[nodiscard]] Context &context() { return context_; }
    [[nodiscard]] ibv_port_state port_state() { return port_attributes(context_.get()).state; }
    // Where in the table the address is, or -1.
    [[nodiscard]] int index_of(const std::string &address) {
        for (int i = 0; i < port_attributes(context_.get()).gid_tbl_len; ++i) {
            if (gid(i) == address) return i;
        }
        return -1;
    }
    [[nodiscard]] std::string gid(int index) {
        const ibv_gid gid = gid_at(context_.get(), index);
        if (is_zero(gid)) return "";
        if (!is_ipv4(gid)) return "IPv6";
        return std::to_string(gid.raw[12]) + "." + std::to_string(gid.raw[13]) + "." +
               std::to_string(gid.raw[14]) + "." + std::to_string(gid.raw[15]);
    }
    // Waits until the event has come, whatever else comes before it.
    ::testing::AssertionResult tells(ibv_event_type type) {
        const bool came = eventually([&] {
            ibv_async_event event{};
            while (ibv_get_async_event(context_.get(), &event) == 0) {
                if (event.event_type != IBV_EVENT_DEVICE_FATAL) {
                    EXPECT_EQ(event.element.port_num, kPort);
                }
                told_.insert(event.event_type);
                ibv_ack_async_event(&event);
            }
            return told_.erase(type) != 0;
        });
        if (came) return ::testing::AssertionSuccess();
        return ::testing::AssertionFailure() << "no event " << ibv_event_type_str(type);
    }

private:
    Context context_;
    std::multiset<ibv_event_type> told_;
};

void bring_up(Network &network) {
    network.add_address(kNear, "10.77.0.1/24");
    network.set_up(kNear, true);
    network.set_up(kFar, true);
}

void port_follows_carrier(Network &network) {
    bring_up(network);
    NearDevice device;
    ASSERT_TRUE(eventually([&] { return device.port_state() == IBV_PORT_ACTIVE; }));
    for (int i = 0; i < 3; ++i) {
        network.set_up(kFar, false);
        EXPECT_TRUE(device.tells(IBV_EVENT_PORT_ERR));
        EXPECT_EQ(device.port_state(), IBV_PORT_DOWN);
        network.set_up(kFar, true);
        EXPECT_TRUE(device.tells(IBV_EVENT_PORT_ACTIVE));
        EXPECT_EQ(device.port_state(), IBV_PORT_ACTIVE);
    }
}

void port_follows_interface(Network &network) {
    bring_up(network);
    NearDevice device;
    ASSERT_TRUE(eventually([&] { return device.port_state() == IBV_PORT_ACTIVE; }));
    network.set_up(kNear, false);
    EXPECT_TRUE(device.tells(IBV_EVENT_PORT_ERR));
    EXPECT_EQ(device.port_state(), IBV_PORT_DOWN);
    network.set_up(kNear, true);
    EXPECT_TRUE(device.tells(IBV_EVENT_PORT_ACTIVE));
}

void gids_follow_addresses(Network &network) {
    bring_up(network);
    NearDevice device;
    ASSERT_EQ(device.gid(0), "10.77.0.1");
    network.add_address(kNear, "10.88.0.1/24");
    EXPECT_TRUE(device.tells(IBV_EVENT_GID_CHANGE));
    ASSERT_TRUE(eventually([&] { return device.index_of("10.88.0.1") > 0; }));
    const int second = device.index_of("10.88.0.1");
    network.remove_address(kNear, "10.77.0.1/24");
    EXPECT_TRUE(eventually([&] { return device.gid(0).empty(); })) << "its place is empty";
    EXPECT_EQ(device.gid(second), "10.88.0.1") << "and the other one stays in its own";
    network.add_address(kNear, "10.99.0.1/24");
    EXPECT_TRUE(eventually([&] { return device.gid(0) == "10.99.0.1"; }));
    EXPECT_EQ(device.gid(second), "10.88.0.1");
}

void traffic_follows_addresses(Network &network) {
    bring_up(network);
    NearDevice device;
    ibv_context *context = device.context().get();
    const ibv_gid before = gid_at(context, 0);
    network.add_address(kNear, "10.88.0.1/24");
    network.remove_address(kNear, "10.77.0.1/24");
    // Whether the second takes the place of the first depends on what is noticed together.
    ASSERT_TRUE(eventually(
        [&] { return device.index_of("10.88.0.1") >= 0 && device.index_of("10.77.0.1") < 0; }));
    SideOptions options;
    options.type = IBV_QPT_UD;
    LocalSide here(context, options);
    LocalSide there(context, options);
    join(here, there);
    ibv_ah_attr route = route_to(context, before);
    const Ah old(ibv_create_ah(here.pd(), &route));
    EXPECT_FALSE(old) << "nobody has that address any more";
    ASSERT_EQ(there.post_recv(1, {{0, 500}}), 0);
    ASSERT_EQ(here.post_send(make_send(2, {{0, 8}}).to(there.address(), PathOptions().qkey)), 0);
    EXPECT_TRUE(succeeded(there.received(), 1, IBV_WC_RECV));
    EXPECT_TRUE(succeeded(here.sent(), 2, IBV_WC_SEND));
}

void device_ends_with_interface(Network &network) {
    bring_up(network);
    NearDevice device;
    ibv_context *context = device.context().get();
    std::optional<LocalSide> side(context);
    join(*side, *side);
    ASSERT_EQ(side->post_recv(1, {{0, 8}}), 0);
    const Pd pd = alloc_pd(context);
    const Cq cq = create_cq(context);
    network.remove_interface(kNear);
    EXPECT_TRUE(device.tells(IBV_EVENT_DEVICE_FATAL));
    EXPECT_TRUE(ended(side->received(), 1, IBV_WC_WR_FLUSH_ERR));
    EXPECT_EQ(side->state(), IBV_QPS_ERR);
    ibv_port_attr attr{};
    EXPECT_EQ(ibv_query_port(context, kPort, &attr), EIO);
    ibv_qp_init_attr init{};
    init.send_cq = cq.get();
    init.recv_cq = cq.get();
    init.qp_type = IBV_QPT_RC;
    init.cap = {1, 1, 1, 1, 0};
    errno = 0;
    EXPECT_EQ(ibv_create_qp(pd.get(), &init), nullptr);
    EXPECT_EQ(errno, EIO);
    EXPECT_EQ(side->change_state(IBV_QPS_RESET), 0) << "what takes back still works";
    EXPECT_EQ(rc_init().apply(side->qp()), EIO);
    side.reset();
}

struct Scenario {
    void (*play)(Network &network);
};
constexpr Scenario kScenarios[] = {{port_follows_carrier},
                                   {port_follows_interface},
                                   {gids_follow_addresses},
                                   {traffic_follows_addresses},
                                   {device_ends_with_interface}};

class NetworkDevice : public DeviceTest {
protected:
    void play(size_t scenario) {
        PeerProcess process("network");
        process.exchange().send_value<uint64_t>(scenario);
        const std::vector<uint8_t> missing = process.exchange().receive().take_bytes();
        EXPECT_TRUE(process.ends_well());
        if (!missing.empty()) GTEST_SKIP() << std::string(missing.begin(), missing.end());
    }
};

TEST_F(NetworkDevice, TellsWhenTheCarrierGoesAndComes) {
    play(0);
}
TEST_F(NetworkDevice, TellsWhenTheInterfaceIsTakenDownAndUp) {
    play(1);
}
TEST_F(NetworkDevice, HasTheAddressesAsGidsThatKeepTheirIndex) {
    play(2);
}
TEST_F(NetworkDevice, SendsFromItsNewAddresses) {
    play(3);
}
TEST_F(NetworkDevice, EndsWithTheInterfaceAndCanStillBeClosed) {
    play(4);
}

}  // namespace

void serve_network(Exchange &exchange) {
    const auto scenario = exchange.receive_value<uint64_t>();
    std::optional<Network> network;
    std::string missing;
    try {
        network.emplace();
    } catch (const std::runtime_error &lack) {
        missing = lack.what();
    }
    Message answer;
    answer.put_bytes({reinterpret_cast<const uint8_t *>(missing.data()), missing.size()});
    exchange.send(answer);
    if (network) kScenarios[scenario].play(*network);
}

}  // namespace verbs_test
