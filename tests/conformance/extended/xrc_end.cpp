// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "xrc_end.hpp"

#include <arpa/inet.h>
#include <poll.h>
#include <sys/file.h>

#include <cstdlib>

namespace verbs_test {

ibv_xrcd *open_xrcd(ibv_context *context, int fd, int oflags) {
    ibv_xrcd_init_attr attr{};
    attr.comp_mask = IBV_XRCD_INIT_ATTR_FD | IBV_XRCD_INIT_ATTR_OFLAGS;
    attr.fd = fd;
    attr.oflags = oflags;
    return ibv_open_xrcd(context, &attr);
}

namespace {

Xrcd must_open_xrcd(ibv_context *context, int fd, int oflags) {
    Xrcd xrcd(open_xrcd(context, fd, oflags));
    if (!xrcd) give_up("ibv_open_xrcd");
    return xrcd;
}

}  // namespace

uint32_t number_of(ibv_srq *srq) {
    uint32_t number = 0;
    if (const int code = ibv_get_srq_num(srq, &number); code != 0)
        throw std::system_error(code, std::generic_category(), "ibv_get_srq_num");
    return number;
}

Qp open_receiver(ibv_xrcd *domain, uint32_t number) {
    ibv_qp_open_attr attr{};
    attr.comp_mask = IBV_QP_OPEN_ATTR_NUM | IBV_QP_OPEN_ATTR_XRCD | IBV_QP_OPEN_ATTR_TYPE;
    attr.qp_num = number;
    attr.xrcd = domain;
    attr.qp_type = IBV_QPT_XRC_RECV;
    return Qp(ibv_open_qp(domain->context, &attr));
}

std::optional<DeviceEvent> next_event(ibv_context *context, Milliseconds limit) {
    const Deadline deadline(limit);
    pollfd entry{context->async_fd, POLLIN, 0};
    ibv_async_event event{};
    if (::poll(&entry, 1, deadline.left_ms()) != 1 || ibv_get_async_event(context, &event) != 0)
        return std::nullopt;
    ibv_ack_async_event(&event);
    return DeviceEvent{event.event_type, event.element.qp};
}

DomainFile::DomainFile() : path_("/tmp/xrc-domain-XXXXXX"), is_ours_(true) {
    fd_ = ::mkostemp(path_.data(), O_CLOEXEC);
    if (fd_ < 0) give_up("mkostemp");
}

DomainFile::DomainFile(const std::string &path)
    : path_(path), fd_(::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {
    if (fd_ < 0) give_up("open");
}

DomainFile::~DomainFile() {
    ::close(fd_);
    if (is_ours_) ::unlink(path_.c_str());
}

int contend(ibv_context *context, int fd, uint32_t count) {
    int wrong = 0;
    for (uint32_t i = 0; i < count; ++i) {
        const Xrcd own(open_xrcd(context, fd, O_CREAT | O_EXCL));
        if (!own) {
            if (errno != EEXIST) ++wrong;
        } else if (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
            ++wrong;
        } else {
            ::flock(fd, LOCK_UN);
        }
    }
    return wrong;
}

XrcEnd::XrcEnd(ibv_context *context, int fd, int oflags)
    : context_(context), xrcd_(must_open_xrcd(context, fd, oflags)), pd_(alloc_pd(context)),
      sent_(create_cq(context)), received_(create_cq(context)),
      region_(pd_.get(), 2 * kHalf, kEveryAccess | IBV_ACCESS_REMOTE_ATOMIC),
      queue_(make_queue(pd_.get(), received_.get())) {}

Srq XrcEnd::make_queue(ibv_pd *pd, ibv_cq *cq) const {
    ibv_srq_init_attr_ex attr{};
    attr.attr.max_wr = 64;
    attr.attr.max_sge = 1;
    attr.comp_mask = IBV_SRQ_INIT_ATTR_TYPE | IBV_SRQ_INIT_ATTR_PD | IBV_SRQ_INIT_ATTR_XRCD |
                     IBV_SRQ_INIT_ATTR_CQ;
    attr.srq_type = IBV_SRQT_XRC;
    attr.pd = pd;
    attr.xrcd = domain();
    attr.cq = cq;
    Srq srq(ibv_create_srq_ex(context_, &attr));
    if (!srq) give_up("ibv_create_srq_ex");
    return srq;
}

Qp XrcEnd::make_receiver() const {
    ibv_qp_init_attr_ex attr{};
    attr.qp_type = IBV_QPT_XRC_RECV;
    attr.comp_mask = IBV_QP_INIT_ATTR_XRCD;
    attr.xrcd = domain();
    Qp qp(ibv_create_qp_ex(context_, &attr));
    if (!qp) give_up("ibv_create_qp_ex");
    return qp;
}

Qp XrcEnd::make_sender() const {
    ibv_qp_init_attr_ex attr{};
    attr.send_cq = sent();
    attr.cap = {64, 0, 1, 0, 64};
    attr.qp_type = IBV_QPT_XRC_SEND;
    attr.sq_sig_all = 1;
    attr.comp_mask = IBV_QP_INIT_ATTR_PD | IBV_QP_INIT_ATTR_SEND_OPS_FLAGS;
    attr.pd = pd();
    attr.send_ops_flags = IBV_QP_EX_WITH_SEND | IBV_QP_EX_WITH_SEND_WITH_IMM |
                          IBV_QP_EX_WITH_RDMA_WRITE | IBV_QP_EX_WITH_RDMA_READ;
    Qp qp(ibv_create_qp_ex(context_, &attr));
    if (!qp) give_up("ibv_create_qp_ex");
    return qp;
}

Qp XrcEnd::open_qp(uint32_t number) const {
    Qp qp = open_receiver(domain(), number);
    if (!qp) give_up("ibv_open_qp");
    return qp;
}

void XrcEnd::post_recv(ibv_srq *srq, uint64_t id, uint32_t length, size_t offset) const {
    ibv_sge sge{reinterpret_cast<uint64_t>(into(offset)), length, lkey()};
    ibv_recv_wr wr{};
    wr.wr_id = id;
    wr.sg_list = &sge;
    wr.num_sge = 1;
    ibv_recv_wr *bad = nullptr;
    ASSERT_EQ(ibv_post_srq_recv(srq, &wr, &bad), 0);
}

ibv_send_wr XrcEnd::message(uint64_t id, uint32_t srqn, uint32_t length, size_t offset) const {
    sge_ = {reinterpret_cast<uint64_t>(from(offset)), length, lkey()};
    ibv_send_wr wr{};
    wr.wr_id = id;
    wr.sg_list = &sge_;
    wr.num_sge = 1;
    wr.opcode = IBV_WR_SEND;
    wr.qp_type.xrc.remote_srqn = srqn;
    return wr;
}

void XrcEnd::post(ibv_qp *sender, ibv_send_wr wr) {
    ibv_send_wr *bad = nullptr;
    ASSERT_EQ(ibv_post_send(sender, &wr, &bad), 0);
}

PathOptions xrc_path() {
    PathOptions options;
    options.qp_access |= IBV_ACCESS_REMOTE_ATOMIC;
    return options;
}

void ready(ibv_qp *receiver, const QpAddress &sender, const PathOptions &options) {
    ASSERT_EQ(rc_init(options).apply(receiver), 0);
    ASSERT_EQ(rc_rtr(receiver->context, sender, options).apply(receiver), 0);
}

void connect_xrc(ibv_qp *sender, ibv_qp *receiver, const PathOptions &options) {
    ready(receiver, address_of(sender, options), options);
    ASSERT_EQ(connect_rc(sender, address_of(receiver, options), options), 0);
}

namespace {

// What the other process has open.
struct Served {
    Context context = open_device();
    DomainFile file;
    std::optional<XrcEnd> end;
    Xrcd domain;  // when no end is made
    Qp receiver;
    Qp opened;

    explicit Served(const std::string &path) : file(path) {}

    int open_domain(int oflags) {
        domain = Xrcd(open_xrcd(context.get(), file.fd(), oflags));
        return domain ? 0 : errno;
    }
    int open_existing_qp(uint32_t number) {
        opened = open_receiver(domain ? domain.get() : end->domain(), number);
        return opened ? 0 : errno;
    }
    int close_all() {
        receiver = {};
        opened = {};
        end.reset();
        domain = {};
        return 0;
    }
};

void answer_arrivals(Exchange &exchange, const XrcEnd &end, uint32_t count) {
    std::vector<XrcArrival> all;
    for (const ibv_wc &wc : collect(end.received(), count))
        all.push_back({wc.wr_id, static_cast<uint32_t>(wc.status), wc.qp_num, wc.byte_len,
                       (wc.wc_flags & IBV_WC_WITH_IMM) != 0 ? ntohl(wc.imm_data) : 0});
    Message message;
    exchange.send(message.put_all(std::span<const XrcArrival>(all)));
}

void answer_queue(Exchange &exchange, Served &served) {
    served.domain = {};
    served.end.emplace(served.context.get(), served.file.fd());
    exchange.send_value(XrcPeer::Queue{number_of(served.end->queue()), 0, served.end->place()});
}

void answer_receiver(Exchange &exchange, Served &served, const QpAddress &sender) {
    served.receiver = served.end->make_receiver();
    ready(served.receiver.get(), sender);
    exchange.send_value(address_of(served.receiver.get()));
}

int post_receives(const XrcEnd &end, uint32_t count, uint32_t length) {
    for (uint32_t i = 0; i < count; ++i)
        end.post_recv(end.queue(), i, length, size_t{i} * length);
    return 0;
}

}  // namespace

void serve_xrc(Exchange &exchange) {
    Message first = exchange.receive();
    const auto path = first.take_bytes();
    Served served(std::string(path.begin(), path.end()));
    exchange.send_value<int32_t>(0);
    for (;;) {
        Message asked = exchange.receive();
        const auto command = static_cast<XrcCommand>(asked.take<uint32_t>());
        const auto argument = asked.take<uint32_t>();
        const auto second = asked.take<uint32_t>();
        int32_t code = 0;
        switch (command) {
        case XrcCommand::open:
            code = served.open_domain(static_cast<int>(argument));
            break;
        case XrcCommand::queue:
            answer_queue(exchange, served);
            continue;
        case XrcCommand::receive:
            code = post_receives(*served.end, argument, second);
            break;
        case XrcCommand::arrivals:
            answer_arrivals(exchange, *served.end, argument);
            continue;
        case XrcCommand::bytes: {
            Message message;
            exchange.send(message.put_bytes({served.end->into(), argument}));
            continue;
        }
        case XrcCommand::receiver:
            answer_receiver(exchange, served, asked.take<QpAddress>());
            continue;
        case XrcCommand::open_qp:
            code = served.open_existing_qp(argument);
            break;
        case XrcCommand::fail_qp:
            code = to_state(IBV_QPS_ERR).apply(served.opened.get());
            break;
        case XrcCommand::state:
            code = static_cast<int32_t>(state_of(served.opened.get()));
            break;
        case XrcCommand::event: {
            const auto event = next_event(served.context.get());
            code =
                event && event->qp == served.opened.get() ? static_cast<int32_t>(event->type) : -1;
            break;
        }
        case XrcCommand::close_qp:
            code = served.opened.close();
            break;
        case XrcCommand::close:
            code = served.close_all();
            break;
        case XrcCommand::contend:
            code = contend(served.context.get(), served.file.fd(), argument);
            break;
        default:
            return;
        }
        exchange.send_value(code);
    }
}

XrcPeer::XrcPeer(const std::string &path) : process_("xrc") {
    Message message;
    message.put_bytes({reinterpret_cast<const uint8_t *>(path.data()), path.size()});
    process_.exchange().send(message);
    process_.exchange().receive_value<int32_t>();
}

void XrcPeer::tell(XrcCommand command, uint32_t argument, uint32_t second) {
    Message message;
    message.put(static_cast<uint32_t>(command)).put(argument).put(second);
    process_.exchange().send(message);
}

int XrcPeer::ask(XrcCommand command, uint32_t argument, uint32_t second) {
    tell(command, argument, second);
    return process_.exchange().receive_value<int32_t>();
}

int XrcPeer::open(int oflags) {
    return ask(XrcCommand::open, static_cast<uint32_t>(oflags));
}

XrcPeer::Queue XrcPeer::make_queue() {
    Message message;
    message.put(static_cast<uint32_t>(XrcCommand::queue)).put<uint32_t>(0).put<uint32_t>(0);
    process_.exchange().send(message);
    return process_.exchange().receive_value<Queue>();
}

void XrcPeer::post_recv(uint32_t count, uint32_t length) {
    ask(XrcCommand::receive, count, length);
}

std::vector<XrcArrival> XrcPeer::arrivals(uint32_t count) {
    Message message;
    message.put(static_cast<uint32_t>(XrcCommand::arrivals)).put(count).put<uint32_t>(0);
    process_.exchange().send(message);
    return process_.exchange().receive().take_all<XrcArrival>();
}

std::vector<uint8_t> XrcPeer::bytes(uint32_t length) {
    Message message;
    message.put(static_cast<uint32_t>(XrcCommand::bytes)).put(length).put<uint32_t>(0);
    process_.exchange().send(message);
    return process_.exchange().receive().take_bytes();
}

QpAddress XrcPeer::make_receiver(const QpAddress &sender) {
    Message message;
    message.put(static_cast<uint32_t>(XrcCommand::receiver)).put<uint32_t>(0).put<uint32_t>(0);
    message.put(sender);
    process_.exchange().send(message);
    return process_.exchange().receive_value<QpAddress>();
}

int XrcPeer::open_qp(uint32_t number) {
    return ask(XrcCommand::open_qp, number);
}

::testing::AssertionResult XrcPeer::leave() {
    Message message;
    message.put<uint32_t>(~0u).put<uint32_t>(0).put<uint32_t>(0);
    process_.exchange().send(message);
    return process_.ends_well();
}

}  // namespace verbs_test
