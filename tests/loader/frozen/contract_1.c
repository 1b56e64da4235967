/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A plugin of contract 1 as it was built when that contract was released. It has its own copy of
 * every layout and includes nothing of ours: what breaks this file breaks every plugin in the
 * field. It is never brought up to date; a later contract gets a file of its own.
 */
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct frozen_host {
    uint32_t size;
    uint32_t contract;
    int (*log_wants)(int level);
    void (*log)(int level, const char *provider, const char *text);
    void (*set_reason)(const char *text);
    const char *(*environment)(const char *name);
    int (*kernel_device_count)(void);
    void (*retire_qp)(void *qp);
    void (*retire_cq)(void *cq);
    void (*retire_srq)(void *srq);
};

struct frozen_device {
    char name[64];
    char dev_name[64];
    char dev_path[256];
    char ibdev_path[256];
    uint64_t node_guid_be;
    uint64_t cookie;
    int32_t node_type;
    int32_t transport_type;
    uint32_t kernel_driver_id;
    int32_t index;
    uint64_t reserved[8];
};

struct frozen_gid {
    uint8_t raw[16];
    uint32_t type;
    uint32_t ifindex;
};

struct frozen_ops {
    int (*start)(const struct frozen_host *host);
    int (*enumerate)(void (*found)(void *sink, const struct frozen_device *device), void *sink);
    int (*open_device)(const struct frozen_device *which, void *context, void **device);
    int (*close_device)(void *device);
    int (*query_device)(void *device, void *attr);
    int (*query_port)(void *device, uint8_t port_num, void *attr, size_t size);
    int (*query_gid)(void *device, uint8_t port_num, int index, struct frozen_gid *gid);
    int (*query_pkey)(void *device, uint8_t port_num, int index, uint16_t *pkey_be);
    int (*alloc_pd)(void *device, void **pd);
    int (*dealloc_pd)(void *device, void *pd);
    int (*reg_mr)(void *device, void *pd, void *addr, size_t length, uint64_t iova, int access,
                  void **mr);
    int (*rereg_mr)(void *device, void *mr, int flags, void *pd, void *addr, size_t length,
                    int access);
    int (*dereg_mr)(void *device, void *mr);
    int (*alloc_mw)(void *device, void *pd, int type, void **mw);
    int (*bind_mw)(void *device, void *qp, void *mw, void *bind);
    int (*dealloc_mw)(void *device, void *mw);
    int (*create_comp_channel)(void *device, void **channel);
    int (*destroy_comp_channel)(void *device, void *channel);
    int (*create_cq)(void *device, int cqe, void *channel, int comp_vector, void **cq);
    int (*resize_cq)(void *device, void *cq, int cqe);
    int (*destroy_cq)(void *device, void *cq);
    void (*cq_event)(void *cq);
    int (*create_srq)(void *device, void *pd, void *attr, void **srq);
    int (*modify_srq)(void *device, void *srq, void *attr, int mask);
    int (*query_srq)(void *device, void *srq, void *attr);
    int (*destroy_srq)(void *device, void *srq);
    int (*create_qp)(void *device, void *pd, void *attr, void **qp);
    int (*modify_qp)(void *device, void *qp, void *attr, int mask);
    int (*query_qp)(void *device, void *qp, void *attr, int mask, void *init_attr);
    int (*destroy_qp)(void *device, void *qp);
    int (*create_ah)(void *device, void *pd, void *attr, void **ah);
    int (*destroy_ah)(void *device, void *ah);
    int (*attach_mcast)(void *device, void *qp, const void *gid, uint16_t lid);
    int (*detach_mcast)(void *device, void *qp, const void *gid, uint16_t lid);
};

struct frozen_provider {
    uint64_t magic;
    uint32_t contract;
    uint32_t size;
    const char *name;
    const struct frozen_ops *ops;
    uint32_t ops_size;
    uint32_t exp_contract;
    const void *exp_ops;
    uint32_t exp_ops_size;
    uint32_t reserved;
};

_Static_assert(sizeof(struct frozen_host) == 72, "contract 1");
_Static_assert(sizeof(struct frozen_device) == 736, "contract 1");
_Static_assert(sizeof(struct frozen_gid) == 24, "contract 1");
_Static_assert(sizeof(struct frozen_ops) == 272, "contract 1");
_Static_assert(sizeof(struct frozen_provider) == 56, "contract 1");

/* Offsets in struct ibv_context that open_device fills. */
enum { POLL_CQ = 96, POST_SEND = 208, CMD_FD = 264, ASYNC_FD = 268, COMP_VECTORS = 272 };

static const struct frozen_host *host;
static int fds[2];

static int start(const struct frozen_host *table) {
    if (table->size < sizeof *table || table->contract < 1) return EINVAL;
    host = table;
    return 0;
}

static int enumerate(void (*found)(void *, const struct frozen_device *), void *sink) {
    struct frozen_device device;
    memset(&device, 0, sizeof device);
    strcpy(device.name, "frozen0");
    strcpy(device.dev_name, "uverbs-frozen");
    device.node_guid_be = 0x1234;
    device.cookie = 99;
    device.node_type = 1;
    device.index = 5;
    found(sink, &device);
    return 0;
}

static int poll_cq(void *cq, int count, void *wc) {
    (void)cq, (void)wc;
    return count - 1000;
}

static int post_send(void *qp, void *wr, void **bad_wr) {
    (void)qp;
    *bad_wr = wr;
    return ENOSPC;
}

static void put(void *context, size_t offset, const void *value, size_t size) {
    memcpy((char *)context + offset, value, size);
}

static int open_device(const struct frozen_device *which, void *context, void **device) {
    int (*poll)(void *, int, void *) = poll_cq;
    int (*send)(void *, void *, void **) = post_send;
    const int vectors = 3;
    if (which->cookie != 99) return EINVAL;
    if (pipe(fds) != 0) return errno;
    put(context, POLL_CQ, &poll, sizeof poll);
    put(context, POST_SEND, &send, sizeof send);
    put(context, CMD_FD, &fds[1], sizeof fds[1]);
    put(context, ASYNC_FD, &fds[0], sizeof fds[0]);
    put(context, COMP_VECTORS, &vectors, sizeof vectors);
    *device = &fds;
    return 0;
}

static int close_device(void *device) {
    (void)device;
    close(fds[0]);
    close(fds[1]);
    return 0;
}

static int query_device(void *device, void *attr) {
    const int max_qp = 7;
    (void)device;
    memcpy((char *)attr + 108, &max_qp, sizeof max_qp); /* ibv_device_attr.max_qp */
    return 0;
}

static int query_port(void *device, uint8_t port_num, void *attr, size_t size) {
    const int active = 4;
    (void)device;
    if (port_num != 1) {
        host->set_reason("frozen has one port");
        return EINVAL;
    }
    memset(attr, 0, size);
    memcpy(attr, &active, sizeof active);
    return 0;
}

static int make(void **object, size_t size) {
    *object = calloc(1, size);
    return *object == NULL ? ENOMEM : 0;
}

static int alloc_pd(void *device, void **pd) {
    (void)device;
    return make(pd, 16);
}
static int reg_mr(void *device, void *pd, void *addr, size_t length, uint64_t iova, int access,
                  void **mr) {
    (void)device, (void)pd, (void)addr, (void)length, (void)iova, (void)access;
    return make(mr, 48);
}
static int create_cq(void *device, int cqe, void *channel, int comp_vector, void **cq) {
    (void)device, (void)cqe, (void)channel, (void)comp_vector;
    return make(cq, 128);
}
static int create_qp(void *device, void *pd, void *attr, void **qp) {
    (void)device, (void)pd, (void)attr;
    return make(qp, 160);
}
static int modify_qp(void *device, void *qp, void *attr, int mask) {
    (void)device, (void)qp, (void)attr, (void)mask;
    return 0;
}
static int end(void *device, void *object) {
    (void)device;
    free(object);
    return 0;
}
static int destroy_cq(void *device, void *cq) {
    host->retire_cq(cq);
    return end(device, cq);
}
static int destroy_qp(void *device, void *qp) {
    host->retire_qp(qp);
    return end(device, qp);
}

static const struct frozen_ops ops = {
    .start = start,
    .enumerate = enumerate,
    .open_device = open_device,
    .close_device = close_device,
    .query_device = query_device,
    .query_port = query_port,
    .alloc_pd = alloc_pd,
    .dealloc_pd = end,
    .reg_mr = reg_mr,
    .dereg_mr = end,
    .create_cq = create_cq,
    .destroy_cq = destroy_cq,
    .create_qp = create_qp,
    .modify_qp = modify_qp,
    .destroy_qp = destroy_qp,
};

extern const struct frozen_provider verbs_provider;
__attribute__((visibility("default"))) const struct frozen_provider verbs_provider = {
    .magic = 0x565245424356524Full,
    .contract = 1,
    .size = 56,
    .name = "frozen",
    .ops = &ops,
    .ops_size = 272,
};
