// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "uverbs/write_buffer.hpp"

#include <cstring>

namespace verbs::uverbs {
namespace {

// Lengths are told in words of 4 bytes, in extended commands of 8.
constexpr std::size_t kWord = 4;
constexpr std::size_t kExtendedWord = 8;

constexpr std::size_t round_up(std::size_t size, std::size_t unit) noexcept {
    return (size + unit - 1) / unit * unit;
}

std::uint16_t words(std::size_t size, std::size_t unit) noexcept {
    return static_cast<std::uint16_t>(round_up(size, unit) / unit);
}

bool is_extended(const WriteCommand &command) noexcept {
    return (command.number & IB_USER_VERBS_CMD_FLAG_EXTENDED) != 0;
}

}  // namespace

void WriteBuffer::append(const void *bytes, std::size_t size) noexcept {
    if (size == 0) return;
    std::memcpy(bytes_ + size_, bytes, size);
    size_ += size;
}

void WriteBuffer::pad(std::size_t unit) noexcept {
    const std::size_t padded = round_up(size_, unit);
    std::memset(bytes_ + size_, 0, padded - size_);
    size_ = padded;
}

// The kernel writes the driver's bytes right behind its own. They pass through answer_ when there
// are any, and when the answer ends inside of a word.
bool WriteBuffer::lay_out_answer(const WriteCommand &command, std::size_t unit) noexcept {
    const auto response = command.response;
    const auto driver = command.udata.out;
    answer_size_ = round_up(response.size() + driver.size(), unit);
    if (answer_size_ == 0) return true;
    if (driver.empty() && answer_size_ == response.size()) {
        answer_at_ = response.data();
        return true;
    }
    if (answer_size_ > sizeof answer_) return false;
    // A kernel may write less: what stands there is what the caller expects to keep.
    std::memset(answer_, 0, answer_size_);
    if (!response.empty()) std::memcpy(answer_, response.data(), response.size());
    if (!driver.empty()) std::memcpy(answer_ + response.size(), driver.data(), driver.size());
    answer_at_ = answer_;
    return true;
}

bool WriteBuffer::compose(const WriteCommand &command) noexcept {
    const bool extended = is_extended(command);
    const std::size_t unit = extended ? kExtendedWord : kWord;
    const auto request = command.request;
    const auto driver = command.udata.in;
    const std::size_t headers =
        sizeof(ib_uverbs_cmd_hdr) + (extended ? sizeof(ib_uverbs_ex_cmd_hdr) : 0);
    if (request.size() > kRoom || driver.size() > kRoom ||
        round_up(headers + request.size() + driver.size(), unit) > kRoom)
        return false;
    if (!lay_out_answer(command, unit)) return false;
    const std::uint64_t answer = reinterpret_cast<std::uintptr_t>(answer_at_);

    ib_uverbs_cmd_hdr header{};
    header.command = command.number;
    if (extended) {
        header.in_words = words(request.size(), unit);
        header.out_words = words(command.response.size(), unit);
        append(&header, sizeof header);
        ib_uverbs_ex_cmd_hdr more{};
        more.response = answer;
        more.provider_in_words = words(driver.size(), unit);
        more.provider_out_words = words(command.udata.out.size(), unit);
        append(&more, sizeof more);
    } else {
        header.in_words = words(headers + request.size() + driver.size(), unit);
        header.out_words = words(answer_size_, unit);
        append(&header, sizeof header);
    }
    const std::size_t request_at = size_;
    append(request.data(), request.size());
    if (!extended && !command.response.empty())
        std::memcpy(bytes_ + request_at, &answer, sizeof answer);
    append(driver.data(), driver.size());
    pad(unit);
    return true;
}

void WriteBuffer::deliver(const WriteCommand &command) const noexcept {
    if (answer_at_ != answer_) return;
    const auto response = command.response;
    const auto driver = command.udata.out;
    if (!response.empty()) std::memcpy(response.data(), answer_, response.size());
    if (!driver.empty()) std::memcpy(driver.data(), answer_ + response.size(), driver.size());
}

}  // namespace verbs::uverbs
