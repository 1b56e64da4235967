// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Counters of completions, which a device need not have. Setting and reading them is what a program
// does all the time.
#include "experimental.hpp"
#include "frozen.hpp"
#include "refuse.hpp"
#include "symver.hpp"

using namespace verbs::compat;

namespace {

int refuse_counter() {
    return refuse("the device has no counters of completions");
}

}  // namespace

VERBS_SYMVER(_ibv_query_comp_cntr_caps, "@@IBVERBS_1.18");
int compat__ibv_query_comp_cntr_caps(ibv_context *context, ibv_comp_cntr_caps *caps,
                                     size_t caps_size) {
    if (auto *query = VERBS_EXPERIMENTAL(_ibv_query_comp_cntr_caps))
        return query(context, caps, caps_size);
    return refuse_counter();
}

VERBS_SYMVER(ibv_create_comp_cntr, "@@IBVERBS_1.18");
ibv_comp_cntr *compat_ibv_create_comp_cntr(ibv_context *context, ibv_comp_cntr_init_attr *cc_attr) {
    if (auto *create = VERBS_EXPERIMENTAL(ibv_create_comp_cntr)) return create(context, cc_attr);
    refuse_counter();
    return nullptr;
}

VERBS_SYMVER(ibv_destroy_comp_cntr, "@@IBVERBS_1.18");
int compat_ibv_destroy_comp_cntr(ibv_comp_cntr *comp_cntr) {
    if (auto *destroy = VERBS_EXPERIMENTAL(ibv_destroy_comp_cntr)) return destroy(comp_cntr);
    return refuse_counter();
}

VERBS_SYMVER(ibv_qp_attach_comp_cntr, "@@IBVERBS_1.18");
int compat_ibv_qp_attach_comp_cntr(ibv_qp *qp, ibv_comp_cntr *comp_cntr,
                                   ibv_qp_attach_comp_cntr_attr *attr) {
    if (auto *attach = VERBS_EXPERIMENTAL(ibv_qp_attach_comp_cntr))
        return attach(qp, comp_cntr, attr);
    return refuse_counter();
}

VERBS_SYMVER(ibv_set_comp_cntr, "@@IBVERBS_1.18");
int compat_ibv_set_comp_cntr(ibv_comp_cntr *comp_cntr, uint64_t value) {
    if (auto *set = VERBS_EXPERIMENTAL(ibv_set_comp_cntr)) return set(comp_cntr, value);
    return refuse_counter();
}

VERBS_SYMVER(ibv_set_err_comp_cntr, "@@IBVERBS_1.18");
int compat_ibv_set_err_comp_cntr(ibv_comp_cntr *comp_cntr, uint64_t value) {
    if (auto *set = VERBS_EXPERIMENTAL(ibv_set_err_comp_cntr)) return set(comp_cntr, value);
    return refuse_counter();
}

VERBS_SYMVER(ibv_inc_comp_cntr, "@@IBVERBS_1.18");
int compat_ibv_inc_comp_cntr(ibv_comp_cntr *comp_cntr, uint64_t amount) {
    if (auto *inc = VERBS_EXPERIMENTAL(ibv_inc_comp_cntr)) return inc(comp_cntr, amount);
    return refuse_counter();
}

VERBS_SYMVER(ibv_inc_err_comp_cntr, "@@IBVERBS_1.18");
int compat_ibv_inc_err_comp_cntr(ibv_comp_cntr *comp_cntr, uint64_t amount) {
    if (auto *inc = VERBS_EXPERIMENTAL(ibv_inc_err_comp_cntr)) return inc(comp_cntr, amount);
    return refuse_counter();
}

VERBS_SYMVER(ibv_read_comp_cntr, "@@IBVERBS_1.18");
int compat_ibv_read_comp_cntr(ibv_comp_cntr *comp_cntr, uint64_t *value) {
    if (auto *read = VERBS_EXPERIMENTAL(ibv_read_comp_cntr)) return read(comp_cntr, value);
    return refuse_counter();
}

VERBS_SYMVER(ibv_read_err_comp_cntr, "@@IBVERBS_1.18");
int compat_ibv_read_err_comp_cntr(ibv_comp_cntr *comp_cntr, uint64_t *value) {
    if (auto *read = VERBS_EXPERIMENTAL(ibv_read_err_comp_cntr)) return read(comp_cntr, value);
    return refuse_counter();
}
