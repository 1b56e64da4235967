// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "device/registry.hpp"

#include "core/environment.hpp"
#include "core/log.hpp"
#include "device/host.hpp"

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
    static auto *const registry = new Registry(loader::search_path_of_process(), host_table());
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
    auto reasons = refused_manifests_;
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

namespace {

// Whether the provider may have devices of its own for this process.
bool is_asked_for(const loader::Manifest &manifest) {
    if (!manifest.enumerates) return false;
    return manifest.only_with.empty() || environment::get(manifest.only_with.c_str()) != nullptr;
}

}  // namespace

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
    Devices present;
    std::vector<std::string> problems;
    for (const auto &provider : providers_)
        if (is_asked_for(provider->manifest())) ask(*provider, present, problems);

    Devices vanished;  // goes after the lock
    const std::lock_guard guard(lock_);
    vanished = std::exchange(present_, std::move(present));
    problems_ = std::move(problems);
    std::erase_if(handles_, [](const auto &entry) { return entry.second.expired(); });
    for (const auto &device : present_)
        handles_.insert_or_assign(&device->base, device);
}

void Registry::ask(loader::Provider &provider, Devices &present,
                   std::vector<std::string> &problems) {
    if (auto ready = provider.ready(); !ready) {
        problems.push_back(ready.error().phrase);
        return;
    }
    const auto before = known();
    Announced announced;
    auto asked = provider.call("enumerate", provider.ops().enumerate, &Announced::found,
                               static_cast<void *>(&announced));
    if (asked && announced.is_short_of_memory) asked = fail(ENOMEM, "out of memory");
    if (!asked) {
        // A provider that cannot look right now has not lost its devices.
        VERBS_LOG(warn, "device", "%s", asked.error().phrase.c_str());
        problems.push_back(provider.manifest().file.string() + ": " + asked.error().phrase);
        std::copy_if(before.begin(), before.end(), std::back_inserter(present),
                     [&](const auto &device) { return &device->provider() == &provider; });
        return;
    }
    for (const auto &raw : announced.devices) {
        auto one = checked(raw);
        const bool is_taken =
            one && std::any_of(present.begin(), present.end(), [&](const auto &other) {
                return std::strcmp(other->name(), one->name) == 0;
            });
        if (!one || is_taken) {
            problems.push_back(std::string(provider.name()) + ": " +
                               (one ? "the device name " + std::string(one->name) + " is taken"
                                    : one.error().phrase));
            VERBS_LOG(warn, "device", "%s", problems.back().c_str());
            continue;
        }
        const auto same = std::find_if(before.begin(), before.end(), [&](const auto &device) {
            return device->is(provider, *one);
        });
        present.push_back(same != before.end() ? *same : std::make_shared<Device>(provider, *one));
    }
}

Registry::Devices Registry::known() {
    const std::lock_guard guard(lock_);
    return present_;
}

}  // namespace verbs::device
