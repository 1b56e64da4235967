// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// A side in another process: every method is one message there and one back.
#include "side.hpp"

#include <poll.h>
#include <unistd.h>

#include <stdexcept>
#include <string>

namespace verbs_test {

enum class RemoteSide::Act : uint32_t {
    kAddress,
    kMemory,
    kConnect,
    kPostRecv,
    kPostSend,
    kSent,
    kReceived,
    kLoad,
    kStore,
    kState,
    kChangeState,
    kPostSrqRecv,
    kModifySrq,
    kSrqAttributes,
    kCountUp,
    kBind,
    kWindowRkey,
    kAttach,
    kDetach,
    kFork,
    kLeave,
};

namespace {

enum class Outcome : uint32_t { kDone, kFailed };

// Longer than the wait of the process we ask, so that its reason reaches us.
Milliseconds answer_limit() {
    return patience() * 2;
}

// What the process does with its memory is ordered with what peers do there by messages between the
// processes, which ThreadSanitizer does not see; a device without hands of its own works there by a
// thread of this process. Asking for the state before and after orders the two for it.
template <typename Work>
auto ordered(LocalSide &side, Work work) {
    side.state();
    auto result = work();
    side.state();
    return result;
}

// The child does nothing but live, until the test has closed its end of the exchange.
void fork_until_hang_up(int exchange_fd) {
    const pid_t child = ::fork();
    if (child < 0) give_up("fork");
    if (child > 0) return;
    pollfd entry{exchange_fd, POLLRDHUP, 0};
    while (::poll(&entry, 1, -1) < 0) {
    }
    ::_exit(0);
}

}  // namespace

RemoteSide::RemoteSide(const SideOptions &options, const char *role) : process_(role) {
    Message hello;
    ask(std::move(hello.put(options)));
}

RemoteSide::~RemoteSide() {
    if (!is_there_) return;
    EXPECT_TRUE(leave());
}

Message RemoteSide::ask(Message request) {
    process_.exchange().send(request);
    Message answer;
    try {
        answer = process_.exchange().receive(answer_limit());
    } catch (const std::exception &problem) {
        is_there_ = false;
        throw std::runtime_error(std::string(problem.what()) + ": " +
                                 process_.ends_well().message());
    }
    if (answer.take<Outcome>() == Outcome::kDone) return answer;
    const std::vector<uint8_t> reason = answer.take_bytes();
    throw std::runtime_error("in the other process: " + std::string(reason.begin(), reason.end()));
}

Message RemoteSide::request(Act act) {
    Message message;
    message.put(act);
    return message;
}

QpAddress RemoteSide::address() {
    return ask(request(Act::kAddress)).take<QpAddress>();
}

RemotePlace RemoteSide::memory() {
    return ask(request(Act::kMemory)).take<RemotePlace>();
}

void RemoteSide::connect(const QpAddress &peer) {
    ask(std::move(request(Act::kConnect).put(peer)));
}

int RemoteSide::post_recv(uint64_t id, const Slices &into) {
    return ask(std::move(request(Act::kPostRecv).put(id).put(into))).take<int>();
}

int RemoteSide::post_send(const Sending &sending) {
    return ask(std::move(request(Act::kPostSend).put(sending))).take<int>();
}

std::vector<ibv_wc> RemoteSide::sent(size_t count) {
    return ask(std::move(request(Act::kSent).put(count))).take_all<ibv_wc>();
}

std::vector<ibv_wc> RemoteSide::received(size_t count) {
    return ask(std::move(request(Act::kReceived).put(count))).take_all<ibv_wc>();
}

std::vector<uint8_t> RemoteSide::load(size_t offset, size_t length) {
    return ask(std::move(request(Act::kLoad).put(offset).put(length))).take_bytes();
}

void RemoteSide::store(size_t offset, std::span<const uint8_t> bytes) {
    ask(std::move(request(Act::kStore).put(offset).put_bytes(bytes)));
}

ibv_qp_state RemoteSide::state() {
    return ask(request(Act::kState)).take<ibv_qp_state>();
}

int RemoteSide::change_state(ibv_qp_state state) {
    return ask(std::move(request(Act::kChangeState).put(state))).take<int>();
}

int RemoteSide::post_srq_recv(uint64_t id, const Slices &into) {
    return ask(std::move(request(Act::kPostSrqRecv).put(id).put(into))).take<int>();
}

int RemoteSide::modify_srq(const ibv_srq_attr &attr, int mask) {
    return ask(std::move(request(Act::kModifySrq).put(attr).put(mask))).take<int>();
}

ibv_srq_attr RemoteSide::srq_attributes() {
    return ask(request(Act::kSrqAttributes)).take<ibv_srq_attr>();
}

std::vector<uint64_t> RemoteSide::count_up(const RemotePlace &counter, size_t times) {
    return ask(std::move(request(Act::kCountUp).put(counter).put(times))).take_all<uint64_t>();
}

int RemoteSide::bind(const Binding &binding) {
    return ask(std::move(request(Act::kBind).put(binding))).take<int>();
}

uint32_t RemoteSide::window_rkey() {
    return ask(request(Act::kWindowRkey)).take<uint32_t>();
}

int RemoteSide::attach(const ibv_gid &group) {
    return ask(std::move(request(Act::kAttach).put(group))).take<int>();
}

int RemoteSide::detach(const ibv_gid &group) {
    return ask(std::move(request(Act::kDetach).put(group))).take<int>();
}

::testing::AssertionResult RemoteSide::leave() {
    is_there_ = false;
    try {
        process_.exchange().send(request(Act::kLeave));
    } catch (const std::exception &) {
        // It has gone already; how is told by its exit code.
    }
    return process_.ends_well();
}

void RemoteSide::fork_a_child() {
    ask(request(Act::kFork));
}

void RemoteSide::kill() {
    is_there_ = false;
    process_.kill();
}

void serve_side(Exchange &exchange) {
    using Act = RemoteSide::Act;
    const auto options = exchange.receive().take<SideOptions>();
    Context context = open_device();
    LocalSide side(context.get(), options);
    exchange.send_value(Outcome::kDone);

    for (;;) {
        // The test may be busy with its own part for a long time; its end ends us anyway.
        Message request = exchange.receive(patience(600s));
        const auto act = request.take<Act>();
        if (act == Act::kLeave) return;
        Message answer;
        answer.put(Outcome::kDone);
        try {
            switch (act) {
            case Act::kAddress:
                answer.put(side.address());
                break;
            case Act::kMemory:
                answer.put(side.memory());
                break;
            case Act::kConnect:
                side.connect(request.take<QpAddress>());
                break;
            case Act::kPostRecv: {
                const auto id = request.take<uint64_t>();
                answer.put(side.post_recv(id, request.take<Slices>()));
                break;
            }
            case Act::kPostSend:
                answer.put(side.post_send(request.take<Sending>()));
                break;
            case Act::kSent: {
                const std::vector<ibv_wc> wcs = side.sent(request.take<size_t>());
                answer.put_all(std::span<const ibv_wc>(wcs));
                break;
            }
            case Act::kReceived: {
                const std::vector<ibv_wc> wcs = side.received(request.take<size_t>());
                answer.put_all(std::span<const ibv_wc>(wcs));
                break;
            }
            case Act::kLoad: {
                const auto offset = request.take<size_t>();
                const auto length = request.take<size_t>();
                answer.put_bytes(ordered(side, [&] { return side.load(offset, length); }));
                break;
            }
            case Act::kStore: {
                const auto offset = request.take<size_t>();
                const std::vector<uint8_t> bytes = request.take_bytes();
                ordered(side, [&] { return side.store(offset, bytes), true; });
                break;
            }
            case Act::kState:
                answer.put(side.state());
                break;
            case Act::kChangeState:
                answer.put(side.change_state(request.take<ibv_qp_state>()));
                break;
            case Act::kPostSrqRecv: {
                const auto id = request.take<uint64_t>();
                answer.put(side.post_srq_recv(id, request.take<Slices>()));
                break;
            }
            case Act::kModifySrq: {
                const auto attr = request.take<ibv_srq_attr>();
                answer.put(side.modify_srq(attr, request.take<int>()));
                break;
            }
            case Act::kSrqAttributes:
                answer.put(side.srq_attributes());
                break;
            case Act::kCountUp: {
                const auto counter = request.take<RemotePlace>();
                const std::vector<uint64_t> found = side.count_up(counter, request.take<size_t>());
                answer.put_all(std::span<const uint64_t>(found));
                break;
            }
            case Act::kBind:
                answer.put(side.bind(request.take<Binding>()));
                break;
            case Act::kWindowRkey:
                answer.put(side.window_rkey());
                break;
            case Act::kAttach:
                answer.put(side.attach(request.take<ibv_gid>()));
                break;
            case Act::kDetach:
                answer.put(side.detach(request.take<ibv_gid>()));
                break;
            case Act::kFork:
                fork_until_hang_up(exchange.fd());
                break;
            case Act::kLeave:
                break;
            }
        } catch (const std::exception &problem) {
            const std::string reason = problem.what();
            answer = Message();
            answer.put(Outcome::kFailed);
            answer.put_all(std::span<const char>(reason));
        }
        exchange.send(answer);
    }
}

}  // namespace verbs_test
