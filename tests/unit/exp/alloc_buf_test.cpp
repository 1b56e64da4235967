// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "extended_device.hpp"

#include <algorithm>
#include <cstdint>

namespace {

class Buffers : public verbs_test::ExtendedDevice {
protected:
    void TearDown() override {
        fail_nothing();
        ibv_free_buf(buf);
        ExtendedDevice::TearDown();
    }
    char *alloc(std::size_t size) { return static_cast<char *>(ibv_alloc_buf(pd, size, &buf)); }

    ibv_buf *buf = nullptr;
};

}  // namespace

TEST_F(Buffers, AreTheProvidersMemory) {
    char *const start = alloc(8192);
    ASSERT_NE(start, nullptr) << verbs_last_error();
    EXPECT_EQ(errno, kUntouched);
    EXPECT_EQ(fake.calls_of("alloc_buf"), 1);
    ibv_free_buf(buf);
    buf = nullptr;
    EXPECT_EQ(last.freed, start);
    EXPECT_EQ(errno, kUntouched);
}

TEST_F(Buffers, AreOrdinaryMemoryWhereTheProviderHasNone) {
    fail("alloc_buf", EOPNOTSUPP);
    char *const start = alloc(10'000);
    ASSERT_NE(start, nullptr) << verbs_last_error();
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(start) % 4096, 0u);
    EXPECT_TRUE(std::all_of(start, start + 10'000, [](char byte) { return byte == 0; }));
    start[9'999] = 1;
    ibv_free_buf(buf);
    buf = nullptr;
    EXPECT_EQ(last.freed, nullptr);
}

TEST_F(Buffers, AreRefusedWithTheReasonOfTheProvider) {
    fail("alloc_buf", ENOMEM, "nothing left");
    EXPECT_EQ(alloc(8192), nullptr);
    EXPECT_EQ(errno, ENOMEM);
    EXPECT_STREQ(verbs_last_error(), "fake: alloc_buf: nothing left");
    EXPECT_EQ(buf, nullptr);
}

TEST_F(Buffers, AreRefusedForNothing) {
    EXPECT_EQ(alloc(0), nullptr);
    EXPECT_EQ(errno, EINVAL);
    EXPECT_EQ(ibv_alloc_buf(nullptr, 1, &buf), nullptr);
    EXPECT_EQ(errno, EINVAL);
    EXPECT_EQ(ibv_alloc_buf(pd, 1, nullptr), nullptr);
    EXPECT_EQ(errno, EINVAL);
}

TEST_F(Buffers, HaveRegionsOfAnyPartOfThem) {
    char *const start = alloc(8192);
    ASSERT_NE(start, nullptr);
    ibv_mr *const mr = ibv_reg_buf_mr(pd, buf, start + 4096, 4096, IBV_ACCESS_LOCAL_WRITE);
    ASSERT_NE(mr, nullptr) << verbs_last_error();
    EXPECT_EQ(mr->addr, start + 4096);
    EXPECT_EQ(mr->length, 4096u);
    EXPECT_EQ(mr->pd, pd);
    EXPECT_EQ(ibv_dereg_mr(mr), 0);
}

TEST_F(Buffers, HaveNoRegionsBeyondThem) {
    char *const start = alloc(8192);
    ASSERT_NE(start, nullptr);
    struct Part {
        std::ptrdiff_t offset;
        std::size_t length;
    };
    for (const auto &[offset, length] :
         {Part{0, 8193}, Part{8192, 1}, Part{8193, 0}, Part{-1, 2}, Part{4096, SIZE_MAX}}) {
        EXPECT_EQ(ibv_reg_buf_mr(pd, buf, start + offset, length, 0), nullptr);
        EXPECT_EQ(errno, EINVAL);
        EXPECT_STREQ(verbs_last_error(), "not all of the region is inside of the buffer");
    }
    EXPECT_EQ(ibv_reg_buf_mr(nullptr, buf, start, 1, 0), nullptr);
    EXPECT_EQ(ibv_reg_buf_mr(pd, nullptr, start, 1, 0), nullptr);
}

TEST_F(Buffers, PassOnWhyARegionIsRefused) {
    char *const start = alloc(8192);
    ASSERT_NE(start, nullptr);
    fail("reg_mr", ENOMEM, "too many");
    EXPECT_EQ(ibv_reg_buf_mr(pd, buf, start, 1, 0), nullptr);
    EXPECT_EQ(errno, ENOMEM);
    EXPECT_STREQ(verbs_last_error(), "fake: reg_mr: too many");
}

TEST_F(Buffers, HaveNoDmaBuf) {
    ASSERT_NE(alloc(8192), nullptr);
    EXPECT_EQ(ibv_export_buf_dmabuf_fd(buf), -1);
    EXPECT_EQ(errno, EOPNOTSUPP);
    EXPECT_EQ(ibv_export_buf_dmabuf_fd(nullptr), -1);
    EXPECT_EQ(errno, EINVAL);
}
