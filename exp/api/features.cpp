// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Which features this library was built with. The rows come from exp/features/register.toml.
#include <infiniband/verbs_exp/feature_query.h>

#include <array>
#include <string_view>

namespace {

using Info = verbs_exp_feature_info;

constexpr Info kFeatures[] = {
#include "feature_table.inc"
};

// Pointers, so that a row may grow without moving the next one for programs built earlier.
constexpr auto kList = [] {
    std::array<const Info *, std::size(kFeatures) + 1> list{};
    for (std::size_t i = 0; i < std::size(kFeatures); ++i)
        list[i] = &kFeatures[i];
    return list;
}();

}  // namespace

int verbs_exp_feature(const char *name) {
    if (name == nullptr) return 0;
    for (const Info &feature : kFeatures) {
        if (std::string_view(feature.name) == name) return feature.revision;
    }
    return 0;
}

const verbs_exp_feature_info *const *verbs_exp_features(void) {
    return kList.data();
}
