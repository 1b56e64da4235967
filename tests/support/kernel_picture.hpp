// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// A picture of a kernel with RDMA devices: files as /sys has them, nodes as /dev has them, and what
// RDMA netlink answers. Every node leads to /dev/null, so its device number is 1:3.
#pragma once

#include "device/kernel.hpp"
#include "support/folder.hpp"
#include "support/nldev_answers.hpp"

namespace verbs_test {

inline constexpr unsigned kNullMajor = 1;
inline constexpr unsigned kNullMinor = 3;

class KernelPicture {
public:
    KernelPicture() {
        std::filesystem::create_directories(sysfs() / "class/infiniband");
        std::filesystem::create_directories(sysfs() / "class/infiniband_verbs");
        std::filesystem::create_directories(nodes());
    }

    [[nodiscard]] std::filesystem::path sysfs() const { return folder_.path() / "sys"; }
    [[nodiscard]] std::filesystem::path nodes() const { return folder_.path() / "dev"; }
    [[nodiscard]] verbs::device::Kernel kernel() const {
        return {{sysfs(), nodes()}, FakeNldev::opener(netlink)};
    }

    void write(const std::string &name, std::string_view text) const {
        std::filesystem::create_directories((sysfs() / name).parent_path());
        std::ofstream(sysfs() / name) << text << '\n';
    }

    // The parts of a device, each of which a test can leave out.
    void add_to_sysfs(const std::string &device, const std::string &uverbs) const {
        write("class/infiniband/" + device + "/node_guid", "5054:00ff:fe12:3456");
        write("class/infiniband/" + device + "/node_type", "1: CA");
        write("class/infiniband_verbs/" + uverbs + "/ibdev", device);
        write("class/infiniband_verbs/" + uverbs + "/abi_version", "2");
        write("class/infiniband_verbs/" + uverbs + "/dev", "1:3");
    }
    void add_node(const std::string &uverbs) const {
        std::filesystem::create_symlink("/dev/null", nodes() / uverbs);
    }
    // All of them.
    void add(std::uint32_t index, const std::string &device, const std::string &uverbs,
             std::uint32_t driver_id) {
        add_to_sysfs(device, uverbs);
        add_node(uverbs);
        netlink.add(index, device, uverbs, kNullMajor, kNullMinor, driver_id);
    }
    // Every trace of the devices.
    void clear() {
        for (const auto &folder :
             {sysfs() / "class/infiniband", sysfs() / "class/infiniband_verbs", nodes()}) {
            std::filesystem::remove_all(folder);
            std::filesystem::create_directories(folder);
        }
        netlink.clear();
    }

    NldevAnswers netlink;

private:
    Folder folder_;
};

}  // namespace verbs_test
