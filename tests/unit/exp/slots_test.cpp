// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// What libibverbs.so.1 asks of libverbs-exp: the slots that other headers call inline.
#include "extended_device.hpp"

#include <dlfcn.h>
#include <infiniband/verbs_exp/feature_query.h>

#include <cstring>

namespace {

class ContextSlots : public verbs_test::ExtendedDevice {
protected:
    using Fill = int(std::uint32_t, ibv_context *);

    void SetUp() override {
        ExtendedDevice::SetUp();
        library = ::dlopen("libverbs-exp.so.0", RTLD_NOW | RTLD_NOLOAD);
        ASSERT_NE(library, nullptr) << ::dlerror();
        fill = reinterpret_cast<Fill *>(
            ::dlvsym(library, "verbs_exp_private_fill", "VERBS_EXP_PRIVATE"));
        ASSERT_NE(fill, nullptr) << ::dlerror();
    }
    void TearDown() override {
        ::dlclose(library);
        ExtendedDevice::TearDown();
    }

    // The slot so many bytes in front of the handle.
    [[nodiscard]] void *slot(std::size_t distance) const {
        void *value = nullptr;
        std::memcpy(&value, reinterpret_cast<const char *>(context) - distance, sizeof value);
        return value;
    }
    [[nodiscard]] void *function(const char *name) const {
        return ::dlvsym(library, name, "VERBS_EXP_0");
    }

    // The slots that hold a public function as it is.
    struct Place {
        std::size_t distance;
        const char *name;
        const char *feature;
    };
    static constexpr Place kPlaces[] = {
        {120, "ibv_create_cq_ex", "cq_ex"},
        {56, "ibv_create_qp_ex", "qp_ex"},
        {128, "ibv_query_rt_values_ex", "rt_values"},
        {184, "ibv_modify_cq", "modify_cq"},
        {192, "ibv_alloc_td", "parent_domain"},
        {200, "ibv_dealloc_td", "parent_domain"},
        {208, "ibv_alloc_parent_domain", "parent_domain"},
        {304, "ibv_alloc_null_mr", "null_mr"},
        {256, "ibv_alloc_dm", "dm"},
        {248, "ibv_free_dm", "dm"},
        {264, "ibv_reg_dm_mr", "dm"},
        {40, "ibv_create_srq_ex", "srq_ex"},
        {176, "ibv_post_srq_ops", "tag_matching"},
        {24, "ibv_close_xrcd", "xrc"},
        {32, "ibv_open_xrcd", "xrc"},
        {48, "ibv_get_srq_num", "xrc"},
        {64, "ibv_open_qp", "xrc"},
        {312, "ibv_advise_mr", "advise_mr"},
        {216, "ibv_modify_qp_rate_limit", "rate_limit"},
        {80, "ibv_create_flow", "flow"},
        {96, "ibv_destroy_flow", "flow"},
        {224, "ibv_create_flow_action_esp", "flow"},
        {240, "ibv_modify_flow_action_esp", "flow"},
        {232, "ibv_destroy_flow_action", "flow"},
        {280, "ibv_create_counters", "counters"},
        {272, "ibv_destroy_counters", "counters"},
        {288, "ibv_attach_counters_point_flow", "counters"},
        {296, "ibv_read_counters", "counters"},
        {136, "ibv_create_wq", "wq"},
        {144, "ibv_modify_wq", "wq"},
        {152, "ibv_destroy_wq", "wq"},
        {160, "ibv_create_rwq_ind_table", "wq"},
        {168, "ibv_destroy_rwq_ind_table", "wq"},
    };

    void *library = nullptr;
    Fill *fill = nullptr;
};

}  // namespace

TEST_F(ContextSlots, AreEmptyInADeviceThatTheStableLibraryHasOpened) {
    for (const auto &place : kPlaces)
        EXPECT_EQ(slot(place.distance), nullptr) << place.name;
}

#ifdef VERBS_HAVE_MW_TYPE_2
// Programs built with rdma-core's header call this one in the table behind the handle.
TEST_F(ContextSlots, AllocateWindowsOfBothTypesOnceFilled) {
    EXPECT_NE(context->ops.alloc_mw, &verbs_exp_alloc_mw);
    ASSERT_EQ(fill(1, context), 0);
    EXPECT_EQ(context->ops.alloc_mw, &verbs_exp_alloc_mw);
}
#endif

// The distances are those of struct verbs_context in rdma-core 22 to 58.
TEST_F(ContextSlots, ArePublicFunctionsAtTheirFixedPlacesOnceFilled) {
    void *const stable_query = slot(104);
    ASSERT_EQ(fill(1, context), 0);
    for (const auto &place : kPlaces) {
        EXPECT_EQ(slot(place.distance), function(place.name)) << place.name;
        EXPECT_EQ(slot(place.distance) != nullptr, verbs_exp_feature(place.feature) != 0);
    }
    EXPECT_EQ(slot(104), stable_query) << "what has graduated is the stable library's";
}

TEST_F(ContextSlots, AreNotFilledForAnotherVersionOrInWhatIsNoContext) {
    EXPECT_EQ(fill(2, context), ENOSYS);
    EXPECT_EQ(fill(1, nullptr), EINVAL);
    ibv_context foreign{};
    EXPECT_EQ(fill(1, &foreign), EINVAL);
    EXPECT_EQ(slot(kPlaces[0].distance), nullptr);
}
