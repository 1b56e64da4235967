/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Objects of another process or library: the file descriptor of a context, sent or duplicated,
 * opens the same device file anew, and objects below it are named by their kernel handles.
 *
 * Whoever shares objects agrees with the others on who ends them: the ordinary call ends an object
 * in the kernel for all, the one that takes an import back leaves it to the others.
 */
#ifndef INFINIBAND_VERBS_EXP_IMPORT_H
#define INFINIBAND_VERBS_EXP_IMPORT_H

#include <infiniband/verbs/api.h>
#include <infiniband/verbs_exp/types.h>

#ifdef VERBS_HAVE_IMPORT
/**
 * Makes a context of a device that is open elsewhere.
 *
 * @param cmd_fd  a duplicate of ibv_context.cmd_fd; belongs to the new context on success
 * Returns (pointer): the context, for ibv_close_device, or NULL with errno set.
 * Errors: EINVAL not the file of a device; EOPNOTSUPP kernel or provider cannot; ENODEV;
 * ENOMEM.
 * Source: rdma-core 31.
 */
VERBS_API struct ibv_context *ibv_import_device(int cmd_fd);

/**
 * Makes a protection domain known in a context that was imported.
 *
 * @param context    the context
 * @param pd_handle  ibv_pd.handle of the domain elsewhere
 * Returns (pointer): the domain, or NULL with errno set.
 * Errors: ENOENT no such domain; EOPNOTSUPP; ENOMEM.
 * Source: rdma-core 31.
 */
VERBS_API struct ibv_pd *ibv_import_pd(struct ibv_context *context, uint32_t pd_handle);

/**
 * Forgets a protection domain that was imported; elsewhere it goes on.
 *
 * @param pd  from ibv_import_pd
 * Returns (void).
 * Errors: none.
 * Source: rdma-core 31.
 */
VERBS_API void ibv_unimport_pd(struct ibv_pd *pd);

/**
 * Makes a memory region known in a context that was imported.
 *
 * Its keys and its length are those of the region elsewhere; its addr is NULL, since the memory is
 * another process's.
 *
 * @param pd         a domain of the context
 * @param mr_handle  ibv_mr.handle of the region elsewhere
 * Returns (pointer): the region, or NULL with errno set.
 * Errors: ENOENT no such region; EINVAL it is of another domain; EOPNOTSUPP; ENOMEM.
 * Source: rdma-core 31.
 */
VERBS_API struct ibv_mr *ibv_import_mr(struct ibv_pd *pd, uint32_t mr_handle);

/**
 * Forgets a memory region that was imported; elsewhere it goes on.
 *
 * @param mr  from ibv_import_mr
 * Returns (void).
 * Errors: none.
 * Source: rdma-core 31.
 */
VERBS_API void ibv_unimport_mr(struct ibv_mr *mr);

/**
 * Makes device memory known in a context that was imported.
 *
 * @param context    the context
 * @param dm_handle  ibv_dm.handle of the buffer elsewhere
 * Returns (pointer): the buffer, or NULL with errno set.
 * Errors: ENOENT no such buffer; EOPNOTSUPP; ENOMEM.
 * Source: rdma-core 35.
 */
VERBS_API struct ibv_dm *ibv_import_dm(struct ibv_context *context, uint32_t dm_handle);

/**
 * Forgets device memory that was imported; elsewhere it goes on.
 *
 * @param dm  from ibv_import_dm
 * Returns (void).
 * Errors: none.
 * Source: rdma-core 35.
 */
VERBS_API void ibv_unimport_dm(struct ibv_dm *dm);
#endif

#endif
