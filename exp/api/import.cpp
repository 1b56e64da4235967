// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Objects that another context has made. Which device a descriptor is of only its provider can
// tell: so each is opened and asked, and the one that knows it is kept.
#include "api/boundary.hpp"
#include "api/region.hpp"
#include "half.hpp"

#include <sys/stat.h>

#include <memory>

using namespace verbs;

namespace {

struct CloseDevice {
    void operator()(ibv_context *context) const noexcept { (void)::ibv_close_device(context); }
};
struct FreeList {
    void operator()(ibv_device **list) const noexcept { ::ibv_free_device_list(list); }
};

Result<void> judge_descriptor(int fd) {
    struct stat status {};
    if (::fstat(fd, &status) != 0) return fail(EINVAL, "cmd_fd is no open descriptor");
    if (S_ISCHR(status.st_mode))
        return fail(EOPNOTSUPP, "no provider of this release imports devices of the kernel");
    return {};
}

// NULL when the descriptor is not of this device.
Result<ibv_context *> import_of(ibv_device *device, int cmd_fd) {
    std::unique_ptr<ibv_context, CloseDevice> context(::ibv_open_device(device));
    if (context == nullptr) {
        if (errno == EMFILE || errno == ENFILE || errno == ENOMEM) return exp::left_behind();
        return nullptr;  // a device that cannot be opened is not the descriptor's
    }
    const auto half = exp::Half::of(context.get());
    if (!half || !half->call("import_device", &verbs_provider_exp_ops::import_device, cmd_fd))
        return nullptr;
    context->cmd_fd = cmd_fd;
    return context.release();
}

// Objects are given back without a word to the program: a reason is left, as for every void call.
template <class Object>
void give_back(Object *object, const char *name, const char *verb,
               int (*verbs_provider_exp_ops::*slot)(void *, Object *)) noexcept {
    api::nothing([&]() -> Result<void> {
        VERBS_CHECK(api::required(object, name));
        VERBS_TRY(half, exp::Half::of(object->context));
        return half.call(verb, slot, object);
    });
}

}  // namespace

ibv_context *ibv_import_device(int cmd_fd) {
    return api::pointer([&]() -> Result<ibv_context *> {
        VERBS_CHECK(judge_descriptor(cmd_fd));
        const std::unique_ptr<ibv_device *, FreeList> list(::ibv_get_device_list(nullptr));
        if (list == nullptr) return exp::left_behind();
        for (ibv_device **device = list.get(); *device != nullptr; ++device) {
            VERBS_TRY(context, import_of(*device, cmd_fd));
            if (context != nullptr) return context;
        }
        return fail(EINVAL, "cmd_fd is of no device that can be imported");
    });
}

ibv_pd *ibv_import_pd(ibv_context *context, std::uint32_t pd_handle) {
    return api::pointer([&]() -> Result<ibv_pd *> {
        VERBS_TRY(half, exp::Half::of(context));
        ibv_pd *pd = nullptr;
        VERBS_CHECK(half.call("import_pd", &verbs_provider_exp_ops::import_pd, pd_handle, &pd));
        VERBS_CHECK(api::delivered(pd, "pd"));
        pd->context = context;
        return pd;
    });
}

void ibv_unimport_pd(ibv_pd *pd) {
    give_back(pd, "pd", "unimport_pd", &verbs_provider_exp_ops::unimport_pd);
}

ibv_mr *ibv_import_mr(ibv_pd *pd, std::uint32_t mr_handle) {
    return api::pointer([&]() -> Result<ibv_mr *> {
        VERBS_CHECK(api::required(pd, "pd"));
        VERBS_TRY(half, exp::Half::of(pd->context));
        ibv_mr *mr = nullptr;
        VERBS_CHECK(half.call("import_mr", &verbs_provider_exp_ops::import_mr, pd, mr_handle, &mr));
        VERBS_CHECK(api::delivered(mr, "mr"));
        // The memory may be another process's.
        api::adopt(*mr, pd, nullptr, mr->length);
        return mr;
    });
}

void ibv_unimport_mr(ibv_mr *mr) {
    give_back(mr, "mr", "unimport_mr", &verbs_provider_exp_ops::unimport_mr);
}

ibv_dm *ibv_import_dm(ibv_context *context, std::uint32_t dm_handle) {
    return api::pointer([&]() -> Result<ibv_dm *> {
        VERBS_TRY(half, exp::Half::of(context));
        ibv_dm *dm = nullptr;
        VERBS_CHECK(half.call("import_dm", &verbs_provider_exp_ops::import_dm, dm_handle, &dm));
        VERBS_CHECK(api::delivered(dm, "dm"));
        dm->context = context;
        return dm;
    });
}

void ibv_unimport_dm(ibv_dm *dm) {
    give_back(dm, "dm", "unimport_dm", &verbs_provider_exp_ops::unimport_dm);
}
