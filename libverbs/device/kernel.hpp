// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Kernel: the RDMA devices that the kernel has and this process can reach, asked for anew by each
// look. RDMA netlink answers for this network namespace; sysfs fills in, or stands in for it. Opens
// no device.
#pragma once

#include "core/result.hpp"
#include "device/nldev.hpp"
#include "device/sysfs.hpp"

#include <sys/types.h>

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace verbs::device {

struct KernelDevice {
    std::string name;             // rxe0
    std::string uverbs;           // uverbs0
    int index = -1;               // of RDMA netlink, -1 without it
    std::uint64_t node_guid = 0;  // host byte order
    int node_type = 0;            // enum ibv_node_type
    std::uint32_t driver_id = 0;  // enum rdma_driver_id, 0 unknown
    std::uint32_t abi = 0;        // version of the driver's part of the ABI
    dev_t number = 0;             // of the character device
    ino_t node = 0;               // of its file: a later device of the same name has another
};

class Kernel {
public:
    struct Places {
        std::filesystem::path sysfs = "/sys";
        std::filesystem::path nodes = "/dev/infiniband";
    };
    using OpenNldev = std::function<Result<std::unique_ptr<Nldev>>()>;

    // What one look found. A problem is a line for people: which device, what, and what to do.
    struct Look {
        std::vector<KernelDevice> devices;  // by index, then by name
        std::vector<std::string> problems;
    };

    Kernel(Places places, OpenNldev open) : places_(std::move(places)), open_(std::move(open)) {}

    // The one below this process. Never destroyed.
    [[nodiscard]] static Kernel &of_process();

    // Any thread. A device without a node in /dev is no device but a problem; one whose node may
    // not be opened is both.
    [[nodiscard]] Look look();

    // How many devices the last look found; looks if there was none. 0 where that fails.
    [[nodiscard]] int count() noexcept;

    [[nodiscard]] const Sysfs &sysfs() const noexcept { return sysfs_; }

private:
    using Problems = std::vector<std::string>;

    [[nodiscard]] Result<std::vector<KernelDevice>> ask_netlink(Problems &problems) const;
    [[nodiscard]] KernelDevice describe(NldevDevice &&told) const;
    [[nodiscard]] Result<void> find_uverbs(Nldev &nldev, KernelDevice &device) const;
    [[nodiscard]] std::vector<KernelDevice> read_sysfs(Problems &problems) const;
    [[nodiscard]] bool find_node(KernelDevice &device, Problems &problems) const;

    const Places places_;
    const OpenNldev open_;
    const Sysfs sysfs_{places_.sysfs};
    std::atomic<int> count_ = -1;
};

}  // namespace verbs::device
