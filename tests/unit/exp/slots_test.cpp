// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// What libibverbs.so.1 asks of libverbs-exp: the slots that other headers call inline.
#include "extended_device.hpp"

#include <dlfcn.h>

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

    void *library = nullptr;
    Fill *fill = nullptr;
};

}  // namespace

TEST_F(ContextSlots, AreEmptyInADeviceThatTheStableLibraryHasOpened) {
    EXPECT_EQ(slot(120), nullptr);
    EXPECT_EQ(slot(56), nullptr);
}

// The distances are those of struct verbs_context in rdma-core 22 to 58.
TEST_F(ContextSlots, ArePublicFunctionsAtTheirFixedPlacesOnceFilled) {
    void *const query_device_before = slot(104);
    ASSERT_EQ(fill(1, context), 0);
    EXPECT_EQ(slot(120), function("ibv_create_cq_ex"));
    EXPECT_EQ(slot(56), function("ibv_create_qp_ex"));
    EXPECT_EQ(slot(128), function("ibv_query_rt_values_ex"));
    EXPECT_EQ(slot(184), function("ibv_modify_cq"));
    EXPECT_NE(slot(120), nullptr);
    EXPECT_NE(slot(56), nullptr);
    EXPECT_NE(slot(104), query_device_before);
}

TEST_F(ContextSlots, QueryTheDeviceForASize) {
    ASSERT_EQ(fill(1, context), 0);
    using Query =
        int(ibv_context *, const ibv_query_device_ex_input *, ibv_device_attr_ex *, std::size_t);
    auto *const query = reinterpret_cast<Query *>(slot(104));
    unsigned char bytes[sizeof(ibv_device_attr_ex) + 16];
    auto *const attr = reinterpret_cast<ibv_device_attr_ex *>(bytes);
    const auto size = offsetof(ibv_device_attr_ex, hca_core_clock);
    std::memset(bytes, 0xaa, sizeof bytes);
    EXPECT_EQ(query(context, nullptr, attr, size), 0);
    EXPECT_EQ(attr->orig_attr.max_qp, 4711);
    EXPECT_EQ(bytes[size], 0xaa);
    // A newer caller finds zeros in what this library has never heard of.
    EXPECT_EQ(query(context, nullptr, attr, sizeof bytes), 0);
    EXPECT_EQ(attr->hca_core_clock, 1000u);
    EXPECT_EQ(bytes[sizeof(ibv_device_attr_ex)], 0);
    EXPECT_EQ(bytes[sizeof bytes - 1], 0);
    EXPECT_EQ(query(context, nullptr, attr, 8), EINVAL);
}

TEST_F(ContextSlots, AreNotFilledForAnotherVersionOrInWhatIsNoContext) {
    EXPECT_EQ(fill(2, context), ENOSYS);
    EXPECT_EQ(fill(1, nullptr), EINVAL);
    ibv_context foreign{};
    EXPECT_EQ(fill(1, &foreign), EINVAL);
    EXPECT_EQ(slot(120), nullptr);
}
