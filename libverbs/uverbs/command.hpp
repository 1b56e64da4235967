// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Command<Room>: one command of the kernel's attribute ABI (RDMA_VERBS_IOCTL), written attribute by
// attribute into a buffer on the stack. Nothing is written beyond the room: a command that does not
// fit is refused when it is run. Values behind pointers have to live until it has been run.
#pragma once

#include "core/result.hpp"
#include "uverbs/failure.hpp"
#include "uverbs/udata.hpp"

#include <rdma/ib_user_ioctl_cmds.h>
#include <rdma/rdma_user_ioctl_cmds.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <span>
#include <type_traits>

namespace verbs::uverbs {

static_assert(sizeof(ib_uverbs_ioctl_hdr) == 24);
static_assert(sizeof(ib_uverbs_attr) == 16);
static_assert(offsetof(ib_uverbs_attr, flags) == 4 && offsetof(ib_uverbs_attr, data) == 8);

namespace detail {

// What stands where the kernel is to put a handle or a descriptor; it is neither.
inline constexpr std::uint64_t kNotAnswered = std::numeric_limits<std::uint64_t>::max();
// Handles and descriptors are positive ints in the kernel.
inline constexpr std::uint64_t kLargest = std::numeric_limits<int>::max();

inline std::uint64_t address_of(const void *memory) noexcept {
    return reinterpret_cast<std::uintptr_t>(memory);
}

}  // namespace detail

class AnyCommand {
public:
    // Which attribute of the command, to look at its answer.
    struct Place {
        ib_uverbs_attr *attribute;
    };

    AnyCommand(const AnyCommand &) = delete;
    AnyCommand &operator=(const AnyCommand &) = delete;

    // A value for the kernel. Up to 8 bytes travel in the attribute itself.
    template <Bytes T>
    Place in(std::uint16_t id, const T &value) noexcept {
        return in_bytes(id, std::as_bytes(std::span(&value, 1)));
    }
    Place in_bytes(std::uint16_t id, std::span<const std::byte> bytes) noexcept;
    // A number that the kernel declares as an enumeration or as flags: 64 bits on the wire.
    Place constant(std::uint16_t id, std::uint64_t value) noexcept { return in(id, value); }
    // One alternative of several, with the bytes that this alternative takes.
    Place alternative(std::uint16_t id, std::uint8_t element,
                      std::span<const std::byte> bytes) noexcept;

    // Where the kernel writes a value, and how much room there is.
    template <Bytes T>
    Place out(std::uint16_t id, T &value) noexcept {
        return out_bytes(id, std::as_writable_bytes(std::span(&value, 1)));
    }
    Place out_bytes(std::uint16_t id, std::span<std::byte> bytes) noexcept;

    // An object that exists, several of them, an open descriptor.
    Place object(std::uint16_t id, std::uint32_t handle) noexcept;
    Place objects(std::uint16_t id, std::span<const std::uint32_t> handles) noexcept;
    Place descriptor(std::uint16_t id, int fd) noexcept;
    // An object, or a descriptor, that the command creates.
    Place new_object(std::uint16_t id) noexcept;
    Place new_descriptor(std::uint16_t id) noexcept;

    // The provider's own bytes, as far as there are any.
    void udata(const Udata &udata) noexcept;

    // A kernel that does not know this attribute may pass over it.
    void make_optional(Place place) noexcept;

    // After the command has been run. An answer that no kernel gives is refused with EPROTO.
    [[nodiscard]] Result<std::uint32_t> created_object(const char *verb, Place place) const;
    [[nodiscard]] Result<int> created_descriptor(const char *verb, Place place) const;
    // Whether the kernel has written an optional output.
    [[nodiscard]] bool is_written(Place place) const noexcept;

    // The whole command, ready for the ioctl; nullptr when something did not fit.
    [[nodiscard]] ib_uverbs_ioctl_hdr *finish(std::uint32_t driver_id) noexcept;

protected:
    AnyCommand(std::byte *storage, std::uint16_t room, std::uint16_t object,
               std::uint16_t method) noexcept;
    ~AnyCommand() = default;

private:
    Place add(std::uint16_t id, std::size_t length, std::uint64_t data) noexcept;
    [[nodiscard]] ib_uverbs_attr *first() const noexcept {
        return reinterpret_cast<ib_uverbs_attr *>(storage_ + sizeof(ib_uverbs_ioctl_hdr));
    }

    std::byte *const storage_;
    const std::uint16_t object_;
    const std::uint16_t method_;
    bool is_too_long_ = false;
    ib_uverbs_attr *next_ = first();
    ib_uverbs_attr *const end_;
};

// The storage comes first among the bases: it is there before AnyCommand writes into it.
template <std::size_t Room>
struct CommandStorage {
    // Not set to zero: every attribute is written whole, and no byte behind the last one is sent.
    alignas(8) std::byte bytes[sizeof(ib_uverbs_ioctl_hdr) + Room * sizeof(ib_uverbs_attr)];
};

template <std::size_t Room>
class Command : private CommandStorage<Room>, public AnyCommand {
public:
    static_assert(Room >= 1 && Room <= 64);
    Command(std::uint16_t object, std::uint16_t method) noexcept
        : AnyCommand(CommandStorage<Room>::bytes, Room, object, method) {}
};

// Inline in any case, so that a command whose attributes are known is little more than its bytes.

inline AnyCommand::AnyCommand(std::byte *storage, std::uint16_t room, std::uint16_t object,
                              std::uint16_t method) noexcept
    : storage_(storage), object_(object), method_(method), end_(first() + room) {}

[[gnu::always_inline]] inline AnyCommand::Place
AnyCommand::add(std::uint16_t id, std::size_t length, std::uint64_t data) noexcept {
    if (next_ == end_ || length > std::numeric_limits<std::uint16_t>::max()) {
        is_too_long_ = true;
        return {first()};  // never run
    }
    ib_uverbs_attr attribute{};
    attribute.attr_id = id;
    attribute.len = static_cast<std::uint16_t>(length);
    attribute.flags = UVERBS_ATTR_F_MANDATORY;
    attribute.data = data;
    *next_ = attribute;
    return {next_++};
}

[[gnu::always_inline]] inline AnyCommand::Place
AnyCommand::in_bytes(std::uint16_t id, std::span<const std::byte> bytes) noexcept {
    std::uint64_t data = 0;
    if (bytes.size() > sizeof data)
        data = detail::address_of(bytes.data());
    else if (!bytes.empty())
        std::memcpy(&data, bytes.data(), bytes.size());
    return add(id, bytes.size(), data);
}

inline AnyCommand::Place AnyCommand::alternative(std::uint16_t id, std::uint8_t element,
                                                 std::span<const std::byte> bytes) noexcept {
    const Place place = in_bytes(id, bytes);
    if (!is_too_long_) place.attribute->attr_data.enum_data.elem_id = element;
    return place;
}

[[gnu::always_inline]] inline AnyCommand::Place
AnyCommand::out_bytes(std::uint16_t id, std::span<std::byte> bytes) noexcept {
    return add(id, bytes.size(), detail::address_of(bytes.data()));
}

inline AnyCommand::Place AnyCommand::object(std::uint16_t id, std::uint32_t handle) noexcept {
    return add(id, 0, handle);
}

inline AnyCommand::Place AnyCommand::objects(std::uint16_t id,
                                             std::span<const std::uint32_t> handles) noexcept {
    return in_bytes(id, std::as_bytes(handles));
}

inline AnyCommand::Place AnyCommand::descriptor(std::uint16_t id, int fd) noexcept {
    return add(id, 0, static_cast<std::uint64_t>(static_cast<std::int64_t>(fd)));
}

inline AnyCommand::Place AnyCommand::new_object(std::uint16_t id) noexcept {
    return add(id, 0, detail::kNotAnswered);
}

inline AnyCommand::Place AnyCommand::new_descriptor(std::uint16_t id) noexcept {
    return add(id, 0, detail::kNotAnswered);
}

[[gnu::always_inline]] inline void AnyCommand::udata(const Udata &udata) noexcept {
    if (!udata.in.empty()) in_bytes(UVERBS_ATTR_UHW_IN, udata.in);
    if (!udata.out.empty()) out_bytes(UVERBS_ATTR_UHW_OUT, udata.out);
}

inline void AnyCommand::make_optional(Place place) noexcept {
    if (!is_too_long_) place.attribute->flags = 0;
}

inline bool AnyCommand::is_written(Place place) const noexcept {
    return (place.attribute->flags & UVERBS_ATTR_F_VALID_OUTPUT) != 0;
}

inline Result<std::uint32_t> AnyCommand::created_object(const char *verb, Place place) const {
    const std::uint64_t handle = place.attribute->data;
    if (handle > detail::kLargest) return odd_answer(verb, "no handle for what was created");
    return static_cast<std::uint32_t>(handle);
}

inline Result<int> AnyCommand::created_descriptor(const char *verb, Place place) const {
    const std::uint64_t fd = place.attribute->data;
    if (fd > detail::kLargest) return odd_answer(verb, "no descriptor for what was created");
    return static_cast<int>(fd);
}

[[gnu::always_inline]] inline ib_uverbs_ioctl_hdr *
AnyCommand::finish(std::uint32_t driver_id) noexcept {
    if (is_too_long_) return nullptr;
    auto *header = reinterpret_cast<ib_uverbs_ioctl_hdr *>(storage_);
    const auto count = static_cast<std::uint16_t>(next_ - first());
    header->length = static_cast<std::uint16_t>(sizeof *header + count * sizeof(ib_uverbs_attr));
    header->object_id = object_;
    header->method_id = method_;
    header->num_attrs = count;
    header->reserved1 = 0;
    header->driver_id = driver_id;
    header->reserved2 = 0;
    return header;
}

}  // namespace verbs::uverbs
