/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The vendors' headers of rdma-core, which lean on infiniband/verbs.h, and a program that gives
 * objects of the one to the other. It is compiled and never run.
 */
#include <infiniband/efadv.h>
#include <infiniband/mlx4dv.h>
#include <infiniband/mlx5dv.h>
#include <infiniband/verbs.h>
#include <stdlib.h>

static struct ibv_cq_ex *create_cq(struct ibv_context *context) {
    struct ibv_cq_init_attr_ex init;
    struct mlx5dv_cq_init_attr more;
    memset(&init, 0, sizeof init);
    memset(&more, 0, sizeof more);
    init.cqe = 16;
    init.wc_flags = IBV_WC_STANDARD_FLAGS;
    return mlx5dv_create_cq(context, &init, &more);
}

static struct ibv_qp *create_qp(struct ibv_context *context, struct ibv_cq_ex *cq) {
    struct ibv_qp_init_attr_ex init;
    struct efadv_qp_init_attr more;
    memset(&init, 0, sizeof init);
    memset(&more, 0, sizeof more);
    init.send_cq = ibv_cq_ex_to_cq(cq);
    init.qp_type = IBV_QPT_DRIVER;
    init.comp_mask = IBV_QP_INIT_ATTR_PD | IBV_QP_INIT_ATTR_SEND_OPS_FLAGS;
    init.send_ops_flags = IBV_QP_EX_WITH_RDMA_READ;
    return efadv_create_qp_ex(context, &init, &more, sizeof more);
}

static int look_inside(struct ibv_qp *qp, struct ibv_wq *wq) {
    struct mlx4dv_obj objects;
    struct mlx4dv_rwq inside;
    memset(&objects, 0, sizeof objects);
    objects.rwq.in = wq;
    objects.rwq.out = &inside;
    if (mlx4dv_init_obj(&objects, MLX4DV_OBJ_RWQ)) return EINVAL;
    return mlx5dv_qp_ex_from_ibv_qp_ex(ibv_qp_to_qp_ex(qp)) ? 0 : ENOTSUP;
}

int main(void) {
    struct ibv_cq_ex *cq = create_cq(NULL);
    struct ibv_qp *qp = create_qp(NULL, cq);
    return look_inside(qp, NULL) ? EXIT_FAILURE : EXIT_SUCCESS;
}
