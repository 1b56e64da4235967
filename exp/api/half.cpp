// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "half.hpp"

#include <cerrno>
#include <string>

namespace verbs::exp {

const verbs_hooks *hooks() noexcept {
    static const verbs_hooks *const found = [] {
        const verbs_hooks *table = verbs_private_hooks(VERBS_HOOKS_VERSION);
        return table != nullptr && table->size >= sizeof *table ? table : nullptr;
    }();
    return found;
}

Result<void> settled(int code) {
    if (code != 0) return fail(code, verbs_last_error());
    return {};
}

Failure left_behind() {
    return fail(errno, verbs_last_error());
}

Failure Half::lacks(const char *verb) const {
    return fail(EOPNOTSUPP, std::string(provider_) + " has no " + verb);
}

Result<Half> Half::of(ibv_context *context) {
    if (hooks() == nullptr)
        return fail(ENOSYS, "libverbs-exp and libverbs are of different releases");
    verbs_hooks_experimental found{};
    VERBS_CHECK(settled(hooks()->experimental(context, &found)));
    if (found.contract != VERBS_PROVIDER_EXP_CONTRACT)
        return fail(EOPNOTSUPP, std::string(found.provider) + " has experimental contract " +
                                    std::to_string(found.contract) + ", libverbs-exp has " +
                                    std::to_string(VERBS_PROVIDER_EXP_CONTRACT));
    return Half(context, found);
}

}  // namespace verbs::exp
