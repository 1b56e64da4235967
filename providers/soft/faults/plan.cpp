// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// The parser. The text may be anybody's: it is bounded, every word is known or refused, and a
// message about it repeats only what can be printed.
#include "faults/plan.hpp"

#include <algorithm>
#include <charconv>
#include <iterator>
#include <optional>

namespace soft {

using verbs::fail;
using verbs::Result;

namespace {

constexpr std::size_t kMostBytes = 4096;
constexpr std::size_t kMostRules = 64;
// Of counts, and of times in their unit: no sum or product of them leaves 64 bits.
constexpr uint64_t kMostNumber = 1'000'000'000;

template <class T>
struct Named {
    std::string_view name;
    T value;
};

constexpr Named<Call> kCalls[] = {
    {"alloc_pd", Call::alloc_pd},
    {"reg_mr", Call::reg_mr},
    {"rereg_mr", Call::rereg_mr},
    {"alloc_mw", Call::alloc_mw},
    {"create_comp_channel", Call::create_comp_channel},
    {"create_cq", Call::create_cq},
    {"resize_cq", Call::resize_cq},
    {"create_srq", Call::create_srq},
    {"create_qp", Call::create_qp},
    {"modify_qp", Call::modify_qp},
    {"create_ah", Call::create_ah},
};

constexpr Named<int> kCodes[] = {
    {"EACCES", EACCES},       {"EAGAIN", EAGAIN}, {"EBUSY", EBUSY},   {"EFAULT", EFAULT},
    {"EINVAL", EINVAL},       {"EIO", EIO},       {"EMFILE", EMFILE}, {"ENODEV", ENODEV},
    {"ENOMEM", ENOMEM},       {"ENOSPC", ENOSPC}, {"EPERM", EPERM},   {"EOPNOTSUPP", EOPNOTSUPP},
    {"ETIMEDOUT", ETIMEDOUT},
};

constexpr Named<FaultKind> kKinds[] = {
    {"drop-peer", FaultKind::drop_peer},
    {"delay", FaultKind::delay},
    {"rnr", FaultKind::rnr},
    {"port-down", FaultKind::port_down},
    {"device-removal", FaultKind::device_removal},
};

template <class T, std::size_t N>
std::optional<T> find(const Named<T> (&names)[N], std::string_view name) {
    const auto found = std::find_if(std::begin(names), std::end(names),
                                    [&](auto &one) { return one.name == name; });
    if (found == std::end(names)) return {};
    return found->value;
}

constexpr bool is_space(char c) {
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

std::string_view trim(std::string_view text) {
    while (!text.empty() && is_space(text.front()))
        text.remove_prefix(1);
    while (!text.empty() && is_space(text.back()))
        text.remove_suffix(1);
    return text;
}

// Cuts the text before the first `mark` off; all of it when there is none.
std::string_view cut(std::string_view &text, char mark) {
    const std::size_t at = text.find(mark);
    const std::string_view front = text.substr(0, at);
    text.remove_prefix(at == std::string_view::npos ? text.size() : at + 1);
    return front;
}

class Parser {
public:
    explicit Parser(std::string_view text) : all_(text) {}

    Result<FaultPlan> parse() {
        if (all_.size() > kMostBytes)
            return fail(EINVAL,
                        "faults: longer than " + std::to_string(kMostBytes) + " characters");
        std::string_view rest = all_;
        while (!rest.empty()) {
            const std::string_view statement = trim(cut(rest, ';'));
            if (!statement.empty()) VERBS_CHECK(take_statement(statement));
        }
        return std::move(plan_);
    }

private:
    // `where` is a part of the text.
    [[nodiscard]] verbs::Failure wrong(std::string_view where, const std::string &what) const {
        constexpr std::size_t kShown = 32;
        std::string shown(where.substr(0, kShown));
        std::ranges::replace_if(
            shown, [](char c) { return c < ' ' || c > '~'; }, '?');
        return fail(EINVAL, "faults, character " + std::to_string(where.data() - all_.data() + 1) +
                                ": \"" + shown + "\" " + what);
    }

    Result<void> take_statement(std::string_view statement) {
        std::string_view keys = statement;
        const std::string_view head = trim(cut(keys, ':'));
        if (statement.starts_with("seed") && statement.find(':') == std::string_view::npos)
            return take_seed(statement);
        FaultRule rule;
        rule.text = statement;
        std::ranges::replace_if(rule.text, is_space, ' ');  // it goes into lines of the log
        constexpr std::string_view kFail = "fail-";
        if (const auto kind = find(kKinds, head)) {
            rule.kind = *kind;
        } else if (head.starts_with(kFail)) {
            const auto call = find(kCalls, head.substr(kFail.size()));
            if (!call) return wrong(head, "is no call that can be made to fail");
            rule.kind = FaultKind::fail_call;
            rule.call = *call;
        } else {
            return wrong(head.empty() ? statement : head, "is no fault");
        }
        if (plan_.rules.size() == kMostRules)
            return wrong(head, "is one too many, at most " + std::to_string(kMostRules));
        const bool has_colon = head.size() != statement.size();
        seen_.clear();
        while (has_colon) {
            const bool is_last = keys.find(',') == std::string_view::npos;
            const std::string_view pair = cut(keys, ',');
            if (trim(pair).empty()) return wrong(pair.empty() ? statement : pair, "lacks a key");
            VERBS_CHECK(take_pair(rule, trim(pair)));
            if (is_last) break;
        }
        VERBS_CHECK(judge(rule, statement));
        plan_.rules.push_back(std::move(rule));
        return {};
    }

    Result<void> take_seed(std::string_view statement) {
        std::string_view value = statement;
        if (trim(cut(value, '=')) != "seed") return wrong(statement, "is no fault");
        value = trim(value);
        if (has_seed_) return wrong(statement, "is a second seed");
        has_seed_ = true;
        const auto end = value.data() + value.size();
        const auto [stop, code] = std::from_chars(value.data(), end, plan_.seed);
        if (code != std::errc() || stop != end || value.empty())
            return wrong(statement, "is no seed: a number up to 2^64 - 1");
        return {};
    }

    Result<void> take_pair(FaultRule &rule, std::string_view pair) {
        std::string_view value = pair;
        const std::string_view key = trim(cut(value, '='));
        value = trim(value);
        if (value.empty()) return wrong(pair, "has no value");
        if (std::ranges::find(seen_, key) != seen_.end()) return wrong(pair, "is said twice");
        seen_.push_back(key);
        if (!fits(rule, key)) return wrong(pair, "is no key of this fault");
        if (key == "p") return take_probability(rule, pair, value);
        if (key == "on") {
            if (value != "send" && value != "recv") return wrong(pair, "is neither send nor recv");
            rule.is_on_receive = value == "recv";
            return {};
        }
        if (key == "errno") {
            const auto code = find(kCodes, value);
            if (!code) return wrong(pair, "is no error that can be asked for");
            rule.code = *code;
            return {};
        }
        return take_number(rule, pair, key, value);
    }

    // Which keys go with which fault. Others are refused: nobody would notice that they do nothing.
    static bool fits(const FaultRule &rule, std::string_view key) {
        if (rule.is_timed())
            return key == "after_ms" || key == "posts" ||
                   (key == "for_ms" && rule.kind == FaultKind::port_down);
        if (key == "after" || key == "nth" || key == "every" || key == "p" || key == "count")
            return true;
        if (key == "qp") return rule.is_about_messages();
        if (key == "on") return rule.kind == FaultKind::drop_peer;
        if (key == "us") return rule.kind == FaultKind::delay;
        if (key == "attempts") return rule.kind == FaultKind::rnr;
        return key == "errno" && rule.kind == FaultKind::fail_call;
    }

    Result<void> take_probability(FaultRule &rule, std::string_view pair, std::string_view value) {
        const auto end = value.data() + value.size();
        const auto [stop, code] =
            std::from_chars(value.data(), end, rule.probability, std::chars_format::fixed);
        // The comparison refuses what is no number, too.
        if (code != std::errc() || stop != end || !(rule.probability > 0 && rule.probability <= 1))
            return wrong(pair, "is no probability: above 0, at most 1, such as 0.05");
        return {};
    }

    Result<void> take_number(FaultRule &rule, std::string_view pair, std::string_view key,
                             std::string_view value) {
        uint64_t number = 0;
        const auto end = value.data() + value.size();
        const auto [stop, code] = std::from_chars(value.data(), end, number);
        const bool may_be_zero = key == "after" || key == "after_ms";
        if (code != std::errc() || stop != end || number > kMostNumber ||
            (number == 0 && !may_be_zero))
            return wrong(pair, std::string("is no number from ") + (may_be_zero ? "0" : "1") +
                                   " to " + std::to_string(kMostNumber));
        const auto whole = static_cast<int64_t>(number);
        if (key == "after") rule.after = number;
        if (key == "nth") rule.nth = number;
        if (key == "every") rule.every = number;
        if (key == "count") rule.count = number;
        if (key == "qp") rule.qp = number;
        if (key == "us") rule.delay_ns = whole * 1'000;
        if (key == "attempts") rule.attempts = static_cast<uint32_t>(number);
        if (key == "after_ms") rule.after_ns = whole * 1'000'000;
        if (key == "posts") rule.posts = number;
        if (key == "for_ms") rule.for_ns = whole * 1'000'000;
        return {};
    }

    // What a fault needs, and what contradicts itself.
    [[nodiscard]] Result<void> judge(FaultRule &rule, std::string_view statement) const {
        const int chosen = (rule.nth != 0) + (rule.every != 0) + (rule.probability > 0);
        if (chosen > 1) return wrong(statement, "has more than one of nth, every and p");
        if (rule.kind == FaultKind::delay && rule.delay_ns == 0)
            return wrong(statement, "needs us=: how many microseconds");
        if (rule.is_timed() && (rule.after_ns >= 0) == (rule.posts != 0))
            return wrong(statement, "needs one of after_ms= and posts=");
        // A peer dies once.
        if (rule.kind == FaultKind::drop_peer && rule.count == 0) rule.count = 1;
        return {};
    }

    std::string_view all_;
    FaultPlan plan_;
    bool has_seed_ = false;
    std::vector<std::string_view> seen_;  // keys of this statement
};

// Steele, Lea, Flood: "Fast splittable pseudorandom number generators", the mixing of SplitMix64.
constexpr uint64_t mix(uint64_t word) {
    word += 0x9e3779b97f4a7c15;
    word = (word ^ (word >> 30)) * 0xbf58476d1ce4e5b9;
    word = (word ^ (word >> 27)) * 0x94d049bb133111eb;
    return word ^ (word >> 31);
}

}  // namespace

Result<FaultPlan> parse_faults(std::string_view text) {
    return Parser(text).parse();
}

bool picks(const FaultPlan &plan, std::size_t rule, uint64_t scope, uint64_t index,
           uint64_t done) noexcept {
    const FaultRule &asked = plan.rules[rule];
    if (index <= asked.after || (asked.count != 0 && done >= asked.count)) return false;
    const uint64_t place = index - asked.after;
    if (asked.nth != 0) return place == asked.nth;
    if (asked.every != 0) return place % asked.every == 0;
    if (asked.probability <= 0) return true;
    // A function of what is counted alone, not of a generator's state: threads that take turns in
    // another order do not change what any of them meets.
    const uint64_t drawn = mix(mix(mix(plan.seed ^ mix(rule)) ^ scope) ^ index);
    return static_cast<double>(drawn >> 11) * 0x1p-53 < asked.probability;
}

}  // namespace soft
