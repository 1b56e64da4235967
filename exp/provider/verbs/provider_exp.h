/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The experimental half of the provider contract: the slots behind libverbs-exp.so.0.
 *
 * A plugin that has it points verbs_provider.exp_ops (<verbs/provider.h>) to the table below and
 * writes VERBS_PROVIDER_EXP_CONTRACT into exp_contract. Nothing is promised about this table: its
 * slots may change their place and meaning, the number then changes too, and libverbs-exp does not
 * use a table of another number. It says so once in the log; the plugin's stable half goes on as if
 * there were no other. A plugin without an experimental half is complete.
 *
 * Return shape of every slot that returns int: 0, or a positive errno value; what
 * <verbs/provider.h> says of slots is true of these. An empty slot is answered with EOPNOTSUPP.
 *
 * Objects: those made here begin with the public struct of the stable verbs (struct ibv_cq_ex with
 * struct ibv_cq and so on), are destroyed by the stable slots, and are legal arguments of them.
 */
#ifndef VERBS_PROVIDER_EXP_H
#define VERBS_PROVIDER_EXP_H

#include <infiniband/verbs_exp.h>
#include <verbs/provider.h>

#ifdef __cplusplus
extern "C" {
#endif

#define VERBS_PROVIDER_EXP_CONTRACT 4u

struct verbs_provider_exp_ops {
    /* Fills what values->comp_mask asks for, and leaves only those bits in it. */
    int (*query_rt_values_ex)(void *device, struct ibv_values_ex *values);

    /* Completion queues that are polled in steps. The plugin sets the pointers of *cq. */
    int (*create_cq_ex)(void *device, struct ibv_cq_init_attr_ex *attr, struct ibv_cq_ex **cq);
    int (*modify_cq)(void *device, struct ibv_cq *cq, struct ibv_modify_cq_attr *attr);

    /* Queue pairs. create_qp_ex writes the capacities that it grants into attr->cap. */
    int (*create_qp_ex)(void *device, struct ibv_qp_init_attr_ex *attr, struct ibv_qp **qp);
    /* The ibv_wr_* face of a QP that was made for them, NULL for another. Cannot fail. */
    struct ibv_qp_ex *(*qp_to_qp_ex)(struct ibv_qp *qp);

    /* Thread domains. Busy as long as a parent domain has it. */
    int (*alloc_td)(void *device, struct ibv_td_init_attr *attr, struct ibv_td **td);
    int (*dealloc_td)(void *device, struct ibv_td *td);
    /* Parent domains: PDs to all stable slots, ended by dealloc_pd. Members of *attr that its mask
     * does not name are zero; alloc and free are both there or both not. */
    int (*alloc_parent_domain)(void *device, struct ibv_parent_domain_init_attr *attr,
                               struct ibv_pd **pd);

    /* Memory regions; the library sets what it sets for reg_mr's. dereg_mr ends them. */
    int (*alloc_null_mr)(void *device, struct ibv_pd *pd, struct ibv_mr **mr);

    /* Device memory. The plugin sets the two pointers of *dm, and the handle with its bit of the
     * mask if it has one. */
    int (*alloc_dm)(void *device, struct ibv_alloc_dm_attr *attr, struct ibv_dm **dm);
    int (*free_dm)(void *device, struct ibv_dm *dm);
    int (*reg_dm_mr)(void *device, struct ibv_pd *pd, struct ibv_dm *dm, uint64_t dm_offset,
                     size_t length, unsigned int access, struct ibv_mr **mr);

    /* Memory for the program: zero, at a page boundary; reg_mr registers it like any other. The
     * library tells free_buf the size that it was allocated with. */
    int (*alloc_buf)(void *device, struct ibv_pd *pd, size_t size, void **addr);
    int (*free_buf)(void *device, void *addr, size_t size);

    /* XRC domains. `fd` is -1 for a domain without a name; busy as long as an object has it. */
    int (*open_xrcd)(void *device, struct ibv_xrcd_init_attr *attr, struct ibv_xrcd **xrcd);
    int (*close_xrcd)(void *device, struct ibv_xrcd *xrcd);
    /* Shared receive queues of all types but the basic one, which is create_srq's. Of a type that
     * is known all that it needs is there. Ended by destroy_srq. */
    int (*create_srq_ex)(void *device, struct ibv_srq_init_attr_ex *attr, struct ibv_srq **srq);
    int (*get_srq_num)(void *device, struct ibv_srq *srq, uint32_t *srq_num);
    /* Of any shared receive queue of the device: a list of at least one, in order. Data path: when
     * it fails it stores where in *bad_op, and leaves no reason. */
    int (*post_srq_ops)(struct ibv_srq *srq, struct ibv_ops_wr *op, struct ibv_ops_wr **bad_op);
    /* A handle of a QP that somebody else may have made; number, domain and type are there. Ended
     * by destroy_qp. */
    int (*open_qp)(void *device, struct ibv_qp_open_attr *attr, struct ibv_qp **qp);

    /* Memory windows of type 2; dealloc_mw ends them, and the library sets what it sets for those
     * of alloc_mw. A device whose alloc_mw makes them leaves this empty. */
    int (*alloc_mw_type_2)(void *device, struct ibv_pd *pd, struct ibv_mw **mw);

    /* Memory regions that peers may flush: as reg_mr of the stable table, with rights to it. */
    int (*reg_flushable_mr)(void *device, struct ibv_pd *pd, void *addr, size_t length,
                            uint64_t iova, int access, struct ibv_mr **mr);

    /* What ports and queue pairs tell. The speed is in units of 100 Mbit/s. */
    int (*query_port_speed)(void *device, uint32_t port_num, uint64_t *port_speed);
    /* What ibv_query_qp_data_in_order answers with these flags. Cannot fail. */
    int (*query_qp_data_in_order)(struct ibv_qp *qp, enum ibv_wr_opcode op, uint32_t flags);
    int (*query_ece)(void *device, struct ibv_qp *qp, struct ibv_ece *ece);
    /* Leaves in *ece what is taken of it. */
    int (*set_ece)(void *device, struct ibv_qp *qp, struct ibv_ece *ece);
    int (*modify_qp_rate_limit)(void *device, struct ibv_qp *qp,
                                struct ibv_qp_rate_limit_attr *attr);

    /* Memory regions again. Advice and flags are known ones, there is at least one range. */
    int (*advise_mr)(void *device, struct ibv_pd *pd, enum ibv_advise_mr_advice advice,
                     uint32_t flags, struct ibv_sge *sg_list, uint32_t num_sge);
    /* The descriptor stays the program's. */
    int (*reg_dmabuf_mr)(void *device, struct ibv_pd *pd, uint64_t offset, size_t length,
                         uint64_t iova, int fd, int access, struct ibv_mr **mr);

    /* Flow rules. The specifications of a rule lie behind its head. */
    int (*create_flow)(void *device, struct ibv_qp *qp, struct ibv_flow_attr *attr,
                       struct ibv_flow **flow);
    int (*destroy_flow)(void *device, struct ibv_flow *flow);
    int (*create_flow_action_esp)(void *device, struct ibv_flow_action_esp_attr *esp,
                                  struct ibv_flow_action **action);
    int (*modify_flow_action_esp)(void *device, struct ibv_flow_action *action,
                                  struct ibv_flow_action_esp_attr *esp);
    int (*destroy_flow_action)(void *device, struct ibv_flow_action *action);

    /* Counters of flow rules. `flow` is NULL for whichever rule names the set. */
    int (*create_counters)(void *device, struct ibv_counters_init_attr *attr,
                           struct ibv_counters **counters);
    int (*destroy_counters)(void *device, struct ibv_counters *counters);
    int (*attach_counters_point_flow)(void *device, struct ibv_counters *counters,
                                      struct ibv_counter_attach_attr *attr, struct ibv_flow *flow);
    int (*read_counters)(void *device, struct ibv_counters *counters, uint64_t *values,
                         uint32_t count, uint32_t flags);

    /* Counters of completions. Type and operations are known ones, and at least one. The state of
     * the queue pair is the plugin's to judge. */
    int (*query_comp_cntr_caps)(void *device, struct ibv_comp_cntr_caps *caps);
    int (*create_comp_cntr)(void *device, struct ibv_comp_cntr_init_attr *attr,
                            struct ibv_comp_cntr **comp_cntr);
    int (*destroy_comp_cntr)(void *device, struct ibv_comp_cntr *comp_cntr);
    int (*set_comp_cntr)(void *device, struct ibv_comp_cntr *comp_cntr, uint64_t value);
    int (*set_err_comp_cntr)(void *device, struct ibv_comp_cntr *comp_cntr, uint64_t value);
    int (*inc_comp_cntr)(void *device, struct ibv_comp_cntr *comp_cntr, uint64_t amount);
    int (*inc_err_comp_cntr)(void *device, struct ibv_comp_cntr *comp_cntr, uint64_t amount);
    int (*read_comp_cntr)(void *device, struct ibv_comp_cntr *comp_cntr, uint64_t *value);
    int (*read_err_comp_cntr)(void *device, struct ibv_comp_cntr *comp_cntr, uint64_t *value);
    int (*qp_attach_comp_cntr)(void *device, struct ibv_qp *qp, struct ibv_comp_cntr *comp_cntr,
                               struct ibv_qp_attach_comp_cntr_attr *attr);

    /* Work queues. The plugin sets post_recv of *wq, and writes what it grants into *attr. */
    int (*create_wq)(void *device, struct ibv_wq_init_attr *attr, struct ibv_wq **wq);
    int (*modify_wq)(void *device, struct ibv_wq *wq, struct ibv_wq_attr *attr);
    int (*destroy_wq)(void *device, struct ibv_wq *wq);
    int (*create_rwq_ind_table)(void *device, struct ibv_rwq_ind_table_init_attr *attr,
                                struct ibv_rwq_ind_table **table);
    int (*destroy_rwq_ind_table)(void *device, struct ibv_rwq_ind_table *table);

    /* Importing. import_device says, right after the device was opened, whether the descriptor is
     * that of another context of it; on success it belongs to the plugin until close_device. The
     * public parts of what is imported are the library's to set, as far as they are not handles,
     * keys and lengths. What is given back goes on elsewhere. */
    int (*import_device)(void *device, int cmd_fd);
    int (*import_pd)(void *device, uint32_t pd_handle, struct ibv_pd **pd);
    int (*unimport_pd)(void *device, struct ibv_pd *pd);
    int (*import_mr)(void *device, struct ibv_pd *pd, uint32_t mr_handle, struct ibv_mr **mr);
    int (*unimport_mr)(void *device, struct ibv_mr *mr);
    int (*import_dm)(void *device, uint32_t dm_handle, struct ibv_dm **dm);
    int (*unimport_dm)(void *device, struct ibv_dm *dm);

    /* DMA handles: hints for the bus, known ones, where members that do not count are 0. Busy as
     * long as a region has it. */
    int (*alloc_dmah)(void *device, struct ibv_dmah_init_attr *attr, struct ibv_dmah **dmah);
    int (*dealloc_dmah)(void *device, struct ibv_dmah *dmah);
    /* Regions with a DMA handle, of an address or a dma-buf. All members have a value, whatever the
     * mask says, but for those of the kind of memory that it is not; there is no buf. */
    int (*reg_mr_ex)(void *device, struct ibv_pd *pd, struct ibv_mr_init_attr *attr,
                     struct ibv_mr **mr);
    /* Makes a descriptor, which is the program's, of a dma-buf for device memory. */
    int (*export_dm)(void *device, struct ibv_dm *dm, int *fd);
};

#ifdef __cplusplus
}
#endif

#endif
