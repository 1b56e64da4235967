// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// A side in this process: plain verbs calls.
#include "side.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <cstring>
#include <stdexcept>

namespace verbs_test {

namespace {

bool is_same(const ibv_gid &a, const ibv_gid &b) {
    return std::memcmp(&a, &b, sizeof a) == 0;
}

Qp create_qp(ibv_pd *pd, ibv_cq *send_cq, ibv_cq *recv_cq, ibv_srq *srq, const SideOptions &options,
             ibv_qp_cap *granted) {
    ibv_qp_init_attr init{};
    init.send_cq = send_cq;
    init.recv_cq = recv_cq;
    init.srq = srq;
    init.qp_type = options.type;
    init.cap = options.cap;
    init.sq_sig_all = options.sq_sig_all;
    Qp qp(ibv_create_qp(pd, &init));
    if (!qp) give_up("ibv_create_qp");
    *granted = init.cap;
    return qp;
}

}  // namespace

LocalSide::LocalSide(ibv_context *context, const SideOptions &options, ibv_comp_channel *channel,
                     ibv_srq *shared)
    : options_(options), pd_(alloc_pd(context)),
      region_(pd_.get(), options.memory, options.memory_access, options.sharing),
      send_cq_(create_cq(context, options.cqe, channel)),
      recv_cq_(create_cq(context, options.cqe, channel)),
      srq_(options.srq.max_wr != 0 ? create_srq(pd_.get(), options.srq) : Srq()), cap_{},
      qp_(create_qp(pd_.get(), send_cq_.get(), recv_cq_.get(),
                    shared != nullptr ? shared : srq_.get(), options, &cap_)) {}

LocalSide::~LocalSide() {
    for (const ibv_gid &group : groups_) {
        EXPECT_EQ(ibv_detach_mcast(qp_.get(), &group, 0), 0) << "leaving a group at the end";
    }
}

QpAddress LocalSide::address() {
    return address_of(qp_.get(), options_.path);
}

RemotePlace LocalSide::memory() {
    return region_.at(0);
}

void LocalSide::connect(const QpAddress &peer) {
    if (options_.type == IBV_QPT_UD) {
        errno = activate_ud(qp_.get(), options_.path);
        if (errno != 0) give_up("activating a datagram queue pair");
    } else {
        must_connect_rc(qp_.get(), peer, options_.path);
    }
}

std::vector<ibv_sge> LocalSide::sges(const Slices &slices) const {
    std::vector<ibv_sge> list;
    for (const Slice &slice : slices.all()) {
        list.push_back(region_.sge(static_cast<size_t>(slice.offset), slice.length));
        list.back().lkey ^= slice.lkey_flip;
    }
    return list;
}

int LocalSide::post_recv(uint64_t id, const Slices &into) {
    std::vector<ibv_sge> list = sges(into);
    ibv_recv_wr wr{};
    wr.wr_id = id;
    wr.sg_list = list.data();
    wr.num_sge = static_cast<int>(list.size());
    ibv_recv_wr *bad = nullptr;
    return ibv_post_recv(qp_.get(), &wr, &bad);
}

int LocalSide::post_send(const Sending &sending) {
    std::vector<ibv_sge> list = sges(sending.data);
    ibv_send_wr wr{};
    wr.wr_id = sending.id;
    wr.sg_list = list.data();
    wr.num_sge = static_cast<int>(list.size());
    wr.opcode = sending.opcode;
    wr.send_flags = sending.flags;
    wr.imm_data = htonl(sending.imm);
    if (sending.opcode == IBV_WR_ATOMIC_CMP_AND_SWP ||
        sending.opcode == IBV_WR_ATOMIC_FETCH_AND_ADD) {
        wr.wr.atomic.remote_addr = sending.remote.addr;
        wr.wr.atomic.rkey = sending.remote.rkey;
        wr.wr.atomic.compare_add = sending.compare_add;
        wr.wr.atomic.swap = sending.swap;
    } else if (options_.type == IBV_QPT_UD) {
        wr.wr.ud.ah = address_handle(sending.datagram.gid);
        wr.wr.ud.remote_qpn = sending.datagram.qp_num;
        wr.wr.ud.remote_qkey = sending.qkey;
    } else {
        wr.wr.rdma.remote_addr = sending.remote.addr;
        wr.wr.rdma.rkey = sending.remote.rkey;
    }
    ibv_send_wr *bad = nullptr;
    return ibv_post_send(qp_.get(), &wr, &bad);
}

ibv_ah *LocalSide::address_handle(const ibv_gid &gid) {
    for (const auto &[known, handle] : address_handles_) {
        if (is_same(known, gid)) return handle.get();
    }
    ibv_ah_attr attr = route_to(pd_->context, gid, options_.path);
    Ah handle(ibv_create_ah(pd_.get(), &attr));
    if (!handle) give_up("ibv_create_ah");
    address_handles_.emplace_back(gid, std::move(handle));
    return address_handles_.back().second.get();
}

std::vector<ibv_wc> LocalSide::sent(size_t count) {
    return collect(send_cq_.get(), count);
}

std::vector<ibv_wc> LocalSide::received(size_t count) {
    return collect(recv_cq_.get(), count);
}

std::vector<uint8_t> LocalSide::load(size_t offset, size_t length) {
    const auto part = region_.bytes().subspan(offset, length);
    return {part.begin(), part.end()};
}

void LocalSide::store(size_t offset, std::span<const uint8_t> bytes) {
    std::ranges::copy(bytes, region_.bytes().subspan(offset, bytes.size()).begin());
}

ibv_qp_state LocalSide::state() {
    return state_of(qp_.get());
}

int LocalSide::change_state(ibv_qp_state state) {
    return to_state(state).apply(qp_.get());
}

int LocalSide::post_srq_recv(uint64_t id, const Slices &into) {
    std::vector<ibv_sge> list = sges(into);
    ibv_recv_wr wr{};
    wr.wr_id = id;
    wr.sg_list = list.data();
    wr.num_sge = static_cast<int>(list.size());
    ibv_recv_wr *bad = nullptr;
    return ibv_post_srq_recv(srq_.get(), &wr, &bad);
}

int LocalSide::modify_srq(const ibv_srq_attr &attr, int mask) {
    ibv_srq_attr copy = attr;
    return ibv_modify_srq(srq_.get(), &copy, mask);
}

ibv_srq_attr LocalSide::srq_attributes() {
    ibv_srq_attr attr{};
    errno = ibv_query_srq(srq_.get(), &attr);
    if (errno != 0) give_up("ibv_query_srq");
    return attr;
}

std::vector<uint64_t> LocalSide::count_up(const RemotePlace &counter, size_t times) {
    static constexpr size_t kUnderWay = 16;
    std::vector<uint64_t> found;
    const auto land = [&] {
        const uint64_t id = found.size();
        if (!succeeded(sent(), id, IBV_WC_FETCH_ADD))
            throw std::runtime_error("an addition failed");
        uint64_t value = 0;
        std::memcpy(&value, region_.data() + 8 * (id % kUnderWay), sizeof value);
        found.push_back(value);
    };
    for (uint64_t id = 0; id < times; ++id) {
        if (id - found.size() == kUnderWay) land();
        const Sending request = make_fetch_add(id, {{8 * (id % kUnderWay), 8}}, counter, 1);
        if (post_send(request) != 0) throw std::runtime_error("an addition was refused");
    }
    while (found.size() < times) {
        land();
    }
    return found;
}

ibv_mw *LocalSide::window() {
    if (!window_) window_ = alloc_mw(pd_.get());
    return window_.get();
}

int LocalSide::bind(const Binding &binding) {
    ibv_mw_bind request{};
    request.wr_id = binding.id;
    request.send_flags = binding.flags;
    request.bind_info.mr = region_.mr().get();
    request.bind_info.addr = region_.at(static_cast<size_t>(binding.offset)).addr;
    request.bind_info.length = binding.length;
    request.bind_info.mw_access_flags = static_cast<unsigned>(binding.access);
    return ibv_bind_mw(qp_.get(), window(), &request);
}

uint32_t LocalSide::window_rkey() {
    return window()->rkey;
}

int LocalSide::attach(const ibv_gid &group) {
    const int error = ibv_attach_mcast(qp_.get(), &group, 0);
    const auto same = [&](const ibv_gid &other) { return is_same(other, group); };
    if (error == 0 && std::ranges::none_of(groups_, same)) groups_.push_back(group);
    return error;
}

int LocalSide::detach(const ibv_gid &group) {
    const int error = ibv_detach_mcast(qp_.get(), &group, 0);
    const auto same = [&](const ibv_gid &other) { return is_same(other, group); };
    if (error == 0) std::erase_if(groups_, same);
    return error;
}

void join(Side &a, Side &b) {
    a.connect(b.address());
    b.connect(a.address());
}

}  // namespace verbs_test
