// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Reads a deviations file: lines of "kind | subject | reason", empty lines and # comments.
#include "deviations.hpp"

#include <fnmatch.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <stdexcept>

namespace verbs_test {

namespace {

const std::set<std::string> kFeatures = {"uc",        "srq",       "atomics",  "mw",
                                         "multicast", "resize_cq", "rereg_mr", "sqd"};

std::string trimmed(const std::string &text) {
    const size_t first = text.find_first_not_of(" \t");
    if (first == std::string::npos) return {};
    return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

std::vector<std::string> files_for(const std::string &device_name) {
    if (const char *path = std::getenv("VERBS_TEST_DEVIATIONS"); path != nullptr) return {path};
    std::vector<std::string> files;
    for (const auto &entry : std::filesystem::directory_iterator(CONFORMANCE_DEVIATIONS_DIR)) {
        if (device_name.starts_with(entry.path().stem().string()))
            files.push_back(entry.path().string());
    }
    return files;
}

}  // namespace

Deviations Deviations::of(const std::string &device_name) {
    Deviations deviations;
    for (const std::string &path : files_for(device_name)) {
        deviations.read(path);
    }
    return deviations;
}

void Deviations::read(const std::string &path) {
    std::ifstream file(path);
    if (!file) throw std::runtime_error("cannot read " + path);
    std::string text;
    for (int number = 1; std::getline(file, text); ++number) {
        text = trimmed(text);
        if (text.empty() || text.front() == '#') continue;
        const size_t first = text.find('|');
        const size_t second = first == std::string::npos ? first : text.find('|', first + 1);
        Line line;
        if (second != std::string::npos) {
            line = {trimmed(text.substr(0, first)),
                    trimmed(text.substr(first + 1, second - first - 1)),
                    trimmed(text.substr(second + 1))};
        }
        const bool is_good = !line.subject.empty() && !line.reason.empty() &&
                             (line.kind == "skip" ||
                              (line.kind == "unsupported" && kFeatures.contains(line.subject)));
        if (!is_good) {
            throw std::runtime_error(path + ":" + std::to_string(number) + ": not a deviation");
        }
        lines_.push_back(line);
    }
}

std::optional<std::string> Deviations::skip(const std::string &test) const {
    for (const Line &line : lines_) {
        if (line.kind == "skip" && ::fnmatch(line.subject.c_str(), test.c_str(), 0) == 0) {
            return line.reason;
        }
    }
    return std::nullopt;
}

std::optional<std::string> Deviations::unsupported(const std::string &feature) const {
    for (const Line &line : lines_) {
        if (line.kind == "unsupported" && line.subject == feature) return line.reason;
    }
    return std::nullopt;
}

}  // namespace verbs_test
