// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// RDMA netlink: asking the kernel which RDMA devices this network namespace has, and reading what
// it answers. An answer is hostile input until it has been parsed. Changes nothing in the kernel.
#pragma once

#include "core/result.hpp"

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace verbs::device {

// What the kernel says of a device.
struct NldevDevice {
    std::uint32_t index = 0;  // unique as long as the device exists; may be given again afterwards
    std::string name;
    std::optional<std::uint64_t> node_guid;  // host byte order
    std::optional<std::uint8_t> node_type;   // enum ibv_node_type
};

// What it says of the character device by which programs drive that device.
struct NldevUverbs {
    std::string name;  // uverbsN
    dev_t number = 0;
    std::uint32_t abi = 0;  // version of the driver's part of the ABI
    // enum rdma_driver_id. Some drivers are to be recognised by their bus instead and have none.
    std::optional<std::uint32_t> driver_id;
};

// One whole netlink message, its header in front.
using NetlinkMessage = std::vector<std::byte>;

[[nodiscard]] Result<NldevDevice> parse_nldev_device(const NetlinkMessage &message);
[[nodiscard]] Result<NldevUverbs> parse_nldev_uverbs(const NetlinkMessage &message);

// A conversation with the kernel. Tests put their own in its place.
class Nldev {
public:
    Nldev() = default;
    virtual ~Nldev() = default;
    Nldev(const Nldev &) = delete;
    Nldev &operator=(const Nldev &) = delete;

    // A message per device that this network namespace may see.
    [[nodiscard]] virtual Result<std::vector<NetlinkMessage>> devices() = 0;
    // The message about the uverbs device of one of them.
    [[nodiscard]] virtual Result<NetlinkMessage> uverbs_of(std::uint32_t index) = 0;
};

// The one with the running kernel.
[[nodiscard]] Result<std::unique_ptr<Nldev>> open_nldev();

}  // namespace verbs::device
