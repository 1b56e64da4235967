// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "uverbs/port.hpp"

#include "uverbs/fake_kernel.hpp"

#include <array>
#include <cstring>
#include <vector>

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

// A kernel whose table has two entries, and that can be made to answer oddly.
class GidTable : public testing::Test {
protected:
    GidTable() {
        known[0].port_num = known[1].port_num = 1;
        known[1].gid_index = 5;
        known[1].gid_type = IB_UVERBS_GID_TYPE_ROCE_V2;
        known[1].netdev_ifindex = 4;
        kernel.on_method(UVERBS_OBJECT_DEVICE, UVERBS_METHOD_QUERY_GID_TABLE,
                         [this](MethodCall &call) { return answer(call); });
    }

    [[nodiscard]] Result<std::size_t> query() { return uverbs::query_gid_table(context, entries); }
    [[nodiscard]] int code_of_query() {
        const auto told = query();
        return told ? 0 : told.error().code;
    }

    FakeKernel kernel;
    uverbs::Context context = kernel.context();
    std::vector<ib_uverbs_gid_entry> entries = std::vector<ib_uverbs_gid_entry>(3);
    std::array<ib_uverbs_gid_entry, 2> known{};
    std::uint64_t count = 2;
    bool tells_count = true;
    bool tells_entries = true;
    int code = 0;
    // Of the last command.
    std::vector<ib_uverbs_attr> attributes;

private:
    int answer(MethodCall &call) {
        attributes.clear();
        for (const std::uint16_t id :
             {UVERBS_ATTR_QUERY_GID_TABLE_ENTRY_SIZE, UVERBS_ATTR_QUERY_GID_TABLE_FLAGS,
              UVERBS_ATTR_QUERY_GID_TABLE_RESP_ENTRIES,
              UVERBS_ATTR_QUERY_GID_TABLE_RESP_NUM_ENTRIES})
            attributes.push_back(*call.find(id));
        EXPECT_EQ(call.count(), attributes.size());
        if (tells_entries) call.out(UVERBS_ATTR_QUERY_GID_TABLE_RESP_ENTRIES, known);
        if (tells_count) call.out(UVERBS_ATTR_QUERY_GID_TABLE_RESP_NUM_ENTRIES, count);
        return code;
    }
};

TEST_F(GidTable, IsReadByOneCommand) {
    const int before = kernel.ioctls;
    const auto told = query();
    ASSERT_TRUE(told) << told.error().phrase;
    EXPECT_EQ(*told, 2u);
    EXPECT_EQ(kernel.ioctls, before + 1);
    EXPECT_EQ(std::memcmp(entries.data(), known.data(), sizeof known), 0);
}

TEST_F(GidTable, IsAskedForInTheKernelsForm) {
    ASSERT_EQ(code_of_query(), 0);
    const auto expect = [&](std::size_t at, std::uint16_t length, std::uint64_t data) {
        EXPECT_EQ(attributes[at].len, length) << at;
        EXPECT_EQ(attributes[at].flags, UVERBS_ATTR_F_MANDATORY) << at;
        EXPECT_EQ(attributes[at].data, data) << at;
    };
    expect(0, 8, 32);
    expect(1, 4, 0);
    expect(2, 3 * 32, reinterpret_cast<std::uintptr_t>(entries.data()));
    EXPECT_EQ(attributes[3].len, 8);
}

TEST_F(GidTable, MayBeEmpty) {
    count = 0;
    tells_entries = false;
    const auto told = query();
    ASSERT_TRUE(told) << told.error().phrase;
    EXPECT_EQ(*told, 0u);
}

TEST_F(GidTable, WithMoreEntriesThanRoomIsNotBelieved) {
    count = 4;
    EXPECT_EQ(code_of_query(), EPROTO);
    count = std::uint64_t{1} << 32;
    EXPECT_EQ(code_of_query(), EPROTO);
}

TEST_F(GidTable, WithoutItsLengthIsNotBelieved) {
    tells_count = false;
    EXPECT_EQ(code_of_query(), EPROTO);
}

TEST_F(GidTable, WithALengthOnlyIsNotBelieved) {
    tells_entries = false;
    EXPECT_EQ(code_of_query(), EPROTO);
}

TEST_F(GidTable, WithFewerEntriesThanItsLengthIsNotBelieved) {
    count = 3;
    EXPECT_EQ(code_of_query(), EPROTO);
}

TEST_F(GidTable, ThatDoesNotFitIsRefusedByTheKernel) {
    code = EINVAL;
    EXPECT_EQ(code_of_query(), EINVAL);
}

// 16 bits are what a command has for the length of an answer.
TEST_F(GidTable, IsReadIntoMoreRoomThanACommandCanName) {
    entries.resize(10'000);
    ASSERT_EQ(code_of_query(), 0);
    EXPECT_EQ(attributes[2].len, 2047 * 32);
    code = EINVAL;
    EXPECT_EQ(code_of_query(), EOPNOTSUPP);
}

TEST_F(GidTable, OfARemovedDeviceIsAnError) {
    code = EIO;
    EXPECT_EQ(code_of_query(), EIO);
}

TEST_F(GidTable, IsNotToBeHadOfAnOldKernel) {
    for (const Age age : {Age::before_methods, Age::before_ioctl}) {
        FakeKernel old(age);
        EXPECT_EQ(uverbs::query_gid_table(old.context(), entries).error().code, EOPNOTSUPP);
    }
}

}  // namespace
}  // namespace verbs::test
