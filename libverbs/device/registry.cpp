// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "device/registry.hpp"

#include "core/environment.hpp"
#include "core/log.hpp"
#include "device/announcement.hpp"
#include "device/host.hpp"
#include "device/match.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstring>

namespace verbs::device {
namespace {

// What an enumerate slot announced, copied out of the provider's hands.
struct Announced {
    std::vector<verbs_provider_device> devices;
    bool is_short_of_memory = false;

    static void found(void *sink, const verbs_provider_device *device) noexcept {
        auto &self = *static_cast<Announced *>(sink);
        try {
            if (device != nullptr) self.devices.push_back(*device);
        } catch (...) {
            self.is_short_of_memory = true;  // no exception may cross the provider's frames
        }
    }
};

template <class Range>
std::string joined(const Range &texts) {
    std::string line;
    for (const auto &text : texts) {
        if (!line.empty()) line += "; ";
        line += text;
    }
    return line;
}

}  // namespace

Registry &Registry::of_process() {
    static auto *const registry =
        new Registry(loader::search_path_of_process(), host_table(), Kernel::of_process());
    return *registry;
}

Result<ibv_device **> Registry::list(int &count) {
    scan();
    const std::lock_guard guard(lock_);
    auto array = std::make_unique<ibv_device *[]>(present_.size() + 1);
    for (std::size_t i = 0; i < present_.size(); ++i)
        array[i] = &present_[i]->base;
    lists_.emplace(array.get(), present_);
    count = static_cast<int>(present_.size());
    return array.release();
}

Result<void> Registry::free_list(ibv_device **list) {
    Devices released;  // goes after the lock: the last reference frees a device
    {
        const std::lock_guard guard(lock_);
        const auto known = lists_.find(list);
        if (known == lists_.end()) return fail(EINVAL, "this is no device list of this library");
        released = std::move(known->second);
        lists_.erase(known);
    }
    delete[] list;
    return {};
}

Result<std::shared_ptr<Device>> Registry::find(const ibv_device *handle) {
    if (handle == nullptr) return fail(EINVAL, "the device is NULL");
    const std::lock_guard guard(lock_);
    const auto known = handles_.find(handle);
    auto device = known == handles_.end() ? nullptr : known->second.lock();
    if (device == nullptr)
        return fail(EINVAL, "the device is none of this library, or no longer exists");
    return device;
}

std::string Registry::why_empty() {
    const std::lock_guard ranked_first(scanning_);
    const std::lock_guard guard(lock_);
    auto reasons = kernel_problems_;  // first: the text is cut where it is too long
    reasons.insert(reasons.end(), refused_manifests_.begin(), refused_manifests_.end());
    reasons.insert(reasons.end(), problems_.begin(), problems_.end());
    if (!reasons.empty()) return "no RDMA device; refused: " + joined(reasons);
    std::vector<std::string> names;
    if (providers_.empty()) {
        for (const auto &folder : where_.folders)
            names.push_back(folder.string());
        return "no RDMA device: no provider manifest in " + joined(names);
    }
    for (const auto &provider : providers_)
        names.emplace_back(provider->name());
    return "no RDMA device: none offered by " + joined(names);
}

std::string Registry::kernel_problems() {
    const std::lock_guard guard(lock_);
    return joined(kernel_problems_);
}

namespace {

bool is_set(const std::string &variable) {
    return environment::get(variable.c_str()) != nullptr;
}

}  // namespace

// Whether nobody has asked the provider to show itself beside devices of the kernel.
bool Registry::steps_back(const loader::Provider &provider) {
    const loader::Yield &yield = *provider.manifest().yields;
    if (std::any_of(yield.unless_set.begin(), yield.unless_set.end(), &is_set)) return false;
    if (yield.unless_file.empty()) return true;
    const auto [known, is_new] = has_its_file_.try_emplace(&provider, false);
    if (is_new) known->second = ::access(yield.unless_file.c_str(), F_OK) == 0;
    return !known->second;
}

// Whether the provider may have devices of its own for this process.
bool Registry::is_asked_for(const loader::Provider &provider, bool kernel_has_devices) {
    const loader::Manifest &manifest = provider.manifest();
    if (!manifest.enumerates) return false;
    if (!manifest.only_with.empty() && !is_set(manifest.only_with)) return false;
    return !(kernel_has_devices && manifest.yields && steps_back(provider));
}

// A look at everything, while it goes on.
struct Registry::Scan {
    Devices before;
    Devices present;
    std::vector<std::string> problems;
    std::vector<std::string> kernel_problems;
    // What the last look complained of: not logged again.
    std::vector<std::string> known_problems;

    void complain(std::vector<std::string> &list, std::string text) {
        if (std::find(known_problems.begin(), known_problems.end(), text) == known_problems.end())
            VERBS_LOG(warn, "device", "%s", text.c_str());
        list.push_back(std::move(text));
    }
};

void Registry::discover() {
    if (is_discovered_) return;
    auto found = loader::find_manifests(where_);
    for (auto &refusal : found.refusals)
        refused_manifests_.push_back(std::move(refusal.text));
    for (auto &manifest : found.manifests)
        providers_.push_back(
            std::make_unique<loader::Provider>(std::move(manifest), host_, where_.is_privileged));
    is_discovered_ = true;
}

void Registry::scan() {
    const std::lock_guard one_at_a_time(scanning_);
    discover();
    Scan scan;
    {
        const std::lock_guard guard(lock_);
        scan.before = present_;
        scan.known_problems = problems_;
        scan.known_problems.insert(scan.known_problems.end(), kernel_problems_.begin(),
                                   kernel_problems_.end());
    }
    // First, because providers ask how many devices the kernel has.
    const bool kernel_has_devices = take_kernel_devices(scan);
    for (const auto &provider : providers_)
        if (is_asked_for(*provider, kernel_has_devices)) ask(*provider, scan);

    Devices vanished;  // goes after the lock
    const std::lock_guard guard(lock_);
    vanished = std::exchange(present_, std::move(scan.present));
    problems_ = std::move(scan.problems);
    kernel_problems_ = std::move(scan.kernel_problems);
    std::erase_if(handles_, [](const auto &entry) { return entry.second.expired(); });
    for (const auto &device : present_)
        handles_.insert_or_assign(&device->base, device);
}

bool Registry::take_kernel_devices(Scan &scan) {
    auto look = kernel_.look();
    for (auto &problem : look.problems)
        scan.complain(scan.kernel_problems, std::move(problem));
    for (const auto &device : look.devices) {
        if (auto *provider = driver_of(device); provider != nullptr)
            add(*provider, announcement_of(device, kernel_.sysfs()), scan);
        else
            scan.complain(scan.kernel_problems, device.name + ": no provider drives " +
                                                    describe_driver(device) +
                                                    "; install one whose manifest matches it");
    }
    return !look.devices.empty();
}

loader::Provider *Registry::driver_of(const KernelDevice &device) {
    Matcher matcher(device, kernel_.sysfs());
    const auto driver = std::find_if(providers_.begin(), providers_.end(), [&](auto &provider) {
        return matcher.is_named_by(provider->manifest());
    });
    return driver == providers_.end() ? nullptr : driver->get();
}

void Registry::ask(loader::Provider &provider, Scan &scan) {
    if (auto ready = provider.ready(); !ready) {
        scan.problems.push_back(ready.error().phrase);
        return;
    }
    Announced announced;
    auto asked = provider.call("enumerate", provider.ops().enumerate, &Announced::found,
                               static_cast<void *>(&announced));
    if (asked && announced.is_short_of_memory) asked = fail(ENOMEM, "out of memory");
    if (!asked) {
        // A provider that cannot look right now has not lost its devices.
        scan.complain(scan.problems,
                      provider.manifest().file.string() + ": " + asked.error().phrase);
        std::copy_if(scan.before.begin(), scan.before.end(), std::back_inserter(scan.present),
                     [&](const auto &device) {
                         return &device->provider() == &provider &&
                                device->announced().node_number == 0;  // not the kernel's
                     });
        return;
    }
    for (const auto &one : announced.devices)
        add(provider, one, scan);
}

void Registry::add(loader::Provider &provider, const verbs_provider_device &announced, Scan &scan) {
    const auto one = checked(announced);
    if (!one) {
        scan.complain(scan.problems, std::string(provider.name()) + ": " + one.error().phrase);
        return;
    }
    const auto has_name = [&](const auto &other) {
        return std::strcmp(other->name(), one->name) == 0;
    };
    if (std::any_of(scan.present.begin(), scan.present.end(), has_name)) {
        scan.complain(scan.problems, std::string(provider.name()) + ": the device name " +
                                         one->name + " is taken");
        return;
    }
    const auto same = std::find_if(scan.before.begin(), scan.before.end(),
                                   [&](const auto &device) { return device->is(provider, *one); });
    scan.present.push_back(same != scan.before.end() ? *same
                                                     : std::make_shared<Device>(provider, *one));
}

}  // namespace verbs::device
