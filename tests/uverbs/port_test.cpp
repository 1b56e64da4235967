// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "uverbs/port.hpp"

#include "uverbs/fake_kernel.hpp"

#include <array>

namespace verbs::test {
namespace {

using Port = EveryAge;

TEST_P(Port, IsQueried) {
    const auto context = kernel_.context();
    kernel_.on_method(UVERBS_OBJECT_DEVICE, UVERBS_METHOD_QUERY_PORT, [](MethodCall &call) {
        EXPECT_EQ(call.in<std::uint64_t>(UVERBS_ATTR_QUERY_PORT_PORT_NUM), 1u);
        ib_uverbs_query_port_resp_ex response{};
        response.legacy_resp.gid_tbl_len = 1024;
        response.port_cap_flags2 = 3;
        call.out(UVERBS_ATTR_QUERY_PORT_RESP, response);
        return 0;
    });
    kernel_.on_command<ib_uverbs_query_port, ib_uverbs_query_port_resp>(
        IB_USER_VERBS_CMD_QUERY_PORT, [](const auto &request, auto &response, auto &) {
            EXPECT_EQ(request.port_num, 1);
            response.gid_tbl_len = 1024;
            return 0;
        });
    const auto port = uverbs::query_port(context, 1);
    ASSERT_TRUE(port) << port.error().phrase;
    EXPECT_EQ(port->legacy_resp.gid_tbl_len, 1024u);
    EXPECT_EQ(port->port_cap_flags2, GetParam() == Age::attributes ? 3 : 0);
}

TEST_P(Port, OfARemovedDeviceIsAnError) {
    const auto context = kernel_.context();
    kernel_.on_method(UVERBS_OBJECT_DEVICE, UVERBS_METHOD_QUERY_PORT,
                      [](MethodCall &) { return EIO; });
    kernel_.on_command<ib_uverbs_query_port, ib_uverbs_query_port_resp>(
        IB_USER_VERBS_CMD_QUERY_PORT, [](auto &, auto &, auto &) { return EIO; });
    const auto port = uverbs::query_port(context, 1);
    EXPECT_EQ(port.error().code, EIO);
    EXPECT_NE(port.error().phrase.find("removed"), std::string::npos);
}

UVERBS_EVERY_AGE(Port);

TEST(Gid, IsOneEntry) {
    FakeKernel kernel;
    const auto context = kernel.context();
    kernel.on_method(UVERBS_OBJECT_DEVICE, UVERBS_METHOD_QUERY_GID_ENTRY, [](MethodCall &call) {
        EXPECT_EQ(call.in<std::uint64_t>(UVERBS_ATTR_QUERY_GID_ENTRY_PORT), 1u);
        const auto index = call.in<std::uint64_t>(UVERBS_ATTR_QUERY_GID_ENTRY_GID_INDEX);
        if (index != 2) return ENODATA;
        ib_uverbs_gid_entry entry{};
        entry.gid_type = IB_UVERBS_GID_TYPE_ROCE_V2;
        entry.netdev_ifindex = 4;
        call.out(UVERBS_ATTR_QUERY_GID_ENTRY_RESP_ENTRY, entry);
        return 0;
    });
    const auto entry = uverbs::query_gid(context, 1, 2);
    ASSERT_TRUE(entry) << entry.error().phrase;
    EXPECT_EQ(entry->netdev_ifindex, 4u);
    EXPECT_EQ(uverbs::query_gid(context, 1, 3).error().code, ENODATA);
}

TEST(Gid, IsNotToBeHadOfAnOldKernel) {
    FakeKernel kernel(Age::before_methods);
    EXPECT_EQ(uverbs::query_gid(kernel.context(), 1, 0).error().code, EOPNOTSUPP);
}

TEST(GidTable, IsReadAtOnce) {
    FakeKernel kernel;
    const auto context = kernel.context();
    std::uint64_t count = 2;
    kernel.on_method(UVERBS_OBJECT_DEVICE, UVERBS_METHOD_QUERY_GID_TABLE, [&](MethodCall &call) {
        EXPECT_EQ(call.in<std::uint64_t>(UVERBS_ATTR_QUERY_GID_TABLE_ENTRY_SIZE),
                  sizeof(ib_uverbs_gid_entry));
        std::array<ib_uverbs_gid_entry, 2> entries{};
        entries[1].gid_index = 5;
        call.out(UVERBS_ATTR_QUERY_GID_TABLE_RESP_ENTRIES, entries);
        call.out(UVERBS_ATTR_QUERY_GID_TABLE_RESP_NUM_ENTRIES, count);
        return 0;
    });
    std::array<ib_uverbs_gid_entry, 3> entries{};
    const auto known = uverbs::query_gid_table(context, entries);
    ASSERT_TRUE(known) << known.error().phrase;
    EXPECT_EQ(*known, 2u);
    EXPECT_EQ(entries[1].gid_index, 5u);
    count = 4;
    EXPECT_EQ(uverbs::query_gid_table(context, entries).error().code, EPROTO);
}

}  // namespace
}  // namespace verbs::test
