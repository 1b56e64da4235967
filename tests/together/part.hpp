// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// What a module offers to the program: verbs, called as its own library and header have them.
// Objects are pointers to the public structs, which have one layout in all of the headers.
#pragma once

#include <cstddef>
#include <cstdint>

struct ibv_context;
struct ibv_cq;
struct ibv_mr;
struct ibv_pd;
struct ibv_qp;

namespace together {

struct Gid {
    unsigned char raw[16];
};

// Shapes: a pointer or null, an errno value, or as named.
struct Part {
    const char *library;
    ibv_context *(*open_device)(const char *name);
    int (*close_device)(ibv_context *context);  // 0 or -1
    Gid (*gid)(ibv_context *context);
    ibv_pd *(*alloc_pd)(ibv_context *context);
    int (*dealloc_pd)(ibv_pd *pd);
    ibv_mr *(*reg_mr)(ibv_pd *pd, void *addr, std::size_t length);
    int (*dereg_mr)(ibv_mr *mr);
    // By the extended call where the header has it.
    ibv_cq *(*create_cq)(ibv_context *context);
    int (*destroy_cq)(ibv_cq *cq);
    ibv_qp *(*create_qp)(ibv_pd *pd, ibv_cq *cq);
    int (*destroy_qp)(ibv_qp *qp);
    std::uint32_t (*qp_num)(ibv_qp *qp);
    int (*connect)(ibv_qp *qp, std::uint32_t peer, const Gid &gid);
    // The first `length` bytes of the region.
    int (*post_recv)(ibv_qp *qp, ibv_mr *mr, std::uint32_t length);
    int (*post_send)(ibv_qp *qp, ibv_mr *mr, std::uint32_t length);
    // One completion: its status, or -1 after ten seconds without.
    int (*wait)(ibv_cq *cq);
    // An extended CQ by the inline function of rdma-core's header; a null pointer where there is
    // none.
    ibv_cq *(*create_cq_by_slot)(ibv_context *context);
};

}  // namespace together

// The name that a module exports it by.
extern "C" const together::Part *together_part();
