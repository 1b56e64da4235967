// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// The C++ face of the provider contract: turns a class whose methods return Result<T> into the
// table of <verbs/provider.h>. It owns the trampolines, the catch-all and the errno shapes; a
// provider's author writes methods, and a method that is not there is an empty slot.
#pragma once

#include <verbs/provider.h>

#include "core/result.hpp"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <exception>
#include <memory>
#include <new>
#include <type_traits>
#include <vector>

namespace verbs::provider {

// The running library, as one provider sees it. Valid from start() on.
class Host {
public:
    static void attach(const verbs_host *table, const char *provider) noexcept {
        table_ = table;
        provider_ = provider;
    }
    [[nodiscard]] static const verbs_host &table() noexcept { return *table_; }
    [[nodiscard]] static const char *environment(const char *name) noexcept {
        return table_ != nullptr ? table_->environment(name) : nullptr;
    }
    template <class... Args>
    static void log(verbs_host_log_level level, const char *format, Args... args) noexcept {
        if (table_ == nullptr || table_->log_wants(level) == 0) return;
        char line[512];
        if constexpr (sizeof...(Args) == 0)
            std::snprintf(line, sizeof line, "%s", format);
        else
            std::snprintf(line, sizeof line, format, args...);
        table_->log(level, provider_, line);
    }

private:
    inline static const verbs_host *table_ = nullptr;
    inline static const char *provider_ = "";
};

namespace detail {

// Failures are settled out of line, so that a trampoline is little more than its call.
[[gnu::cold, gnu::noinline]] inline int refuse(int code, const char *phrase) noexcept {
    Host::table().set_reason(phrase);
    return code > 0 ? code : EINVAL;
}

// Inside of an exception's handler.
[[gnu::cold, gnu::noinline]] inline int refuse_exception() noexcept {
    try {
        throw;
    } catch (const std::bad_alloc &) {
        return refuse(ENOMEM, "out of memory");
    } catch (const std::exception &stray) {
        return refuse(EIO, stray.what());
    } catch (...) {
        return refuse(EIO, "the provider threw something that is no std::exception");
    }
}

// Runs `call`, which returns a Result, and gives the contract's errno value.
// `deliver` takes the value on success.
template <class Call, class Deliver>
[[gnu::always_inline]] inline int guarded(Call &&call, Deliver &&deliver) noexcept {
    try {
        auto result = call();
        if (!result) return refuse(result.error().code, result.error().phrase.c_str());
        deliver(result);
        return 0;
    } catch (...) {
        return refuse_exception();
    }
}

// Slot<&T::method>::call is the C function for that method:
//   Result<void> method(A...)  ->  int call(void *device, A...)
//   Result<R> method(A...)     ->  int call(void *device, A..., R *out)
template <auto Method>
struct Slot;

template <class T, class... A, Result<void> (T::*Method)(A...)>
struct Slot<Method> {
    static int call(void *device, A... args) noexcept {
        return guarded([&] { return (static_cast<T *>(device)->*Method)(args...); }, [](auto &) {});
    }
};

template <class T, class R, class... A, Result<R> (T::*Method)(A...)>
requires(!std::is_void_v<R>) struct Slot<Method> {
    static int call(void *device, A... args, R *out) noexcept {
        return guarded([&] { return (static_cast<T *>(device)->*Method)(args...); },
                       [&](auto &result) { *out = std::move(*result); });
    }
};

template <class T>
int start(const verbs_host *host) noexcept {
    Host::attach(host, T::kName);
    return guarded(
        [&]() -> Result<void> {
            if constexpr (requires { T::start(); }) return T::start();
            return {};
        },
        [](auto &) {});
}

template <class T>
int enumerate(void (*found)(void *, const verbs_provider_device *), void *sink) noexcept {
    return guarded([] { return T::enumerate(); },
                   [&](Result<std::vector<verbs_provider_device>> &devices) {
                       for (const auto &device : *devices)
                           found(sink, &device);
                   });
}

template <class T>
int open_device(const verbs_provider_device *which, ibv_context *context, void **device) noexcept {
    return guarded([&] { return T::open(*which, *context); },
                   [&](Result<std::unique_ptr<T>> &opened) { *device = opened->release(); });
}

template <class T>
int close_device(void *device) noexcept {
    auto *self = static_cast<T *>(device);
    const int code = guarded([&] { return self->close(); }, [](auto &) {});
    if (code == 0) delete self;
    return code;
}

// ibv_port_attr has grown before: a provider fills the one it was built with, the caller gets what
// both sides know, and zeros for what only the caller knows.
template <class T>
int query_port(void *device, uint8_t port_num, ibv_port_attr *attr, size_t size) noexcept {
    return guarded([&] { return static_cast<T *>(device)->query_port(port_num); },
                   [&](Result<ibv_port_attr> &known) {
                       std::memset(attr, 0, size);
                       std::memcpy(attr, &*known, std::min(size, sizeof(ibv_port_attr)));
                   });
}

// ibv_device_attr_ex grows: a provider fills the one it was built with, the caller gets what both
// sides know.
template <class T>
int query_device_ex(void *device, const ibv_query_device_ex_input *input, ibv_device_attr_ex *attr,
                    size_t size) noexcept {
    return guarded(
        [&]() -> Result<ibv_device_attr_ex> {
            if (input != nullptr && input->comp_mask != 0)
                return fail(EINVAL, "nothing is known that input->comp_mask could ask for");
            return static_cast<T *>(device)->query_device_ex();
        },
        [&](Result<ibv_device_attr_ex> &known) {
            std::memcpy(attr, &*known, std::min(size, sizeof *known));
        });
}

}  // namespace detail

// The optional slot for T::method, or an empty one where T has no such method.
#define VERBS_PROVIDER_SLOT(method)                                                                \
    if constexpr (requires { &T::method; }) ops.method = &detail::Slot<&T::method>::call

template <class T>
constexpr verbs_provider_ops make_ops() {
    verbs_provider_ops ops{};
    ops.start = &detail::start<T>;
    if constexpr (requires { &T::enumerate; }) ops.enumerate = &detail::enumerate<T>;
    ops.open_device = &detail::open_device<T>;
    ops.close_device = &detail::close_device<T>;
    ops.query_port = &detail::query_port<T>;
    VERBS_PROVIDER_SLOT(query_device);
    VERBS_PROVIDER_SLOT(query_gid);
    VERBS_PROVIDER_SLOT(query_pkey);
    VERBS_PROVIDER_SLOT(alloc_pd);
    VERBS_PROVIDER_SLOT(dealloc_pd);
    VERBS_PROVIDER_SLOT(reg_mr);
    VERBS_PROVIDER_SLOT(rereg_mr);
    VERBS_PROVIDER_SLOT(dereg_mr);
    VERBS_PROVIDER_SLOT(alloc_mw);
    VERBS_PROVIDER_SLOT(bind_mw);
    VERBS_PROVIDER_SLOT(dealloc_mw);
    VERBS_PROVIDER_SLOT(create_comp_channel);
    VERBS_PROVIDER_SLOT(destroy_comp_channel);
    VERBS_PROVIDER_SLOT(create_cq);
    VERBS_PROVIDER_SLOT(resize_cq);
    VERBS_PROVIDER_SLOT(destroy_cq);
    VERBS_PROVIDER_SLOT(create_srq);
    VERBS_PROVIDER_SLOT(modify_srq);
    VERBS_PROVIDER_SLOT(query_srq);
    VERBS_PROVIDER_SLOT(destroy_srq);
    VERBS_PROVIDER_SLOT(create_qp);
    VERBS_PROVIDER_SLOT(modify_qp);
    VERBS_PROVIDER_SLOT(query_qp);
    VERBS_PROVIDER_SLOT(destroy_qp);
    VERBS_PROVIDER_SLOT(create_ah);
    VERBS_PROVIDER_SLOT(destroy_ah);
    VERBS_PROVIDER_SLOT(attach_mcast);
    VERBS_PROVIDER_SLOT(detach_mcast);
    if constexpr (requires { &T::query_device_ex; })
        ops.query_device_ex = &detail::query_device_ex<T>;
    VERBS_PROVIDER_SLOT(query_gid_table);
    if constexpr (requires { &T::cq_event; }) ops.cq_event = &T::cq_event;
    return ops;
}

#undef VERBS_PROVIDER_SLOT

template <class T>
inline constexpr verbs_provider_ops kOps = make_ops<T>();

}  // namespace verbs::provider

// Exports class `type` as this plugin's provider. Once per plugin, outside any namespace.
#define VERBS_PROVIDER(type) VERBS_PROVIDER_WITH_HALF(type, 0, nullptr, 0)

// The same with an experimental half: its contract, its table and the size of that.
#define VERBS_PROVIDER_WITH_HALF(type, exp_contract, exp_ops, exp_ops_size)                        \
    extern "C" __attribute__((visibility("default"))) const struct verbs_provider verbs_provider;  \
    const struct verbs_provider verbs_provider = {VERBS_PROVIDER_MAGIC,                            \
                                                  VERBS_PROVIDER_CONTRACT,                         \
                                                  sizeof(struct verbs_provider),                   \
                                                  type::kName,                                     \
                                                  &verbs::provider::kOps<type>,                    \
                                                  sizeof(struct verbs_provider_ops),               \
                                                  exp_contract,                                    \
                                                  exp_ops,                                         \
                                                  exp_ops_size,                                    \
                                                  0}
