// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Memory regions.
#include "api/boundary.hpp"
#include "api/handle.hpp"
#include "api/region.hpp"

using namespace verbs;

namespace {

[[gnu::always_inline]] inline Result<void> check_access(int access) {
    return api::check_access(static_cast<unsigned>(access), api::kRegionAccess);
}

// One piece of code for both ways to register.
[[gnu::noinline]] ibv_mr *reg(ibv_pd *pd, void *addr, std::size_t length, std::uint64_t iova,
                              int access) {
    return api::pointer([&]() -> Result<ibv_mr *> {
        VERBS_TRY(self, api::owner_of(pd, "pd"));
        VERBS_CHECK(check_access(access));
        VERBS_CHECK(api::check_range(addr, length));
        ibv_mr *mr = nullptr;
        VERBS_CHECK(self->call("reg_mr", self->ops().reg_mr, pd, addr, length, iova, access, &mr));
        VERBS_CHECK(api::delivered(mr, "mr"));
        api::adopt(*mr, pd, addr, length);
        return mr;
    });
}

struct Change {
    int flags;
    ibv_pd *pd;
    void *addr;
    std::size_t length;
    int access;
};

Result<void> check_change(device::Context &context, const Change &change) {
    if (change.flags == 0 || (change.flags & ~IBV_REREG_MR_FLAGS_SUPPORTED) != 0)
        return fail(EINVAL, "no change is asked for, or an unknown one");
    if ((change.flags & IBV_REREG_MR_CHANGE_PD) != 0) {
        VERBS_CHECK(api::required(change.pd, "pd"));
        VERBS_CHECK(api::same_device(context, change.pd, "pd"));
    }
    if ((change.flags & IBV_REREG_MR_CHANGE_TRANSLATION) != 0) {
        VERBS_CHECK(api::required(change.addr, "addr"));
        if (change.length == 0) return fail(EINVAL, "the new length is 0");
        VERBS_CHECK(api::check_range(change.addr, change.length));
    }
    if ((change.flags & IBV_REREG_MR_CHANGE_ACCESS) != 0) return check_access(change.access);
    return {};
}

void note_change(ibv_mr &mr, const Change &change) {
    if ((change.flags & IBV_REREG_MR_CHANGE_PD) != 0) mr.pd = change.pd;
    if ((change.flags & IBV_REREG_MR_CHANGE_TRANSLATION) != 0) {
        mr.addr = change.addr;
        mr.length = change.length;
    }
}

}  // namespace

ibv_mr *ibv_reg_mr(ibv_pd *pd, void *addr, size_t length, int access) {
    return reg(pd, addr, length, reinterpret_cast<std::uintptr_t>(addr), access);
}

ibv_mr *ibv_reg_mr_iova(ibv_pd *pd, void *addr, size_t length, uint64_t iova, int access) {
    return reg(pd, addr, length, iova, access);
}

int ibv_rereg_mr(ibv_mr *mr, int flags, ibv_pd *pd, void *addr, size_t length, int access) {
    // Which number a failure gives tells the program what is left of its region.
    int failure = IBV_REREG_MR_ERR_INPUT;
    return api::count(
        [&]() -> Result<int> {
            VERBS_TRY(self, api::owner_of(mr, "mr"));
            const Change change{flags, pd, addr, length, access};
            VERBS_CHECK(check_change(*self, change));
            failure = IBV_REREG_MR_ERR_CMD;
            VERBS_CHECK(
                self->call("rereg_mr", self->ops().rereg_mr, mr, flags, pd, addr, length, access));
            note_change(*mr, change);
            return 0;
        },
        failure);
}

int ibv_dereg_mr(ibv_mr *mr) {
    return api::errno_value([&]() -> Result<void> {
        VERBS_TRY(self, api::owner_of(mr, "mr"));
        return self->call("dereg_mr", self->ops().dereg_mr, mr);
    });
}
