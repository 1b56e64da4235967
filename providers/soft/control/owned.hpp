// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Owned<T>: the objects of one kind that a device has given to the program. A program may close a
// device without destroying them all, as it may with a kernel's device; the rest goes then.
#pragma once

#include <memory>
#include <mutex>
#include <unordered_map>

namespace soft {

template <class T>
class Owned {
public:
    T *add(std::unique_ptr<T> object) {
        T *address = object.get();
        const std::lock_guard hold(mutex_);
        objects_.emplace(address, std::move(object));
        return address;
    }
    // Ends the object's life.
    void remove(T *object) noexcept {
        std::unique_ptr<T> gone;  // destroyed after the lock is given back
        const std::lock_guard hold(mutex_);
        if (const auto found = objects_.find(object); found != objects_.end()) {
            gone = std::move(found->second);
            objects_.erase(found);
        }
    }
    // Not while another thread adds or removes: a device that is being closed.
    template <class Visit>
    void for_each(Visit &&visit) {
        for (auto &[address, object] : objects_)
            visit(*object);
    }

private:
    std::mutex mutex_;
    std::unordered_map<T *, std::unique_ptr<T>> objects_;
};

}  // namespace soft
