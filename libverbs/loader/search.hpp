// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Finding manifests: which folders, which files in them, in which order. Reads nothing that a
// stranger could have written when the process is privileged.
#pragma once

#include "core/result.hpp"
#include "loader/manifest.hpp"

#include <filesystem>
#include <string>
#include <vector>

namespace verbs::loader {

// Where to look. A file in an earlier folder replaces one of the same name in a later folder.
struct SearchPath {
    std::vector<std::filesystem::path> folders;
    std::filesystem::path provider_dir;  // where a bare "library" name lives
    bool is_privileged = false;          // then only trusted folders and files count
};

// The folders compiled in, or what VERBS_PROVIDERS and VERBS_PROVIDERS_EXTRA make of them.
[[nodiscard]] SearchPath search_path_of_process();

// Something that was found and may not be used. Its text is what a person needs: file and rule.
struct Refusal {
    std::filesystem::path file;
    std::string text;
};

struct Found {
    std::vector<Manifest> manifests;  // in the order of their numbers
    std::vector<Refusal> refusals;
};

[[nodiscard]] Found find_manifests(const SearchPath &where);

// Refuses a path that a stranger owns or may write, for privileged processes.
[[nodiscard]] Result<void> check_trusted(const std::filesystem::path &path);

}  // namespace verbs::loader
