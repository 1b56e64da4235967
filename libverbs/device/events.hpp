// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// EventBook: which objects of a context may have events, and how many events of each the program
// has taken. Destroying an object waits until as many are acknowledged (the counters in the public
// struct); an event that arrives for an object which is gone is not handed out.
#pragma once

#include "core/spin_lock.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <vector>

namespace verbs::device {

// The object whose account this thread has closed last: most providers retire what they destroy,
// and then there is nothing left to look for. In static thread-local memory, as
// reason::offered_bytes.
extern constinit thread_local const void *closed_here
    __attribute__((tls_model("initial-exec"), visibility("hidden")));

class EventBook {
public:
    enum class Kind : std::uint8_t { completion, async };
    struct Taken {
        std::uint32_t completion = 0;  // wraps, as the public counters do
        std::uint32_t async = 0;
    };

    // Opens the account of a new object.
    void open(const void *object) {
        const std::lock_guard guard(lock_);
        if (2 * (used_ + 1) > table_.size()) grow();
        Account &account = place_of(object);
        if (account.object == nullptr) ++used_;
        const std::uint64_t id = last_id_.load(std::memory_order_relaxed) + 1;
        last_id_.store(id, std::memory_order_relaxed);
        account = {object, id, {}};
    }

    // Before an object is destroyed: for forget() afterwards. The number tells the accounts opened
    // so far from that of a later object at the same address.
    [[nodiscard]] std::uint64_t before_destroying() const noexcept {
        closed_here = nullptr;
        return last_id_.load(std::memory_order_relaxed);
    }

    // Counts an event that is about to reach the program. False: no such object, drop the event.
    [[nodiscard]] bool take(const void *object, Kind kind) {
        const std::lock_guard guard(lock_);
        Account *account = find(object);
        if (account == nullptr) return false;
        ++(kind == Kind::completion ? account->taken.completion : account->taken.async);
        return true;
    }

    // Ends an account and tells its final count: from here on no event is handed out.
    [[nodiscard]] std::optional<Taken> close(const void *object) {
        const std::lock_guard guard(lock_);
        Account *account = find(object);
        if (account == nullptr) return std::nullopt;
        const Taken taken = account->taken;
        erase(*account);
        closed_here = object;
        return taken;
    }

    // Ends the account of an object that has been destroyed, where its provider has not retired it.
    void forget(const void *object, std::uint64_t before) {
        if (closed_here == object) return;
        const std::lock_guard guard(lock_);
        Account *account = find(object);
        if (account != nullptr && account->id <= before) erase(*account);
    }

private:
    struct Account {
        const void *object = nullptr;  // nullptr: the place is free
        std::uint64_t id = 0;
        Taken taken;
    };

    // A hash table that allocates only to grow: an account is at its home or in the places right
    // behind it, without a free one in between. At least half of the places are free.
    [[nodiscard]] std::size_t home(const void *object) const noexcept {
        const auto bits = reinterpret_cast<std::uintptr_t>(object) / alignof(std::max_align_t);
        return (bits ^ bits >> 9) & mask_;
    }
    [[nodiscard]] std::size_t behind(std::size_t place) const noexcept {
        return (place + 1) & mask_;
    }

    // The object's account, or the free place for it.
    [[nodiscard]] Account &place_of(const void *object) noexcept {
        std::size_t place = home(object);
        while (table_[place].object != nullptr && table_[place].object != object)
            place = behind(place);
        return table_[place];
    }

    [[nodiscard]] Account *find(const void *object) noexcept {
        if (used_ == 0) return nullptr;
        Account &account = place_of(object);
        return account.object != nullptr ? &account : nullptr;  // an event may name NULL
    }

    // Seldom: each time the whole table is cleared and filled anew.
    void grow() {
        constexpr std::size_t kLeast = 64;
        std::vector<Account> old(table_.empty() ? kLeast : 4 * table_.size());
        old.swap(table_);
        mask_ = table_.size() - 1;
        for (const Account &account : old)
            if (account.object != nullptr) place_of(account.object) = account;
    }

    // Accounts behind move up where that brings them no further than to their home.
    void erase(Account &account) noexcept {
        auto hole = static_cast<std::size_t>(&account - table_.data());
        const auto distance = [this](std::size_t from, std::size_t to) {
            return (to - from) & mask_;
        };
        for (std::size_t place = behind(hole); table_[place].object != nullptr;
             place = behind(place)) {
            if (distance(home(table_[place].object), place) < distance(hole, place)) continue;
            table_[hole] = table_[place];
            hole = place;
        }
        table_[hole] = {};
        --used_;
    }

    // Rank: innermost. Nothing is called while it is held.
    SpinLock lock_;
    std::vector<Account> table_;  // its size is 0 or a power of two
    std::size_t mask_ = 0;        // that size less one
    std::size_t used_ = 0;
    std::atomic<std::uint64_t> last_id_{0};  // changed under the lock
};

}  // namespace verbs::device
