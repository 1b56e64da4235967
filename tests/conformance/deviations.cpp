// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Reads a deviations file: lines of "kind | subject | reason", empty lines and # comments. The kind
// may be followed by "before VERSION" or "since VERSION" of the kernel.
#include "deviations.hpp"

#include <fnmatch.h>
#include <sys/utsname.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <stdexcept>
#include <utility>

namespace verbs_test {

namespace {

const std::set<std::string> kFeatures = {
    "uc",
    "srq",
    "atomics",
    "mw",
    "multicast",
    "resize_cq",
    "rereg_mr",
    "sqd",
    "fault injection",
    "completion timestamps",
    "regions without memory",
    "device memory",
    "paging on demand",
    "a region of everything",
    "dma-bufs",
    "import",
    "port speed",
    "flow steering",
    "flow actions",
    "flow counters",
    "work queues",
    "raw packets",
    "a vendor's queue pairs",
    "segmentation",
    "DMA handles",
    "dma-bufs of device memory",
    "rate limits",
    "connection options",
    "queues in memory of the program",
    "XRC",
    "tag matching",
    "windows of type 2",
    "atomic writes",
    "counters of completions",
    "flushes",
    "flushes to files",
};

using Version = std::pair<int, int>;

// As 6.1 of "6.1.0-56-amd64".
std::optional<Version> version_in(const std::string &text) {
    Version version;
    if (std::sscanf(text.c_str(), "%d.%d", &version.first, &version.second) != 2)
        return std::nullopt;
    return version;
}

Version running_kernel() {
    utsname names{};
    if (::uname(&names) != 0) throw std::runtime_error("uname");
    const auto version = version_in(names.release);
    if (!version) throw std::runtime_error(std::string("a kernel called ") + names.release);
    return *version;
}

struct Kind {
    std::string name;
    bool is_for_this_kernel = true;
};

// "skip", or "skip before 6.1", or "skip since 6.1"; nothing when it is none of these.
std::optional<Kind> kind_in(const std::string &text) {
    std::istringstream words(text);
    Kind kind;
    std::string bound;
    std::string number;
    std::string more;
    words >> kind.name;
    if (!(words >> bound)) return kind;
    words >> number;
    const auto version = version_in(number);
    if (!version || words >> more || (bound != "before" && bound != "since")) return std::nullopt;
    kind.is_for_this_kernel = (running_kernel() < *version) == (bound == "before");
    return kind;
}

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
        std::optional<Kind> kind;
        if (second != std::string::npos) {
            kind = kind_in(text.substr(0, first));
            line = {kind ? kind->name : std::string(),
                    trimmed(text.substr(first + 1, second - first - 1)),
                    trimmed(text.substr(second + 1))};
        }
        const bool is_good = !line.subject.empty() && !line.reason.empty() &&
                             (line.kind == "skip" ||
                              (line.kind == "unsupported" && kFeatures.contains(line.subject)));
        if (!is_good) {
            throw std::runtime_error(path + ":" + std::to_string(number) + ": not a deviation");
        }
        line.is_for_this_kernel = kind->is_for_this_kernel;
        lines_.push_back(line);
    }
}

std::optional<std::string> Deviations::skip(const std::string &test) const {
    for (const Line &line : lines_) {
        if (line.kind == "skip" && line.is_for_this_kernel &&
            ::fnmatch(line.subject.c_str(), test.c_str(), 0) == 0) {
            return line.reason;
        }
    }
    return std::nullopt;
}

std::optional<std::string> Deviations::unsupported(const std::string &feature) const {
    for (const Line &line : lines_) {
        if (line.kind == "unsupported" && line.is_for_this_kernel && line.subject == feature)
            return line.reason;
    }
    return std::nullopt;
}

std::vector<std::string> Deviations::skipping_none_of(const std::vector<std::string> &tests) const {
    std::vector<std::string> idle;
    for (const Line &line : lines_) {
        const auto is_meant = [&line](const std::string &test) {
            return ::fnmatch(line.subject.c_str(), test.c_str(), 0) == 0;
        };
        if (line.kind == "skip" && std::ranges::none_of(tests, is_meant))
            idle.push_back(line.subject);
    }
    return idle;
}

}  // namespace verbs_test
