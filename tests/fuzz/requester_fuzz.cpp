// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// A requester, and a hostile responder: what he frees, refuses and replies, what his table of
// memory regions says, when he comes and goes. The true code from post_send down runs here.
#include "fuzz/hostile_channel.hpp"
#include "fuzz/hostile_reads.hpp"
#include "fuzz/peer_memory.hpp"
#include "link/sealed_memory.hpp"

#include <mutex>

namespace {

using namespace soft;
using fuzz::Choices;
using fuzz::HostileChannel;
using fuzz::Victim;

constexpr uint32_t kChannelId = 1;

// A number of QP whose block nobody owns: the victim's own attempt to connect finds nobody.
constexpr uint32_t kNobody = 1;

constexpr uint8_t kInlined[300] = {};

class RequesterInput {
public:
    explicit RequesterInput(Choices &choices) : choices_(choices), peer_(choices, fuzz::kCanary) {}
    ~RequesterInput() {
        fuzz::forget_windows();
        if (ah_ != nullptr) fuzz::check(Victim::device().destroy_ah(ah_).has_value(), "destroy_ah");
        victim_.reset();
        fuzz::forget_regions();
    }
    RequesterInput(const RequesterInput &) = delete;
    RequesterInput &operator=(const RequesterInput &) = delete;

    void run() {
        static constexpr ibv_qp_type kTypes[] = {IBV_QPT_RC, IBV_QPT_UD, IBV_QPT_UC};
        const uint32_t type = choices_.below(3);
        channel_kind_ = type + 1;
        victim_ = std::make_unique<Victim>();
        if (!victim_->create_qp(kTypes[type], choices_.flag() ? 512 : 0)) return;
        make_ready();
        for (int i = 0; i < 100 && !choices_.is_over(); ++i) {
            step();
            victim_->settle();
            fuzz::forget_changes();
            if (channel_ != nullptr) channel_->drain_socket();
        }
    }

private:
    [[nodiscard]] bool is_datagram() { return victim_->qp().is_datagram; }

    void make_ready() {
        victim_->to_init(0);
        victim_->to_rtr(kNobody);
        victim_->to_rts();
        connect();
    }

    // What Process::open_channel would do, with our memory and our socket.
    void connect() {
        Qp &qp = victim_->qp();
        const uint32_t how = choices_.byte();
        auto channel = std::make_unique<HostileChannel>(
            Link::Role::requester, channel_kind_, qp.qp_num, kNobody, 7, fuzz::hostile_home_fd(),
            (how & 1) == 0, (how & 2) == 0);
        channel->header().responder_state.store(static_cast<uint32_t>(ResponderState::attached));
        channel->header().responder_access.store(0xff);
        channel->header().responder_pd.store(1);
        auto end = std::make_unique<TxEnd>(channel->take_segment(), channel->link(), kChannelId);
        const std::lock_guard hold(qp.owner->mutex());
        {
            const std::lock_guard polling(qp.sends_to->progress_lock);
            const std::lock_guard hold_queue(qp.sq.lock);
            channel->link()->channels[kChannelId] = &qp;
            qp.acknowledged.store(0);
            if (is_datagram())
                qp.sq.routes[kNobody] = std::move(end);
            else
                qp.sq.channel = std::move(end);
        }
        update_kicks(qp);
        channel_ = std::move(channel);
        if ((how & 4) != 0) responder_ready(qp);
    }

    void post() {
        static constexpr ibv_wr_opcode kOpcodes[] = {
            IBV_WR_SEND,       IBV_WR_SEND_WITH_IMM,       IBV_WR_RDMA_WRITE,
            IBV_WR_RDMA_READ,  IBV_WR_RDMA_WRITE_WITH_IMM, IBV_WR_ATOMIC_CMP_AND_SWP,
            IBV_WR_RDMA_WRITE, IBV_WR_ATOMIC_FETCH_AND_ADD};
        ibv_send_wr wr{};
        ibv_sge sges[4];
        wr.sg_list = sges;
        wr.opcode = kOpcodes[choices_.below(8)];
        wr.wr_id = victim_->next_wr_id++;
        wr.send_flags = choices_.byte() &
                        (IBV_SEND_FENCE | IBV_SEND_SIGNALED | IBV_SEND_SOLICITED | IBV_SEND_INLINE);
        wr.num_sge = static_cast<int>(choices_.below(5));
        const bool is_atomic =
            wr.opcode == IBV_WR_ATOMIC_CMP_AND_SWP || wr.opcode == IBV_WR_ATOMIC_FETCH_AND_ADD;
        const bool is_write_back = wr.opcode == IBV_WR_RDMA_READ || is_atomic;
        if (is_atomic) wr.num_sge = 1;
        Victim::Expected request{wr.wr_id, {}, 0, (wr.send_flags & IBV_SEND_SIGNALED) != 0};
        for (int i = 0; i < wr.num_sge; ++i) {
            const uint32_t length = is_atomic ? 8 : choices_.raw<uint16_t>() % 20'000;
            sges[i] = victim_->pick_sge(choices_, choices_.below(Victim::kPlaces), length);
            // Inline data is read without a key, so the memory must be there.
            if ((wr.send_flags & IBV_SEND_INLINE) != 0)
                sges[i] = {reinterpret_cast<uintptr_t>(kInlined),
                           length % uint32_t{sizeof kInlined}, 0};
            if (is_write_back) request.targets.push_back(sges[i]);
        }
        const uint64_t remote = fuzz::PeerMemory::kStart + choices_.edge();
        const uint32_t rkey = keys_[choices_.below(4)];
        if (is_datagram()) {
            wr.wr.ud.ah = address_handle();
            wr.wr.ud.remote_qpn = kNobody;
        } else if (is_atomic) {
            wr.wr.atomic.remote_addr = remote & ~uint64_t{7};
            wr.wr.atomic.rkey = rkey;
        } else {
            wr.wr.rdma.remote_addr = remote;
            wr.wr.rdma.rkey = rkey;
        }
        victim_->sends.push_back(request);
        ibv_send_wr *bad = nullptr;
        if (soft::post_send(&victim_->qp(), &wr, &bad) != 0) victim_->sends.pop_back();
    }

    ibv_ah *address_handle() {
        if (ah_ != nullptr) return ah_;
        ibv_ah_attr attr{};
        attr.is_global = 1;
        attr.port_num = 1;
        attr.grh.dgid = Victim::gid();
        auto made = Victim::device().create_ah(victim_->pd(), &attr);
        fuzz::check(made.has_value(), "create_ah");
        return ah_ = *made;
    }

    void answer() {
        ChannelHeader &header = channel_->header();
        switch (choices_.below(9)) {
        case 0:  // all that is in the ring, as an honest peer who is fast
        case 1: {
            uint64_t freed = header.freed.load();
            for (int i = 0; i < 64; ++i) {
                auto *message = reinterpret_cast<Message *>(channel_->start() + 4096 +
                                                            freed % kSlots * kSlotBytes);
                if (message->tag.load() != header.nonce + freed || message->slots == 0) break;
                freed += message->slots;
            }
            header.freed.store(freed);
            break;
        }
        case 2:
            header.freed.store(header.freed.load() + choices_.edge());
            break;
        case 3:
            header.freed.store(choices_.raw<uint64_t>());
            break;
        case 4:
            header.refused.store(choices_.flag() ? choices_.raw<uint64_t>() : choices_.byte());
            break;
        case 5:
            header.responder_state.store(choices_.below(4));
            break;
        case 6:
            header.responder_access.store(choices_.byte());
            header.responder_pd.store(choices_.below(3));
            break;
        case 7:  // with a message in the other direction
            victim_->qp().acknowledged.store(static_cast<uint32_t>(header.freed.load()) +
                                             choices_.edge());
            break;
        default: {
            const uint32_t at = choices_.raw<uint16_t>();
            std::memset(channel_->start() + 4096 + kRingBytes + at, choices_.byte(),
                        std::min<uint32_t>(kReplyBytes - at, 512));
            break;
        }
        }
    }

    void step() {
        Qp &qp = victim_->qp();
        switch (choices_.below(16)) {
        case 0:
        case 1:
        case 2:
        case 3:
            post();
            break;
        case 4:
        case 5:
        case 6:
            answer();
            break;
        case 7:
            channel_->put_raw(choices_);
            break;
        case 8:
        case 9:
            keys_[choices_.below(4)] = fuzz::put_region(choices_);
            break;
        case 10: {
            const uint32_t changes = choices_.below(3) + 1;
            for (uint32_t i = 0; i < changes; ++i)
                channel_->plan(choices_);
            if (choices_.flag())
                post();
            else
                progress(qp);
            break;
        }
        case 11:
            victim_->dereg(victim_->region(choices_.below(Victim::kPlaces)));
            break;
        case 12:
            req_notify_cq(&victim_->cq(), choices_.flag() ? 1 : 0);
            break;
        case 13: {
            const std::lock_guard hold(qp.owner->mutex());
            timer_fired(qp, monotonic_ns() + choices_.edge() * int64_t{1'000'000});
            break;
        }
        case 14:
            change_peer();
            break;
        default:
            if (choices_.flag()) {
                victim_->to(IBV_QPS_ERR);
            } else {
                victim_->to(IBV_QPS_RESET);
                make_ready();
            }
            break;
        }
    }

    // 64 KiB, so that regions end inside and beyond it.
    static const verbs::UniqueFd &shared_file() {
        static const verbs::UniqueFd fd = [] {
            auto made = make_sealed_memory("hostile-file", 64 * 1024);
            fuzz::check(made.has_value(), "a shared file can be made");
            return std::move(*made);
        }();
        return fd;
    }

    // As Process::handle and Process::lose do it.
    void change_peer() {
        Qp &qp = victim_->qp();
        const std::shared_ptr<Link> link = channel_->link();
        const std::lock_guard hold(qp.owner->mutex());
        if (link->channels.find(kChannelId) == link->channels.end()) return;
        switch (choices_.below(5)) {
        case 4:  // a file that a region is in, as far as the victim shall believe it
            (void)link->files.map(choices_.below(4), shared_file());
            break;
        case 0:
            responder_ready(qp);
            break;
        case 1:
            responder_unready(qp, kChannelId, choices_.flag());
            break;
        case 2:
            link->mark_lost();
            link->channels.clear();
            link_lost(qp, *link);
            break;
        default:
            progress(qp);
            break;
        }
    }

    Choices &choices_;
    fuzz::PeerMemory peer_;
    std::unique_ptr<HostileChannel> channel_;
    std::unique_ptr<Victim> victim_;
    ibv_ah *ah_ = nullptr;
    uint32_t keys_[4] = {0, 1, 0x100, ~0u};
    uint32_t channel_kind_ = 0;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    Choices choices(data, size);
    RequesterInput(choices).run();
    fuzz::forget_windows();
    return 0;
}
