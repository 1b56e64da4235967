// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// What one process has of an extended reliable connection, and the same in another process.
#pragma once

#include "completions.hpp"
#include "paths.hpp"
#include "support/peer_process.hpp"

#include <fcntl.h>

#include <optional>
#include <string>

namespace verbs_test {

class XrcTest : public DeviceTest {
protected:
    void SetUp() override {
        DeviceTest::SetUp();
        if (!IsSkipped()) require_feature("XRC");
    }
};

// Some headers have the call itself as a static inline function, of which each file has its own.
inline int close_xrcd(ibv_xrcd *xrcd) {
    return ibv_close_xrcd(xrcd);
}
using Xrcd = Handle<ibv_xrcd, close_xrcd>;

// NULL with errno when it is refused.
ibv_xrcd *open_xrcd(ibv_context *context, int fd, int oflags);

uint32_t number_of(ibv_srq *srq);

// A receiving QP that is there already; empty with errno when it is refused.
Qp open_receiver(ibv_xrcd *domain, uint32_t number);

// The event of the device that comes next, if it comes in time; it is acknowledged.
struct DeviceEvent {
    ibv_event_type type{};
    ibv_qp *qp = nullptr;
};
std::optional<DeviceEvent> next_event(ibv_context *context, Milliseconds limit = patience());

// A file that names a domain.
class DomainFile {
public:
    DomainFile();
    explicit DomainFile(const std::string &path);
    DomainFile(const DomainFile &) = delete;
    DomainFile &operator=(const DomainFile &) = delete;
    ~DomainFile();
    [[nodiscard]] int fd() const { return fd_; }
    [[nodiscard]] const std::string &path() const { return path_; }

private:
    std::string path_;
    bool is_ours_ = false;
    int fd_ = -1;
};

// Makes the domain of the file for itself alone, if it can, and closes it, so many times. Gives how
// often that went wrong: somebody else had it at the same time, or it was refused for another
// reason.
int contend(ibv_context *context, int fd, uint32_t count);

// A domain with one receive queue and its CQ, a sending CQ, and memory: the lower half is sent
// from, the upper half received into.
class XrcEnd {
public:
    static constexpr size_t kHalf = 1 << 18;

    // Throws what is refused.
    explicit XrcEnd(ibv_context *context, int fd = -1, int oflags = O_CREAT);

    [[nodiscard]] ibv_context *context() const { return context_; }
    [[nodiscard]] ibv_xrcd *domain() const { return xrcd_.get(); }
    [[nodiscard]] ibv_pd *pd() const { return pd_.get(); }
    [[nodiscard]] ibv_cq *sent() const { return sent_.get(); }
    [[nodiscard]] ibv_cq *received() const { return received_.get(); }
    [[nodiscard]] ibv_srq *queue() const { return queue_.get(); }
    [[nodiscard]] Srq &owned_queue() { return queue_; }
    [[nodiscard]] Xrcd &owned_domain() { return xrcd_; }
    [[nodiscard]] uint8_t *from(size_t offset = 0) const { return region_.data() + offset; }
    [[nodiscard]] uint8_t *into(size_t offset = 0) const { return from(kHalf + offset); }
    [[nodiscard]] RemotePlace place(size_t offset = 0) const { return region_.at(kHalf + offset); }
    [[nodiscard]] uint32_t lkey() const { return region_.sge(0, 1).lkey; }

    [[nodiscard]] Srq make_queue(ibv_pd *pd, ibv_cq *cq) const;
    [[nodiscard]] Qp make_receiver() const;
    [[nodiscard]] Qp make_sender() const;
    // A receiving QP of another process.
    [[nodiscard]] Qp open_qp(uint32_t number) const;

    void post_recv(ibv_srq *srq, uint64_t id, uint32_t length, size_t offset = 0) const;
    // A SEND of `length` bytes from from(offset); others change it before they post it.
    [[nodiscard]] ibv_send_wr message(uint64_t id, uint32_t srqn, uint32_t length,
                                      size_t offset = 0) const;
    static void post(ibv_qp *sender, ibv_send_wr wr);

private:
    ibv_context *context_;
    Xrcd xrcd_;
    Pd pd_;
    Cq sent_;
    Cq received_;
    Region region_;
    mutable ibv_sge sge_{};
    Srq queue_;
};

PathOptions xrc_path();
// Makes the receiving QP take the messages of the sender.
void ready(ibv_qp *receiver, const QpAddress &sender, const PathOptions &options = xrc_path());
void connect_xrc(ibv_qp *sender, ibv_qp *receiver, const PathOptions &options = xrc_path());

// The other process: opens the domain of a file and does what it is told.
enum class XrcCommand : uint32_t {
    open,      // oflags; answers 0 or the error number
    queue,     // makes the end; answers number of the queue and a RemotePlace
    receive,   // count, length: posts so many receives, ids from 0
    arrivals,  // count: waits; answers each as XrcArrival
    bytes,     // length: answers what is in into()
    receiver,  // sender's address: answers the receiver's
    open_qp,   // number; answers 0 or the error number
    fail_qp,   // takes the opened QP to the error state; answers 0 or the error number
    state,     // answers the state that the opened QP is in
    event,     // waits; answers the type of the next event
    close_qp,
    close,    // the domain and all in it
    contend,  // count: as contend(), answers what that gives
};

struct XrcArrival {
    uint64_t id = 0;
    uint32_t status = 0;
    uint32_t qp_num = 0;
    uint32_t byte_len = 0;
    uint32_t imm = 0;
};

class XrcPeer {
public:
    explicit XrcPeer(const std::string &path);
    [[nodiscard]] PeerProcess &process() { return process_; }

    int open(int oflags);
    struct Queue {
        uint32_t number = 0;
        uint32_t unused = 0;
        RemotePlace place;
    };
    Queue make_queue();
    void post_recv(uint32_t count, uint32_t length);
    std::vector<XrcArrival> arrivals(uint32_t count);
    std::vector<uint8_t> bytes(uint32_t length);
    QpAddress make_receiver(const QpAddress &sender);
    int open_qp(uint32_t number);
    int fail_qp() { return ask(XrcCommand::fail_qp); }
    ibv_qp_state state() { return static_cast<ibv_qp_state>(ask(XrcCommand::state)); }
    ibv_event_type event() { return static_cast<ibv_event_type>(ask(XrcCommand::event)); }
    int close_qp() { return ask(XrcCommand::close_qp); }
    int close() { return ask(XrcCommand::close); }
    void begin_to_contend(uint32_t count) { tell(XrcCommand::contend, count); }
    int contended() { return process_.exchange().receive_value<int32_t>(patience(60s)); }
    ::testing::AssertionResult leave();

private:
    void tell(XrcCommand command, uint32_t argument = 0, uint32_t second = 0);
    int ask(XrcCommand command, uint32_t argument = 0, uint32_t second = 0);
    PeerProcess process_;
};

// The role.
void serve_xrc(Exchange &exchange);

}  // namespace verbs_test
