// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Command<Room>: one command of the kernel's attribute ABI (RDMA_VERBS_IOCTL), written attribute by
// attribute into a buffer on the stack. Nothing is written beyond the room: a command that does not
// fit is refused when it is run. Values behind pointers have to live until it has been run.
#pragma once

#include "core/result.hpp"
#include "uverbs/udata.hpp"

#include <rdma/ib_user_ioctl_cmds.h>
#include <rdma/rdma_user_ioctl_cmds.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <type_traits>

namespace verbs::uverbs {

static_assert(sizeof(ib_uverbs_ioctl_hdr) == 24);
static_assert(sizeof(ib_uverbs_attr) == 16);
static_assert(offsetof(ib_uverbs_attr, flags) == 4 && offsetof(ib_uverbs_attr, data) == 8);

class AnyCommand {
public:
    // Which attribute of the command, to look at its answer.
    enum class Place : std::uint16_t {};

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
    [[nodiscard]] ib_uverbs_attr *at(Place place) const noexcept;

    std::byte *const storage_;
    const std::uint16_t room_;
    const std::uint16_t object_;
    const std::uint16_t method_;
    std::uint16_t count_ = 0;
    bool is_too_long_ = false;
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

}  // namespace verbs::uverbs
