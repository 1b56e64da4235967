// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Opening the node, get_context, the descriptor of asynchronous events; and which of the kernel's
// dialects a command is spoken in.
#include "uverbs/context.hpp"

#include "uverbs/failure.hpp"
#include "uverbs/write_buffer.hpp"

#include <cerrno>
#include <climits>
#include <cstdio>
#include <cstring>
#include <string>

namespace verbs::uverbs {
namespace {

constexpr const char *kFolder = "/dev/infiniband/";

const char *advice(int code) noexcept {
    switch (code) {
    case ENOENT:
        return " (is the kernel module ib_uverbs loaded, and does this container have the node?)";
    case EACCES:
    case EPERM:
        return " (does this user have the right to it, as by the group of the node?)";
    case ENXIO:
    case ENODEV:
    case EIO:
        return " (the device was removed)";
    default:
        return "";
    }
}

Result<UniqueFd> open_node(const char *dev_name, const Kernel &kernel) {
    if (*dev_name == '\0' || std::strchr(dev_name, '/') != nullptr || *dev_name == '.')
        return fail(EINVAL, "the device has no name of a node in /dev/infiniband");
    const std::string path = std::string(kFolder) + dev_name;
    const int before = errno;
    UniqueFd node(kernel.open(kernel.self, path.c_str()));
    const int code = errno;
    if (!node.is_open()) return fail(code, path + ": " + std::strerror(code) + advice(code));
    errno = before;
    return node;
}

}  // namespace

Result<Context> Context::open(const char *dev_name, std::uint32_t driver_id, const Udata &udata,
                              const Kernel &kernel) {
    VERBS_TRY(node, open_node(dev_name, kernel));
    Context context(kernel, std::move(node), driver_id);
    VERBS_CHECK(context.get_context(udata));
    return context;
}

Result<void> Context::get_context(const Udata &udata) {
    const int code = get_context_by_attributes(udata);
    if (code == 0) {
        if (num_comp_vectors_ < 0) return odd_answer("get_context", "no completion vectors");
        return open_async_events();
    }
    if (!is_unknown_method(code)) return refused("get_context", code);
    if (code == ENOTTY) abi_ = Abi::write;
    return get_context_by_write(udata);
}

int Context::get_context_by_attributes(const Udata &udata) noexcept {
    Command<4> command(UVERBS_OBJECT_DEVICE, UVERBS_METHOD_GET_CONTEXT);
    std::uint32_t vectors = UINT32_MAX;
    std::uint64_t support = 0;
    command.out(UVERBS_ATTR_GET_CONTEXT_NUM_COMP_VECTORS, vectors);
    const auto support_place = command.out(UVERBS_ATTR_GET_CONTEXT_CORE_SUPPORT, support);
    command.make_optional(support_place);  // newer than the command
    command.udata(udata);
    if (const int code = run_quietly(command); code != 0) return code;
    num_comp_vectors_ = static_cast<int>(vectors);
    if (command.is_written(support_place)) core_support_ = support;
    return 0;
}

// Before 5.8. The answer has the descriptor for asynchronous events, too.
Result<void> Context::get_context_by_write(const Udata &udata) {
    const ib_uverbs_get_context request{};
    ib_uverbs_get_context_resp response{};
    response.async_fd = UINT32_MAX;
    response.num_comp_vectors = UINT32_MAX;
    const auto command = write_command(IB_USER_VERBS_CMD_GET_CONTEXT, request, response, udata);
    int code = run_quietly(command);
    if (abi_ == Abi::attributes && is_unknown_method(code)) {
        abi_ = Abi::attributes_only;
        code = run_quietly(command);
    }
    if (code != 0) return refused("get_context", code);
    const int fd = static_cast<int>(response.async_fd);
    if (fd < 0 || fd == node_.get())
        return odd_answer("get_context", "no descriptor for asynchronous events");
    async_.reset(fd);
    if (response.num_comp_vectors > INT_MAX)
        return odd_answer("get_context", "no completion vectors");
    num_comp_vectors_ = static_cast<int>(response.num_comp_vectors);
    return {};
}

// The first of these descriptors is the one that gets the events of all objects.
Result<void> Context::open_async_events() {
    constexpr const char *kVerb = "async_event_alloc";
    Command<1> command(UVERBS_OBJECT_ASYNC_EVENT, UVERBS_METHOD_ASYNC_EVENT_ALLOC);
    const auto place = command.new_descriptor(UVERBS_ATTR_ASYNC_EVENT_ALLOC_FD_HANDLE);
    VERBS_CHECK(run(kVerb, command));
    VERBS_TRY(fd, command.created_descriptor(kVerb, place));
    if (fd == node_.get()) return odd_answer(kVerb, "a descriptor that is another one");
    async_.reset(fd);
    return {};
}

// write() is half the work of the ioctl, but the kernel refuses it to a process that has changed
// its user since the node was opened.
int Context::run_briefly(const WriteCommand &command) const noexcept {
    const int code = write(command);
    return code == EACCES && abi_ == Abi::attributes ? invoke(command) : code;
}

int Context::write(const WriteCommand &command) const noexcept {
    WriteBuffer buffer;
    if (!buffer.compose(command)) return E2BIG;
    const auto bytes = buffer.bytes();
    const int before = errno;
    const ssize_t written = kernel_->write(kernel_->self, node_.get(), bytes.data(), bytes.size());
    if (written != static_cast<ssize_t>(bytes.size())) return detail::outcome(written, before);
    buffer.deliver(command);
    return 0;
}

}  // namespace verbs::uverbs
