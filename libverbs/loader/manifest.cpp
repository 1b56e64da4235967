// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Every value is looked at once, here, with its type and its bounds; what leaves is typed.
#include "loader/manifest.hpp"

#include "core/log.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <cctype>
#include <limits>
#include <optional>

namespace verbs::loader {
namespace {

using nlohmann::json;

constexpr std::uint32_t kManifestVersion = 1;
constexpr std::size_t kMaxText = 1024;
constexpr std::size_t kMaxPath = 4000;
constexpr std::size_t kMaxMatches = 256;
constexpr std::size_t kMaxVariables = 16;
constexpr std::array<std::string_view, 11> kKnownKeys = {
    "manifest", "name",      "library", "contract", "enumerates", "match",
    "class",    "only_with", "yields",  "package",  "description"};

// Checked before the parser runs, so that a text of brackets costs no memory.
bool is_too_deep(std::string_view text) {
    int depth = 0;
    bool in_string = false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (in_string) {
            if (c == '\\')
                ++i;
            else if (c == '"')
                in_string = false;
        } else if (c == '"') {
            in_string = true;
        } else if (c == '{' || c == '[') {
            if (++depth > kMaxManifestDepth) return true;
        } else if (c == '}' || c == ']') {
            --depth;
        }
    }
    return false;
}

bool has_control_character(std::string_view text) {
    return std::any_of(text.begin(), text.end(),
                       [](unsigned char c) { return c < 0x20 || c == 0x7f; });
}

bool is_name(std::string_view text) {
    const auto is_plain = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
    return !text.empty() && text.size() <= 32 && is_plain(text.front()) &&
           std::all_of(text.begin(), text.end(),
                       [&](char c) { return is_plain(c) || c == '_' || c == '-'; });
}

// "15b3:1017" or "15b3:*".
bool is_pci_pattern(std::string_view text) {
    const auto is_half = [](std::string_view half) {
        return half == "*" ||
               (half.size() == 4 && std::all_of(half.begin(), half.end(), [](char c) {
                    return std::isxdigit(static_cast<unsigned char>(c)) != 0;
                }));
    };
    const auto colon = text.find(':');
    return colon != std::string_view::npos && is_half(text.substr(0, colon)) &&
           is_half(text.substr(colon + 1));
}

// The value of a key, or NULL when it is absent.
const json *value_of(const json &object, const char *key) {
    const auto found = object.find(key);
    return found == object.end() ? nullptr : &*found;
}

Result<std::string> text_of(const json &object, const char *key, std::size_t max,
                            bool is_required) {
    const json *value = value_of(object, key);
    if (value == nullptr) {
        if (is_required) return fail(EINVAL, std::string("M4: there is no \"") + key + '"');
        return std::string();
    }
    if (!value->is_string()) return fail(EINVAL, std::string("M4: \"") + key + "\" is no string");
    auto text = value->get<std::string>();
    if (text.size() > max || has_control_character(text))
        return fail(EINVAL, std::string("M4: \"") + key + "\" is too long or not plain text");
    return text;
}

Result<std::uint32_t> number_of(const json &object, const char *key) {
    const json *value = value_of(object, key);
    if (value == nullptr || !value->is_number_unsigned() ||
        value->get<std::uint64_t>() > std::numeric_limits<std::uint32_t>::max())
        return fail(EINVAL, std::string("M4: \"") + key + "\" is no number of 32 bits");
    return static_cast<std::uint32_t>(value->get<std::uint64_t>());
}

Result<std::filesystem::path> library_of(const json &object, const std::filesystem::path &file,
                                         const std::filesystem::path &provider_dir) {
    VERBS_TRY(text, text_of(object, "library", kMaxPath, true));
    if (text.empty() || text.back() == '/' || text == "." || text == "..")
        return fail(EINVAL, "M5: \"library\" names no file");
    const std::filesystem::path path = text;
    if (path.is_absolute()) return path.lexically_normal();
    if (text.find('/') == std::string::npos) return provider_dir / path;
    return std::filesystem::absolute(file.parent_path() / path).lexically_normal();
}

Result<std::vector<Match>> matches_of(const json &object, const std::filesystem::path &file) {
    std::vector<Match> matches;
    const json *list = value_of(object, "match");
    if (list == nullptr) return matches;
    if (!list->is_array() || list->size() > kMaxMatches)
        return fail(EINVAL, "M4: \"match\" is no list, or too long");
    for (const json &entry : *list) {
        if (!entry.is_object()) return fail(EINVAL, "M4: an entry of \"match\" is no object");
        Match match;
        if (entry.contains("driver_id")) {
            VERBS_TRY(driver_id, number_of(entry, "driver_id"));
            if (driver_id == 0) return fail(EINVAL, "M4: \"driver_id\" 0 is no driver's");
            match.driver_id = driver_id;
        } else if (entry.contains("pci")) {
            VERBS_TRY(pattern, text_of(entry, "pci", kMaxText, true));
            if (!is_pci_pattern(pattern))
                return fail(EINVAL, "M4: \"pci\" is not vendor:device, each four hexadecimal "
                                    "digits or *");
            match.by = Match::By::pci;
            match.pattern = pattern;
        } else if (entry.contains("modalias")) {
            VERBS_TRY(pattern, text_of(entry, "modalias", kMaxText, true));
            match.by = Match::By::modalias;
            match.pattern = pattern;
        } else {
            VERBS_LOG(info, "loader", "%s: a way to match that is not known here is left out",
                      file.c_str());
            continue;
        }
        matches.push_back(std::move(match));
    }
    return matches;
}

Result<void> read_contract(const json &object, Manifest &manifest) {
    const json *range = value_of(object, "contract");
    if (range == nullptr || !range->is_object())
        return fail(EINVAL, "M4: there is no object \"contract\"");
    VERBS_TRY(oldest, number_of(*range, "oldest"));
    VERBS_TRY(newest, number_of(*range, "newest"));
    if (oldest > newest) return fail(EINVAL, "M4: in \"contract\", oldest is above newest");
    manifest.contract_oldest = oldest;
    manifest.contract_newest = newest;
    return {};
}

Result<bool> enumerates_of(const json &object) {
    const json *value = value_of(object, "enumerates");
    if (value == nullptr) return false;
    if (!value->is_boolean()) return fail(EINVAL, "M4: \"enumerates\" is neither true nor false");
    return value->get<bool>();
}

Result<std::optional<Yield>> yields_of(const json &object) {
    const json *value = value_of(object, "yields");
    if (value == nullptr) return std::nullopt;
    if (!value->is_object()) return fail(EINVAL, "M4: \"yields\" is no object");
    Yield yield;
    if (const json *names = value_of(*value, "unless_set"); names != nullptr) {
        if (!names->is_array() || names->size() > kMaxVariables)
            return fail(EINVAL, "M4: \"unless_set\" is no list, or too long");
        for (const json &name : *names) {
            if (!name.is_string()) return fail(EINVAL, "M4: \"unless_set\" names no variable");
            yield.unless_set.push_back(name.get<std::string>());
        }
    }
    VERBS_TRY(file, text_of(*value, "unless_file", kMaxPath, false));
    if (file.find('/') != std::string::npos || file == "." || file == "..")
        return fail(EINVAL, "M4: \"unless_file\" is no bare file name");
    if (!file.empty()) yield.unless_file = std::filesystem::path(VERBS_CONFIG_DIR) / file;
    return yield;
}

Result<bool> is_experimental(const json &object) {
    VERBS_TRY(text, text_of(object, "class", kMaxText, false));
    if (text.empty() || text == "stable") return false;
    if (text == "experimental") return true;
    return fail(EINVAL, "M4: \"class\" is neither stable nor experimental");
}

Result<json> document_of(std::string_view text) {
    if (text.size() > kMaxManifestBytes) return fail(EFBIG, "M1: larger than 64 KiB");
    if (is_too_deep(text)) return fail(EINVAL, "M2: nested too deep");
    try {
        json document = json::parse(text.begin(), text.end());
        if (!document.is_object()) return fail(EINVAL, "M2: no JSON object");
        return document;
    } catch (const json::exception &broken) {
        return fail(EINVAL, std::string("M2: no JSON: ") + broken.what());
    }
}

}  // namespace

Result<Manifest> parse_manifest(std::string_view text, const std::filesystem::path &file,
                                const std::filesystem::path &provider_dir) {
    VERBS_TRY(document, document_of(text));
    VERBS_TRY(version, number_of(document, "manifest"));
    if (version != kManifestVersion)
        return fail(EINVAL, "M3: manifest version " + std::to_string(version) +
                                ", this library knows " + std::to_string(kManifestVersion));
    for (const auto &[key, value] : document.items())
        if (std::find(kKnownKeys.begin(), kKnownKeys.end(), key) == kKnownKeys.end())
            VERBS_LOG(info, "loader", "%s: key \"%s\" is not known here", file.c_str(),
                      key.c_str());

    Manifest manifest;
    manifest.file = file;
    VERBS_TRY(name, text_of(document, "name", kMaxText, true));
    if (!is_name(name)) return fail(EINVAL, "M4: \"name\" is not [a-z0-9][a-z0-9_-]{0,31}");
    manifest.name = std::move(name);
    VERBS_TRY(library, library_of(document, file, provider_dir));
    manifest.library = std::move(library);
    VERBS_CHECK(read_contract(document, manifest));
    VERBS_TRY(enumerates, enumerates_of(document));
    manifest.enumerates = enumerates;
    VERBS_TRY(match, matches_of(document, file));
    manifest.match = std::move(match);
    VERBS_TRY(experimental, is_experimental(document));
    manifest.is_experimental = experimental;
    VERBS_TRY(only_with, text_of(document, "only_with", kMaxText, false));
    manifest.only_with = std::move(only_with);
    VERBS_TRY(yields, yields_of(document));
    manifest.yields = std::move(yields);
    VERBS_TRY(package, text_of(document, "package", kMaxText, false));
    manifest.package = std::move(package);
    VERBS_TRY(description, text_of(document, "description", kMaxText, false));
    manifest.description = std::move(description);
    return manifest;
}

}  // namespace verbs::loader
