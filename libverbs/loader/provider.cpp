// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "loader/provider.hpp"

#include "core/log.hpp"
#include "core/reason.hpp"
#include "loader/library.hpp"
#include "loader/search.hpp"

#include <cstring>
#include <exception>

namespace verbs::loader {

Result<void> Provider::ready() {
    const std::lock_guard guard(opening_);
    if (opened_) return *opened_;
    opened_ = open();
    if (!*opened_) {
        Error &why = opened_->error();
        why.phrase = manifest_.file.string() + ": " + why.phrase;
        VERBS_LOG(warn, "loader", "%s", why.phrase.c_str());
    }
    return *opened_;
}

Result<void> Provider::open() {
    VERBS_CHECK(judge_range(manifest_));
    if (is_privileged_) {
        if (auto trust = check_trusted(manifest_.library); !trust)
            return fail(trust.error().code,
                        "L1: " + manifest_.library.string() + ": " + trust.error().phrase);
    }
    VERBS_TRY(table, open_library(manifest_.library));
    VERBS_TRY(ops, judge_table(table, manifest_));
    if (auto started = call("start", ops.start, &host_); !started)
        return fail(started.error().code, "L7: " + started.error().phrase);
    ops_ = ops;
    if (auto half = judge_experimental(*table.provider); half)
        experimental_ = *half;
    else
        VERBS_LOG(warn, "loader", "%s: %s", manifest_.file.c_str(), half.error().phrase.c_str());
    VERBS_LOG(info, "loader", "%s: %s is open, contract %u", manifest_.file.c_str(), name(),
              table.provider->contract);
    return {};
}

namespace {

// Inside of an exception's handler.
std::string what_was_thrown() {
    try {
        throw;
    } catch (const std::exception &stray) {
        return stray.what();
    } catch (...) {
        return "something that is no std::exception";
    }
}

}  // namespace

Failure Provider::threw(const char *verb) const {
    std::string phrase = manifest_.name + ": " + verb + " threw: " + what_was_thrown();
    VERBS_LOG(error, "loader", "%s", phrase.c_str());
    return fail(EIO, std::move(phrase));
}

Failure Provider::refused(const char *verb, int code) const {
    // The contract has positive numbers; a plugin that mixed up the sign is understood.
    constexpr int kLargestErrno = 4095;
    const int number = code < 0 && code >= -kLargestErrno ? -code : code;
    const int sane = number > 0 && number <= kLargestErrno ? number : EIO;
    const auto offered = reason::offered();
    return fail(sane,
                manifest_.name + ": " + verb + ": " +
                    (offered.empty() ? std::string(std::strerror(sane)) : std::string(offered)));
}

}  // namespace verbs::loader
