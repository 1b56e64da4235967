/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Two stand-ins for libverbs-exp.so.0, which libibverbs.so.1 finds instead of the real one in a
 * test that is linked with them: one that has every name, and only notes how it was called; and
 * with STAND_IN_EMPTY one without any, as a build without those features is.
 */
struct call {
    const char *name;
    long arguments[6];
    int fills; /* contexts whose slots were asked to be filled */
};

__attribute__((visibility("default"))) struct call stand_in_call;

#ifndef STAND_IN_EMPTY

__attribute__((visibility("default"))) int verbs_exp_private_fill(unsigned int version,
                                                                  void *context);
int verbs_exp_private_fill(unsigned int version, void *context) {
    (void)version;
    (void)context;
    ++stand_in_call.fills;
    return 0;
}

/* All arguments of these functions come in registers, so that six are there for each of them. */
#define NAME(name)                                                                                 \
    __attribute__((visibility("default"))) long name(long a, long b, long c, long d, long e,       \
                                                     long f);                                      \
    long name(long a, long b, long c, long d, long e, long f) {                                    \
        stand_in_call = (struct call){#name, {a, b, c, d, e, f}, stand_in_call.fills};             \
        return 4711;                                                                               \
    }

NAME(_ibv_query_comp_cntr_caps)
NAME(ibv_alloc_buf)
NAME(ibv_alloc_dmah)
NAME(ibv_create_comp_cntr)
NAME(ibv_dealloc_dmah)
NAME(ibv_destroy_comp_cntr)
NAME(ibv_dm_export_dmabuf_fd)
NAME(ibv_export_buf_dmabuf_fd)
NAME(ibv_free_buf)
NAME(ibv_import_device)
NAME(ibv_import_dm)
NAME(ibv_import_mr)
NAME(ibv_import_pd)
NAME(ibv_inc_comp_cntr)
NAME(ibv_inc_err_comp_cntr)
NAME(ibv_qp_attach_comp_cntr)
NAME(ibv_qp_to_qp_ex)
NAME(ibv_query_ece)
NAME(ibv_query_port_speed)
NAME(ibv_query_qp_data_in_order)
NAME(ibv_read_comp_cntr)
NAME(ibv_read_err_comp_cntr)
NAME(ibv_reg_buf_mr)
NAME(ibv_reg_dmabuf_mr)
NAME(ibv_reg_mr_ex)
NAME(ibv_set_comp_cntr)
NAME(ibv_set_ece)
NAME(ibv_set_err_comp_cntr)
NAME(ibv_unimport_dm)
NAME(ibv_unimport_mr)
NAME(ibv_unimport_pd)
NAME(verbs_exp_reg_mr_iova)

#endif
