// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// The node IBVERBS_PRIVATE_34, which provider plugins of rdma-core 34 to 56 bind to. Programs load
// those plugins as ordinary libraries (perftest, UCX and libfabric link libmlx5 or libefa), so
// every name has to be there; but no plugin drives a device through this library. Each function
// refuses in the shape its callers expect, and takes no argument: see abi_1_0.cpp for why that is
// sound.
//
// ibv_query_gid_type, which programs do call, is in gid.cpp; ibv_register_driver is older, and here
// because it is of the same kind.
#include "frozen.hpp"
#include "refuse.hpp"
#include "symver.hpp"

using namespace verbs::compat;

#define VERBS_REASON(name) #name ": provider plugins of rdma-core drive no device here"

// Returns an errno value, as all commands to the kernel do.
#define VERBS_REFUSED_COMMAND(name)                                                                \
    VERBS_VISIBLE int name();                                                                      \
    int name() {                                                                                   \
        return refuse(VERBS_REASON(name));                                                         \
    }
// Returns a pointer.
#define VERBS_REFUSED_OBJECT(name)                                                                 \
    VERBS_VISIBLE void *name();                                                                    \
    void *name() {                                                                                 \
        refuse(VERBS_REASON(name));                                                                \
        return nullptr;                                                                            \
    }
// Returns a length or a count, negative on failure.
#define VERBS_REFUSED_COUNT(name)                                                                  \
    VERBS_VISIBLE int name();                                                                      \
    int name() {                                                                                   \
        refuse(VERBS_REASON(name));                                                                \
        return -1;                                                                                 \
    }
// Has nothing to do and nothing to tell.
#define VERBS_SILENT(name)                                                                         \
    VERBS_VISIBLE void name();                                                                     \
    void name() {}

// Registration, which is all that a plugin does when it is merely loaded.
VERBS_SYMVER(ibv_register_driver, "@IBVERBS_1.1");
void compat_ibv_register_driver(const char *, void *) {}
VERBS_SILENT(verbs_register_driver_34)

// Read by plugins when they destroy an object of a device that has gone.
VERBS_VISIBLE bool verbs_allow_disassociate_destroy;
bool verbs_allow_disassociate_destroy = false;

// Contexts.
VERBS_REFUSED_OBJECT(verbs_open_device)
VERBS_REFUSED_OBJECT(_verbs_init_and_alloc_context)
VERBS_SILENT(verbs_uninit_context)
VERBS_SILENT(verbs_set_ops)
VERBS_SILENT(verbs_init_cq)
VERBS_SILENT(__verbs_log)
VERBS_REFUSED_COUNT(ibv_read_ibdev_sysfs_file)

// Commands to the kernel.
VERBS_REFUSED_COMMAND(execute_ioctl)
// How many attributes a command has; nobody asks who could not build one.
VERBS_VISIBLE unsigned int __ioctl_final_num_attrs(unsigned int num_attrs, void *link);
unsigned int __ioctl_final_num_attrs(unsigned int num_attrs, void *) {
    return num_attrs;
}

VERBS_REFUSED_COMMAND(ibv_cmd_advise_mr)
VERBS_REFUSED_COMMAND(ibv_cmd_alloc_dm)
VERBS_REFUSED_COMMAND(ibv_cmd_alloc_mw)
VERBS_REFUSED_COMMAND(ibv_cmd_alloc_pd)
VERBS_REFUSED_COMMAND(ibv_cmd_attach_mcast)
VERBS_REFUSED_COMMAND(ibv_cmd_close_xrcd)
VERBS_REFUSED_COMMAND(ibv_cmd_create_ah)
VERBS_REFUSED_COMMAND(ibv_cmd_create_counters)
VERBS_REFUSED_COMMAND(ibv_cmd_create_cq)
VERBS_REFUSED_COMMAND(ibv_cmd_create_cq_ex)
VERBS_REFUSED_COMMAND(ibv_cmd_create_flow)
VERBS_REFUSED_COMMAND(ibv_cmd_create_flow_action_esp)
VERBS_REFUSED_COMMAND(ibv_cmd_create_qp)
VERBS_REFUSED_COMMAND(ibv_cmd_create_qp_ex)
VERBS_REFUSED_COMMAND(ibv_cmd_create_qp_ex2)
VERBS_REFUSED_COMMAND(ibv_cmd_create_rwq_ind_table)
VERBS_REFUSED_COMMAND(ibv_cmd_create_srq)
VERBS_REFUSED_COMMAND(ibv_cmd_create_srq_ex)
VERBS_REFUSED_COMMAND(ibv_cmd_create_wq)
VERBS_REFUSED_COMMAND(ibv_cmd_dealloc_mw)
VERBS_REFUSED_COMMAND(ibv_cmd_dealloc_pd)
VERBS_REFUSED_COMMAND(ibv_cmd_dereg_mr)
VERBS_REFUSED_COMMAND(ibv_cmd_destroy_ah)
VERBS_REFUSED_COMMAND(ibv_cmd_destroy_counters)
VERBS_REFUSED_COMMAND(ibv_cmd_destroy_cq)
VERBS_REFUSED_COMMAND(ibv_cmd_destroy_flow)
VERBS_REFUSED_COMMAND(ibv_cmd_destroy_flow_action)
VERBS_REFUSED_COMMAND(ibv_cmd_destroy_qp)
VERBS_REFUSED_COMMAND(ibv_cmd_destroy_rwq_ind_table)
VERBS_REFUSED_COMMAND(ibv_cmd_destroy_srq)
VERBS_REFUSED_COMMAND(ibv_cmd_destroy_wq)
VERBS_REFUSED_COMMAND(ibv_cmd_detach_mcast)
VERBS_REFUSED_COMMAND(ibv_cmd_free_dm)
VERBS_REFUSED_COMMAND(ibv_cmd_get_context)
VERBS_REFUSED_COMMAND(ibv_cmd_modify_cq)
VERBS_REFUSED_COMMAND(ibv_cmd_modify_flow_action_esp)
VERBS_REFUSED_COMMAND(ibv_cmd_modify_qp)
VERBS_REFUSED_COMMAND(ibv_cmd_modify_qp_ex)
VERBS_REFUSED_COMMAND(ibv_cmd_modify_srq)
VERBS_REFUSED_COMMAND(ibv_cmd_modify_wq)
VERBS_REFUSED_COMMAND(ibv_cmd_open_qp)
VERBS_REFUSED_COMMAND(ibv_cmd_open_xrcd)
VERBS_REFUSED_COUNT(ibv_cmd_poll_cq)
VERBS_REFUSED_COMMAND(ibv_cmd_post_recv)
VERBS_REFUSED_COMMAND(ibv_cmd_post_send)
VERBS_REFUSED_COMMAND(ibv_cmd_post_srq_recv)
VERBS_REFUSED_COMMAND(ibv_cmd_query_context)
VERBS_REFUSED_COMMAND(ibv_cmd_query_device_any)
VERBS_REFUSED_COMMAND(ibv_cmd_query_mr)
VERBS_REFUSED_COMMAND(ibv_cmd_query_port)
VERBS_REFUSED_COMMAND(ibv_cmd_query_qp)
VERBS_REFUSED_COMMAND(ibv_cmd_query_srq)
VERBS_REFUSED_COMMAND(ibv_cmd_read_counters)
VERBS_REFUSED_COMMAND(ibv_cmd_reg_dm_mr)
VERBS_REFUSED_COMMAND(ibv_cmd_reg_dmabuf_mr)
VERBS_REFUSED_COMMAND(ibv_cmd_reg_mr)
VERBS_REFUSED_COMMAND(ibv_cmd_req_notify_cq)
VERBS_REFUSED_COMMAND(ibv_cmd_rereg_mr)
VERBS_REFUSED_COMMAND(ibv_cmd_resize_cq)
