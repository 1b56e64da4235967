// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Setting up, taking down, and judging what happened to the memory in between.
#include "fuzz/victim.hpp"

#include "control/limits.hpp"

namespace fuzz {

using namespace soft;

namespace {

int everything() {
    return static_cast<int>(IBV_ACCESS_LOCAL_WRITE | IBV_ACCESS_REMOTE_WRITE |
                            IBV_ACCESS_REMOTE_READ | IBV_ACCESS_REMOTE_ATOMIC |
                            (flush_access() & IBV_ACCESS_FLUSH_GLOBAL));
}
constexpr uint32_t kWritingAccess = IBV_ACCESS_REMOTE_WRITE | IBV_ACCESS_REMOTE_ATOMIC;

const verbs_host &host() {
    static verbs_host host = [] {
        verbs_host table{};
        table.size = sizeof table;
        table.log_wants = [](int) { return 1; };
        table.log = [](int, const char *, const char *) {};
        table.set_reason = [](const char *) {};
        table.environment = [](const char *) -> const char * { return nullptr; };
        table.kernel_device_count = [] { return 0; };
        table.retire_qp = [](ibv_qp *) {};
        table.retire_cq = [](ibv_cq *) {};
        table.retire_srq = [](ibv_srq *) {};
        return table;
    }();
    return host;
}

struct Opened {
    ibv_context context{};
    std::unique_ptr<Device> device;
    ibv_gid gid{};

    Opened() {
        verbs::provider::Host::attach(&host(), "soft");
        const auto devices = Device::enumerate();
        check(devices.has_value() && !devices->empty(), "there is a device");
        auto opened = Device::open(devices->back(), context);
        check(opened.has_value(), "the device opens");
        device = std::move(*opened);
        const auto first = device->query_gid(1, 0);
        check(first.has_value(), "the device has a GID");
        gid = first->gid;
    }
    ~Opened() { check(device->close().has_value(), "the device closes"); }
};

Opened &opened() {
    static Opened one;
    return one;
}

template <class T>
T must(verbs::Result<T> result, const char *what) {
    check(result.has_value(), what);
    return *result;
}

}  // namespace

Region::Region(std::size_t size, uint8_t fill) : memory_(size + 2 * kGuard, 0xc3) {
    std::memset(data(), fill, size);
    known_ = memory_;
    forbid(memory_.data(), kGuard);
    forbid(data() + size, kGuard);
}

Region::~Region() {
    judge("what is not to be written when all is over");
    allow(memory_.data(), memory_.size());
}

void Region::retire() noexcept {
    judge("what is not to be written before it is deregistered");
    is_retired_ = true;
    forbid(memory_.data(), memory_.size());
}

void Region::expect_change(std::size_t offset, std::size_t length) noexcept {
    if (is_retired_ || offset >= size()) return;
    length = std::min(length, size() - offset);
    std::memcpy(known_.data() + kGuard + offset, data() + offset, length);
}

void Region::judge(const char *what) noexcept {
    allow(memory_.data(), memory_.size());
    check(std::memcmp(memory_.data(), known_.data(), memory_.size()) == 0, what);
    if (is_retired_) {
        forbid(memory_.data(), memory_.size());
    } else {
        forbid(memory_.data(), kGuard);
        forbid(data() + size(), kGuard);
    }
}

soft::Device &Victim::device() {
    return *opened().device;
}

ibv_context &Victim::context() {
    return opened().context;
}

const ibv_gid &Victim::gid() {
    return opened().gid;
}

Victim::Victim() {
    struct Plan {
        std::size_t size;
        uint8_t fill;
        int access;
        bool is_foreign;
    };
    const Plan kPlans[kPlaces] = {
        {20'000, 0x11, IBV_ACCESS_LOCAL_WRITE, false},
        {3'000, 0x22, everything(), false},
        {3'000, 0x33, IBV_ACCESS_REMOTE_READ, false},
        {256, 0, IBV_ACCESS_LOCAL_WRITE, false},
        {256, 0, everything(), true},
        {256, 0, everything(), false},
    };
    pd_ = must(device().alloc_pd(), "alloc_pd");
    other_pd_ = must(device().alloc_pd(), "alloc_pd");
    cq_ = must(device().create_cq(256, nullptr, 0), "create_cq");
    for (uint32_t place = 0; place < kPlaces; ++place) {
        const Plan &plan = kPlans[place];
        Region &made = regions_[place].emplace(plan.size, plan.fill);
        if (plan.fill == 0) {
            for (std::size_t i = 0; i + 8 <= plan.size; i += 8)
                std::memcpy(made.data() + i, &kSecret, 8);
        }
        made.mr = must(device().reg_mr(plan.is_foreign ? other_pd_ : pd_, made.data(), plan.size,
                                       made.address(), plan.access),
                       "reg_mr");
        made.key = made.mr->rkey;
        made.is_remotely_writable =
            !plan.is_foreign && (static_cast<uint32_t>(plan.access) & kWritingAccess) != 0;
    }
    for (auto &one : regions_) {
        one->expect_any_change();
        one->judge("fresh memory");
    }
    dereg(region(gone));
}

Victim::~Victim() {
    if (qp_ != nullptr) {
        check(device().destroy_qp(qp_).has_value(), "destroy_qp");
        expect_changes();
    }
    if (srq_ != nullptr) check(device().destroy_srq(srq_).has_value(), "destroy_srq");
    check(device().destroy_cq(cq_).has_value(), "destroy_cq");
    for (auto &one : regions_)
        if (one->mr != nullptr) check(device().dereg_mr(one->mr).has_value(), "dereg_mr");
    check(device().dealloc_pd(pd_).has_value(), "dealloc_pd");
    check(device().dealloc_pd(other_pd_).has_value(), "dealloc_pd");
}

bool Victim::create_qp(ibv_qp_type type, uint32_t max_inline, bool with_srq) {
    ibv_qp_init_attr init{};
    if (with_srq) {
        ibv_srq_init_attr attr{};
        attr.attr = {32, 4, 0};
        srq_ = init.srq = must(device().create_srq(pd_, &attr), "create_srq");
    }
    init.send_cq = init.recv_cq = cq_;
    init.cap = {32, 32, 4, 4, max_inline};
    init.qp_type = type;
    auto made = device().create_qp(pd_, &init);
    if (!made) return false;
    qp_ = static_cast<Qp *>(*made);
    return true;
}

void Victim::to_init(uint32_t access) {
    access_ = access;
    ibv_qp_attr attr{};
    attr.qp_state = IBV_QPS_INIT;
    attr.port_num = 1;
    attr.qkey = kQkey;
    attr.qp_access_flags = access;
    const int rest = qp_->is_datagram ? IBV_QP_QKEY : IBV_QP_ACCESS_FLAGS;
    check(device()
              .modify_qp(qp_, &attr, IBV_QP_STATE | IBV_QP_PKEY_INDEX | IBV_QP_PORT | rest)
              .has_value(),
          "to INIT");
}

void Victim::to_rtr(uint32_t dest_qpn, uint8_t min_rnr_timer) {
    ibv_qp_attr attr{};
    attr.qp_state = IBV_QPS_RTR;
    attr.path_mtu = IBV_MTU_1024;
    attr.dest_qp_num = dest_qpn;
    attr.min_rnr_timer = min_rnr_timer;
    attr.max_dest_rd_atomic = 4;
    attr.ah_attr.is_global = 1;
    attr.ah_attr.port_num = 1;
    attr.ah_attr.grh.dgid = gid();
    int mask = IBV_QP_STATE;
    if (!qp_->is_datagram) mask |= IBV_QP_AV | IBV_QP_PATH_MTU | IBV_QP_DEST_QPN | IBV_QP_RQ_PSN;
    if (qp_->init_attr.qp_type == IBV_QPT_RC)
        mask |= IBV_QP_MAX_DEST_RD_ATOMIC | IBV_QP_MIN_RNR_TIMER;
    check(device().modify_qp(qp_, &attr, mask).has_value(), "to RTR");
}

void Victim::to_rts() {
    ibv_qp_attr attr{};
    attr.qp_state = IBV_QPS_RTS;
    attr.timeout = 31;
    attr.retry_cnt = 7;
    attr.rnr_retry = 7;
    attr.max_rd_atomic = 4;
    int mask = IBV_QP_STATE | IBV_QP_SQ_PSN;
    if (qp_->init_attr.qp_type == IBV_QPT_RC)
        mask |= IBV_QP_TIMEOUT | IBV_QP_RETRY_CNT | IBV_QP_RNR_RETRY | IBV_QP_MAX_QP_RD_ATOMIC;
    check(device().modify_qp(qp_, &attr, mask).has_value(), "to RTS");
}

void Victim::to(ibv_qp_state state) {
    expect_changes();  // what came until now may be taken before the change
    ibv_qp_attr attr{};
    attr.qp_state = state;
    check(device().modify_qp(qp_, &attr, IBV_QP_STATE).has_value(), "to RESET or ERR");
    if (state != IBV_QPS_RESET) return;
    expect_changes();
    // Nothing completes. What waits in a shared receive queue stays there.
    if (srq_ == nullptr) receives_.clear();
    sends.clear();
}

ibv_sge Victim::pick_sge(Choices &choices, uint32_t place, uint32_t length) {
    Region &from = region(place);
    ibv_sge sge{};
    const uint32_t how = choices.byte();
    uint64_t offset = choices.below(static_cast<uint32_t>(from.size()));
    length = std::min(length, static_cast<uint32_t>(from.size() - offset));
    sge.lkey = from.key;
    if (how >= 250) offset += from.size();        // beyond its end
    if (how == 249) sge.lkey = region(gone).key;  // no longer there
    if (how == 248) sge.lkey = region(foreign).key;
    sge.addr = from.address() + offset;
    sge.length = length;
    return sge;
}

void Victim::post_recv(Choices &choices) {
    ibv_recv_wr wr{};
    ibv_sge sges[4];
    wr.wr_id = next_wr_id++;
    wr.num_sge = static_cast<int>(choices.below(4));
    wr.sg_list = sges;
    Expected request{wr.wr_id, {}, 0, true};
    for (int i = 0; i < wr.num_sge; ++i) {
        sges[i] = pick_sge(choices, receives, choices.raw<uint16_t>() % 12'000);
        request.targets.push_back(sges[i]);
        request.capacity += sges[i].length;
    }
    receives_.push_back(request);
    ibv_recv_wr *bad = nullptr;
    const int code =
        srq_ != nullptr ? post_srq_recv(srq_, &wr, &bad) : soft::post_recv(qp_, &wr, &bad);
    if (code != 0) receives_.pop_back();
}

void Victim::dereg(Region &which) {
    if (which.mr == nullptr) return;
    check(device().dereg_mr(which.mr).has_value(), "dereg_mr");
    which.mr = nullptr;
    which.retire();
}

void Victim::expect_changes_of(const Expected &request) {
    for (const ibv_sge &target : request.targets)
        for (auto &one : regions_)
            if (target.addr >= one->address() && target.addr - one->address() < one->size())
                one->expect_change(target.addr - one->address(), target.length);
}

void Victim::expect_changes() {
    for (const Expected &request : receives_)
        expect_changes_of(request);
    for (const Expected &request : sends)
        expect_changes_of(request);
    for (auto &one : regions_)
        if (one->is_remotely_writable && (access_ & kWritingAccess) != 0) one->expect_any_change();
}

void Victim::judge_memory() {
    expect_changes();
    for (auto &one : regions_)
        one->judge("only posted buffers and writable regions change");
}

void Victim::take(const ibv_wc &wc) {
    check(wc.status <= IBV_WC_GENERAL_ERR, "a completion's status is one");
    check(wc.qp_num == qp_->qp_num, "a completion is of its QP");
    // A receive that a queue pair had in hand when it was reset is gone from the shared queue.
    while (srq_ != nullptr && !receives_.empty() && receives_.front().wr_id < wc.wr_id)
        receives_.pop_front();
    std::deque<Expected> &queue =
        !receives_.empty() && receives_.front().wr_id == wc.wr_id ? receives_ : sends;
    // Requests that were not signaled complete in silence, unless they fail.
    while (!queue.empty() && queue.front().wr_id != wc.wr_id && !queue.front().is_signaled)
        queue.pop_front();
    check(!queue.empty() && queue.front().wr_id == wc.wr_id,
          "completions come once each and in order");
    const bool has_data = wc.status == IBV_WC_SUCCESS && wc.opcode == IBV_WC_RECV;
    check(!has_data || wc.byte_len <= queue.front().capacity, "what came fits its receive");
    queue.pop_front();
}

void Victim::settle() {
    ibv_wc wcs[16];
    for (int rounds = 0;; ++rounds) {
        check(rounds < 1000, "polling comes to an end");
        judge_memory();
        const int count = poll_cq(cq_, 16, wcs);
        check(count >= 0 && count <= 16, "poll_cq gives as many as were asked for");
        expect_changes();  // of all that was outstanding while it polled
        for (int i = 0; i < count; ++i)
            take(wcs[i]);
        for (auto &one : regions_)
            one->judge("only posted buffers and writable regions change");
        if (count == 0) return;
    }
}

}  // namespace fuzz
