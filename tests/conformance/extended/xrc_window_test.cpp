// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Memory windows of type 2 on the extended reliable connection: requests that name no receive
// queue.
#include "xrc_end.hpp"

namespace {

using namespace verbs_test;

using XrcWindow = XrcTest;

TEST_F(XrcWindow, IsBoundAndInvalidatedWithoutAnyQueue) {
    const XrcEnd end(context());
    const Qp sender = end.make_sender();
    const Qp receiver = end.make_receiver();
    connect_xrc(sender.get(), receiver.get(), xrc_path());
    const Mw mw(ibv_alloc_mw(end.pd(), IBV_MW_TYPE_2));
    ASSERT_TRUE(mw);
    Region region(end.pd(), 64, kEveryAccess | IBV_ACCESS_MW_BIND);
    const ibv_sge all = region.sge(0, 64);
    ibv_send_wr bind{};
    bind.wr_id = 1;
    bind.opcode = IBV_WR_BIND_MW;
    bind.bind_mw.mw = mw.get();
    bind.bind_mw.rkey = ibv_inc_rkey(mw->rkey);
    bind.bind_mw.bind_info = {region.mr().get(), all.addr, 64, IBV_ACCESS_REMOTE_WRITE};
    XrcEnd::post(sender.get(), bind);
    EXPECT_TRUE(succeeded(collect_one(end.sent()), 1, IBV_WC_BIND_MW));
    ibv_send_wr invalidate{};
    invalidate.wr_id = 2;
    invalidate.opcode = IBV_WR_LOCAL_INV;
    invalidate.invalidate_rkey = bind.bind_mw.rkey;
    XrcEnd::post(sender.get(), invalidate);
    EXPECT_TRUE(succeeded(collect_one(end.sent()), 2, IBV_WC_LOCAL_INV));
}

}  // namespace
