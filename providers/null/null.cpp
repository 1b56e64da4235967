// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// The smallest legal provider, the one to copy. It has one device, null0, when VERBS_NULL=1 asks
// for it. Its objects exist and can be destroyed; nothing can be posted and nothing ever completes.
//
// A provider is one class. The framework (<verbs/provider.hpp>) finds its methods by name and makes
// the table of <verbs/provider.h> from them; a method that is not there is a verb the device does
// not have, and the library answers it with EOPNOTSUPP. Methods return Result: a value, or fail()
// with an errno number and the phrase that verbs_last_error() will give to the program.
#include <verbs/provider.hpp>

#include "core/fd.hpp"

#include <sys/eventfd.h>

#include <atomic>
#include <cstring>

namespace {

using verbs::fail;
using verbs::Result;
using verbs::provider::Host;

constexpr int kMaxEntries = 1024;

// The data path: plain functions that programs reach without the library in between. No exception,
// no allocation, no log. Whatever is left NULL in context.ops the library fills with a refusal, so
// this device needs to bring only what is not one: its CQs are empty, and may be waited for.
int poll_cq(ibv_cq * /*cq*/, int /*num_entries*/, ibv_wc * /*wc*/) noexcept {
    return 0;
}
int req_notify_cq(ibv_cq * /*cq*/, int /*solicited_only*/) noexcept {
    return 0;
}

class NullDevice {
public:
    static constexpr const char *kName = "null";  // as in the manifest

    // Which devices there are now. Called whenever a program asks for the list.
    static Result<std::vector<verbs_provider_device>> enumerate() {
        const char *wish = Host::environment("VERBS_NULL");
        if (wish == nullptr || std::strcmp(wish, "1") != 0)
            return std::vector<verbs_provider_device>{};
        verbs_provider_device device{};
        std::strcpy(device.name, "null0");
        std::strcpy(device.dev_name, "null0");
        device.node_type = IBV_NODE_CA;
        device.transport_type = IBV_TRANSPORT_IB;
        device.index = -1;
        return std::vector{device};
    }

    static Result<std::unique_ptr<NullDevice>> open(const verbs_provider_device & /*which*/,
                                                    ibv_context &context) {
        auto device = std::make_unique<NullDevice>();
        // Asynchronous events are read from this descriptor. It has to be one that can be polled,
        // even if nothing ever happens.
        device->events_.reset(::eventfd(0, EFD_CLOEXEC));
        if (!device->events_.is_open()) return fail(errno, "no descriptor for events");
        context.async_fd = device->events_.get();
        context.num_comp_vectors = 1;
        context.ops.poll_cq = &poll_cq;
        context.ops.req_notify_cq = &req_notify_cq;
        return device;
    }

    // The object is deleted by the framework after a close() that succeeds.
    Result<void> close() {
        if (objects_ != 0) return fail(EBUSY, "objects of the device are still there");
        return {};
    }

    Result<void> query_device(ibv_device_attr *attr) {
        std::strcpy(attr->fw_ver, "0");
        attr->max_mr_size = UINT64_MAX;
        attr->page_size_cap = 4096;
        attr->max_qp = attr->max_cq = attr->max_mr = attr->max_pd = kMaxEntries;
        attr->max_qp_wr = attr->max_cqe = kMaxEntries;
        attr->max_sge = 1;
        attr->atomic_cap = IBV_ATOMIC_NONE;
        attr->max_pkeys = 1;
        attr->phys_port_cnt = 1;
        return {};
    }

    Result<ibv_port_attr> query_port(std::uint8_t port_num) {
        if (port_num != 1) return fail(EINVAL, "the device has port 1 only");
        ibv_port_attr attr{};
        attr.state = IBV_PORT_DOWN;
        attr.max_mtu = attr.active_mtu = IBV_MTU_4096;
        attr.gid_tbl_len = 1;
        attr.pkey_tbl_len = 1;
        attr.phys_state = 3;  // disabled: IBTA volume 1, 14.2.5.6
        attr.link_layer = IBV_LINK_LAYER_ETHERNET;
        return attr;
    }

    Result<verbs_provider_gid> query_gid(std::uint8_t port_num, int index) {
        if (port_num != 1 || index != 0)
            return fail(EINVAL, "the device has port 1 only, and there GID 0 only");
        return fail(ENODATA, "the entry is empty");
    }

    // An object begins with its public struct and belongs to the provider from create to destroy.
    // The library fills in what a program reads there: context, pd, addr, channel and so on.
    Result<ibv_pd *> alloc_pd() { return make<ibv_pd>(); }
    Result<void> dealloc_pd(ibv_pd *pd) { return destroy(pd); }

    Result<ibv_mr *> reg_mr(ibv_pd * /*pd*/, void * /*addr*/, std::size_t /*length*/,
                            std::uint64_t /*iova*/, int /*access*/) {
        auto *mr = make<ibv_mr>();
        mr->lkey = mr->rkey = mr->handle;
        return mr;
    }
    Result<void> dereg_mr(ibv_mr *mr) { return destroy(mr); }

    Result<ibv_cq *> create_cq(int cqe, ibv_comp_channel * /*channel*/, int /*comp_vector*/) {
        if (cqe > kMaxEntries) return fail(EINVAL, "a CQ has room for 1024 entries at most");
        auto *cq = make<ibv_cq>();
        cq->cqe = cqe;
        return cq;
    }
    Result<void> destroy_cq(ibv_cq *cq) {
        // Between the end of the last event and the end of the memory: see struct verbs_host.
        Host::table().retire_cq(cq);
        return destroy(cq);
    }

    Result<ibv_qp *> create_qp(ibv_pd * /*pd*/, ibv_qp_init_attr *attr) {
        if (attr->srq != nullptr) return fail(EOPNOTSUPP, "the device has no SRQs");
        if (attr->cap.max_send_wr > kMaxEntries || attr->cap.max_recv_wr > kMaxEntries)
            return fail(EINVAL, "a queue has room for 1024 requests at most");
        attr->cap.max_inline_data = 0;  // capacities that are granted go back in the attributes
        auto *qp = make<ibv_qp>();
        qp->qp_num = qp->handle;
        return qp;
    }
    Result<void> modify_qp(ibv_qp * /*qp*/, ibv_qp_attr *attr, int mask) {
        if ((mask & IBV_QP_STATE) != 0 && attr->qp_state != IBV_QPS_RESET &&
            attr->qp_state != IBV_QPS_INIT)
            return fail(EOPNOTSUPP, "the device has no peer to be ready for");
        return {};
    }
    Result<void> destroy_qp(ibv_qp *qp) {
        Host::table().retire_qp(qp);
        return destroy(qp);
    }

private:
    template <class Object>
    Object *make() {
        auto *object = new Object{};  // out of memory becomes ENOMEM in the framework
        object->handle = ++last_handle_;
        ++objects_;
        return object;
    }

    template <class Object>
    Result<void> destroy(Object *object) {
        delete object;
        --objects_;
        return {};
    }

    verbs::UniqueFd events_;
    // Verbs may be called from any thread.
    std::atomic<std::uint32_t> last_handle_ = 0;
    std::atomic<int> objects_ = 0;
};

}  // namespace

VERBS_PROVIDER(NullDevice);
