// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// A kernel behind the seam: it takes commands in the dialects of four ages, judges their outer form
// as the real one does, and answers what a test tells it to. A command whose form is wrong fails
// the test.
#pragma once

#include "core/fd.hpp"
#include "uverbs/context.hpp"

#include <gtest/gtest.h>
#include <rdma/ib_user_ioctl_verbs.h>

#include <cstring>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace verbs::test {

// What a kernel of some age understands.
enum class Age {
    attributes,      // all of the ioctl
    before_methods,  // the ioctl, but the older commands only
    before_invoke,   // the ioctl, but not for the older commands
    before_ioctl,    // write() only
};

inline constexpr std::uint32_t kDriver = RDMA_DRIVER_RXE;  // of the fake device
inline constexpr int kVectors = 3;

// For commands that are not answered.
struct NoAnswer {};

// A command of the attribute ABI, as it arrived.
class MethodCall {
public:
    explicit MethodCall(ib_uverbs_ioctl_hdr &header) : header_(header) {}

    [[nodiscard]] ib_uverbs_attr *find(std::uint16_t id) const;
    [[nodiscard]] bool has(std::uint16_t id) const { return find(id) != nullptr; }
    [[nodiscard]] std::size_t count() const { return header_.num_attrs; }

    // The value of an input, which has to be of this size.
    template <class T>
    [[nodiscard]] T in(std::uint16_t id) const {
        T value{};
        const auto bytes = in_bytes(id);
        EXPECT_EQ(bytes.size(), sizeof value) << "attribute " << id;
        std::memcpy(&value, bytes.data(), std::min(sizeof value, bytes.size()));
        return value;
    }
    [[nodiscard]] std::vector<std::byte> in_bytes(std::uint16_t id) const;
    // The object or descriptor of an input.
    [[nodiscard]] std::int64_t object(std::uint16_t id) const;

    // Answers. Of outputs as much is written as there is room for.
    template <class T>
    void out(std::uint16_t id, const T &value) const {
        out_bytes(id, std::as_bytes(std::span(&value, 1)));
    }
    void out_bytes(std::uint16_t id, std::span<const std::byte> bytes) const;
    void create(std::uint16_t id, std::int64_t what) const;

private:
    ib_uverbs_ioctl_hdr &header_;
};

// A command of the older ABI, by whatever way it came.
struct CommandCall {
    std::uint32_t number = 0;
    std::span<const std::byte> request;  // without headers, with the driver's bytes when `is_one`
    std::span<std::byte> response;
    std::span<const std::byte> driver_in;
    std::span<std::byte> driver_out;
    bool is_one = false;  // request and driver's bytes came in one piece: write()
};

class FakeKernel {
public:
    using Method = std::function<int(MethodCall &)>;    // 0 or an errno value
    using Command = std::function<int(CommandCall &)>;  // likewise

    explicit FakeKernel(Age age = Age::attributes);

    [[nodiscard]] const uverbs::Kernel &table() const { return table_; }
    // What open() gave last: a file in memory, so that parts of it can be mapped.
    [[nodiscard]] int node() const { return node_; }
    // A context of this kernel, which has to open.
    [[nodiscard]] uverbs::Context context();

    void on_method(std::uint16_t object, std::uint16_t method, Method call) {
        methods_[{object, method}] = std::move(call);
    }
    // Call is int(const Request &, Response &, CommandCall &).
    template <class Request, class Response, class Call>
    void on_command(std::uint32_t number, Call call) {
        commands_[number] = [call = std::move(call)](CommandCall &command) {
            return answer<Request, Response>(call, command);
        };
    }

    Age age;
    int open_errno = 0;  // what open() fails with
    // What the next ioctl() or write() gives in place of its own result, when set.
    std::function<long(bool is_write)> misbehave;
    std::string opened;  // path
    int ioctls = 0;
    int writes = 0;
    std::vector<std::byte> written;  // by the last write()
    int async_fd = -1;               // the one that was given last

    // What get_context answers.
    std::uint32_t vectors = kVectors;
    std::uint64_t core_support = 1;

private:
    template <class Request, class Response, class Call>
    static int answer(const Call &call, CommandCall &command);

    static int open_node(void *self, const char *path);
    static int run_ioctl(void *self, int fd, unsigned long request, void *argument);
    static ssize_t run_write(void *self, int fd, const void *bytes, std::size_t size);
    int take(ib_uverbs_ioctl_hdr &header);
    int take_invoked(MethodCall &call);
    int take_written(std::span<const std::byte> bytes);
    int take_extended(std::uint32_t number, std::span<const std::byte> bytes);
    int dispatch(CommandCall &command);
    int give_async_fd();

    uverbs::Kernel table_;
    std::map<std::pair<std::uint16_t, std::uint16_t>, Method> methods_;
    std::map<std::uint32_t, Command> commands_;
    int node_ = -1;
};

template <class Request, class Response, class Call>
int FakeKernel::answer(const Call &call, CommandCall &command) {
    constexpr bool kIsAnswered = !std::is_same_v<Response, NoAnswer>;
    constexpr std::size_t kAnswerSize = kIsAnswered ? sizeof(Response) : 0;
    if (command.request.size() < sizeof(Request) || command.response.size() < kAnswerSize)
        return ENOSPC;
    if (command.is_one && (command.number & IB_USER_VERBS_CMD_FLAG_EXTENDED) == 0) {
        command.driver_in = command.request.subspan(sizeof(Request));
        command.driver_out = command.response.subspan(kAnswerSize);
        command.request = command.request.first(sizeof(Request));
        command.response = command.response.first(kAnswerSize);
    }
    EXPECT_EQ(command.request.size(), sizeof(Request));
    EXPECT_EQ(command.response.size(), kAnswerSize);
    Request request;
    std::memcpy(&request, command.request.data(), sizeof request);
    Response response{};
    const int code = call(request, response, command);
    if constexpr (kIsAnswered) {
        if (code == 0) std::memcpy(command.response.data(), &response, sizeof response);
    }
    return code;
}

// For tests that hold for kernels of every age.
class EveryAge : public testing::TestWithParam<Age> {
protected:
    FakeKernel kernel_{GetParam()};
};

[[nodiscard]] std::string name_of(const testing::TestParamInfo<Age> &info);

#define UVERBS_EVERY_AGE(suite)                                                                    \
    INSTANTIATE_TEST_SUITE_P(Kernels, suite,                                                       \
                             testing::Values(Age::attributes, Age::before_methods,                 \
                                             Age::before_invoke, Age::before_ioctl),               \
                             name_of)

}  // namespace verbs::test
