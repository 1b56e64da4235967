// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// A manifest is NUMBER-name.json: the number gives the order, the whole name who replaces whom.
#include "loader/search.hpp"

#include "core/environment.hpp"
#include "core/fd.hpp"
#include "core/log.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <map>
#include <tuple>

namespace verbs::loader {
namespace {

// Order of two manifests: by number first, those without one last, then by name.
struct Key {
    unsigned long number = ~0UL;
    std::string name;

    explicit Key(std::string file_name) : name(std::move(file_name)) {
        std::from_chars(name.data(), name.data() + name.size(), number);
    }
    bool operator<(const Key &other) const {
        return std::tie(number, name) < std::tie(other.number, other.name);
    }
};

using Candidates = std::map<Key, std::filesystem::path>;

Result<void> check_owner(const struct stat &facts) {
    if (facts.st_uid != 0 && facts.st_uid != ::geteuid())
        return fail(EPERM, "owned by a stranger, in a privileged process");
    const bool is_loose =
        (facts.st_mode & S_IWOTH) != 0 || ((facts.st_mode & S_IWGRP) != 0 && facts.st_gid != 0);
    if (is_loose) return fail(EPERM, "writable by others, in a privileged process");
    return {};
}

// Adds the manifests of one folder, unless an earlier folder has a file of that name.
Result<void> collect(const std::filesystem::path &folder, Candidates &candidates) {
    std::error_code problem;
    std::filesystem::directory_iterator entries(folder, problem);
    if (problem == std::errc::no_such_file_or_directory) {
        VERBS_LOG(debug, "loader", "%s: no such folder", folder.c_str());
        return {};
    }
    for (; !problem && entries != std::filesystem::directory_iterator();
         entries.increment(problem)) {
        const auto name = entries->path().filename().string();
        if (name.starts_with('.') || !name.ends_with(".json")) continue;
        const auto [earlier, is_new] = candidates.emplace(Key(name), folder / name);
        if (!is_new)
            VERBS_LOG(info, "loader", "%s is replaced by %s", (folder / name).c_str(),
                      earlier->second.c_str());
    }
    if (problem) return fail(problem.value(), "M1: folder cannot be read: " + problem.message());
    return {};
}

Result<std::string> read_text(const std::filesystem::path &file, bool is_privileged) {
    // O_NONBLOCK: a fifo in the folder must not stop the process.
    const UniqueFd fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
    struct stat facts {};
    if (!fd.is_open() || ::fstat(fd.get(), &facts) != 0)
        return fail(errno, std::string("M1: cannot be read: ") + std::strerror(errno));
    if (!S_ISREG(facts.st_mode)) return fail(EINVAL, "M1: no regular file");
    if (is_privileged) {
        if (auto trust = check_owner(facts); !trust)
            return fail(trust.error().code, "M1: " + trust.error().phrase);
    }
    // One byte more than the file has, so that its end is seen, and one that grows meanwhile is
    // read up to one byte more than is allowed.
    const auto length = static_cast<std::uintmax_t>(facts.st_size);
    std::string text(std::min<std::uintmax_t>(length, kMaxManifestBytes) + 1, '\0');
    std::size_t used = 0;
    for (;;) {
        if (used == text.size()) {
            if (used > kMaxManifestBytes) break;
            text.resize(std::min(2 * used, kMaxManifestBytes + 1));
        }
        const auto got = ::read(fd.get(), text.data() + used, text.size() - used);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return fail(errno, std::string("M1: cannot be read: ") + std::strerror(errno));
        if (got == 0) break;
        used += static_cast<std::size_t>(got);
    }
    text.resize(used);
    return text;
}

Result<Manifest> read_manifest(const std::filesystem::path &file, const SearchPath &where) {
    VERBS_TRY(text, read_text(file, where.is_privileged));
    return parse_manifest(text, file, where.provider_dir);
}

Result<void> check_name_is_free(const Manifest &manifest, const std::vector<Manifest> &earlier) {
    const auto taken = std::find_if(earlier.begin(), earlier.end(),
                                    [&](const Manifest &m) { return m.name == manifest.name; });
    if (taken == earlier.end()) return {};
    return fail(EEXIST, "M6: the name " + manifest.name + " is taken by " + taken->file.string());
}

void refuse(Found &found, const std::filesystem::path &file, const Error &why) {
    found.refusals.push_back({file, file.string() + ": " + why.phrase});
    VERBS_LOG(warn, "loader", "%s", found.refusals.back().text.c_str());
}

}  // namespace

SearchPath search_path_of_process() {
    SearchPath where;
    where.provider_dir = VERBS_PROVIDER_DIR;
    where.is_privileged = environment::is_privileged();
    // environment::get gives nothing to a privileged process.
    if (const char *instead = environment::get("VERBS_PROVIDERS"); instead != nullptr) {
        for (auto &folder : environment::split(instead, ':'))
            where.folders.emplace_back(folder);
    } else {
        where.folders.emplace_back(VERBS_CONFIG_DIR "/providers.d");
        where.folders.emplace_back(VERBS_MANIFEST_DIR);
    }
    if (const char *extra = environment::get("VERBS_PROVIDERS_EXTRA"); extra != nullptr)
        for (auto &folder : environment::split(extra, ':'))
            where.folders.emplace_back(folder);
    return where;
}

Found find_manifests(const SearchPath &where) {
    Found found;
    Candidates candidates;
    for (const auto &folder : where.folders) {
        std::error_code ignored;
        if (where.is_privileged && std::filesystem::exists(folder, ignored)) {
            if (auto trust = check_trusted(folder); !trust) {
                refuse(found, folder, {trust.error().code, "M1: " + trust.error().phrase});
                continue;
            }
        }
        if (auto collected = collect(folder, candidates); !collected)
            refuse(found, folder, collected.error());
    }
    for (const auto &[key, file] : candidates) {
        auto manifest = read_manifest(file, where);
        auto judged = manifest ? check_name_is_free(*manifest, found.manifests)
                               : Result<void>(Failure(manifest.error()));
        if (judged)
            found.manifests.push_back(std::move(*manifest));
        else
            refuse(found, file, judged.error());
    }
    return found;
}

Result<void> check_trusted(const std::filesystem::path &path) {
    struct stat facts {};
    if (::stat(path.c_str(), &facts) != 0)
        return fail(errno, std::string("cannot be examined: ") + std::strerror(errno));
    return check_owner(facts);
}

}  // namespace verbs::loader
