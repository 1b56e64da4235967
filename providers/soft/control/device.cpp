// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Finding, opening and describing software devices.
#include "control/device.hpp"

#include "control/limits.hpp"

#include <endian.h>

#include <algorithm>
#include <cstring>
#include <string>
#include <string_view>

namespace soft {

using verbs::fail;
using verbs::provider::Host;

namespace {

constexpr char kPrefix[] = "soft_";

#define SOFT_TEXT_OF(number) #number
#define SOFT_TEXT(number) SOFT_TEXT_OF(number)
constexpr char kVersion[] = SOFT_TEXT(VERBS_VERSION_MAJOR) "." SOFT_TEXT(
    VERBS_VERSION_MINOR) "." SOFT_TEXT(VERBS_VERSION_PATCH);

// VERBS_SOFT: 0 never, 1 always, auto (the default) where the kernel has no RDMA device.
bool is_wanted() {
    const char *setting = Host::environment("VERBS_SOFT");
    const std::string_view wish = setting != nullptr ? setting : "auto";
    if (wish == "0") return false;
    if (wish == "1") return true;
    if (wish != "auto" && !wish.empty())
        Host::log(VERBS_HOST_LOG_WARN, "VERBS_SOFT=%s is none of 0, 1, auto; taken as auto",
                  setting);
    return Host::table().kernel_device_count() == 0;
}

bool is_suitable(const Interface &interface) {
    return interface.is_up && !interface.gids.empty();
}

Result<void> judge_port(uint8_t port_num) {
    if (port_num != 1)
        return fail(EINVAL, "port " + std::to_string(port_num) + " does not exist, only port 1");
    return {};
}

bool same_gid(const ibv_gid &a, const uint8_t *b) {
    return std::memcmp(a.raw, b, sizeof a.raw) == 0;
}

}  // namespace

uint64_t make_guid_be(const Interface &interface) noexcept {
    uint8_t guid[8] = {0x02, 0, 0, 0xff, 0xfe, 0, 0, 0};
    const auto &mac = interface.mac;
    if (std::any_of(mac.begin(), mac.end(), [](uint8_t byte) { return byte != 0; })) {
        // Modified EUI-64, RFC 4291 appendix A.
        guid[0] = mac[0] ^ 0x02;
        std::memcpy(guid + 1, mac.data() + 1, 2);
        std::memcpy(guid + 5, mac.data() + 3, 3);
    } else {
        guid[6] = static_cast<uint8_t>(interface.index >> 8);
        guid[7] = static_cast<uint8_t>(interface.index);
    }
    uint64_t guid_be = 0;
    std::memcpy(&guid_be, guid, sizeof guid_be);
    return guid_be;
}

ibv_mtu fitting_mtu(uint32_t interface_mtu) noexcept {
    // IPv6 40, UDP 8, BTH 12, the longest extension headers 28, ICRC 4.
    constexpr uint32_t kAround = 40 + 8 + 12 + 28 + 4;
    for (int mtu = IBV_MTU_4096; mtu > IBV_MTU_256; --mtu)
        if (interface_mtu >= (128u << mtu) + kAround) return static_cast<ibv_mtu>(mtu);
    return IBV_MTU_256;
}

bool owns_gid(const Device &device, const uint8_t *gid) noexcept {
    const auto &gids = device.interface().gids;
    return std::any_of(gids.begin(), gids.end(),
                       [&](const ibv_gid &own) { return same_gid(own, gid); });
}

Result<std::vector<verbs_provider_device>> Device::enumerate() {
    std::vector<verbs_provider_device> devices;
    if (!is_wanted()) return devices;
    VERBS_TRY(interfaces, list_interfaces());
    for (const Interface &interface : interfaces) {
        if (!is_suitable(interface)) continue;
        verbs_provider_device device{};
        const std::string name = kPrefix + interface.name;
        std::snprintf(device.name, sizeof device.name, "%s", name.c_str());
        std::snprintf(device.dev_name, sizeof device.dev_name, "uverbs_%s", name.c_str());
        device.node_guid_be = make_guid_be(interface);
        device.cookie = static_cast<uint64_t>(interface.index);
        device.node_type = IBV_NODE_CA;
        device.transport_type = IBV_TRANSPORT_IB;
        device.index = -1;
        devices.push_back(device);
    }
    return devices;
}

Result<std::unique_ptr<Device>> Device::open(const verbs_provider_device &which,
                                             ibv_context &context) {
    VERBS_TRY(interfaces, list_interfaces());
    const auto found = std::find_if(interfaces.begin(), interfaces.end(), [&](const auto &one) {
        return one.index == static_cast<int>(which.cookie);
    });
    if (found == interfaces.end())
        return fail(ENODEV, std::string(which.name) + ": its network interface is gone");
    auto device = std::make_unique<Device>();
    VERBS_TRY(process, Process::get());
    VERBS_TRY(events, EventPipe::create());
    device->process_ = std::move(process);
    device->async_events_ = std::move(events);
    device->interface_ = std::move(*found);
    auto &gids = device->interface_.gids;
    if (gids.size() > kGidTableLength) {
        Host::log(VERBS_HOST_LOG_WARN, "%s has %zu addresses, the first %d are its GIDs",
                  which.name, gids.size(), kGidTableLength);
        gids.resize(kGidTableLength);
    }
    device->guid_be_ = which.node_guid_be;

    context.ops.poll_cq = poll_cq;
    context.ops.req_notify_cq = req_notify_cq;
    context.ops.post_send = post_send;
    context.ops.post_recv = post_recv;
    context.ops.post_srq_recv = post_srq_recv;
    context.async_fd = device->async_events_.read_fd();
    context.cmd_fd = -1;
    context.num_comp_vectors = kCompVectors;
    return device;
}

Result<void> Device::close() {
    // What the program did not destroy goes with the device. Nobody waits for its events.
    qps_.for_each([this](Qp &qp) { withdraw(qp); });
    cqs_.for_each([this](Cq &cq) { withdraw(cq); });
    mws_.for_each([this](Mw &mw) { withdraw(mw); });
    mrs_.for_each([this](Mr &mr) { withdraw(mr); });
    return {};
}

Result<ibv_device_attr> Device::query_device() {
    ibv_device_attr attr{};
    std::snprintf(attr.fw_ver, sizeof attr.fw_ver, "%s", kVersion);
    attr.node_guid = guid_be_;
    attr.sys_image_guid = guid_be_;
    attr.max_mr_size = ~0ull;
    attr.page_size_cap = ~0xfffull;
    attr.vendor_id = kNoVendor;
    attr.hw_ver = 1;
    attr.max_qp = kMaxQps;
    attr.max_qp_wr = kMaxQpWr;
    attr.max_sge = static_cast<int>(kMaxSge);
    attr.max_sge_rd = static_cast<int>(kMaxSge);
    attr.max_cq = kMaxCqs;
    attr.max_cqe = kMaxCqe;
    attr.max_mr = kMaxMrs;
    attr.max_pd = kMaxPds;
    attr.max_ah = kMaxAhs;
    attr.max_qp_rd_atom = kMaxRdAtomic;
    attr.max_qp_init_rd_atom = kMaxRdAtomic;
    attr.max_res_rd_atom = kMaxRdAtomic * kMaxQps;
    attr.atomic_cap = IBV_ATOMIC_HCA;
    attr.max_mw = kMaxMrs;
    attr.max_srq = kMaxSrqs;
    attr.max_srq_wr = kMaxSrqWr;
    attr.max_srq_sge = static_cast<int>(kMaxSge);
    attr.max_mcast_grp = kMaxGroups;
    attr.max_mcast_qp_attach = kMaxGroupMembers;
    attr.max_total_mcast_qp_attach = kMaxGroups * kMaxGroupMembers;
    attr.max_pkeys = 1;
    attr.phys_port_cnt = 1;
    attr.device_cap_flags = IBV_DEVICE_CURR_QP_STATE_MOD | IBV_DEVICE_RC_RNR_NAK_GEN |
                            IBV_DEVICE_UD_AV_PORT_ENFORCE | IBV_DEVICE_SYS_IMAGE_GUID |
                            IBV_DEVICE_SRQ_RESIZE | IBV_DEVICE_MEM_WINDOW;
    return attr;
}

Result<ibv_port_attr> Device::query_port(uint8_t port_num) {
    VERBS_CHECK(judge_port(port_num));
    ibv_port_attr attr{};
    attr.state = interface_.is_running ? IBV_PORT_ACTIVE : IBV_PORT_DOWN;
    attr.max_mtu = IBV_MTU_4096;
    attr.active_mtu = fitting_mtu(interface_.mtu);
    attr.gid_tbl_len = kGidTableLength;
    attr.port_cap_flags = 0;
    attr.max_msg_sz = kMaxMessage;
    attr.pkey_tbl_len = 1;
    attr.max_vl_num = 1;
    attr.active_width = 2;                            // 4x
    attr.active_speed = 32;                           // 25 Gb/s a lane
    attr.phys_state = interface_.is_running ? 5 : 3;  // link up, or disabled
    attr.link_layer = IBV_LINK_LAYER_ETHERNET;
    return attr;
}

Result<verbs_provider_gid> Device::query_gid(uint8_t port_num, int index) {
    VERBS_CHECK(judge_port(port_num));
    if (index < 0 || index >= kGidTableLength)
        return fail(EINVAL, "GID index " + std::to_string(index) + " is not in the table of " +
                                std::to_string(kGidTableLength));
    if (static_cast<std::size_t>(index) >= interface_.gids.size())
        return fail(ENODATA, "GID index " + std::to_string(index) + " is empty");
    verbs_provider_gid entry{};
    entry.gid = interface_.gids[static_cast<std::size_t>(index)];
    entry.type = 2;  // RoCE v2
    entry.ifindex = static_cast<uint32_t>(interface_.index);
    return entry;
}

Result<uint16_t> Device::query_pkey(uint8_t port_num, int index) {
    VERBS_CHECK(judge_port(port_num));
    if (index != 0) return fail(EINVAL, "the P_Key table has one entry, at index 0");
    return htobe16(kDefaultPkey);
}

Result<ibv_gid> Device::own_gid(int index) const {
    if (index < 0 || static_cast<std::size_t>(index) >= interface_.gids.size())
        return fail(EINVAL, "GID index " + std::to_string(index) + " is empty");
    return interface_.gids[static_cast<std::size_t>(index)];
}

}  // namespace soft
