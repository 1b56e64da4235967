// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// A provider for gid_test.cpp: two devices with an Ethernet and an InfiniBand port, and GID entries
// of every kind, which one of them tells at once as well. They have nothing else.
#include <verbs/provider.hpp>

#include <cstring>
#include <sys/eventfd.h>

#include "core/fd.hpp"

namespace {

using verbs::fail;
using verbs::Failure;
using verbs::Result;

Failure nothing_here() {
    return fail(EOPNOTSUPP, "the test device has ports only");
}

class GidDevice {
public:
    static constexpr const char *kName = "gid_test";

    static Result<std::vector<verbs_provider_device>> enumerate() {
        return std::vector{device_of("gids0"), device_of(kTellsAtOnce)};
    }
    static Result<std::unique_ptr<GidDevice>> open(const verbs_provider_device &which,
                                                   ibv_context &context) {
        auto device = std::make_unique<GidDevice>();
        device->tells_at_once_ = std::strcmp(which.name, kTellsAtOnce) == 0;
        device->events_.reset(::eventfd(0, EFD_CLOEXEC));
        context.async_fd = device->events_.get();
        return device;
    }
    Result<void> close() { return {}; }

    Result<void> query_device(ibv_device_attr *attr) {
        attr->phys_port_cnt = 2;
        return {};
    }
    Result<ibv_port_attr> query_port(std::uint8_t port_num) {
        if (port_num != 1 && port_num != 2) return fail(EINVAL, "there are ports 1 and 2");
        ibv_port_attr attr{};
        attr.gid_tbl_len = port_num == 1 ? 4 : 1;
        attr.link_layer = port_num == 1 ? IBV_LINK_LAYER_ETHERNET : IBV_LINK_LAYER_INFINIBAND;
        return attr;
    }
    Result<verbs_provider_gid> query_gid(std::uint8_t port_num, int index) {
        if (index >= (port_num == 1 ? 4 : 1)) return fail(EINVAL, "beyond the table");
        verbs_provider_gid entry{};
        entry.gid.raw[14] = port_num;
        entry.gid.raw[15] = static_cast<std::uint8_t>(index + 1);
        if (port_num == 2) return entry;
        if (index == 2) return fail(ENODATA, "empty");
        entry.type = index == 3 ? 0 : static_cast<std::uint32_t>(index + 1);
        entry.ifindex = 7;
        return entry;
    }

    Result<std::size_t> query_gid_table(verbs_provider_gid_entry *entries, std::size_t room) {
        if (!tells_at_once_) return fail(EOPNOTSUPP, "entry after entry only");
        if (room < 2) return fail(EINVAL, "there are two entries");
        for (std::uint32_t i = 0; i < 2; ++i) {
            entries[i] = {{}, 7 + i, 1 + i, 2 * (1 - i), 9};
            entries[i].gid.raw[15] = 0x77;
        }
        return 2;
    }

    Result<ibv_pd *> alloc_pd() { return nothing_here(); }
    Result<void> dealloc_pd(ibv_pd *) { return nothing_here(); }
    Result<ibv_mr *> reg_mr(ibv_pd *, void *, std::size_t, std::uint64_t, int) {
        return nothing_here();
    }
    Result<void> dereg_mr(ibv_mr *) { return nothing_here(); }
    Result<ibv_cq *> create_cq(int, ibv_comp_channel *, int) { return nothing_here(); }
    Result<void> destroy_cq(ibv_cq *) { return nothing_here(); }
    Result<ibv_qp *> create_qp(ibv_pd *, ibv_qp_init_attr *) { return nothing_here(); }
    Result<void> modify_qp(ibv_qp *, ibv_qp_attr *, int) { return nothing_here(); }
    Result<void> destroy_qp(ibv_qp *) { return nothing_here(); }

private:
    static constexpr const char *kTellsAtOnce = "gids1";

    static verbs_provider_device device_of(const char *name) {
        verbs_provider_device device{};
        std::strcpy(device.name, name);
        std::strcpy(device.dev_name, name);
        device.node_type = IBV_NODE_CA;
        return device;
    }

    verbs::UniqueFd events_;
    bool tells_at_once_ = false;
};

}  // namespace

VERBS_PROVIDER(GidDevice);
