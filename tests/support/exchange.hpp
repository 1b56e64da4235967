// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Framed messages between a test and a process it started, over a stream socket. Every wait has a
// deadline; what goes wrong is thrown, so neither side can hang on the other.
#pragma once

#include "support/deadline.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdint>
#include <cstring>
#include <span>
#include <stdexcept>
#include <type_traits>
#include <utility>
#include <vector>

namespace verbs_test {

// A flat message: values are put at the end and taken from the front in the same order.
class Message {
public:
    Message() = default;
    explicit Message(std::vector<uint8_t> bytes) : bytes_(std::move(bytes)) {}

    template <typename T>
    Message &put(const T &value) {
        static_assert(std::is_trivially_copyable_v<T>);
        static_assert(std::has_unique_object_representations_v<T>, "no padding may travel");
        append(&value, sizeof value);
        return *this;
    }
    Message &put_bytes(std::span<const uint8_t> bytes) {
        put<uint64_t>(bytes.size());
        append(bytes.data(), bytes.size());
        return *this;
    }
    template <typename T>
    T take() {
        static_assert(std::is_trivially_copyable_v<T>);
        T value{};
        std::memcpy(static_cast<void *>(&value), advance(sizeof value), sizeof value);
        return value;
    }
    std::vector<uint8_t> take_bytes() {
        const auto length = static_cast<size_t>(take<uint64_t>());
        const uint8_t *first = advance(length);
        return {first, first + length};
    }
    template <typename T>
    Message &put_all(std::span<const T> values) {
        return put_bytes({reinterpret_cast<const uint8_t *>(values.data()), values.size_bytes()});
    }
    template <typename T>
    std::vector<T> take_all() {
        const std::vector<uint8_t> bytes = take_bytes();
        std::vector<T> values(bytes.size() / sizeof(T));
        if (!values.empty()) {
            std::memcpy(static_cast<void *>(values.data()), bytes.data(), bytes.size());
        }
        return values;
    }
    [[nodiscard]] std::span<const uint8_t> bytes() const { return bytes_; }

private:
    void append(const void *first, size_t length) {
        const size_t old_size = bytes_.size();
        bytes_.resize(old_size + length);
        if (length != 0) std::memcpy(bytes_.data() + old_size, first, length);
    }
    const uint8_t *advance(size_t length) {
        if (length > bytes_.size() - taken_) throw std::runtime_error("message is too short");
        const uint8_t *first = bytes_.data() + taken_;
        taken_ += length;
        return first;
    }

    std::vector<uint8_t> bytes_;
    size_t taken_ = 0;
};

// One end of the socket; owns the descriptor.
class Exchange {
public:
    explicit Exchange(int fd = -1) : fd_(fd) {}
    Exchange(Exchange &&other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    Exchange &operator=(Exchange &&other) noexcept {
        std::swap(fd_, other.fd_);
        return *this;
    }
    Exchange(const Exchange &) = delete;
    Exchange &operator=(const Exchange &) = delete;
    ~Exchange() {
        if (fd_ >= 0) ::close(fd_);
    }

    [[nodiscard]] int fd() const { return fd_; }

    void send(const Message &message) {
        const Deadline deadline;
        const uint64_t length = message.bytes().size();
        send_all({reinterpret_cast<const uint8_t *>(&length), sizeof length}, deadline);
        send_all(message.bytes(), deadline);
    }
    Message receive(Milliseconds limit = patience()) {
        const Deadline deadline(limit);
        uint64_t length = 0;
        receive_all({reinterpret_cast<uint8_t *>(&length), sizeof length}, deadline);
        if (length > (1u << 30)) throw std::runtime_error("message length makes no sense");
        std::vector<uint8_t> bytes(static_cast<size_t>(length));
        receive_all(bytes, deadline);
        return Message(std::move(bytes));
    }

    template <typename T>
    void send_value(const T &value) {
        Message message;
        send(message.put(value));
    }
    template <typename T>
    T receive_value(Milliseconds limit = patience()) {
        return receive(limit).take<T>();
    }

private:
    void wait_for(short events, const Deadline &deadline) const {
        pollfd entry{fd_, events, 0};
        const int ready = ::poll(&entry, 1, deadline.left_ms());
        if (ready == 0) throw std::runtime_error("the other process did not answer in time");
    }
    void send_all(std::span<const uint8_t> bytes, const Deadline &deadline) const {
        while (!bytes.empty()) {
            const ssize_t n = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
            if (n > 0) {
                bytes = bytes.subspan(static_cast<size_t>(n));
            } else if (errno == EAGAIN || errno == EINTR) {
                wait_for(POLLOUT, deadline);
            } else {
                throw std::runtime_error("the other process has gone");
            }
        }
    }
    void receive_all(std::span<uint8_t> bytes, const Deadline &deadline) const {
        while (!bytes.empty()) {
            wait_for(POLLIN, deadline);
            const ssize_t n = ::recv(fd_, bytes.data(), bytes.size(), MSG_DONTWAIT);
            if (n > 0) {
                bytes = bytes.subspan(static_cast<size_t>(n));
            } else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
                throw std::runtime_error("the other process has gone");
            }
        }
    }

    int fd_;
};

}  // namespace verbs_test
