// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Device memory that no dma-buf can stand for: ibv_dm_export_dmabuf_fd(3).
#include "extended_pair.hpp"

#include <cerrno>

#ifndef VERBS_HAVE_DM_EXPORT
// Older headers of the system do not have it yet; the library under test does.
extern "C" int ibv_dm_export_dmabuf_fd(ibv_dm *dm);
#endif

namespace {

using namespace verbs_test;

class LackingExport : public DeviceTest {};

TEST_F(LackingExport, OfDeviceMemoryRefusesADescriptor) {
    if (!IsSkipped()) require_feature("device memory");
    if (!IsSkipped()) require_lack_of("dma-bufs of device memory");
    if (IsSkipped()) return;
    ibv_alloc_dm_attr attr{};
    attr.length = 64;
    ibv_dm *dm = ibv_alloc_dm(context(), &attr);
    ASSERT_NE(dm, nullptr);
    errno = 0;
    EXPECT_EQ(ibv_dm_export_dmabuf_fd(dm), -1);
    EXPECT_EQ(errno, EOPNOTSUPP);
    EXPECT_EQ(ibv_free_dm(dm), 0);
}

}  // namespace
