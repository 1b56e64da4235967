// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// The 33 functions that programs built with libibverbs 1.0 (2006) find at IBVERBS_1.0. Their
// structs have other layouts, which are not served yet: such a program loads, sees no device, and
// when it calls on all the same it is refused with the reason; nothing that it passes in is looked
// at.
//
// What 1.0 and later programs share (completion channels, rates, sysfs) is not here.
#include "refuse.hpp"
#include "symver.hpp"

#include <cstdlib>
#include <infiniband/verbs.h>

using namespace verbs::compat;

// No parameter of these is read, so none is declared: in the C calling conventions of all our
// platforms a function may be given arguments that it does not take.
#define VERBS_TWIN(type, name, parameters)                                                         \
    VERBS_VISIBLE type old_##name parameters;                                                      \
    VERBS_SYMVER_TAG(old_##name, name, "@IBVERBS_1.0");                                            \
    type old_##name parameters

#define VERBS_TWIN_REASON(name) #name "@IBVERBS_1.0: programs of libibverbs 1.0 are not served yet"

// The return shapes are those of the 1.1 functions.
#define VERBS_TWIN_POINTER(name)                                                                   \
    VERBS_TWIN(void *, name, ()) {                                                                 \
        refuse(VERBS_TWIN_REASON(name));                                                           \
        return nullptr;                                                                            \
    }
#define VERBS_TWIN_ERRNO(name)                                                                     \
    VERBS_TWIN(int, name, ()) {                                                                    \
        return refuse(VERBS_TWIN_REASON(name));                                                    \
    }
#define VERBS_TWIN_MINUS_ONE(name)                                                                 \
    VERBS_TWIN(int, name, ()) {                                                                    \
        refuse(VERBS_TWIN_REASON(name));                                                           \
        return -1;                                                                                 \
    }
#define VERBS_TWIN_VOID(name)                                                                      \
    VERBS_TWIN(void, name, ()) {}

// A list without devices, for which there is a reason but no error.
VERBS_TWIN(void *, ibv_get_device_list, (int *num_devices)) {
    void *list = std::calloc(1, sizeof(void *));
    if (num_devices) *num_devices = 0;
    if (!list) return nullptr;
    const int errno_before = errno;
    refuse(VERBS_TWIN_REASON(ibv_get_device_list));
    errno = errno_before;
    return list;
}

VERBS_TWIN(void, ibv_free_device_list, (void *list)) {
    std::free(list);
}

VERBS_TWIN_POINTER(ibv_get_device_name)
VERBS_TWIN(__be64, ibv_get_device_guid, ()) {
    refuse(VERBS_TWIN_REASON(ibv_get_device_guid));
    return 0;
}
VERBS_TWIN_POINTER(ibv_open_device)
VERBS_TWIN_MINUS_ONE(ibv_close_device)
VERBS_TWIN_ERRNO(ibv_query_device)
VERBS_TWIN_ERRNO(ibv_query_port)
VERBS_TWIN_MINUS_ONE(ibv_query_gid)
VERBS_TWIN_MINUS_ONE(ibv_query_pkey)

VERBS_TWIN_MINUS_ONE(ibv_get_async_event)
VERBS_TWIN_VOID(ibv_ack_async_event)

VERBS_TWIN_POINTER(ibv_alloc_pd)
VERBS_TWIN_ERRNO(ibv_dealloc_pd)
VERBS_TWIN_POINTER(ibv_reg_mr)
VERBS_TWIN_ERRNO(ibv_dereg_mr)

VERBS_TWIN_POINTER(ibv_create_cq)
VERBS_TWIN_ERRNO(ibv_resize_cq)
VERBS_TWIN_ERRNO(ibv_destroy_cq)
VERBS_TWIN_MINUS_ONE(ibv_get_cq_event)
VERBS_TWIN_VOID(ibv_ack_cq_events)

VERBS_TWIN_POINTER(ibv_create_srq)
VERBS_TWIN_ERRNO(ibv_modify_srq)
VERBS_TWIN_ERRNO(ibv_query_srq)
VERBS_TWIN_ERRNO(ibv_destroy_srq)

VERBS_TWIN_POINTER(ibv_create_qp)
VERBS_TWIN_ERRNO(ibv_query_qp)
VERBS_TWIN_ERRNO(ibv_modify_qp)
VERBS_TWIN_ERRNO(ibv_destroy_qp)

VERBS_TWIN_POINTER(ibv_create_ah)
VERBS_TWIN_ERRNO(ibv_destroy_ah)
VERBS_TWIN_ERRNO(ibv_attach_mcast)
VERBS_TWIN_ERRNO(ibv_detach_mcast)
