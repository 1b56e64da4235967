// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// A member of the crowd: a queue pair for each other member, a message to each, and a read of each
// one's block. The test between them carries addresses and lets all go on together.
#include "crowd.hpp"

#include <stdexcept>

namespace verbs_test {

namespace {

constexpr uint32_t kMessage = 64;
constexpr uint32_t kBlock = 4096;

class Member {
public:
    Member(ibv_context *context, const CrowdPlace &place)
        : place_(place), pd_(alloc_pd(context)),
          // One block of our own, then for each member an inbox, an outbox and a copy of his block.
          region_(pd_.get(), kBlock + place.count * (kBlock + 2 * kMessage)),
          cq_(create_cq(context, static_cast<int>(4 * place.count))) {
        const auto block = pattern(place.rank, kBlock);
        std::ranges::copy(block, region_.bytes().begin());
        for (uint32_t peer = 0; peer < place.count; ++peer) {
            ibv_qp_init_attr init{};
            init.send_cq = init.recv_cq = cq_.get();
            init.qp_type = IBV_QPT_RC;
            init.cap = {2, 1, 1, 1, 0};
            qps_.emplace_back(ibv_create_qp(pd_.get(), &init));
            if (!qps_.back()) give_up("ibv_create_qp");
        }
    }

    [[nodiscard]] std::vector<CrowdContact> contacts() const {
        std::vector<CrowdContact> all;
        for (const Qp &qp : qps_) {
            all.push_back({address_of(qp.get()), region_.at(0)});
        }
        return all;
    }

    void connect(const std::vector<CrowdContact> &peers) {
        for (uint32_t peer = 0; peer < place_.count; ++peer) {
            must_connect_rc(qps_[peer].get(), peers[peer].qp);
            ibv_sge sge = region_.sge(inbox(peer), kMessage);
            ibv_recv_wr wr{};
            wr.wr_id = peer;
            wr.sg_list = &sge;
            wr.num_sge = 1;
            ibv_recv_wr *bad = nullptr;
            if (ibv_post_recv(qps_[peer].get(), &wr, &bad) != 0) give_up("ibv_post_recv");
        }
    }

    // With oneself, too: rank 7's seventh queue pair is connected to itself.
    void talk(const std::vector<CrowdContact> &peers) {
        for (uint32_t peer = 0; peer < place_.count; ++peer) {
            const auto words = message(place_.rank, peer);
            std::ranges::copy(words, region_.bytes().subspan(outbox(peer)).begin());
            ibv_sge out = region_.sge(outbox(peer), kMessage);
            ibv_sge copy = region_.sge(copy_of(peer), kBlock);
            ibv_send_wr read{};
            read.wr_id = peer;
            read.sg_list = &copy;
            read.num_sge = 1;
            read.opcode = IBV_WR_RDMA_READ;
            read.send_flags = IBV_SEND_SIGNALED;
            read.wr.rdma.remote_addr = peers[peer].block.addr;
            read.wr.rdma.rkey = peers[peer].block.rkey;
            ibv_send_wr send{};
            send.wr_id = peer;
            send.sg_list = &out;
            send.num_sge = 1;
            send.opcode = IBV_WR_SEND;
            send.send_flags = IBV_SEND_SIGNALED;
            send.next = &read;
            ibv_send_wr *bad = nullptr;
            if (ibv_post_send(qps_[peer].get(), &send, &bad) != 0) give_up("ibv_post_send");
        }
        std::array<uint32_t, 3> counts{};
        for (const ibv_wc &wc : collect(cq_.get(), size_t{3} * place_.count, patience(60s))) {
            if (wc.status != IBV_WC_SUCCESS) {
                throw std::runtime_error("with member " + std::to_string(wc.wr_id) + ": " +
                                         ibv_wc_status_str(wc.status));
            }
            ++counts.at(wc.opcode == IBV_WC_SEND ? 0 : wc.opcode == IBV_WC_RDMA_READ ? 1 : 2);
        }
        for (const uint32_t count : counts) {
            if (count != place_.count) throw std::runtime_error("a completion is missing");
        }
        for (uint32_t peer = 0; peer < place_.count; ++peer) {
            check(inbox(peer), message(peer, place_.rank), "message", peer);
            check(copy_of(peer), pattern(peer, kBlock), "block", peer);
        }
    }

private:
    static std::vector<uint8_t> message(uint32_t from, uint32_t to) {
        return pattern(1000 * (from + 1) + to, kMessage);
    }
    [[nodiscard]] size_t inbox(uint32_t peer) const { return kBlock + size_t{peer} * kMessage; }
    [[nodiscard]] size_t outbox(uint32_t peer) const {
        return kBlock + (size_t{place_.count} + peer) * kMessage;
    }
    [[nodiscard]] size_t copy_of(uint32_t peer) const {
        return kBlock + size_t{2} * place_.count * kMessage + size_t{peer} * kBlock;
    }
    void check(size_t at, const std::vector<uint8_t> &expected, const char *what, uint32_t peer) {
        if (std::ranges::equal(region_.bytes().subspan(at, expected.size()), expected)) return;
        throw std::runtime_error(std::string("wrong ") + what + " from member " +
                                 std::to_string(peer));
    }

    CrowdPlace place_;
    Pd pd_;
    Region region_;
    Cq cq_;
    std::vector<Qp> qps_;
};

std::vector<CrowdContact> receive_contacts(Exchange &exchange) {
    return exchange.receive(patience(60s)).take_all<CrowdContact>();
}

}  // namespace

void serve_crowd(Exchange &exchange) {
    const auto place = exchange.receive_value<CrowdPlace>();
    const Context context = open_device();
    Member member(context.get(), place);
    Message contacts;
    const std::vector<CrowdContact> own = member.contacts();
    contacts.put_all(std::span<const CrowdContact>(own));
    exchange.send(contacts);
    const std::vector<CrowdContact> peers = receive_contacts(exchange);
    if (peers.size() != place.count) throw std::runtime_error("not everybody is there");
    member.connect(peers);
    exchange.send_value(true);
    exchange.receive_value<bool>(patience(60s));
    member.talk(peers);
    // Nobody goes while another may still read from him.
    exchange.send_value(true);
    exchange.receive_value<bool>(patience(60s));
}

}  // namespace verbs_test
