// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "device/kernel.hpp"

#include "core/log.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <tuple>

namespace verbs::device {
namespace {

std::string text_of(dev_t number) {
    return std::to_string(::major(number)) + ':' + std::to_string(::minor(number));
}

void take(KernelDevice &device, SysfsUverbs &&uverbs) {
    device.uverbs = std::move(uverbs.name);
    device.abi = uverbs.abi;
    device.number = uverbs.number;
}

void take(KernelDevice &device, NldevUverbs &&uverbs) {
    device.uverbs = std::move(uverbs.name);
    device.abi = uverbs.abi;
    device.number = uverbs.number;
    device.driver_id = uverbs.driver_id.value_or(0);
}

std::string without_uverbs(const std::string &device) {
    return device + ": the kernel has no uverbs device for it; load the module ib_uverbs";
}

}  // namespace

Kernel &Kernel::of_process() {
    static auto *const kernel = new Kernel(Places{}, &open_nldev);
    return *kernel;
}

Kernel::Look Kernel::look() {
    Look look;
    // Where the last look found devices RDMA is loaded.
    if (count_ <= 0 && sysfs_.rules_rdma_out()) {
        count_ = 0;
        return look;
    }
    auto found = ask_netlink(look.problems);
    if (!found) {
        VERBS_LOG(info, "device", "%s; looking into sysfs", found.error().phrase.c_str());
        look.problems.clear();
        found = read_sysfs(look.problems);
    }
    for (auto &device : *found)
        if (find_node(device, look.problems)) look.devices.push_back(std::move(device));
    // Stable: without an index the order is that of the uverbs numbers.
    std::stable_sort(look.devices.begin(), look.devices.end(), [](const auto &a, const auto &b) {
        if (a.index < 0 && b.index < 0) return false;
        return std::tie(a.index, a.name) < std::tie(b.index, b.name);
    });
    count_ = static_cast<int>(look.devices.size());
    return look;
}

int Kernel::count() noexcept {
    if (const int known = count_; known >= 0) return known;
    try {
        return static_cast<int>(look().devices.size());
    } catch (...) {
        return 0;  // out of memory: as good as not being able to look
    }
}

Result<std::vector<KernelDevice>> Kernel::ask_netlink(Problems &problems) const {
    VERBS_TRY(nldev, open_());
    VERBS_TRY(messages, nldev->devices());
    std::vector<KernelDevice> devices;
    for (const auto &message : messages) {
        VERBS_TRY(told, parse_nldev_device(message));
        KernelDevice device = describe(std::move(told));
        auto found = find_uverbs(*nldev, device);
        if (found)
            devices.push_back(std::move(device));
        else if (found.error().code == ENODEV)
            VERBS_LOG(debug, "device", "%s", found.error().phrase.c_str());
        else
            problems.push_back(std::move(found.error().phrase));
    }
    return devices;
}

KernelDevice Kernel::describe(NldevDevice &&told) const {
    KernelDevice device;
    device.name = std::move(told.name);
    device.index = static_cast<int>(told.index);
    device.node_guid =
        told.node_guid ? *told.node_guid : sysfs_.node_guid(device.name).value_or(device.node_guid);
    device.node_type =
        told.node_type ? *told.node_type : sysfs_.node_type(device.name).value_or(device.node_type);
    return device;
}

Result<void> Kernel::find_uverbs(Nldev &nldev, KernelDevice &device) const {
    auto answer = nldev.uverbs_of(static_cast<std::uint32_t>(device.index));
    auto uverbs = answer ? parse_nldev_uverbs(*answer)
                         : Result<NldevUverbs>(Failure(std::move(answer.error())));
    if (uverbs) {
        take(device, std::move(*uverbs));
    } else {
        const auto &why = uverbs.error();
        // The kernel calls an index without a device EINVAL.
        if ((why.code == ENODEV || why.code == EINVAL) && !sysfs_.has(device.name))
            return fail(ENODEV, device.name + " has just gone");
        VERBS_LOG(info, "device", "%s: %s; looking into sysfs", device.name.c_str(),
                  why.phrase.c_str());
        auto all = sysfs_.uverbs();
        const auto own = std::find_if(
            all.begin(), all.end(), [&](const auto &entry) { return entry.device == device.name; });
        if (own == all.end()) return fail(ENXIO, without_uverbs(device.name));
        take(device, std::move(*own));
    }
    if (device.driver_id == 0) device.driver_id = sysfs_.driver_id(device.name);
    return {};
}

std::vector<KernelDevice> Kernel::read_sysfs(Problems &problems) const {
    std::vector<KernelDevice> devices;
    for (auto &uverbs : sysfs_.uverbs()) {
        KernelDevice device;
        device.name = uverbs.device;
        take(device, std::move(uverbs));
        if (auto guid = sysfs_.node_guid(device.name); guid) device.node_guid = *guid;
        if (auto type = sysfs_.node_type(device.name); type) device.node_type = *type;
        device.driver_id = sysfs_.driver_id(device.name);
        devices.push_back(std::move(device));
    }
    for (const auto &name : sysfs_.devices())
        if (std::none_of(devices.begin(), devices.end(),
                         [&](const auto &device) { return device.name == name; }))
            problems.push_back(without_uverbs(name));
    return devices;
}

bool Kernel::find_node(KernelDevice &device, Problems &problems) const {
    const auto file = places_.nodes.native() + '/' + device.uverbs;
    const auto complain = [&](const std::string &text) {
        problems.push_back(device.name + ": " + file + text);
    };
    struct stat facts {};
    if (::stat(file.c_str(), &facts) != 0) {
        complain(std::string(": ") + std::strerror(errno) +
                 "; let udev make it, or give the container the folder " + places_.nodes.string());
        return false;
    }
    if (!S_ISCHR(facts.st_mode)) {
        complain(" is no character device; remove it and let udev make it");
        return false;
    }
    if (facts.st_rdev != device.number) {
        complain(" is device " + text_of(facts.st_rdev) + ", but the kernel's is " +
                 text_of(device.number) + "; remove it and let udev make it");
        return false;
    }
    device.node = facts.st_ino;
    constexpr mode_t kForEverybody = 0666;  // as udev makes them
    if ((facts.st_mode & kForEverybody) == kForEverybody) return true;
    if (::faccessat(AT_FDCWD, file.c_str(), R_OK | W_OK, AT_EACCESS) != 0)
        complain(std::string(": ") + std::strerror(errno) +
                 "; this user needs leave to read and write it");
    return true;
}

}  // namespace verbs::device
