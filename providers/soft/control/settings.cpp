// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Reading soft.conf. It may be anybody's text, so it is bounded first and typed after.
#include "control/settings.hpp"

#include "core/fd.hpp"

#include <verbs/provider.hpp>

#include <nlohmann/json.hpp>

#include <fcntl.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <iterator>

namespace soft {

using nlohmann::json;
using verbs::fail;
using verbs::Result;
using verbs::provider::Host;

namespace {

constexpr std::size_t kMaxBytes = 16 * 1024;

template <class T>
struct Word {
    std::string_view word;
    T value;
};

constexpr Word<Settings::Enabled> kEnabled[] = {{"0", Settings::Enabled::never},
                                                {"1", Settings::Enabled::always},
                                                {"auto", Settings::Enabled::automatic}};
constexpr Word<Settings::Copy> kCopy[] = {{"auto", Settings::Copy::automatic},
                                          {"ring", Settings::Copy::ring}};
constexpr Word<bool> kInfiniband[] = {{"0", false}, {"1", true}};

// False when the word is none of them.
template <class T, std::size_t N>
bool take_word(const Word<T> (&words)[N], std::string_view text, T &value) {
    for (const auto &one : words) {
        if (one.word != text) continue;
        value = one.value;
        return true;
    }
    return false;
}

// JSON's true and false are the words 1 and 0.
template <class T, std::size_t N>
Result<void> take_key(const Word<T> (&words)[N], const json &value, const std::string &key,
                      T &setting) {
    std::string word;
    if (value.is_boolean()) word = value.get<bool>() ? "1" : "0";
    if (value.is_string()) word = value.get<std::string>();
    if (!take_word(words, word, setting)) return fail(EINVAL, "\"" + key + "\" has no such value");
    return {};
}

template <class T, std::size_t N>
void take_variable(const Word<T> (&words)[N], const char *name, T &setting) {
    const char *text = Host::environment(name);
    if (text == nullptr || *text == '\0' || take_word(words, text, setting)) return;
    Host::log(VERBS_HOST_LOG_WARN, "%s=%s is no value that it can have, it is not looked at", name,
              text);
}

Result<void> take_text(const json &value, const std::string &key, std::string &setting) {
    if (!value.is_string()) return fail(EINVAL, "\"" + key + "\" has no such value");
    setting = value.get<std::string>();
    return {};
}

Result<void> judge_owner(const struct stat &facts) {
    if (facts.st_uid != 0 && facts.st_uid != ::geteuid())
        return fail(EPERM, "owned by a stranger, in a privileged process");
    if ((facts.st_mode & S_IWOTH) != 0 || ((facts.st_mode & S_IWGRP) != 0 && facts.st_gid != 0))
        return fail(EPERM, "writable by others, in a privileged process");
    return {};
}

Result<void> judge_folder(const std::string &file) {
    const std::string folder = file.substr(0, file.rfind('/') + 1);
    struct stat facts {};
    if (::stat(folder.c_str(), &facts) != 0) return fail(errno, "its folder cannot be examined");
    return judge_owner(facts);
}

Result<std::string> read_all(int fd) {
    // One byte more than allowed: a file that is too long shows.
    std::string text(kMaxBytes + 1, '\0');
    std::size_t used = 0;
    while (used < text.size()) {
        const ssize_t got = ::read(fd, text.data() + used, text.size() - used);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return fail(errno, std::strerror(errno));
        if (got == 0) break;
        used += static_cast<std::size_t>(got);
    }
    if (used > kMaxBytes) return fail(EFBIG, "longer than 16 KiB");
    text.resize(used);
    return text;
}

Settings settings_of_host() {
    const bool is_privileged = ::getauxval(AT_SECURE) != 0;
    const char *instead = Host::environment("VERBS_SOFT_CONFIG");
    const std::string file = instead != nullptr ? instead : SOFT_CONFIG_FILE;
    auto read = read_settings(file, is_privileged);
    if (read) return *read;
    Host::log(VERBS_HOST_LOG_WARN, "%s is not looked at: %s", file.c_str(),
              read.error().phrase.c_str());
    return {};
}

}  // namespace

Result<Settings> parse_settings(std::string_view text) {
    const json document = json::parse(text, nullptr, false, true);
    if (!document.is_object()) return fail(EINVAL, "not a JSON object");
    Settings settings;
    for (const auto &[key, value] : document.items()) {
        if (key == "enabled")
            VERBS_CHECK(take_key(kEnabled, value, key, settings.enabled));
        else if (key == "infiniband")
            VERBS_CHECK(take_key(kInfiniband, value, key, settings.infiniband));
        else if (key == "copy")
            VERBS_CHECK(take_key(kCopy, value, key, settings.copy));
        else if (key == "faults")
            VERBS_CHECK(take_text(value, key, settings.faults));
        else
            return fail(EINVAL, "there is a key that is not known");
    }
    return settings;
}

Result<Settings> read_settings(const std::string &file, bool is_privileged) {
    // O_NONBLOCK: a fifo in its place must not stop the process.
    const verbs::UniqueFd fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
    if (!fd.is_open() && errno == ENOENT) return Settings();
    struct stat facts {};
    if (!fd.is_open() || ::fstat(fd.get(), &facts) != 0) return fail(errno, std::strerror(errno));
    if (!S_ISREG(facts.st_mode)) return fail(EINVAL, "no regular file");
    if (is_privileged) {
        VERBS_CHECK(judge_owner(facts));
        VERBS_CHECK(judge_folder(file));
    }
    VERBS_TRY(text, read_all(fd.get()));
    return parse_settings(text);
}

Settings settings() {
    static const Settings of_host = settings_of_host();
    Settings settings = of_host;
    take_variable(kEnabled, "VERBS_SOFT", settings.enabled);
    take_variable(kInfiniband, "VERBS_SOFT_IB", settings.infiniband);
    take_variable(kCopy, "VERBS_SOFT_COPY", settings.copy);
    // Nothing in it is a value, too: no faults for this process.
    if (const char *text = Host::environment("VERBS_SOFT_FAULTS"); text != nullptr)
        settings.faults = text;
    return settings;
}

}  // namespace soft
