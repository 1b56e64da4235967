// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "uverbs/command.hpp"

#include "uverbs/failure.hpp"

#include <cstring>
#include <limits>

namespace verbs::uverbs {
namespace {

// What stands where the kernel is to put a handle or a descriptor; it is neither.
constexpr std::uint64_t kNotAnswered = std::numeric_limits<std::uint64_t>::max();
// Both are positive ints in the kernel.
constexpr std::uint64_t kLargest = std::numeric_limits<int>::max();

std::uint64_t address_of(const void *memory) noexcept {
    return reinterpret_cast<std::uintptr_t>(memory);
}

}  // namespace

AnyCommand::AnyCommand(std::byte *storage, std::uint16_t room, std::uint16_t object,
                       std::uint16_t method) noexcept
    : storage_(storage), room_(room), object_(object), method_(method) {}

ib_uverbs_attr *AnyCommand::at(Place place) const noexcept {
    auto *first = reinterpret_cast<ib_uverbs_attr *>(storage_ + sizeof(ib_uverbs_ioctl_hdr));
    return first + static_cast<std::uint16_t>(place);
}

AnyCommand::Place AnyCommand::add(std::uint16_t id, std::size_t length,
                                  std::uint64_t data) noexcept {
    if (count_ == room_ || length > std::numeric_limits<std::uint16_t>::max()) {
        is_too_long_ = true;
        return Place{0};  // never run
    }
    ib_uverbs_attr attribute{};
    attribute.attr_id = id;
    attribute.len = static_cast<std::uint16_t>(length);
    attribute.flags = UVERBS_ATTR_F_MANDATORY;
    attribute.data = data;
    const Place place{count_++};
    *at(place) = attribute;
    return place;
}

AnyCommand::Place AnyCommand::in_bytes(std::uint16_t id,
                                       std::span<const std::byte> bytes) noexcept {
    std::uint64_t data = 0;
    if (bytes.size() > sizeof data)
        data = address_of(bytes.data());
    else if (!bytes.empty())
        std::memcpy(&data, bytes.data(), bytes.size());
    return add(id, bytes.size(), data);
}

AnyCommand::Place AnyCommand::alternative(std::uint16_t id, std::uint8_t element,
                                          std::span<const std::byte> bytes) noexcept {
    const Place place = in_bytes(id, bytes);
    if (!is_too_long_) at(place)->attr_data.enum_data.elem_id = element;
    return place;
}

AnyCommand::Place AnyCommand::out_bytes(std::uint16_t id, std::span<std::byte> bytes) noexcept {
    return add(id, bytes.size(), address_of(bytes.data()));
}

AnyCommand::Place AnyCommand::object(std::uint16_t id, std::uint32_t handle) noexcept {
    return add(id, 0, handle);
}

AnyCommand::Place AnyCommand::objects(std::uint16_t id,
                                      std::span<const std::uint32_t> handles) noexcept {
    return in_bytes(id, std::as_bytes(handles));
}

AnyCommand::Place AnyCommand::descriptor(std::uint16_t id, int fd) noexcept {
    return add(id, 0, static_cast<std::uint64_t>(static_cast<std::int64_t>(fd)));
}

AnyCommand::Place AnyCommand::new_object(std::uint16_t id) noexcept {
    return add(id, 0, kNotAnswered);
}

AnyCommand::Place AnyCommand::new_descriptor(std::uint16_t id) noexcept {
    return add(id, 0, kNotAnswered);
}

void AnyCommand::udata(const Udata &udata) noexcept {
    if (!udata.in.empty()) in_bytes(UVERBS_ATTR_UHW_IN, udata.in);
    if (!udata.out.empty()) out_bytes(UVERBS_ATTR_UHW_OUT, udata.out);
}

void AnyCommand::make_optional(Place place) noexcept {
    if (!is_too_long_) at(place)->flags = 0;
}

Result<std::uint32_t> AnyCommand::created_object(const char *verb, Place place) const {
    const std::uint64_t handle = at(place)->data;
    if (handle > kLargest) return odd_answer(verb, "no handle for what was created");
    return static_cast<std::uint32_t>(handle);
}

Result<int> AnyCommand::created_descriptor(const char *verb, Place place) const {
    const std::uint64_t fd = at(place)->data;
    if (fd > kLargest) return odd_answer(verb, "no descriptor for what was created");
    return static_cast<int>(fd);
}

bool AnyCommand::is_written(Place place) const noexcept {
    return (at(place)->flags & UVERBS_ATTR_F_VALID_OUTPUT) != 0;
}

ib_uverbs_ioctl_hdr *AnyCommand::finish(std::uint32_t driver_id) noexcept {
    if (is_too_long_) return nullptr;
    auto *header = reinterpret_cast<ib_uverbs_ioctl_hdr *>(storage_);
    header->length = static_cast<std::uint16_t>(sizeof *header + count_ * sizeof(ib_uverbs_attr));
    header->object_id = object_;
    header->method_id = method_;
    header->num_attrs = count_;
    header->reserved1 = 0;
    header->driver_id = driver_id;
    header->reserved2 = 0;
    return header;
}

}  // namespace verbs::uverbs
