// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// One plugin in many builds, each with one fault that its CMake target names. Without a fault it is
// a right provider with one device, called like itself.
#include <verbs/provider.h>

#include <cerrno>
#include <cstring>
#include <stdexcept>

// What the faults change, and what it is without.
#ifndef FAULT_MAGIC
#define FAULT_MAGIC VERBS_PROVIDER_MAGIC
#endif
#ifndef FAULT_CONTRACT
#define FAULT_CONTRACT VERBS_PROVIDER_CONTRACT
#endif
#ifndef FAULT_SIZE
#define FAULT_SIZE sizeof(struct verbs_provider)
#endif
#ifndef FAULT_OPS_SIZE
#define FAULT_OPS_SIZE sizeof(struct verbs_provider_ops)
#endif
#ifndef FAULT_NAME
#define FAULT_NAME "faulty"
#endif
#ifndef FAULT_CREATE_QP
#define FAULT_CREATE_QP &create_qp
#endif
#ifndef FAULT_START
#define FAULT_START return 0
#endif
#ifndef FAULT_ENUMERATE
#define FAULT_ENUMERATE (void)0
#endif
#ifndef FAULT_SYMBOL
#define FAULT_SYMBOL verbs_provider
#endif
#ifdef FAULT_NEEDS
extern "C" int FAULT_NEEDS();
#endif

namespace {

const verbs_host *host;

int start(const verbs_host *table) {
    host = table;
#ifdef FAULT_NEEDS
    if (FAULT_NEEDS() != 0) return EINVAL;
#endif
    FAULT_START;
}

int enumerate(void (*found)(void *, const verbs_provider_device *), void *sink) {
    FAULT_ENUMERATE;
    verbs_provider_device device{};
    std::strcpy(device.name, FAULT_NAME "0");
    device.node_type = IBV_NODE_CA;
    found(sink, &device);
    return 0;
}

int open_device(const verbs_provider_device *, ibv_context *, void **) {
    return ENODEV;
}
int close_device(void *) {
    return 0;
}
int query_device(void *, ibv_device_attr *) {
    return 0;
}
int query_port(void *, uint8_t, ibv_port_attr *, size_t) {
    return 0;
}
int alloc_pd(void *, ibv_pd **) {
    return ENOMEM;
}
int dealloc_pd(void *, ibv_pd *) {
    return 0;
}
int reg_mr(void *, ibv_pd *, void *, size_t, uint64_t, int, ibv_mr **) {
    return ENOMEM;
}
int dereg_mr(void *, ibv_mr *) {
    return 0;
}
int create_cq(void *, int, ibv_comp_channel *, int, ibv_cq **) {
    return ENOMEM;
}
int destroy_cq(void *, ibv_cq *) {
    return 0;
}
[[maybe_unused]] int create_qp(void *, ibv_pd *, ibv_qp_init_attr *, ibv_qp **) {
    return ENOMEM;
}
int modify_qp(void *, ibv_qp *, ibv_qp_attr *, int) {
    return 0;
}
int destroy_qp(void *, ibv_qp *) {
    return 0;
}

constexpr verbs_provider_ops make_ops() {
    verbs_provider_ops ops{};
    ops.start = &start;
    ops.enumerate = &enumerate;
    ops.open_device = &open_device;
    ops.close_device = &close_device;
    ops.query_device = &query_device;
    ops.query_port = &query_port;
    ops.alloc_pd = &alloc_pd;
    ops.dealloc_pd = &dealloc_pd;
    ops.reg_mr = &reg_mr;
    ops.dereg_mr = &dereg_mr;
    ops.create_cq = &create_cq;
    ops.destroy_cq = &destroy_cq;
    ops.create_qp = FAULT_CREATE_QP;
    ops.modify_qp = &modify_qp;
    ops.destroy_qp = &destroy_qp;
    return ops;
}

constexpr verbs_provider_ops kOps = make_ops();

}  // namespace

extern "C" __attribute__((visibility("default"))) const struct verbs_provider FAULT_SYMBOL;
const struct verbs_provider FAULT_SYMBOL = {
    FAULT_MAGIC, FAULT_CONTRACT, FAULT_SIZE, FAULT_NAME, &kOps, FAULT_OPS_SIZE, 0, nullptr, 0, 0};
