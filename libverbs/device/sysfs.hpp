// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// What sysfs tells of RDMA devices: the way to them where RDMA netlink does not answer, and the
// source of what it does not say. Not bound to a network namespace, so it may show more.
#pragma once

#include "core/result.hpp"

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace verbs::device {

// An entry of class/infiniband_verbs.
struct SysfsUverbs {
    std::string name;    // uverbsN
    std::string device;  // whose it is
    std::uint32_t abi = 0;
    dev_t number = 0;
};

class Sysfs {
public:
    explicit Sysfs(std::filesystem::path root) : root_(std::move(root)) {}

    // Whether it is certain that the kernel has no RDMA at all. Two system calls at most.
    [[nodiscard]] bool rules_rdma_out() const noexcept;

    // All uverbs devices by their numbers. Entries that are odd or going away are left out.
    [[nodiscard]] std::vector<SysfsUverbs> uverbs() const;
    // The names of all RDMA devices, in order.
    [[nodiscard]] std::vector<std::string> devices() const;
    [[nodiscard]] bool has(const std::string &device) const;

    [[nodiscard]] Result<std::uint64_t> node_guid(const std::string &device) const;  // host order
    [[nodiscard]] Result<int> node_type(const std::string &device) const;
    // The name that the device's bus has for it, such as "pci:v000015B3d...". Software has no bus.
    [[nodiscard]] Result<std::string> modalias(const std::string &device) const;
    // enum rdma_driver_id where it can be told: for the kernel's software devices. 0 otherwise.
    [[nodiscard]] std::uint32_t driver_id(const std::string &device) const;

    [[nodiscard]] std::string device_path(const std::string &device) const;
    [[nodiscard]] std::string uverbs_path(const std::string &uverbs) const;

private:
    const std::filesystem::path root_;
};

}  // namespace verbs::device
