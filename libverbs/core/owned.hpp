// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Owned<T>: the objects of one kind that a device has given to the program. A program may close a
// device without destroying them all, as it may with a kernel's device; the rest goes then.
#pragma once

#include "core/spin_lock.hpp"

#include <memory>
#include <mutex>
#include <utility>

namespace verbs {

template <class T>
class Owned {
    // The list runs through the objects themselves, so that neither adding nor removing searches.
    struct Node : T {
        using T::T;
        Node *before = nullptr;
        Node *after = nullptr;
    };

public:
    // An object that nobody owns yet: its creation may still fail.
    class New {
    public:
        template <class... Arguments>
        explicit New(Arguments &&...arguments)
            : node_(std::make_unique<Node>(std::forward<Arguments>(arguments)...)) {}
        T *operator->() const noexcept { return node_.get(); }
        T &operator*() const noexcept { return *node_; }

    private:
        friend class Owned;
        std::unique_ptr<Node> node_;
    };

    Owned() = default;
    Owned(const Owned &) = delete;
    Owned &operator=(const Owned &) = delete;
    ~Owned() {
        while (first_ != nullptr)
            delete std::exchange(first_, first_->after);
    }

    T *keep(New object) noexcept {
        Node *node = object.node_.release();
        const std::lock_guard hold(lock_);
        node->after = first_;
        if (first_ != nullptr) first_->before = node;
        first_ = node;
        return node;
    }

    // Ends the object's life.
    void remove(T *object) noexcept {
        const std::unique_ptr<Node> node(static_cast<Node *>(object));  // gone after the lock
        const std::lock_guard hold(lock_);
        if (node->after != nullptr) node->after->before = node->before;
        if (node->before != nullptr)
            node->before->after = node->after;
        else
            first_ = node->after;
    }

    // Not while another thread keeps or removes: a device that is being closed.
    template <class Visit>
    void for_each(Visit &&visit) {
        for (Node *node = first_; node != nullptr; node = node->after)
            visit(*node);
    }

private:
    SpinLock lock_;  // leaf: the list
    Node *first_ = nullptr;
};

}  // namespace verbs
