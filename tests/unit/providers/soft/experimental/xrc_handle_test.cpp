// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// A receiving QP that another process made and this one has open: that process is slow, stopped,
// wrong or gone.
#include "link/xrc_handle.hpp"

#include "core/mapping.hpp"
#include "datapath/xrc.hpp"
#include "link/process.hpp"
#include "loopback.hpp"
#include "support/child.hpp"
#include "talk.hpp"

#include <rdma/ib_user_verbs.h>
#include <unistd.h>

#include <fcntl.h>

#include <future>
#include <optional>

namespace soft_test {
namespace {

using namespace soft;
using namespace std::chrono_literals;
using verbs_test::patience;

constexpr auto kShort = 50ms;

// A process that made a QP.
class Owner : public Talk {
public:
    const uint32_t number = claim();

    // Takes the request to open the QP.
    Packet await_opening() {
        Received asked = next(PacketKind::open_qp);
        page_ =
            must(verbs::Mapping::shared(asked.fd.get(), kHandlePageBytes, PROT_READ | PROT_WRITE));
        return asked.packet;
    }
    Packet await_call() { return next(PacketKind::call_qp).packet; }
    HandlePage &page() { return *static_cast<HandlePage *>(page_.data()); }
    void answer_query(const Packet &asked, ibv_qp_state state) {
        page().attr.qp_state = state;
        answer(asked, 0);
    }
    void tell_event(uint32_t channel, int type) {
        Packet packet = make(PacketKind::qp_event, channel);
        packet.status = type;
        say(packet);
    }

private:
    verbs::Mapping page_;
};

class QpElsewhere : public Loopback {
protected:
    using Called = std::future<verbs::Result<void>>;
    using Opened = std::future<verbs::Result<ibv_qp *>>;

    QpElsewhere() {
        ibv_xrcd_init_attr attr{};
        attr.fd = -1;
        attr.oflags = O_CREAT;
        xrcd_ = Talk::must(device_->open_xrcd(&attr));
    }
    Opened begin_opening(const Owner &owner) {
        return std::async(std::launch::async, [this, number = owner.number] {
            ibv_qp_open_attr attr{};
            attr.qp_num = number;
            attr.xrcd = xrcd_;
            return device_->open_qp(&attr);
        });
    }
    ibv_qp *open(Owner &owner) {
        Opened opening = begin_opening(owner);
        owner.accept();
        owner.answer(owner.await_opening(), 0);
        ibv_qp *qp = Talk::must(opening.get());
        qp->context = &context_;
        return qp;
    }
    Called begin_query(ibv_qp *qp) {
        return std::async(std::launch::async, [this, qp] {
            ibv_qp_init_attr init{};
            return device_->query_qp(qp, &told_, IBV_QP_STATE, &init);
        });
    }
    Called begin_modify(ibv_qp *qp, ibv_qp_state state) {
        return std::async(std::launch::async, [this, qp, state] {
            ibv_qp_attr attr{};
            attr.qp_state = state;
            return device_->modify_qp(qp, &attr, IBV_QP_STATE);
        });
    }
    static int code_of(Called &call) {
        const auto result = call.get();
        return result ? 0 : result.error().code;
    }
    static int code_of(Opened &opening) {
        const auto result = opening.get();
        return result ? 0 : result.error().code;
    }
    // The next event of the device, if there is one.
    std::optional<int> event() {
        pollfd entry{context_.async_fd, POLLIN, 0};
        if (::poll(&entry, 1, 0) != 1) return std::nullopt;
        ib_uverbs_async_event_desc event{};
        EXPECT_EQ(::read(context_.async_fd, &event, sizeof event), ssize_t{sizeof event});
        return event.event_type;
    }

    ibv_xrcd *xrcd_ = nullptr;
    Owner owner_;
    ibv_qp_attr told_{};
    std::shared_ptr<Process> process_ = Talk::must(Process::get());
};

TEST_F(QpElsewhere, AnswersAsItsProcessDoes) {
    ibv_qp *qp = open(owner_);
    Called query = begin_query(qp);
    owner_.answer_query(owner_.await_call(), IBV_QPS_RTR);
    EXPECT_EQ(code_of(query), 0);
    EXPECT_EQ(told_.qp_state, IBV_QPS_RTR);
    Called modify = begin_modify(qp, IBV_QPS_ERR);
    const Packet asked = owner_.await_call();
    EXPECT_EQ(owner_.page().attr.qp_state, IBV_QPS_ERR);
    EXPECT_EQ(owner_.page().mask, IBV_QP_STATE);
    owner_.answer(asked, EPERM);
    EXPECT_EQ(code_of(modify), EPERM);
}

// The other process may be anywhere in the call that it was stopped in: reading its arguments,
// writing its results.
TEST_F(QpElsewhere, IsNotCalledAnewBeforeItsStoppedProcessHasAnswered) {
    ibv_qp *qp = open(owner_);
    process_->set_answer_patience(kShort);
    Called first = begin_modify(qp, IBV_QPS_ERR);
    const Packet asked = owner_.await_call();
    EXPECT_EQ(code_of(first), ETIMEDOUT);
    Called second = begin_query(qp);
    EXPECT_EQ(code_of(second), ETIMEDOUT);
    process_->set_answer_patience(patience());
    Called third = begin_query(qp);
    EXPECT_TRUE(owner_.is_quiet()) << "a call was written over another one";
    EXPECT_EQ(owner_.page().call, static_cast<uint32_t>(HandleCall::modify));
    owner_.page().attr.qp_state = IBV_QPS_ERR;
    owner_.answer(asked, EPERM);
    const Packet last = owner_.await_call();
    EXPECT_NE(last.requester_qpn, asked.requester_qpn);
    EXPECT_EQ(owner_.page().call, static_cast<uint32_t>(HandleCall::query));
    owner_.answer_query(last, IBV_QPS_RTR);
    EXPECT_EQ(code_of(third), 0);
    EXPECT_EQ(told_.qp_state, IBV_QPS_RTR);
}

TEST_F(QpElsewhere, IsNotChangedLaterByACallThatWasGivenUp) {
    ibv_qp *qp = open(owner_);
    process_->set_answer_patience(kShort);
    Called modify = begin_modify(qp, IBV_QPS_ERR);
    const Packet asked = owner_.await_call();
    EXPECT_EQ(owner_.page().number, asked.requester_qpn);
    EXPECT_EQ(code_of(modify), ETIMEDOUT);
    EXPECT_EQ(owner_.page().number, kNoCall);
}

TEST_F(QpElsewhere, IsNotAnsweredForByAnotherProcess) {
    Owner stranger;
    ibv_qp *qp = open(owner_);
    ibv_qp *other = open(stranger);
    Called query = begin_query(qp);
    const Packet asked = owner_.await_call();
    stranger.answer(asked, EPERM);
    // What he says of his own comes behind that.
    Called own = begin_modify(other, IBV_QPS_ERR);
    stranger.answer(stranger.await_call(), 0);
    EXPECT_EQ(code_of(own), 0);
    EXPECT_EQ(query.wait_for(0ms), std::future_status::timeout);
    owner_.answer_query(asked, IBV_QPS_RTS);
    EXPECT_EQ(code_of(query), 0);
}

TEST_F(QpElsewhere, IsNotAnsweredForByTheAnswerToAnotherCall) {
    ibv_qp *qp = open(owner_);
    Called first = begin_modify(qp, IBV_QPS_ERR);
    const Packet asked = owner_.await_call();
    owner_.answer(asked, 0);
    EXPECT_EQ(code_of(first), 0);
    Called second = begin_modify(qp, IBV_QPS_RESET);
    const Packet next = owner_.await_call();
    owner_.answer(asked, EPERM);
    owner_.answer(next, EBUSY);
    EXPECT_EQ(code_of(second), EBUSY);
    owner_.answer(asked, EPERM);
    owner_.tell_event(asked.channel, IBV_EVENT_QP_LAST_WQE_REACHED);  // it has been heard
    EXPECT_TRUE(verbs_test::eventually([&] { return event().has_value(); }));
    Called third = begin_modify(qp, IBV_QPS_RESET);
    owner_.answer(owner_.await_call(), 0);
    EXPECT_EQ(code_of(third), 0);
}

TEST_F(QpElsewhere, FailsWithAnErrorNumberWhateverIsAnswered) {
    ibv_qp *qp = open(owner_);
    for (const int nonsense : {-EINVAL, 1 << 20}) {
        Called query = begin_query(qp);
        owner_.answer(owner_.await_call(), nonsense);
        EXPECT_EQ(code_of(query), EPROTO);
    }
}

TEST_F(QpElsewhere, HasTheEventsOfQpsAlone) {
    const uint32_t channel = static_cast<Qp *>(open(owner_))->handle_of->channel;
    owner_.tell_event(channel, IBV_EVENT_CQ_ERR);
    owner_.tell_event(channel, IBV_EVENT_QP_LAST_WQE_REACHED);
    std::optional<int> told;
    ASSERT_TRUE(verbs_test::eventually([&] { return (told = event()).has_value(); }));
    EXPECT_EQ(told, IBV_EVENT_QP_LAST_WQE_REACHED);
    EXPECT_EQ(event(), std::nullopt);
}

TEST_F(QpElsewhere, FailsWhenItsProcessEndsInTheMiddleOfACall) {
    ibv_qp *qp = open(owner_);
    Called query = begin_query(qp);
    owner_.await_call();
    owner_.hang_up();
    EXPECT_EQ(code_of(query), EIO);
    EXPECT_EQ(event(), IBV_EVENT_QP_FATAL);
    query = begin_query(qp);
    EXPECT_EQ(code_of(query), EIO);
}

TEST_F(QpElsewhere, LeavesNoEventWhenItCannotBeOpened) {
    Opened opening = begin_opening(owner_);
    owner_.accept();
    const Packet asked = owner_.await_opening();
    owner_.tell_event(asked.channel, IBV_EVENT_QP_LAST_WQE_REACHED);
    owner_.answer(asked, EINVAL);
    EXPECT_EQ(code_of(opening), EINVAL);
    EXPECT_EQ(event(), std::nullopt);
}

TEST_F(QpElsewhere, LeavesNoEventWhenItEndsWhileItIsOpened) {
    Opened opening = begin_opening(owner_);
    owner_.accept();
    owner_.say(PacketKind::qp_gone, owner_.await_opening().channel);
    EXPECT_EQ(code_of(opening), EIO);
    EXPECT_EQ(event(), std::nullopt);
}

// Both openings are the first call of their handle.
TEST_F(QpElsewhere, IsNotOpenedByTheAnswerToAnOpeningThatWasGivenUp) {
    process_->set_answer_patience(kShort);
    Opened opening = begin_opening(owner_);
    owner_.accept();
    const Packet asked = owner_.await_opening();
    EXPECT_EQ(code_of(opening), ETIMEDOUT);
    EXPECT_EQ(owner_.next(PacketKind::close_qp).packet.channel, asked.channel);
    process_->set_answer_patience(patience());
    opening = begin_opening(owner_);
    const Packet again = owner_.await_opening();
    owner_.answer(asked, 0);
    owner_.answer(again, EPERM);
    EXPECT_EQ(code_of(opening), EPERM);
}

// In the child nobody waits for an answer, nor will one come.
TEST_F(QpElsewhere, FailsInTheChildOfAProcessThatIsCallingIt) {
    ibv_qp *qp = open(owner_);
    process_->set_answer_patience(patience());
    Called query = begin_query(qp);
    const Packet asked = owner_.await_call();
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
        ::alarm(30);
        ibv_qp_attr attr{};
        ibv_qp_init_attr init{};
        const auto result = device_->query_qp(qp, &attr, IBV_QP_STATE, &init);
        if (!result && result.error().code == EIO) verbs_test::end_well();
        ::_exit(1);
    }
    EXPECT_TRUE(verbs_test::ended_well(child));
    owner_.answer_query(asked, IBV_QPS_RTS);
    EXPECT_EQ(code_of(query), 0);
}

}  // namespace
}  // namespace soft_test
