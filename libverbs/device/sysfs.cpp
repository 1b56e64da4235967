// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "device/sysfs.hpp"

#include "core/attribute_file.hpp"

#include <infiniband/verbs.h>
#include <rdma/ib_user_ioctl_verbs.h>

#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <optional>

namespace verbs::device {
namespace {

constexpr std::string_view kUverbs = "uverbs";

// The number that a text begins with; `rest` becomes what is behind it.
template <class T>
std::optional<T> number_at(std::string_view text, int base, std::string_view *rest = nullptr) {
    T number{};
    const auto [end, problem] =
        std::from_chars(text.data(), text.data() + text.size(), number, base);
    if (problem != std::errc()) return std::nullopt;
    if (rest != nullptr) *rest = text.substr(static_cast<std::size_t>(end - text.data()));
    return number;
}

std::vector<std::string> entries_of(const std::filesystem::path &folder) {
    std::vector<std::string> names;
    std::error_code problem;
    for (std::filesystem::directory_iterator entry(folder, problem), end; !problem && entry != end;
         entry.increment(problem))
        names.push_back(entry->path().filename().string());
    return names;
}

std::optional<SysfsUverbs> read_uverbs(const std::string &folder, std::string name) {
    const auto device = read_attribute(folder + "/ibdev");
    const auto abi = read_attribute(folder + "/abi_version");
    const auto number = read_attribute(folder + "/dev");
    if (!device || device->empty() || device->find('/') != std::string::npos) return std::nullopt;
    if (!abi || !number) return std::nullopt;
    std::string_view colon;
    const auto version = number_at<std::uint32_t>(*abi, 10);
    const auto major = number_at<unsigned>(*number, 10, &colon);
    if (!version || !major || !colon.starts_with(':')) return std::nullopt;
    const auto minor = number_at<unsigned>(colon.substr(1), 10);
    if (!minor) return std::nullopt;
    return SysfsUverbs{std::move(name), *device, *version, ::makedev(*major, *minor)};
}

}  // namespace

bool Sysfs::rules_rdma_out() const noexcept {
    const auto exists = [&](const char *name) {
        return ::access((root_.native() + name).c_str(), F_OK) == 0;
    };
    // The kernel makes its class when RDMA is loaded. Without any class, sysfs is not there at all.
    return !exists("/class/infiniband") && exists("/class");
}

std::vector<SysfsUverbs> Sysfs::uverbs() const {
    std::vector<std::pair<unsigned, SysfsUverbs>> numbered;
    for (auto &name : entries_of(root_ / "class/infiniband_verbs")) {
        if (!name.starts_with(kUverbs)) continue;
        const auto number = number_at<unsigned>(std::string_view(name).substr(kUverbs.size()), 10);
        if (!number) continue;
        if (auto one = read_uverbs(uverbs_path(name), name); one)
            numbered.emplace_back(*number, std::move(*one));
    }
    std::sort(numbered.begin(), numbered.end(),
              [](const auto &a, const auto &b) { return a.first < b.first; });
    std::vector<SysfsUverbs> all;
    all.reserve(numbered.size());
    for (auto &[number, one] : numbered)
        all.push_back(std::move(one));
    return all;
}

std::vector<std::string> Sysfs::devices() const {
    auto names = entries_of(root_ / "class/infiniband");
    std::sort(names.begin(), names.end());
    return names;
}

bool Sysfs::has(const std::string &device) const {
    return ::access(device_path(device).c_str(), F_OK) == 0;
}

Result<std::uint64_t> Sysfs::node_guid(const std::string &device) const {
    const auto file = device_path(device) + "/node_guid";
    VERBS_TRY(text, read_attribute(file));
    // Four groups of four digits: 0200:00ff:fe00:0001
    text.erase(std::remove(text.begin(), text.end(), ':'), text.end());
    std::string_view rest;
    const auto guid = number_at<std::uint64_t>(text, 16, &rest);
    if (!guid || text.size() != 16 || !rest.empty()) return fail(EBADMSG, file + " is no GUID");
    return *guid;
}

Result<int> Sysfs::node_type(const std::string &device) const {
    const auto file = device_path(device) + "/node_type";
    VERBS_TRY(text, read_attribute(file));
    const auto type = number_at<int>(text, 10);  // "1: CA"
    if (!type) return fail(EBADMSG, file + " does not begin with a number");
    return *type;
}

Result<std::string> Sysfs::modalias(const std::string &device) const {
    return read_attribute(device_path(device) + "/device/modalias");
}

std::uint32_t Sysfs::driver_id(const std::string &device) const {
    const auto path = device_path(device);
    std::error_code ignored;
    if (std::filesystem::exists(path + "/device", ignored)) return RDMA_DRIVER_UNKNOWN;
    // Without a bus: of the kernel's own drivers that have none, rxe alone names the interface
    // that it stands on, and siw alone is iWARP.
    if (std::filesystem::exists(path + "/parent", ignored)) return RDMA_DRIVER_RXE;
    const auto type = node_type(device);
    return type && *type == IBV_NODE_RNIC ? RDMA_DRIVER_SIW : RDMA_DRIVER_UNKNOWN;
}

std::string Sysfs::device_path(const std::string &device) const {
    return root_.native() + "/class/infiniband/" + device;
}

std::string Sysfs::uverbs_path(const std::string &uverbs) const {
    return root_.native() + "/class/infiniband_verbs/" + uverbs;
}

}  // namespace verbs::device
