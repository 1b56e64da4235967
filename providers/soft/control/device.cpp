// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Finding, opening and describing software devices.
#include "control/device.hpp"

#include "control/limits.hpp"
#include "control/settings.hpp"
#include "link/lid.hpp"

#include <endian.h>
#include <rdma/ib_user_verbs.h>

#include <algorithm>
#include <cstring>
#include <string>

namespace soft {

using verbs::fail;
using verbs::provider::Host;

namespace {

constexpr char kPrefix[] = "soft_";

#define SOFT_TEXT_OF(number) #number
#define SOFT_TEXT(number) SOFT_TEXT_OF(number)
constexpr char kVersion[] = SOFT_TEXT(VERBS_VERSION_MAJOR) "." SOFT_TEXT(
    VERBS_VERSION_MINOR) "." SOFT_TEXT(VERBS_VERSION_PATCH);

bool is_wanted() {
    switch (settings().enabled) {
    case Settings::Enabled::never:
        return false;
    case Settings::Enabled::always:
        return true;
    case Settings::Enabled::automatic:
        break;
    }
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

// There is no node for us to have. UCX takes no device whose /dev/infiniband/<dev_name> is not a
// character device that it may read and write, so the name leads to one that is on every machine.
constexpr char kNodeName[] = "../null";

// Interfaces are told from devices that have none by the cookie.
constexpr uint64_t kInfinibandCookie = 1ull << 32;

verbs_provider_device describe(const std::string &name, uint64_t guid_be, uint64_t cookie) {
    verbs_provider_device device{};
    std::snprintf(device.name, sizeof device.name, "%s", name.c_str());
    std::memcpy(device.dev_name, kNodeName, sizeof kNodeName);
    device.node_guid_be = guid_be;
    device.cookie = cookie;
    device.node_type = IBV_NODE_CA;
    device.transport_type = IBV_TRANSPORT_IB;
    device.index = -1;
    return device;
}

// The same in every process: all ports with InfiniBand link layer are one subnet on this host.
uint64_t infiniband_guid_be() noexcept {
    return htobe64(0x02766273fffe6962);  // "vbs", "ib"
}

// An interface that is called ib0 has soft_ib0 already.
std::string infiniband_name(const std::vector<Interface> &interfaces) {
    for (int number = 0;; ++number) {
        const std::string name = "ib" + std::to_string(number);
        if (std::ranges::none_of(interfaces, [&](const auto &one) { return one.name == name; }))
            return kPrefix + name;
    }
}

}  // namespace

uint64_t make_guid_be(const Interface &interface) noexcept {
    uint8_t guid[8] = {0x02, 0, 0, 'v', 'b', 0, 0, 0};
    const auto &mac = interface.mac;
    if (std::any_of(mac.begin(), mac.end(), [](uint8_t byte) { return byte != 0; })) {
        // Like a modified EUI-64 (RFC 4291 appendix A), but not with ff:fe in the middle: that GUID
        // is the kernel's device's on the same interface, and librdmacm takes equal ones for one.
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

Result<std::vector<verbs_provider_device>> Device::enumerate() {
    std::vector<verbs_provider_device> devices;
    if (!is_wanted()) return devices;
    VERBS_TRY(interfaces, list_interfaces());
    for (const Interface &interface : interfaces)
        if (is_suitable(interface))
            devices.push_back(describe(kPrefix + interface.name, make_guid_be(interface),
                                       static_cast<uint64_t>(interface.index)));
    if (settings().infiniband)
        devices.push_back(
            describe(infiniband_name(interfaces), infiniband_guid_be(), kInfinibandCookie));
    return devices;
}

Result<std::unique_ptr<Device>> Device::open(const verbs_provider_device &which,
                                             ibv_context &context) {
    auto device = std::make_unique<Device>();
    VERBS_TRY(injector, Injector::create(settings().faults));
    device->injector_ = std::move(injector);
    VERBS_TRY(process, Process::get());
    VERBS_TRY(events, EventPipe::create());
    device->process_ = std::move(process);
    device->async_events_ = std::move(events);
    device->guid_be_ = which.node_guid_be;
    device->interface_name_ = which.name + sizeof kPrefix - 1;
    if (which.cookie == kInfinibandCookie)
        device->become_infiniband();
    else
        VERBS_CHECK(device->follow(static_cast<int>(which.cookie)));
    VERBS_CHECK(device->start_faults());

    context.ops.poll_cq = poll_cq;
    context.ops.req_notify_cq = req_notify_cq;
    context.ops.post_send = post_send;
    context.ops.post_recv = post_recv;
    context.ops.post_srq_recv = post_srq_recv;
    context.async_fd = device->async_events_.read_fd();
    // There are no commands. A program that hands its descriptor on has one that can be handed on.
    context.cmd_fd = context.async_fd;
    context.num_comp_vectors = kCompVectors;
    device->export_context();
    return device;
}

// So that another context can be made of a duplicate of its descriptor.
void Device::export_context() {
    if (const auto file = Exports::file_of(async_events_.read_fd()))
        process_->exports().add_context(*file, device_number());
}

void Device::withdraw_exports() noexcept {
    if (process_->is_inherited()) return;  // they are the parent's, and so is the lock
    Exports &exports = process_->exports();
    if (const auto file = Exports::file_of(async_events_.read_fd()))
        exports.remove_context(*file, device_number());
    pds_.for_each([&](Pd &pd) {
        if (!pd.is_imported && pd.base == nullptr) exports.remove_pd(pd.number);
    });
#ifdef VERBS_EXPERIMENTAL_ENABLED
    if (imported_fd_.is_open())
        if (const auto file = Exports::file_of(imported_fd_.get()))
            exports.remove_context(*file, device_number());
    dms_.for_each([&](Dm &dm) {
        if (!dm.is_imported) exports.remove_dm(dm.handle);
    });
#endif
}

// A port without any network interface behind it: always there, always the same.
void Device::become_infiniband() noexcept {
    ibv_gid gid{};
    gid.raw[0] = 0xfe;
    gid.raw[1] = 0x80;
    std::memcpy(gid.raw + 8, &guid_be_, sizeof guid_be_);
    is_infiniband_ = true;
    port_.gids.update({gid});
    port_.mtu.store(UINT16_MAX, std::memory_order_relaxed);
    has_carrier_ = true;
    settle_port(false);
}

Result<void> Device::follow(int interface_index) {
    interface_index_ = interface_index;
    // Listening begins before looking, so that no change falls between the two.
    auto watch = InterfaceWatch::open(*process_, interface_index);
    VERBS_TRY(interface, find_interface(interface_index));
    if (!interface) return fail(ENODEV, interface_name_ + ": this network interface is gone");
    look_at(*interface, false);
    Result<void> started;
    if (watch) {
        watch_ = std::move(*watch);
        started = watch_->start([this] { interface_changed(); });
    }
    // A sandbox may not let us listen. All but the events works without.
    if (!watch || !started)
        Host::log(VERBS_HOST_LOG_WARN, "changes of %s will not be noticed: %s",
                  interface_name_.c_str(),
                  (watch ? started.error() : watch.error()).phrase.c_str());
    return {};
}

void Device::interface_changed() noexcept {
    if (port_.is_gone.load(std::memory_order_relaxed)) return;
    try {
        auto interface = find_interface(interface_index_);
        if (!interface)
            Host::log(VERBS_HOST_LOG_WARN, "%s: %s", interface_name_.c_str(),
                      interface.error().phrase.c_str());
        else if (*interface)
            look_at(**interface, true);
        else
            interface_removed();
    } catch (...) {
        // The next change is another chance to see how things are.
        Host::log(VERBS_HOST_LOG_ERROR, "out of memory, a change of an interface was missed");
    }
}

void Device::look_at(const Interface &interface, bool is_news) noexcept {
    const auto [gids_changed, left_out] = port_.gids.update(interface.gids);
    if (left_out != 0)
        Host::log(VERBS_HOST_LOG_WARN, "%s has more addresses than a GID table has places: %zu",
                  interface_name_.c_str(), interface.gids.size());
    port_.mtu.store(interface.mtu, std::memory_order_relaxed);
    has_carrier_ = interface.is_up && interface.is_running;
    settle_port(is_news);
    if (is_news && gids_changed) report_port_event(IBV_EVENT_GID_CHANGE);
}

void Device::settle_port(bool is_news) noexcept {
    const bool is_active = has_carrier_ && !is_forced_down_;
    const bool was_active = port_.is_active.exchange(is_active, std::memory_order_relaxed);
    if (is_news && was_active != is_active)
        report_port_event(is_active ? IBV_EVENT_PORT_ACTIVE : IBV_EVENT_PORT_ERR);
}

Result<void> Device::start_faults() {
    if (injector_ == nullptr) return {};
    FaultSchedule::Target target;
    target.force_port = [this](bool is_down) {
        if (port_.is_gone.load(std::memory_order_relaxed)) return;
        is_forced_down_ = is_down;
        settle_port(true);
    };
    target.remove_device = [this] {
        if (!port_.is_gone.load(std::memory_order_relaxed)) interface_removed();
    };
    VERBS_TRY(schedule, FaultSchedule::start(*process_, injector_->plan(), std::move(target)));
    schedule_ = std::move(schedule);
    injector_->schedule = schedule_.get();
    return {};
}

// As when a device is pulled out: the program hears of it, everything outstanding is flushed, and
// nothing new can be made.
void Device::interface_removed() noexcept {
    port_.is_gone.store(true, std::memory_order_relaxed);
    port_.is_active.store(false, std::memory_order_relaxed);
    port_.gids.update({});
    report_port_event(IBV_EVENT_DEVICE_FATAL);
    process_->for_each_qp([this](Qp &qp) {
        const ibv_qp_state state = qp.now.load(std::memory_order_relaxed);
        if (qp.device == this && state != IBV_QPS_RESET) enter_error(qp, IBV_WC_WR_FLUSH_ERR);
    });
}

void Device::report_port_event(ibv_event_type type) noexcept {
    ib_uverbs_async_event_desc event{};
    event.element = 1;  // the port's number
    event.event_type = type;
    async_events_.write(&event, sizeof event);
}

Result<void> Device::judge_alive() const {
    if (port_.is_gone.load(std::memory_order_relaxed))
        return fail(EIO, "the network interface " + interface_name_ + " was removed");
    return {};
}

Result<void> Device::close() {
    watch_.reset();
    if (injector_ != nullptr) injector_->schedule = nullptr;
    schedule_.reset();
    // What the program did not destroy goes with the device. Nobody waits for its events.
    close_xrc();
    qps_.for_each([this](Qp &qp) {
        if (qp.handle_of == nullptr) withdraw(qp);
    });
    srqs_.for_each([this](Srq &srq) {
        if (srq.xrc != nullptr) process_->dismiss(srq);
    });
    cqs_.for_each([this](Cq &cq) { withdraw(cq); });
    mws_.for_each([this](Mw &mw) { withdraw(mw); });
    mrs_.for_each([this](Mr &mr) {
        if (!mr.is_imported) withdraw(mr.rkey, mr.is_remote);
    });
    withdraw_exports();
    // Memory of the program's allocators stays with the program, where they may be gone by now.
    pds_.for_each([](Pd &pd) { pd.allocator.free = nullptr; });
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
                            IBV_DEVICE_SRQ_RESIZE | IBV_DEVICE_MEM_WINDOW |
                            IBV_DEVICE_PORT_ACTIVE_EVENT;
    return attr;
}

namespace {

// Operations whose buffers may lie in regions that are paged on demand.
constexpr uint32_t kOdpOfUd =
    IBV_ODP_SUPPORT_SEND | IBV_ODP_SUPPORT_RECV | IBV_ODP_SUPPORT_SRQ_RECV;
constexpr uint32_t kOdpOfUc = kOdpOfUd | IBV_ODP_SUPPORT_WRITE;
constexpr uint32_t kOdpOfRc = kOdpOfUc | IBV_ODP_SUPPORT_READ | IBV_ODP_SUPPORT_ATOMIC;

}  // namespace

// What is zero is not offered.
Result<ibv_device_attr_ex> Device::query_device_ex() {
    VERBS_TRY(plain, query_device());
    ibv_device_attr_ex attr{};
    attr.orig_attr = plain;
    attr.odp_caps.general_caps = IBV_ODP_SUPPORT | IBV_ODP_SUPPORT_IMPLICIT;
    attr.odp_caps.per_transport_caps = {kOdpOfRc, kOdpOfUc, kOdpOfUd};
    attr.device_cap_flags_ex = plain.device_cap_flags;
    attr.phys_port_cnt_ex = plain.phys_port_cnt;
#ifdef VERBS_EXPERIMENTAL_ENABLED
    tell_experimental(attr);
#endif
    return attr;
}

Result<ibv_port_attr> Device::query_port(uint8_t port_num) {
    VERBS_CHECK(judge_port(port_num));
    VERBS_CHECK(judge_alive());
    const bool is_active = port_.is_active.load(std::memory_order_relaxed);
    ibv_port_attr attr{};
    attr.state = is_active ? IBV_PORT_ACTIVE : IBV_PORT_DOWN;
    attr.max_mtu = IBV_MTU_4096;
    attr.active_mtu = fitting_mtu(port_.mtu.load(std::memory_order_relaxed));
    attr.gid_tbl_len = gid_table_length();
    attr.port_cap_flags = 0;
    attr.max_msg_sz = kMaxMessage;
    attr.pkey_tbl_len = 1;
    attr.max_vl_num = 1;
    attr.active_width = 2;                // 4x
    attr.active_speed = 32;               // 25 Gb/s a lane
    attr.phys_state = is_active ? 5 : 3;  // link up, or disabled
    attr.link_layer = IBV_LINK_LAYER_ETHERNET;
    if (is_infiniband_) {
        attr.link_layer = IBV_LINK_LAYER_INFINIBAND;
        attr.lid = kLid;
        attr.sm_lid = kLid;  // there is no subnet manager, but programs want to know one
    }
    return attr;
}

Result<verbs_provider_gid> Device::query_gid(uint8_t port_num, int index) {
    VERBS_CHECK(judge_port(port_num));
    if (index < 0 || index >= gid_table_length())
        return fail(EINVAL, "GID index " + std::to_string(index) + " is not in the table of " +
                                std::to_string(gid_table_length()));
    verbs_provider_gid entry{};
    entry.gid = port_.gids.at(index);
    static constexpr ibv_gid kEmpty{};
    if (is_same_gid(kEmpty, entry.gid.raw))
        return fail(ENODATA, "GID index " + std::to_string(index) + " is empty");
    if (!is_infiniband_) {
        entry.type = 2;  // RoCE v2
        entry.ifindex = static_cast<uint32_t>(interface_index_);
    }
    return entry;
}

Result<uint16_t> Device::query_pkey(uint8_t port_num, int index) {
    VERBS_CHECK(judge_port(port_num));
    if (index != 0) return fail(EINVAL, "the P_Key table has one entry, at index 0");
    return htobe16(kDefaultPkey);
}

}  // namespace soft
