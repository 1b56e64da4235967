// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// What libibverbs's public face has and libverbs's header leaves out: layouts as programs compiled
// them in, and the functions that use them. Nothing here may ever change.
#pragma once

#include <cstddef>
#include <cstdint>
#include <infiniband/verbs.h>
#include <sys/types.h>

struct ib_user_path_rec;   // <rdma/ib_user_sa.h>
struct ib_uverbs_ah_attr;  // <rdma/ib_user_verbs.h>
struct ib_uverbs_qp_attr;  // <rdma/ib_user_verbs.h>

// These are only passed through.
struct ibv_buf;
struct ibv_comp_cntr;
struct ibv_comp_cntr_caps;
struct ibv_comp_cntr_init_attr;
struct ibv_dm;
struct ibv_dmah;
struct ibv_dmah_init_attr;
struct ibv_ece;
struct ibv_mr_init_attr;
struct ibv_qp_attach_comp_cntr_attr;
struct ibv_qp_ex;

// <infiniband/verbs.h> of rdma-core 32 and later.
enum ibv_gid_type {
    IBV_GID_TYPE_IB,
    IBV_GID_TYPE_ROCE_V1,
    IBV_GID_TYPE_ROCE_V2,
};

struct ibv_gid_entry {
    union ibv_gid gid;
    uint32_t gid_index;
    uint32_t port_num;
    uint32_t gid_type;  // enum ibv_gid_type
    uint32_t ndev_ifindex;
};
static_assert(sizeof(ibv_gid_entry) == 32 && offsetof(ibv_gid_entry, gid_type) == 24);

// What ibv_query_gid_type answers with: the kernel's text files know only these two.
enum ibv_gid_type_sysfs {
    IBV_GID_TYPE_SYSFS_IB_ROCE_V1,
    IBV_GID_TYPE_SYSFS_ROCE_V2,
};

// <infiniband/sa.h>, since libibverbs 1.0.
struct ibv_sa_path_rec {
    union ibv_gid dgid;
    union ibv_gid sgid;
    __be16 dlid;
    __be16 slid;
    int raw_traffic;
    __be32 flow_label;
    uint8_t hop_limit;
    uint8_t traffic_class;
    int reversible;
    uint8_t numb_path;
    __be16 pkey;
    uint8_t sl;
    uint8_t mtu_selector;
    uint8_t mtu;
    uint8_t rate_selector;
    uint8_t rate;
    uint8_t packet_life_time_selector;
    uint8_t packet_life_time;
    uint8_t preference;
};
static_assert(sizeof(ibv_sa_path_rec) == 64 && offsetof(ibv_sa_path_rec, flow_label) == 40 &&
              offsetof(ibv_sa_path_rec, pkey) == 54 && offsetof(ibv_sa_path_rec, preference) == 63);

// What ibv_port_attr was until rdma-core 22, and what ibv_query_port@IBVERBS_1.1 may write.
constexpr size_t kOldPortAttrSize = 48;
static_assert(offsetof(ibv_port_attr, link_layer) + 2 == kOldPortAttrSize);

extern "C" {
// GIDs.
int _ibv_query_gid_ex(ibv_context *context, uint32_t port_num, uint32_t gid_index,
                      ibv_gid_entry *entry, uint32_t flags, size_t entry_size);
ssize_t _ibv_query_gid_table(ibv_context *context, ibv_gid_entry *entries, size_t max_entries,
                             uint32_t flags, size_t entry_size);
int ibv_query_gid_type(ibv_context *context, uint8_t port_num, unsigned int index,
                       ibv_gid_type_sysfs *type);

// Memory.
ibv_mr *verbs_exp_reg_mr_iova(ibv_pd *pd, void *addr, size_t length, uint64_t iova, int access);
ibv_mr *ibv_reg_mr_iova2(ibv_pd *pd, void *addr, size_t length, uint64_t iova, unsigned int access);
ibv_mr *ibv_reg_dmabuf_mr(ibv_pd *pd, uint64_t offset, size_t length, uint64_t iova, int fd,
                          int access);
ibv_mr *ibv_reg_mr_ex(ibv_pd *pd, ibv_mr_init_attr *mr_init_attr);
int ibv_dontfork_range(void *base, size_t size);
int ibv_dofork_range(void *base, size_t size);

// Buffers of the library's, and handles of how a device is to reach memory.
void *ibv_alloc_buf(ibv_pd *pd, size_t size, ibv_buf **buf);
void ibv_free_buf(ibv_buf *buf);
ibv_mr *ibv_reg_buf_mr(ibv_pd *pd, ibv_buf *buf, void *addr, size_t length, int access);
int ibv_export_buf_dmabuf_fd(ibv_buf *buf);
ibv_dmah *ibv_alloc_dmah(ibv_context *context, ibv_dmah_init_attr *attr);
int ibv_dealloc_dmah(ibv_dmah *dmah);
int ibv_dm_export_dmabuf_fd(ibv_dm *dm);

// Counters of completions.
int _ibv_query_comp_cntr_caps(ibv_context *context, ibv_comp_cntr_caps *caps, size_t caps_size);
ibv_comp_cntr *ibv_create_comp_cntr(ibv_context *context, ibv_comp_cntr_init_attr *cc_attr);
int ibv_destroy_comp_cntr(ibv_comp_cntr *comp_cntr);
int ibv_set_comp_cntr(ibv_comp_cntr *comp_cntr, uint64_t value);
int ibv_set_err_comp_cntr(ibv_comp_cntr *comp_cntr, uint64_t value);
int ibv_inc_comp_cntr(ibv_comp_cntr *comp_cntr, uint64_t amount);
int ibv_inc_err_comp_cntr(ibv_comp_cntr *comp_cntr, uint64_t amount);
int ibv_read_comp_cntr(ibv_comp_cntr *comp_cntr, uint64_t *value);
int ibv_read_err_comp_cntr(ibv_comp_cntr *comp_cntr, uint64_t *value);
int ibv_qp_attach_comp_cntr(ibv_qp *qp, ibv_comp_cntr *comp_cntr,
                            ibv_qp_attach_comp_cntr_attr *attr);

// Ports.
int ibv_query_port_speed(ibv_context *context, uint32_t port_num, uint64_t *port_speed);

// Queue pairs and addresses.
ibv_qp_ex *ibv_qp_to_qp_ex(ibv_qp *qp);
int ibv_query_ece(ibv_qp *qp, ibv_ece *ece);
int ibv_set_ece(ibv_qp *qp, ibv_ece *ece);
int ibv_query_qp_data_in_order(ibv_qp *qp, enum ibv_wr_opcode op, uint32_t flags);
int ibv_resolve_eth_l2_from_gid(ibv_context *context, ibv_ah_attr *attr, uint8_t eth_mac[6],
                                uint16_t *vid);

// Objects of another process.
ibv_context *ibv_import_device(int cmd_fd);
ibv_pd *ibv_import_pd(ibv_context *context, uint32_t pd_handle);
void ibv_unimport_pd(ibv_pd *pd);
ibv_mr *ibv_import_mr(ibv_pd *pd, uint32_t mr_handle);
void ibv_unimport_mr(ibv_mr *mr);
ibv_dm *ibv_import_dm(ibv_context *context, uint32_t dm_handle);
void ibv_unimport_dm(ibv_dm *dm);

// Structures of the kernel, and its text files.
void ibv_copy_ah_attr_from_kern(ibv_ah_attr *dst, ib_uverbs_ah_attr *src);
void ibv_copy_qp_attr_from_kern(ibv_qp_attr *dst, ib_uverbs_qp_attr *src);
void ibv_copy_path_rec_from_kern(ibv_sa_path_rec *dst, ib_user_path_rec *src);
void ibv_copy_path_rec_to_kern(ib_user_path_rec *dst, ibv_sa_path_rec *src);
const char *ibv_get_sysfs_path(void);
int ibv_read_sysfs_file(const char *dir, const char *file, char *buf, size_t size);

// The way in which provider plugins announced themselves until rdma-core 12.
void ibv_register_driver(const char *name, void *init_function);
}
