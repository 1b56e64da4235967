// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// A responder, and a hostile requester who writes into its rings.
//
// The true code from RxEnd up runs here: take_arrivals, deliver, the engine's turns as a poller and
// as the progress thread, senders that come and go. The ring changes while it is read.
#include "control/limits.hpp"
#include "fuzz/hostile_channel.hpp"
#include "fuzz/hostile_reads.hpp"
#include "fuzz/peer_memory.hpp"

#include <algorithm>
#include <mutex>

namespace {

using namespace soft;
using fuzz::check;
using fuzz::Choices;
using fuzz::HostileChannel;
using fuzz::Victim;

constexpr uint32_t kPeerQpn = 0x123456;
constexpr std::size_t kMostChannels = 4;

class RingInput {
public:
    explicit RingInput(Choices &choices) : choices_(choices), peer_(choices, fuzz::kCanary) {}
    ~RingInput() {
        fuzz::forget_windows();
        // The victim's ends go first, as they do when a program destroys its QP.
        victim_.reset();
    }
    RingInput(const RingInput &) = delete;
    RingInput &operator=(const RingInput &) = delete;

    void run() {
        static constexpr ibv_qp_type kTypes[] = {IBV_QPT_RC, IBV_QPT_UD, IBV_QPT_UC};
        const uint32_t how = choices_.byte();
        const uint32_t type = how % 3;
        channel_kind_ = type + 1;  // as ChannelKind counts them
        victim_ = std::make_unique<Victim>();
        if (!victim_->create_qp(kTypes[type], 0, how >= 192)) return;
        access_ = choices_.byte() & (IBV_ACCESS_REMOTE_WRITE | IBV_ACCESS_REMOTE_READ |
                                     IBV_ACCESS_REMOTE_ATOMIC | IBV_ACCESS_LOCAL_WRITE);
        if (how % 2 != 0) access_ |= static_cast<int>(soft::flush_access());
        make_ready();
        attach();
        for (int i = 0; i < 100 && !choices_.is_over(); ++i) {
            step();
            settle();
            fuzz::forget_changes();
        }
        judge_replies();
    }

private:
    void make_ready() {
        victim_->to_init(access_);
        victim_->to_rtr(kPeerQpn);
    }

    void attach() {
        if (channels_.size() == kMostChannels) return;
        const uint32_t how = choices_.byte();
        const auto id = static_cast<uint32_t>(channels_.size() + 1);
        auto channel = std::make_unique<HostileChannel>(
            Link::Role::responder, channel_kind_, kPeerQpn, victim_->qp().qp_num, (how >> 4) & 7,
            fuzz::hostile_home_fd(), (how & 1) == 0, (how & 2) == 0);
        const std::lock_guard hold(victim_->qp().owner->mutex());
        channel->link()->channels[id] = &victim_->qp();
        attach_responder(victim_->qp(),
                         std::make_unique<RxEnd>(channel->take_segment(), channel->link(), id));
        channels_.push_back(std::move(channel));
    }

    HostileChannel &pick_channel() {
        return *channels_[choices_.below(static_cast<uint32_t>(channels_.size()))];
    }

    void step() {
        Qp &qp = victim_->qp();
        switch (choices_.below(16)) {
        case 0:
        case 1:
        case 2:
        case 3:
        case 4:
            pick_channel().put_message(choices_, *victim_);
            break;
        case 5:
            pick_channel().put_raw(choices_);
            break;
        case 6:
        case 7:
            victim_->post_recv(choices_);
            break;
        case 8: {
            // The hostile side writes while the engine runs.
            const uint32_t changes = choices_.below(3) + 1;
            for (uint32_t i = 0; i < changes; ++i)
                pick_channel().plan(choices_);
            // As the thread, or as a poller when the step is settled.
            if (choices_.flag()) progress(qp);
            break;
        }
        case 9:
            progress(qp);
            break;
        case 10:
            victim_->dereg(victim_->region(choices_.below(Victim::kPlaces)));
            break;
        case 11:
            req_notify_cq(&victim_->cq(), choices_.flag() ? 1 : 0);
            break;
        case 12: {
            const std::lock_guard hold(qp.owner->mutex());
            timer_fired(qp, monotonic_ns() + choices_.edge() * int64_t{1'000'000});
            break;
        }
        case 13:
            end_channel();
            break;
        case 14:
            if (choices_.flag()) {
                victim_->to(IBV_QPS_ERR);
            } else {
                victim_->to(IBV_QPS_RESET);
                make_ready();
            }
            break;
        default:
            attach();
            break;
        }
    }

    // The requester closes, or his process dies.
    void end_channel() {
        const uint32_t which = choices_.below(static_cast<uint32_t>(channels_.size()));
        const std::shared_ptr<Link> link = channels_[which]->link();
        const std::lock_guard hold(victim_->qp().owner->mutex());
        if (link->channels.erase(which + 1) == 0) return;
        if (choices_.flag()) {
            requester_closed(victim_->qp(), *link, which + 1);
        } else {
            link->mark_lost();
            link_lost(victim_->qp(), *link);
        }
    }

    void settle() {
        victim_->settle();
        for (auto &channel : channels_) {
            channel->drain_socket();
            // A peer that says it is copying is waited for, two seconds each time: a bound that
            // holds, and too long for us.
            channel->header().accessing_rkey.store(0);
        }
    }

    void judge_replies() {
        for (auto &channel : channels_)
            check(::memmem(channel->start() + 4096 + kRingBytes, kReplyBytes, &Victim::kSecret,
                           sizeof Victim::kSecret) == nullptr,
                  "no reply carries what may not be read");
    }

    Choices &choices_;
    fuzz::PeerMemory peer_;
    std::vector<std::unique_ptr<HostileChannel>> channels_;
    std::unique_ptr<Victim> victim_;
    uint32_t access_ = 0;
    uint32_t channel_kind_ = 0;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    Choices choices(data, size);
    RingInput(choices).run();
    fuzz::forget_windows();
    return 0;
}
