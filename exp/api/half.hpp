// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Half: the experimental half of an open device's provider, found through the hooks of libverbs.
// The only way from this library to a provider.
#pragma once

#include "abi/hooks.h"
#include "api/argument.hpp"
#include "core/result.hpp"

#include <verbs/provider_exp.h>

#include <cstddef>
#include <utility>

namespace verbs::exp {

// The private door of libverbs; NULL when the libverbs that is loaded belongs to another release.
[[nodiscard]] const verbs_hooks *hooks() noexcept;

// A call of the hooks: 0, or the failure with the reason that libverbs has left.
[[nodiscard]] Result<void> settled(int code);

// The failure of a stable verb that has just answered with NULL: errno and the reason that it left.
[[nodiscard]] Failure left_behind();

class Half {
public:
    // Of an open device. EINVAL for a handle that is not libverbs's; EOPNOTSUPP where the provider
    // has no such half, or one of another contract.
    [[nodiscard]] static Result<Half> of(ibv_context *context);

    // Whether the provider fills a slot: has(&verbs_provider_exp_ops::create_cq_ex).
    template <class Slot>
    [[nodiscard]] bool has(Slot verbs_provider_exp_ops::*slot) const noexcept {
        return slot_of(slot) != nullptr;
    }

    // Calls a slot with the device in front. EOPNOTSUPP where it is empty.
    template <class... P, class... A>
    [[nodiscard]] Result<void> call(const char *verb, int (*verbs_provider_exp_ops::*slot)(P...),
                                    A &&...arguments) const {
        const auto function = slot_of(slot);
        if (function == nullptr) return lacks(verb);
        auto run = [&] { return function(device_, std::forward<A>(arguments)...); };
        const int code = hooks()->call_provider(
            context_, verb,
            [](void *closure) { return (*static_cast<decltype(run) *>(closure))(); }, &run);
        return settled(code);
    }

    [[nodiscard]] ibv_context *context() const noexcept { return context_; }

    // The failure of a verb whose slot is empty.
    [[nodiscard, gnu::cold]] Failure lacks(const char *verb) const;

    // A slot that does not take the device and leaves no reason, or NULL.
    template <class Slot>
    [[nodiscard]] Slot slot_of(Slot verbs_provider_exp_ops::*slot) const noexcept {
        // Where the slot is in the table, which may be shorter than this library's.
        const verbs_provider_exp_ops &ops = *ops_;
        const auto offset = static_cast<std::size_t>(reinterpret_cast<const char *>(&(ops.*slot)) -
                                                     reinterpret_cast<const char *>(&ops));
        return offset + sizeof(Slot) <= size_ ? ops.*slot : nullptr;
    }

private:
    Half(ibv_context *context, const verbs_hooks_experimental &found) noexcept
        : context_(context), device_(found.device), provider_(found.provider),
          ops_(static_cast<const verbs_provider_exp_ops *>(found.ops)), size_(found.ops_size) {}

    ibv_context *context_;
    void *device_;
    const char *provider_;
    const verbs_provider_exp_ops *ops_;
    std::size_t size_;
};

}  // namespace verbs::exp
