// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Provider: one plugin, from its manifest to its slots. Opened at the first need, judged once,
// kept for the life of the process; a refusal is kept as well and tells file and rule.
#pragma once

#include "core/reason.hpp"
#include "core/result.hpp"
#include "loader/judge.hpp"
#include "loader/manifest.hpp"

#include <verbs/provider.h>

#include <cxxabi.h>

#include <mutex>
#include <optional>

namespace verbs::loader {

class Provider {
public:
    // `host` has to outlive the process. In a privileged process the library has to be trusted.
    Provider(Manifest manifest, const verbs_host &host, bool is_privileged)
        : manifest_(std::move(manifest)), host_(host), is_privileged_(is_privileged) {}

    [[nodiscard]] const Manifest &manifest() const noexcept { return manifest_; }
    [[nodiscard]] const char *name() const noexcept { return manifest_.name.c_str(); }

    // Opens and judges the plugin on the first call. Any thread.
    [[nodiscard]] Result<void> ready();

    // The slots, all but `enumerate` filled. Only after ready() has succeeded.
    [[nodiscard]] const verbs_provider_ops &ops() const noexcept { return ops_; }

    // The experimental half, if there is one. Only after ready() has succeeded.
    [[nodiscard]] const ExperimentalHalf &experimental() const noexcept { return experimental_; }

    // Calls a slot. Whatever the plugin does with it, a number or an exception, comes back as a
    // Result whose phrase names provider and verb.
    template <class... P, class... A>
    [[nodiscard]] Result<void> call(const char *verb, int (*slot)(P...), A &&...arguments) const {
        reason::clear_offer();
        int code = 0;
        try {
            code = slot(std::forward<A>(arguments)...);
        } catch (abi::__forced_unwind &) {
            throw;  // the end of a thread is not ours to stop
        } catch (...) {
            return threw(verb);
        }
        if (code != 0) return refused(verb, code);
        return {};
    }

private:
    [[nodiscard]] Result<void> open();
    [[nodiscard, gnu::cold]] Failure threw(const char *verb) const;
    [[nodiscard, gnu::cold]] Failure refused(const char *verb, int code) const;

    const Manifest manifest_;
    const verbs_host &host_;
    const bool is_privileged_;
    // Rank: below the scan lock of device::Registry. Held while the plugin's constructors and
    // start() run, which must not look for devices.
    std::mutex opening_;
    std::optional<Result<void>> opened_;
    verbs_provider_ops ops_{};
    ExperimentalHalf experimental_;
};

}  // namespace verbs::loader
