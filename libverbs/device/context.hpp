// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Context: an open device. One block of memory holds our own data, then the extension block that
// programs find by negative offsets from their ibv_context, then the ibv_context itself.
#pragma once

#include "core/result.hpp"
#include "device/device.hpp"
#include "device/events.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>

namespace verbs::device {

// The extension block of rdma-core 22 to 58 (struct verbs_context, 648 bytes): pointer-sized slots
// that end at the ibv_context. A slot is named by its distance from there, which never changed.
struct ContextTail {
    static constexpr std::size_t kSize = 648;
    static constexpr std::size_t kSlotBytes = kSize - sizeof(ibv_context);

    std::array<std::uintptr_t, kSlotBytes / sizeof(std::uintptr_t)> slots{};
    ibv_context context{};

    // The slot `distance` bytes before the ibv_context.
    [[nodiscard]] std::uintptr_t &slot(std::size_t distance) noexcept {
        return slots[slots.size() - distance / sizeof(std::uintptr_t)];
    }
};
static_assert(sizeof(ibv_context) == 328);
static_assert(sizeof(ContextTail) == ContextTail::kSize);
static_assert(offsetof(ContextTail, context) == ContextTail::kSlotBytes);

inline constexpr std::size_t kSlotSize = 8;           // size_t: ContextTail::kSize
inline constexpr std::size_t kSlotQueryDevice = 104;  // ibv_query_device_ex with a size
inline constexpr std::size_t kSlotPrivate = 112;      // our Context *
inline constexpr std::size_t kSlotQueryPort = 320;    // ibv_query_port with a size

// First member of what kSlotPrivate points to, so that a context of another copy of this library,
// or of another library, is recognised without reading further.
struct Owned {
    const void *owner = nullptr;
};

class Context : public Owned {
public:
    // The Context behind a program's handle. Refuses NULL and what another library made.
    [[nodiscard]] static Result<Context *> of(const ibv_context *context);
    // The same without words: NULL for what is refused.
    [[nodiscard]] static Context *find(const ibv_context *context) noexcept;

    // Opens a device. Slots of ibv_context.ops that the provider left empty refuse.
    [[nodiscard]] static Result<Context *> open(std::shared_ptr<Device> device);
    // Closes it and frees the block, unless the provider refuses.
    [[nodiscard]] static Result<void> close(Context &context);

    [[nodiscard]] ibv_context &handle() noexcept;
    [[nodiscard]] ContextTail &tail() noexcept;
    [[nodiscard]] Device &device() const noexcept { return *device_; }
    [[nodiscard]] EventBook &events() noexcept { return events_; }
    [[nodiscard]] const verbs_provider_ops &ops() const noexcept {
        return device_->provider().ops();
    }

    // What the provider's open_device gave: the first argument of its slots.
    [[nodiscard]] void *provider_device() const noexcept { return provider_device_; }

    // Calls a slot of this device's provider with the device in front.
    template <class... P, class... A>
    [[nodiscard]] Result<void> call(const char *verb, int (*slot)(void *, P...),
                                    A &&...arguments) const {
        return device_->provider().call(verb, slot, provider_device_,
                                        std::forward<A>(arguments)...);
    }

private:
    friend struct ContextBlock;
    // Out of line, as every failure (core/result.hpp).
    [[nodiscard, gnu::cold]] static Failure is_foreign(const ibv_context *context);
    static const char kOwner;  // its address tells this copy of the library from every other
    // In ibv_context.abi_compat: there is an extension block.
    static void *is_extended() noexcept { return reinterpret_cast<void *>(UINTPTR_MAX); }

    explicit Context(std::shared_ptr<Device> device) noexcept;
    void claim() noexcept;

    std::shared_ptr<Device> device_;
    void *provider_device_ = nullptr;
    EventBook events_;
};

// Our own data, and behind it what the program has.
struct ContextBlock {
    explicit ContextBlock(std::shared_ptr<Device> device) noexcept : core(std::move(device)) {}
    Context core;
    ContextTail tail;
};

inline Context *Context::find(const ibv_context *context) noexcept {
    if (context == nullptr || context->abi_compat != is_extended()) return nullptr;
    const auto *slots = reinterpret_cast<const std::uintptr_t *>(context);
    auto *owned = reinterpret_cast<Owned *>(*(slots - kSlotPrivate / sizeof(std::uintptr_t)));
    const bool is_ours = owned != nullptr && owned->owner == &kOwner;
    return is_ours ? static_cast<Context *>(owned) : nullptr;
}

inline Result<Context *> Context::of(const ibv_context *context) {
    if (Context *const found = find(context); found != nullptr) return found;
    return is_foreign(context);
}

// core is the first member of its block, and every Context is made in one.
inline ContextTail &Context::tail() noexcept {
    return reinterpret_cast<ContextBlock *>(this)->tail;
}

inline ibv_context &Context::handle() noexcept {
    return tail().context;
}

}  // namespace verbs::device
