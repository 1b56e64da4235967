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

    // Calls a slot of this device's provider with the device in front.
    template <class... P, class... A>
    [[nodiscard]] Result<void> call(const char *verb, int (*slot)(void *, P...),
                                    A &&...arguments) const {
        return device_->provider().call(verb, slot, provider_device_,
                                        std::forward<A>(arguments)...);
    }

private:
    friend struct ContextBlock;
    explicit Context(std::shared_ptr<Device> device) noexcept;

    std::shared_ptr<Device> device_;
    void *provider_device_ = nullptr;  // what the provider's open_device gave
    EventBook events_;
};

}  // namespace verbs::device
