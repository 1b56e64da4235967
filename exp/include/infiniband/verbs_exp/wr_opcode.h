/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Words for the operations of send requests.
 */
#ifndef INFINIBAND_VERBS_EXP_WR_OPCODE_H
#define INFINIBAND_VERBS_EXP_WR_OPCODE_H

#include <infiniband/verbs/api.h>
#include <infiniband/verbs/wr.h>
#include <infiniband/verbs_exp/types.h>

#ifdef VERBS_HAVE_WR_OPCODE_STR
/**
 * Describes the operation of a send request.
 *
 * @param opcode  any number
 * Returns (value): a constant string, never NULL; "unknown" for a number without a meaning.
 * Errors: none.
 * Source: the header of rdma-core 65; its library has the name at a private node.
 */
VERBS_API const char *ibv_wr_opcode_str(enum ibv_wr_opcode opcode);
#endif

#endif
