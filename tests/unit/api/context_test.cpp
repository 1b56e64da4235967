// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "fake_device.hpp"

#include <cstring>

namespace {

class ContextApi : public verbs_test::OpenFakeDevice {
protected:
    // The slot of the block before the context.
    template <class Function>
    Function *slot(std::ptrdiff_t distance) const {
        Function *function = nullptr;
        std::memcpy(&function, reinterpret_cast<const char *>(context) - distance, sizeof function);
        return function;
    }
};

}  // namespace

TEST_F(ContextApi, NamesItsDeviceAfterTheListIsGone) {
    EXPECT_STREQ(ibv_get_device_name(context->device), "fake0");
}

TEST_F(ContextApi, FillsTheSlotsThatOtherHeadersCallInline) {
    ibv_device_attr device{};
    EXPECT_EQ(context->ops._compat_query_device(context, &device), 0);
    EXPECT_EQ(device.max_qp, 4711);
    ibv_mw *mw = context->ops.alloc_mw(pd, IBV_MW_TYPE_1);
    ASSERT_NE(mw, nullptr);
    EXPECT_EQ(context->ops.dealloc_mw(mw), 0);
}

TEST_F(ContextApi, WritesNoMoreOfAPortThanAnOldCallerHas) {
    unsigned char attr[64];
    std::memset(attr, 0xaa, sizeof attr);
    EXPECT_EQ(context->ops._compat_query_port(context, 1,
                                              reinterpret_cast<_compat_ibv_port_attr *>(attr)),
              0);
    EXPECT_EQ(attr[46], IBV_LINK_LAYER_ETHERNET);
    EXPECT_EQ(attr[48], 0xaa);
}

TEST_F(ContextApi, WritesAsMuchOfAPortAsANewCallerHas) {
    using QueryPort = int(ibv_context *, uint8_t, void *, size_t);
    auto *query_port = slot<QueryPort>(320);
    ASSERT_NE(query_port, nullptr);
    unsigned char attr[64];
    std::memset(attr, 0xaa, sizeof attr);
    EXPECT_EQ(query_port(context, 1, attr, 56), 0);
    EXPECT_EQ(attr[49] << 8 | attr[48], 0x5a5a);
    EXPECT_EQ(attr[55], 0);
    EXPECT_EQ(attr[56], 0xaa);
}

TEST_F(ContextApi, RefusesADeviceOfAnotherLibrary) {
    ibv_device foreign{};
    EXPECT_EQ(ibv_open_device(&foreign), nullptr);
    EXPECT_EQ(errno, EINVAL);
    EXPECT_EQ(ibv_open_device(nullptr), nullptr);
    EXPECT_EQ(errno, EINVAL);
}

TEST_F(ContextApi, PassesOnWhyADeviceCannotBeOpened) {
    fail("open_device", EACCES, "not for you");
    EXPECT_EQ(ibv_open_device(context->device), nullptr);
    EXPECT_EQ(errno, EACCES);
    EXPECT_STREQ(verbs_last_error(), "fake: open_device: not for you");
}

TEST_F(ContextApi, LeavesTheAttributesAloneWhenTheQueryFails) {
    ibv_device_attr attr{};
    attr.max_qp = 5;
    fail("query_device", EIO);
    EXPECT_EQ(ibv_query_device(context, &attr), EIO);
    EXPECT_EQ(attr.max_qp, 5);
    EXPECT_EQ(ibv_query_device(context, nullptr), EINVAL);
}
