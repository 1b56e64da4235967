// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// EventBook: which objects of a context may have events, and how many events of each the program
// has taken. Destroying an object waits until as many are acknowledged (the counters in the public
// struct); an event that arrives for an object which is gone is not handed out.
#pragma once

#include <cstdint>
#include <mutex>
#include <optional>
#include <unordered_map>

namespace verbs::device {

class EventBook {
public:
    enum class Kind : std::uint8_t { completion, async };
    struct Taken {
        std::uint32_t completion = 0;  // wraps, as the public counters do
        std::uint32_t async = 0;
    };

    // Opens the account of a new object. The number tells this object from a later one at the
    // same address.
    std::uint64_t open(const void *object) {
        const std::lock_guard guard(lock_);
        accounts_.insert_or_assign(object, Account{++last_id_, {}});
        return last_id_;
    }

    // Counts an event that is about to reach the program. False: no such object, drop the event.
    [[nodiscard]] bool take(const void *object, Kind kind) {
        const std::lock_guard guard(lock_);
        const auto account = accounts_.find(object);
        if (account == accounts_.end()) return false;
        Taken &taken = account->second.taken;
        ++(kind == Kind::completion ? taken.completion : taken.async);
        return true;
    }

    // The number of the object that has its account open now, or nothing.
    [[nodiscard]] std::optional<std::uint64_t> id_of(const void *object) const {
        const std::lock_guard guard(lock_);
        const auto account = accounts_.find(object);
        if (account == accounts_.end()) return std::nullopt;
        return account->second.id;
    }

    // Ends an account and tells its final count: from here on no event is handed out.
    [[nodiscard]] std::optional<Taken> close(const void *object) {
        const std::lock_guard guard(lock_);
        const auto account = accounts_.find(object);
        if (account == accounts_.end()) return std::nullopt;
        const Taken taken = account->second.taken;
        accounts_.erase(account);
        return taken;
    }

    // Ends the account of that one object, if it is still open.
    void forget(const void *object, std::uint64_t id) {
        const std::lock_guard guard(lock_);
        const auto account = accounts_.find(object);
        if (account != accounts_.end() && account->second.id == id) accounts_.erase(account);
    }

private:
    struct Account {
        std::uint64_t id;
        Taken taken;
    };
    // Rank: innermost. Nothing is called while it is held.
    mutable std::mutex lock_;
    std::unordered_map<const void *, Account> accounts_;
    std::uint64_t last_id_ = 0;
};

}  // namespace verbs::device
