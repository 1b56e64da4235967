// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Registry: the providers of this process and the devices that exist now. Each list looks again
// and compares with what was known; a device that vanished lives on in the lists and contexts
// that refer to it. Devices of the kernel come first, each with the first provider whose manifest
// names it; that provider is opened when the device is.
#pragma once

#include "core/result.hpp"
#include "device/device.hpp"
#include "device/kernel.hpp"
#include "loader/provider.hpp"
#include "loader/search.hpp"

#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

namespace verbs::device {

class Registry {
public:
    Registry(loader::SearchPath where, const verbs_host &host, Kernel &kernel)
        : where_(std::move(where)), host_(host), kernel_(kernel) {}

    // The one that the public functions use. Made at the first need, never destroyed: programs
    // close devices from their exit handlers too.
    [[nodiscard]] static Registry &of_process();

    // A new array that ends with NULL; `count` receives how many devices are in it.
    [[nodiscard]] Result<ibv_device **> list(int &count);
    [[nodiscard]] Result<void> free_list(ibv_device **list);

    // The device behind a program's handle, as long as anything refers to it.
    [[nodiscard]] Result<std::shared_ptr<Device>> find(const ibv_device *handle);

    // Why the last look found nothing: every refusal with file and rule, or where was looked.
    [[nodiscard]] std::string why_empty();
    // What the last look had to say about devices of the kernel; "" when all is well with them.
    [[nodiscard]] std::string kernel_problems();

private:
    using Devices = std::vector<std::shared_ptr<Device>>;
    struct Scan;

    void discover();
    void scan();
    // Whether the kernel has any.
    [[nodiscard]] bool take_kernel_devices(Scan &scan);
    [[nodiscard]] bool steps_back(const loader::Provider &provider);
    [[nodiscard]] bool is_asked_for(const loader::Provider &provider, bool kernel_has_devices);
    [[nodiscard]] loader::Provider *driver_of(const KernelDevice &device);
    void ask(loader::Provider &provider, Scan &scan);
    void add(loader::Provider &provider, const verbs_provider_device &announced, Scan &scan);

    const loader::SearchPath where_;
    const verbs_host &host_;
    Kernel &kernel_;

    // Rank 1: before lock_. Orders looks, so that an older one never overwrites a newer one. Held
    // while the providers' enumerate runs, which therefore must not ask for a device list.
    std::mutex scanning_;
    bool is_discovered_ = false;
    std::vector<std::unique_ptr<loader::Provider>> providers_;
    std::vector<std::string> refused_manifests_;
    // Of those that step back unless a file is there: looked for once.
    std::unordered_map<const loader::Provider *, bool> has_its_file_;

    // Rank 2. Nothing is called while it is held.
    std::mutex lock_;
    Devices present_;
    std::unordered_map<const ibv_device *, std::weak_ptr<Device>> handles_;
    std::unordered_map<ibv_device *const *, Devices> lists_;
    std::vector<std::string> problems_;
    std::vector<std::string> kernel_problems_;
};

}  // namespace verbs::device
