// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// XRC where processes and threads come and go in the middle: senders of other processes that end
// with a message half sent, domains and devices that are closed while others use them.
#include "datapath/xrc.hpp"

#include "link/process.hpp"
#include "link/sealed_memory.hpp"
#include "link/xrc_handle.hpp"
#include "loopback.hpp"
#include "support/child.hpp"
#include "talk.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <functional>
#include <thread>
#include <vector>

namespace soft_test {
namespace {

using namespace soft;
using verbs_test::eventually;
using verbs_test::iterations;

constexpr uint32_t kChannel = 1;
constexpr uint32_t kSender = 7;    // the number of the sending QP
constexpr uint32_t kReceiver = 9;  // and of the receiving one, both in the other process
constexpr uint32_t kLength = 20'000;
constexpr uint64_t kReceive = 31;  // the id of the receive

class SoftXrc : public Loopback {
protected:
    ibv_xrcd *open_domain(int fd = -1, int oflags = O_CREAT) {
        ibv_xrcd_init_attr attr{};
        attr.fd = fd;
        attr.oflags = oflags;
        return Talk::must(device_->open_xrcd(&attr));
    }
    static const XrcDomain &domain_of(ibv_xrcd *xrcd) { return *static_cast<Xrcd *>(xrcd)->domain; }
};

// A receive queue that a sender of another process, played by the test, sends to.
class SrqOfASenderElsewhere : public SoftXrc {
protected:
    void SetUp() override {
        xrcd_ = open_domain();
        cq_ = reinterpret_cast<ibv_cq *>(create_cq(IBV_WC_STANDARD_FLAGS));
        ibv_srq_init_attr_ex attr{};
        attr.attr = {4, 1, 0};
        attr.srq_type = IBV_SRQT_XRC;
        attr.pd = pd_;
        attr.xrcd = xrcd_;
        attr.cq = cq_;
        srq_ = Talk::must(device_->create_srq_ex(&attr));
        number_ = Talk::must(device_->get_srq_num(srq_));
        post_receive();
        talk_.call(number_);
        offer();
    }
    void post_receive() {
        ibv_sge sge{reinterpret_cast<uintptr_t>(memory_.data()), kLength, mr_->lkey};
        ibv_recv_wr wr{};
        wr.wr_id = kReceive;
        wr.sg_list = &sge;
        wr.num_sge = 1;
        ibv_recv_wr *bad = nullptr;
        ASSERT_EQ(context_.ops.post_srq_recv(srq_, &wr, &bad), 0);
    }
    // The channel of the sender to the queue.
    void offer() {
        auto made = Talk::must(ChannelSegment::create(ChannelKind::xrc, kSender, kReceiver, 7));
        ChannelHeader &header = made.first.header();
        for (std::size_t i = 0; i < std::size(header.xrc_domain); ++i)
            header.xrc_domain[i] = domain_of(xrcd_).id[i];
        header.responder_access = IBV_ACCESS_REMOTE_WRITE;
        Packet packet = Talk::make(PacketKind::open_srq, kChannel);
        packet.responder_qpn = number_;
        talk_.say(packet, made.second.get());
        ASSERT_EQ(talk_.next(PacketKind::opened).packet.status, 0);
        channel_ = std::make_unique<TxEnd>(std::move(made.first), nullptr, kChannel);
    }
    Message &reserve(MessageKind kind, uint32_t payload) {
        Message *message = channel_->reserve(payload);
        if (message == nullptr) throw std::runtime_error("the ring is full");
        message->kind = static_cast<uint8_t>(kind);
        message->flags = 0;
        message->payload = payload;
        message->length = payload;
        message->qkey_or_ack = number_;
        message->argument = 0;
        return *message;
    }
    void publish(Message &message) {
        channel_->publish(&message);
        talk_.say(PacketKind::kick, kChannel);
    }
    bool is_taken() {
        channel_->look_at_freed();
        return channel_->freed() == channel_->position();
    }
    void send_half_a_message() {
        Message &message = reserve(MessageKind::send, kEagerBytes);
        message.flags = kFlagMore;
        message.length = kLength;
        publish(message);
        ASSERT_TRUE(eventually([&] { return is_taken(); }));
        ibv_wc wc{};
        ASSERT_EQ(context_.ops.poll_cq(cq_, 1, &wc), 0) << "half a message is none";
    }
    void expect_the_receive_back() {
        ibv_wc wc{};
        ASSERT_TRUE(eventually([&] { return context_.ops.poll_cq(cq_, 1, &wc) == 1; }))
            << "the receive is lost";
        EXPECT_EQ(wc.wr_id, kReceive);
        EXPECT_EQ(wc.status, IBV_WC_WR_FLUSH_ERR);
        EXPECT_EQ(wc.qp_num, kReceiver);
    }

    std::vector<uint8_t> memory_ = std::vector<uint8_t>(kLength);
    ibv_mr *mr_ = reg(memory_.data(), memory_.size());
    Talk talk_;
    ibv_xrcd *xrcd_ = nullptr;
    ibv_cq *cq_ = nullptr;
    ibv_srq *srq_ = nullptr;
    uint32_t number_ = 0;
    std::unique_ptr<TxEnd> channel_;
};

TEST_F(SrqOfASenderElsewhere, GivesAReceiveBackWhenTheProcessEndsInTheMiddleOfItsMessage) {
    ASSERT_NO_FATAL_FAILURE(send_half_a_message());
    talk_.hang_up();
    expect_the_receive_back();
}

TEST_F(SrqOfASenderElsewhere, GivesAReceiveBackWhenTheSenderLeavesInTheMiddleOfItsMessage) {
    ASSERT_NO_FATAL_FAILURE(send_half_a_message());
    talk_.say(PacketKind::close, kChannel);
    expect_the_receive_back();
}

TEST_F(SrqOfASenderElsewhere, GivesNothingBackOfASenderBetweenTwoMessages) {
    publish(reserve(MessageKind::send, 64));
    ibv_wc wc{};
    ASSERT_TRUE(eventually([&] { return context_.ops.poll_cq(cq_, 1, &wc) == 1; }));
    EXPECT_EQ(wc.status, IBV_WC_SUCCESS);
    ASSERT_NO_FATAL_FAILURE(post_receive());
    talk_.hang_up();
    // The receive is there for the next one.
    talk_.call(number_);
    ASSERT_NO_FATAL_FAILURE(offer());
    publish(reserve(MessageKind::send, 64));
    ASSERT_TRUE(eventually([&] { return context_.ops.poll_cq(cq_, 1, &wc) == 1; }));
    EXPECT_EQ(wc.status, IBV_WC_SUCCESS);
    EXPECT_EQ(wc.wr_id, kReceive);
}

// What a stand-in's number is, its peer says.
TEST_F(SrqOfASenderElsewhere, OpensNoWindowThatIsBoundToTheQpOfThatNumberHere) {
    uint64_t word = 0;
    const auto process = Talk::must(Process::get());
    const auto address = reinterpret_cast<uintptr_t>(&word);
    const uint32_t key = Talk::must(process->mrs().enter(
        {bound_to(kReceiver), address, sizeof word, address, IBV_ACCESS_REMOTE_WRITE}));
    Message &message = reserve(MessageKind::write, sizeof(OneSided) + sizeof word);
    message.length = sizeof word;
    const OneSided place{address, key, sizeof word};
    auto *payload = reinterpret_cast<uint8_t *>(&message + 1);
    std::memcpy(payload, &place, sizeof place);
    std::memset(payload + sizeof place, 0xff, sizeof word);
    publish(message);
    EXPECT_TRUE(eventually([&] { return channel_->header().refused.load() != 0 || is_taken(); }));
    EXPECT_EQ(channel_->header().refused.load() & 0xff, static_cast<uint64_t>(Refusal::access));
    EXPECT_EQ(word, 0u);
    process->mrs().withdraw(key);
}

// A file that names a domain.
class SoftXrcDomain : public SoftXrc {
protected:
    SoftXrcDomain() {
        char path[] = "/tmp/xrc-domain-XXXXXX";
        fd_ = verbs::UniqueFd(::mkostemp(path, O_CLOEXEC));
        ::unlink(path);
    }
    // Opens and closes it again and again until the end of the object.
    std::thread come_and_go(const std::function<void(ibv_xrcd *)> &look) {
        return std::thread([this, look] {
            while (!stop_) {
                ibv_xrcd *xrcd = open_domain(fd_.get());
                look(xrcd);
                EXPECT_TRUE(device_->close_xrcd(xrcd));
            }
        });
    }
    verbs::UniqueFd fd_;
    std::atomic<bool> stop_{false};
};

TEST_F(SoftXrcDomain, IsOpenedWhileAnotherThreadClosesItsLastObject) {
    std::atomic<int> opened{0};
    std::atomic<int> without_domain{0};
    const auto look = [&](ibv_xrcd *xrcd) {
        if (static_cast<Xrcd *>(xrcd)->domain == nullptr) {
            ++without_domain;
            stop_ = true;
        }
        if (++opened >= iterations(4000)) stop_ = true;
    };
    std::thread threads[] = {come_and_go(look), come_and_go(look), come_and_go(look)};
    for (std::thread &thread : threads)
        thread.join();
    EXPECT_EQ(without_domain, 0);
}

// A child lives on with copies of its parent's descriptors: none of them may keep a domain there.
TEST_F(SoftXrcDomain, EndsWithItsProcessesThoughChildrenLiveOn) {
    int ends[2];
    int begun[2];
    ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
    ASSERT_EQ(::pipe2(begun, O_CLOEXEC), 0);
    std::vector<pid_t> children;
    std::thread thread = come_and_go([](ibv_xrcd *) {});
    for (int i = 0; i < iterations(200); ++i) {
        const pid_t child = ::fork();
        ASSERT_GE(child, 0);
        if (child == 0) {
            ::close(ends[1]);
            char byte = 0;
            if (::write(begun[1], &byte, 1) != 1) ::_exit(9);
            if (::read(ends[0], &byte, 1) != 0) ::_exit(8);
            verbs_test::end_well();
        }
        children.push_back(child);
    }
    stop_ = true;
    thread.join();
    // A child that has not run yet has not let go of anything.
    for (std::size_t i = 0; i < children.size(); ++i) {
        char byte = 0;
        ASSERT_EQ(::read(begun[0], &byte, 1), 1);
    }
    ibv_xrcd_init_attr attr{};
    attr.fd = fd_.get();
    attr.oflags = O_CREAT | O_EXCL;
    EXPECT_TRUE(device_->open_xrcd(&attr)) << "it is still there";
    for (const int fd : {ends[1], begun[0], begun[1]})
        ::close(fd);
    for (const pid_t child : children)
        EXPECT_TRUE(verbs_test::ended_well(child));
}

// A guest that has many QPs of the device open lets go of them while it is closed.
TEST_F(SoftXrc, IsClosedWhileAnotherProcessLetsGoOfItsQps) {
    constexpr uint32_t kQps = 50;
    for (int round = 0; round < iterations(20); ++round) {
        ibv_context context{};
        verbs_provider_device which{};
        std::strcpy(which.name, "soft_lo");
        which.cookie = ::if_nametoindex("lo");
        auto device = Talk::must(Device::open(which, context));
        ibv_xrcd_init_attr domain{};
        domain.fd = -1;
        domain.oflags = O_CREAT;
        ibv_xrcd *xrcd = Talk::must(device->open_xrcd(&domain));
        Talk guest;
        for (uint32_t i = 1; i <= kQps; ++i) {
            ibv_qp_init_attr_ex attr{};
            attr.qp_type = IBV_QPT_XRC_RECV;
            attr.comp_mask = IBV_QP_INIT_ATTR_XRCD;
            attr.xrcd = xrcd;
            const uint32_t number = Talk::must(device->create_qp_ex(&attr))->qp_num;
            if (i == 1) guest.call(number);
            const auto page = Talk::must(make_sealed_memory("page", kHandlePageBytes));
            const auto mapping = Talk::must(
                verbs::Mapping::shared(page.get(), kHandlePageBytes, PROT_READ | PROT_WRITE));
            std::copy(domain_of(xrcd).id.begin(), domain_of(xrcd).id.end(),
                      static_cast<HandlePage *>(mapping.data())->domain);
            Packet packet = Talk::make(PacketKind::open_qp, i);
            packet.responder_qpn = number;
            guest.say(packet, page.get());
            ASSERT_EQ(guest.next(PacketKind::qp_answer).packet.status, 0);
        }
        // In the order in which closing comes to them.
        std::thread leaving([&] {
            for (uint32_t i = kQps; i > 0; --i)
                guest.say(PacketKind::close_qp, i);
        });
        ASSERT_TRUE(device->close());
        leaving.join();
    }
}

}  // namespace
}  // namespace soft_test
