// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// What a provider is known to do differently, read from a file with a reason for each line. It is
// the only place where the suite treats devices unequally.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace verbs_test {

class Deviations {
public:
    // The file VERBS_TEST_DEVIATIONS names, or else each deviations/NAME.txt beside the sources
    // whose NAME the device's name begins with. No file means no deviation. Throws on a line
    // that cannot be read: a deviation that is ignored would be worse than none.
    static Deviations of(const std::string &device_name);

    // The reason to leave out the test (as Suite.Test), if there is one.
    [[nodiscard]] std::optional<std::string> skip(const std::string &test) const;
    // The reason why the device lacks a feature, if it does.
    [[nodiscard]] std::optional<std::string> unsupported(const std::string &feature) const;
    // The patterns that fit none of these tests: what they were for has another name now.
    [[nodiscard]] std::vector<std::string>
    skipping_none_of(const std::vector<std::string> &tests) const;

private:
    struct Line {
        std::string kind;     // "skip" or "unsupported"
        std::string subject;  // pattern of Suite.Test, or a feature
        std::string reason;
        bool is_for_this_kernel = true;
    };
    void read(const std::string &path);

    std::vector<Line> lines_;
};

}  // namespace verbs_test
