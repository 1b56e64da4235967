// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "uverbs/fake_kernel.hpp"

#include <sys/eventfd.h>
#include <sys/mman.h>

#include <set>

namespace verbs::test {
namespace {

constexpr std::uint64_t kSmall = sizeof(std::uint64_t);

template <class T>
T read_at(std::span<const std::byte> bytes, std::size_t at) {
    T value{};
    EXPECT_GE(bytes.size(), at + sizeof value);
    if (bytes.size() >= at + sizeof value) std::memcpy(&value, bytes.data() + at, sizeof value);
    return value;
}

std::span<std::byte> memory(std::uint64_t address, std::size_t size) {
    return {reinterpret_cast<std::byte *>(static_cast<std::uintptr_t>(address)), size};
}

// The rules of form that the real kernel has for every attribute command.
void judge_form(const ib_uverbs_ioctl_hdr &header) {
    EXPECT_EQ(header.length, sizeof header + header.num_attrs * sizeof(ib_uverbs_attr));
    EXPECT_EQ(header.driver_id, kDriver);
    EXPECT_EQ(header.reserved1, 0u);
    EXPECT_EQ(header.reserved2, 0u);
    std::set<std::uint16_t> ids;
    for (std::size_t at = 0; at < header.num_attrs; ++at) {
        const ib_uverbs_attr &attribute = header.attrs[at];
        EXPECT_TRUE(ids.insert(attribute.attr_id).second) << "twice: " << attribute.attr_id;
        EXPECT_EQ(attribute.flags & ~UVERBS_ATTR_F_MANDATORY, 0);
        EXPECT_EQ(attribute.attr_data.enum_data.reserved, 0);
    }
}

}  // namespace

ib_uverbs_attr *MethodCall::find(std::uint16_t id) const {
    for (std::size_t at = 0; at < header_.num_attrs; ++at)
        if (header_.attrs[at].attr_id == id) return &header_.attrs[at];
    return nullptr;
}

std::vector<std::byte> MethodCall::in_bytes(std::uint16_t id) const {
    const auto *attribute = find(id);
    if (attribute == nullptr) {
        ADD_FAILURE() << "no attribute " << id;
        return {};
    }
    std::vector<std::byte> bytes(attribute->len);
    const void *from = attribute->len > kSmall ? memory(attribute->data, 0).data()
                                               : static_cast<const void *>(&attribute->data);
    std::memcpy(bytes.data(), from, bytes.size());
    return bytes;
}

std::int64_t MethodCall::object(std::uint16_t id) const {
    const auto *attribute = find(id);
    if (attribute == nullptr) {
        ADD_FAILURE() << "no attribute " << id;
        return -1;
    }
    EXPECT_EQ(attribute->len, 0);
    return attribute->data_s64;
}

void MethodCall::out_bytes(std::uint16_t id, std::span<const std::byte> bytes) const {
    auto *attribute = find(id);
    ASSERT_NE(attribute, nullptr) << "no attribute " << id;
    const std::size_t size = std::min<std::size_t>(bytes.size(), attribute->len);
    std::memcpy(memory(attribute->data, size).data(), bytes.data(), size);
    attribute->flags |= UVERBS_ATTR_F_VALID_OUTPUT;
}

void MethodCall::create(std::uint16_t id, std::int64_t what) const {
    auto *attribute = find(id);
    ASSERT_NE(attribute, nullptr) << "no attribute " << id;
    EXPECT_EQ(attribute->len, 0);
    attribute->data_s64 = what;
}

FakeKernel::FakeKernel(Age its_age)
    : age(its_age), table_{this, &open_node, &run_ioctl, &run_write} {
    on_method(UVERBS_OBJECT_DEVICE, UVERBS_METHOD_GET_CONTEXT, [this](MethodCall &call) {
        call.out(UVERBS_ATTR_GET_CONTEXT_NUM_COMP_VECTORS, vectors);
        call.out(UVERBS_ATTR_GET_CONTEXT_CORE_SUPPORT, core_support);
        return 0;
    });
    on_method(UVERBS_OBJECT_ASYNC_EVENT, UVERBS_METHOD_ASYNC_EVENT_ALLOC, [this](MethodCall &call) {
        call.create(UVERBS_ATTR_ASYNC_EVENT_ALLOC_FD_HANDLE, give_async_fd());
        return 0;
    });
    on_command<ib_uverbs_get_context, ib_uverbs_get_context_resp>(
        IB_USER_VERBS_CMD_GET_CONTEXT,
        [this](const auto &, ib_uverbs_get_context_resp &response, CommandCall &) {
            response.async_fd = static_cast<std::uint32_t>(give_async_fd());
            response.num_comp_vectors = vectors;
            return 0;
        });
}

uverbs::Context FakeKernel::context() {
    auto context = uverbs::Context::open("uverbs7", kDriver, {}, table_);
    if (!context) {
        ADD_FAILURE() << context.error().phrase;
        std::abort();
    }
    return std::move(*context);
}

int FakeKernel::give_async_fd() {
    async_fd = ::eventfd(0, EFD_CLOEXEC);
    return async_fd;
}

int FakeKernel::open_node(void *self, const char *path) {
    auto &kernel = *static_cast<FakeKernel *>(self);
    kernel.opened = path;
    if (kernel.open_errno != 0) {
        errno = kernel.open_errno;
        return -1;
    }
    kernel.node_ = ::memfd_create("uverbs", MFD_CLOEXEC);
    return kernel.node_;
}

int FakeKernel::run_ioctl(void *self, int fd, unsigned long request, void *argument) {
    auto &kernel = *static_cast<FakeKernel *>(self);
    ++kernel.ioctls;
    EXPECT_EQ(fd, kernel.node_);
    EXPECT_EQ(request, RDMA_VERBS_IOCTL);
    if (kernel.misbehave) return static_cast<int>(std::exchange(kernel.misbehave, {})(false));
    const int code = kernel.take(*static_cast<ib_uverbs_ioctl_hdr *>(argument));
    if (code == 0) return 0;
    errno = code;
    return -1;
}

ssize_t FakeKernel::run_write(void *self, int fd, const void *bytes, std::size_t size) {
    auto &kernel = *static_cast<FakeKernel *>(self);
    ++kernel.writes;
    EXPECT_EQ(fd, kernel.node_);
    const auto *first = static_cast<const std::byte *>(bytes);
    kernel.written.assign(first, first + size);
    if (kernel.misbehave) return std::exchange(kernel.misbehave, {})(true);
    const int code = kernel.take_written({first, size});
    if (code == 0) return static_cast<ssize_t>(size);
    errno = code;
    return -1;
}

int FakeKernel::take(ib_uverbs_ioctl_hdr &header) {
    if (age == Age::before_ioctl) return ENOTTY;
    judge_form(header);
    MethodCall call(header);
    const bool is_invoked =
        header.object_id == UVERBS_OBJECT_DEVICE && header.method_id == UVERBS_METHOD_INVOKE_WRITE;
    if (is_invoked) return age == Age::before_invoke ? EPROTONOSUPPORT : take_invoked(call);
    const auto method = methods_.find({header.object_id, header.method_id});
    if (age != Age::attributes || method == methods_.end()) return EPROTONOSUPPORT;
    return method->second(call);
}

int FakeKernel::take_invoked(MethodCall &call) {
    CommandCall command;
    command.number = static_cast<std::uint32_t>(call.in<std::uint64_t>(UVERBS_ATTR_WRITE_CMD));
    const auto request = call.in_bytes(UVERBS_ATTR_CORE_IN);
    command.request = request;
    if (const auto *out = call.find(UVERBS_ATTR_CORE_OUT))
        command.response = memory(out->data, out->len);
    std::vector<std::byte> driver;
    if (call.has(UVERBS_ATTR_UHW_IN)) driver = call.in_bytes(UVERBS_ATTR_UHW_IN);
    command.driver_in = driver;
    if (const auto *out = call.find(UVERBS_ATTR_UHW_OUT))
        command.driver_out = memory(out->data, out->len);
    return dispatch(command);
}

int FakeKernel::take_written(std::span<const std::byte> bytes) {
    const auto header = read_at<ib_uverbs_cmd_hdr>(bytes, 0);
    if ((header.command & IB_USER_VERBS_CMD_FLAG_EXTENDED) != 0)
        return take_extended(header.command, bytes);
    if (header.in_words * 4u != bytes.size()) return EINVAL;
    CommandCall command;
    command.number = header.command;
    command.is_one = true;
    command.request = bytes.subspan(sizeof header);
    if (header.out_words != 0)
        command.response =
            memory(read_at<std::uint64_t>(command.request, 0), header.out_words * 4u);
    return dispatch(command);
}

int FakeKernel::take_extended(std::uint32_t number, std::span<const std::byte> bytes) {
    const auto header = read_at<ib_uverbs_cmd_hdr>(bytes, 0);
    const auto more = read_at<ib_uverbs_ex_cmd_hdr>(bytes, sizeof header);
    const auto body = bytes.subspan(sizeof header + sizeof more);
    if ((header.in_words + more.provider_in_words) * 8u != body.size()) return EINVAL;
    EXPECT_EQ(more.cmd_hdr_reserved, 0u);
    EXPECT_EQ(more.response != 0, header.out_words + more.provider_out_words != 0);
    CommandCall command;
    command.number = number;
    command.is_one = true;
    command.request = body.first(header.in_words * 8u);
    command.driver_in = body.subspan(header.in_words * 8u);
    command.response = memory(more.response, header.out_words * 8u);
    command.driver_out =
        memory(more.response + header.out_words * 8u, more.provider_out_words * 8u);
    return dispatch(command);
}

int FakeKernel::dispatch(CommandCall &command) {
    const auto found = commands_.find(command.number);
    return found == commands_.end() ? EOPNOTSUPP : found->second(command);
}

std::string name_of(const testing::TestParamInfo<Age> &info) {
    switch (info.param) {
    case Age::attributes:
        return "attributes";
    case Age::before_methods:
        return "before_methods";
    case Age::before_invoke:
        return "before_invoke";
    case Age::before_ioctl:
        return "before_ioctl";
    }
    return "unknown";
}

}  // namespace verbs::test
