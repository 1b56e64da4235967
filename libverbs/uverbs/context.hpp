// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Context: an open uverbs node with the kernel's side of an ibv_context behind it. It knows in
// which of its dialects this kernel is to be spoken to; objects are made by the functions of
// pd.hpp, mr.hpp and so on. Closing the node is what ends everything in the kernel.
#pragma once

#include "core/fd.hpp"
#include "core/result.hpp"
#include "uverbs/command.hpp"
#include "uverbs/failure.hpp"
#include "uverbs/kernel.hpp"
#include "uverbs/udata.hpp"
#include "uverbs/write_command.hpp"

#include <rdma/rdma_user_ioctl.h>

#include <cerrno>
#include <cstdint>

namespace verbs::uverbs {

class Context {
public:
    enum class Abi : std::uint8_t {
        attributes,       // RDMA_VERBS_IOCTL, with the older commands inside of it
        attributes_only,  // the same, but the older commands by write()
        write,            // a kernel without the ioctl
    };

    // Opens /dev/infiniband/<dev_name>. `udata` is the driver's part of get_context. Phrases name
    // the node, and what may be done about it.
    [[nodiscard]] static Result<Context> open(const char *dev_name, std::uint32_t driver_id,
                                              const Udata &udata = {},
                                              const Kernel &kernel = running_kernel());

    Context(Context &&) = default;
    Context &operator=(Context &&) = default;

    // For mmap, and for ibv_context.cmd_fd.
    [[nodiscard]] int fd() const noexcept { return node_.get(); }
    // Gives struct ib_uverbs_async_event_desc, whose element is an object's user_handle.
    [[nodiscard]] int async_fd() const noexcept { return async_.get(); }
    [[nodiscard]] int num_comp_vectors() const noexcept { return num_comp_vectors_; }
    // enum ib_uverbs_core_support
    [[nodiscard]] std::uint64_t core_support() const noexcept { return core_support_; }
    [[nodiscard]] Abi abi() const noexcept { return abi_; }

    // Runs a command. `verb` names it in the phrase of a failure.
    [[nodiscard]] Result<void> run(const char *verb, AnyCommand &command) const;
    [[nodiscard]] Result<void> run(const char *verb, const WriteCommand &command) const;

    // The same without words: 0 or an errno value. Allocates nothing, leaves errno alone.
    [[nodiscard]] int run_quietly(AnyCommand &command) const noexcept;
    [[nodiscard]] int run_quietly(const WriteCommand &command) const noexcept;
    // The way that costs the kernel least, for commands on the data path.
    [[nodiscard]] int run_briefly(const WriteCommand &command) const noexcept;

private:
    Context(const Kernel &kernel, UniqueFd node, std::uint32_t driver_id) noexcept
        : kernel_(&kernel), node_(std::move(node)), driver_id_(driver_id) {}

    [[nodiscard]] Result<void> get_context(const Udata &udata);
    [[nodiscard]] int get_context_by_attributes(const Udata &udata) noexcept;
    [[nodiscard]] Result<void> get_context_by_write(const Udata &udata);
    [[nodiscard]] Result<void> open_async_events();
    [[nodiscard]] int invoke(const WriteCommand &command) const noexcept;
    [[nodiscard]] int write(const WriteCommand &command) const noexcept;

    const Kernel *kernel_;
    UniqueFd node_;
    UniqueFd async_;
    std::uint32_t driver_id_;
    Abi abi_ = Abi::attributes;
    int num_comp_vectors_ = 0;
    std::uint64_t core_support_ = 0;
};

namespace detail {

// Of a system call that did not end as a success: an errno value, or EPROTO for an odd result. Puts
// errno back to what it was before the call.
[[nodiscard, gnu::cold, gnu::noinline]] inline int outcome(ssize_t result,
                                                           int errno_before) noexcept {
    const int code = result < 0 ? errno : EPROTO;
    errno = errno_before;
    return code;
}

}  // namespace detail

// Inline, like the command itself: together they are one piece of code in front of the ioctl.
[[gnu::always_inline]] inline int Context::run_quietly(AnyCommand &command) const noexcept {
    if (abi_ == Abi::write) return ENOTTY;  // as the kernel would say
    auto *header = command.finish(driver_id_);
    if (header == nullptr) return E2BIG;
    const int before = errno;
    const int result = kernel_->ioctl(kernel_->self, node_.get(), RDMA_VERBS_IOCTL, header);
    return result == 0 ? 0 : detail::outcome(result, before);
}

[[gnu::always_inline]] inline int Context::invoke(const WriteCommand &command) const noexcept {
    Command<5> outer(UVERBS_OBJECT_DEVICE, UVERBS_METHOD_INVOKE_WRITE);
    outer.in_bytes(UVERBS_ATTR_CORE_IN, command.request);
    if (!command.response.empty()) outer.out_bytes(UVERBS_ATTR_CORE_OUT, command.response);
    outer.constant(UVERBS_ATTR_WRITE_CMD, command.number);
    outer.udata(command.udata);
    return run_quietly(outer);
}

[[gnu::always_inline]] inline int Context::run_quietly(const WriteCommand &command) const noexcept {
    return abi_ == Abi::attributes ? invoke(command) : write(command);
}

[[gnu::always_inline]] inline Result<void> Context::run(const char *verb,
                                                        AnyCommand &command) const {
    if (const int code = run_quietly(command); code != 0) return refused(verb, code);
    return {};
}

[[gnu::always_inline]] inline Result<void> Context::run(const char *verb,
                                                        const WriteCommand &command) const {
    if (const int code = run_quietly(command); code != 0) return refused(verb, code);
    return {};
}

}  // namespace verbs::uverbs
