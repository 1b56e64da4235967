// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// The fake provider's slots, as plain functions: some of them have to do what the framework would
// not let them.
#include "support/fake_slots.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <stdexcept>

#ifdef FAKE_EXPERIMENTAL
#include "support/fake_experimental.hpp"
#endif

namespace verbs_test {

FakeState state;

int begin(const char *slot) {
    {
        const std::lock_guard guard(state.lock);
        ++state.calls[slot];
    }
    if (state.failing_slot != slot) return 0;
    if (state.throws == FakeState::Throws::exception) throw std::runtime_error("fake exception");
    if (state.throws == FakeState::Throws::number) throw 42;
    if (!state.reason.empty()) state.host->set_reason(state.reason.c_str());
    return state.code;
}

}  // namespace verbs_test

namespace {

using namespace verbs_test;

int start(const verbs_host *host) {
    state.host = host;
    return 0;
}

int enumerate(void (*found)(void *, const verbs_provider_device *), void *sink) {
    BEGIN("enumerate");
    for (const auto &device : state.devices)
        found(sink, &device);
    return 0;
}

int open_device(const verbs_provider_device *which, ibv_context *context, void **device) {
    BEGIN("open_device");
    int ends[2];
    if (which->cookie == ~0ull) return ENODEV;
    if (::pipe2(ends, O_CLOEXEC) != 0) return errno;
    context->async_fd = ends[0];
    context->cmd_fd = ends[1];
    context->num_comp_vectors = 2;
    state.async_write_fd = ends[1];
    // A provider that knows no better must not harm what the library owns.
    context->device = nullptr;
    context->abi_compat = nullptr;
    *device = context;
    return 0;
}

int close_device(void *device) {
    BEGIN("close_device");
    auto *context = static_cast<ibv_context *>(device);
    ::close(context->async_fd);
    ::close(context->cmd_fd);
    return 0;
}

int query_device(void *, ibv_device_attr *attr) {
    BEGIN("query_device");
    attr->max_qp = 4711;
    attr->phys_port_cnt = 1;
    return 0;
}

int query_device_ex(void *, const ibv_query_device_ex_input *, ibv_device_attr_ex *attr, size_t) {
    BEGIN("query_device_ex");
    attr->orig_attr.max_qp = 4711;
    attr->hca_core_clock = 1000;
    attr->phys_port_cnt_ex = 3;
    return 0;
}

int query_port(void *, uint8_t port_num, ibv_port_attr *attr, size_t size) {
    BEGIN("query_port");
    if (port_num != 1 || size != sizeof *attr) return EINVAL;
    attr->state = IBV_PORT_ACTIVE;
    attr->gid_tbl_len = static_cast<int>(state.gids.size());
    attr->pkey_tbl_len = static_cast<uint16_t>(state.pkeys_be.size());
    attr->link_layer = IBV_LINK_LAYER_ETHERNET;
    attr->port_cap_flags2 = 0x5a5a;
    return 0;
}

int query_gid(void *, uint8_t port_num, int index, verbs_provider_gid *gid) {
    BEGIN("query_gid");
    if (port_num != 1 || static_cast<size_t>(index) >= state.gids.size()) return EINVAL;
    const auto &entry = state.gids[static_cast<size_t>(index)];
    if (!entry) return ENODATA;
    *gid = *entry;
    return 0;
}

int query_gid_table(void *, verbs_provider_gid_entry *entries, size_t room, size_t *count) {
    BEGIN("query_gid_table");
    if (state.table_length) {
        *count = *state.table_length;
        return 0;
    }
    *count = 0;
    for (uint32_t index = 0; index < state.gids.size(); ++index) {
        const auto &entry = state.gids[index];
        if (!entry) continue;
        if (*count == room) return EINVAL;
        entries[(*count)++] = {entry->gid, index, 1, entry->type, entry->ifindex};
    }
    return 0;
}

int query_pkey(void *, uint8_t port_num, int index, uint16_t *pkey_be) {
    BEGIN("query_pkey");
    if (port_num != 1 || static_cast<size_t>(index) >= state.pkeys_be.size()) return EINVAL;
    *pkey_be = state.pkeys_be[static_cast<size_t>(index)];
    return 0;
}

int alloc_pd(void *, ibv_pd **pd) {
    BEGIN("alloc_pd");
    *pd = dirty<ibv_pd>();
    return 0;
}
int dealloc_pd(void *, ibv_pd *pd) {
    BEGIN("dealloc_pd");
    delete pd;
    return 0;
}
int reg_mr(void *, ibv_pd *, void *, size_t, uint64_t iova, int, ibv_mr **mr) {
    BEGIN("reg_mr");
    state.last_iova = iova;
    *mr = dirty<ibv_mr>();
    return 0;
}
int rereg_mr(void *, ibv_mr *, int, ibv_pd *, void *, size_t, int) {
    BEGIN("rereg_mr");
    return 0;
}
int dereg_mr(void *, ibv_mr *mr) {
    BEGIN("dereg_mr");
    delete mr;
    return 0;
}
int alloc_mw(void *, ibv_pd *, int, ibv_mw **mw) {
    BEGIN("alloc_mw");
    *mw = dirty<ibv_mw>();
    return 0;
}
int bind_mw(void *, ibv_qp *, ibv_mw *mw, ibv_mw_bind *) {
    BEGIN("bind_mw");
    ++mw->rkey;
    return 0;
}
int dealloc_mw(void *, ibv_mw *mw) {
    BEGIN("dealloc_mw");
    delete mw;
    return 0;
}
int create_comp_channel(void *, ibv_comp_channel **channel) {
    BEGIN("create_comp_channel");
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) return errno;
    auto *made = dirty<FakeChannel>();
    made->fd = ends[0];
    made->write_fd = ends[1];
    *channel = made;
    return 0;
}
int destroy_comp_channel(void *, ibv_comp_channel *channel) {
    BEGIN("destroy_comp_channel");
    auto *made = static_cast<FakeChannel *>(channel);
    ::close(made->fd);
    ::close(made->write_fd);
    delete made;
    return 0;
}
int create_cq(void *, int cqe, ibv_comp_channel *, int, ibv_cq **cq) {
    BEGIN("create_cq");
    *cq = dirty<ibv_cq>();
    (*cq)->cqe = cqe;
    return 0;
}
int resize_cq(void *, ibv_cq *cq, int cqe) {
    BEGIN("resize_cq");
    cq->cqe = cqe;
    return 0;
}
int destroy_cq(void *, ibv_cq *cq) {
    BEGIN("destroy_cq");
    if (state.retires) state.host->retire_cq(cq);
    delete cq;
    return 0;
}
void cq_event(ibv_cq *) {
    begin("cq_event");
}
int create_srq(void *, ibv_pd *, ibv_srq_init_attr *, ibv_srq **srq) {
    BEGIN("create_srq");
    *srq = dirty<ibv_srq>();
    return 0;
}
int modify_srq(void *, ibv_srq *, ibv_srq_attr *, int) {
    BEGIN("modify_srq");
    return 0;
}
int query_srq(void *, ibv_srq *, ibv_srq_attr *attr) {
    BEGIN("query_srq");
    attr->max_wr = 12;
    return 0;
}
int destroy_srq(void *, ibv_srq *srq) {
    BEGIN("destroy_srq");
    if (state.retires) state.host->retire_srq(srq);
    delete srq;
    return 0;
}
int create_qp(void *, ibv_pd *, ibv_qp_init_attr *attr, ibv_qp **qp) {
    BEGIN("create_qp");
    attr->cap.max_send_wr = 99;
    *qp = dirty<ibv_qp>();
    (*qp)->qp_num = 17;
    return 0;
}
int modify_qp(void *, ibv_qp *, ibv_qp_attr *, int) {
    BEGIN("modify_qp");
    return 0;
}
int query_qp(void *, ibv_qp *, ibv_qp_attr *attr, int, ibv_qp_init_attr *init_attr) {
    BEGIN("query_qp");
    attr->qp_state = IBV_QPS_ERR;
    init_attr->cap.max_send_wr = 99;
    return 0;
}
int destroy_qp(void *, ibv_qp *qp) {
    BEGIN("destroy_qp");
    if (state.retires) state.host->retire_qp(qp);
    delete qp;
    return 0;
}
int create_ah(void *, ibv_pd *, ibv_ah_attr *attr, ibv_ah **ah) {
    BEGIN("create_ah");
    state.last_ah = *attr;
    *ah = dirty<ibv_ah>();
    return 0;
}
int destroy_ah(void *, ibv_ah *ah) {
    BEGIN("destroy_ah");
    delete ah;
    return 0;
}
int attach_mcast(void *, ibv_qp *, const ibv_gid *, uint16_t) {
    BEGIN("attach_mcast");
    return 0;
}
int detach_mcast(void *, ibv_qp *, const ibv_gid *, uint16_t) {
    BEGIN("detach_mcast");
    return 0;
}

#define SLOT(name) .name = &name

constexpr verbs_provider_ops kOps = {
    SLOT(start),
    SLOT(enumerate),
    SLOT(open_device),
    SLOT(close_device),
    SLOT(query_device),
    SLOT(query_port),
    SLOT(query_gid),
    SLOT(query_pkey),
    SLOT(alloc_pd),
    SLOT(dealloc_pd),
    SLOT(reg_mr),
    SLOT(rereg_mr),
    SLOT(dereg_mr),
    SLOT(alloc_mw),
    SLOT(bind_mw),
    SLOT(dealloc_mw),
    SLOT(create_comp_channel),
    SLOT(destroy_comp_channel),
    SLOT(create_cq),
    SLOT(resize_cq),
    SLOT(destroy_cq),
    SLOT(cq_event),
    SLOT(create_srq),
    SLOT(modify_srq),
    SLOT(query_srq),
    SLOT(destroy_srq),
    SLOT(create_qp),
    SLOT(modify_qp),
    SLOT(query_qp),
    SLOT(destroy_qp),
    SLOT(create_ah),
    SLOT(destroy_ah),
    SLOT(attach_mcast),
    SLOT(detach_mcast),
    SLOT(query_device_ex),
    SLOT(query_gid_table),
};

}  // namespace

#define EXPORT extern "C" __attribute__((visibility("default")))

EXPORT const struct verbs_provider verbs_provider;
const struct verbs_provider verbs_provider = {
    VERBS_PROVIDER_MAGIC,
    VERBS_PROVIDER_CONTRACT,
    sizeof(struct verbs_provider),
    "fake",
    &kOps,
    sizeof kOps,
#ifdef FAKE_EXPERIMENTAL
    FAKE_EXPERIMENTAL,
    &verbs_test::kExperimental,
    sizeof verbs_test::kExperimental,
#else
    0,
    nullptr,
    0,
#endif
    0,
};

EXPORT FakeState *verbs_fake_state();
FakeState *verbs_fake_state() {
    return &state;
}
