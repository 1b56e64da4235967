// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Preloaded into perftest where a case asks for inline data: perftest posts inline on models that
// it knows by number, and switches -I off on others. To such a case the device is a ConnectX-3.
// Nothing else changes: both programs and the device are the same as in every other case.
#include <dlfcn.h>
#include <errno.h>
#include <infiniband/verbs.h>

enum { kConnectX3 = 4099 };

int ibv_query_device(struct ibv_context *context, struct ibv_device_attr *attr) {
    int (*query)(struct ibv_context *, struct ibv_device_attr *) = NULL;
    *(void **)&query = dlvsym(RTLD_NEXT, "ibv_query_device", "IBVERBS_1.1");
    if (!query) return ENOSYS;
    int code = query(context, attr);
    if (code == 0) attr->vendor_part_id = kConnectX3;
    return code;
}
