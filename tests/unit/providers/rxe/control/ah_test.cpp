// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "fake_rxe.hpp"

namespace verbs::test {
namespace {

class RxeAh : public FakeRxe {
protected:
    // The driver of a kernel that numbers address handles, or that does not (0).
    void on_create(std::uint32_t ah_num) {
        kernel_.on_command<ib_uverbs_create_ah, ib_uverbs_create_ah_resp>(
            IB_USER_VERBS_CMD_CREATE_AH,
            [this, ah_num](const auto &request, auto &response, CommandCall &call) {
                sent_ = request.attr;
                response.ah_handle = 30;
                objects_.insert(30);
                const rxe_create_ah_resp answer{ah_num, 0};
                EXPECT_EQ(call.driver_out.size(), sizeof answer);
                if (ah_num != 0) std::memcpy(call.driver_out.data(), &answer, sizeof answer);
                return 0;
            });
    }
    void on_gid(int code) {
        kernel_.on_method(UVERBS_OBJECT_DEVICE, UVERBS_METHOD_QUERY_GID_ENTRY,
                          [code](MethodCall &call) {
                              ib_uverbs_gid_entry entry{};
                              constexpr std::uint8_t kGid[16] = {0, 0, 0,    0,    0,  0, 0, 0,
                                                                 0, 0, 0xff, 0xff, 10, 0, 0, 1};
                              std::memcpy(entry.gid, kGid, sizeof kGid);
                              call.out(UVERBS_ATTR_QUERY_GID_ENTRY_RESP_ENTRY, entry);
                              return code;
                          });
    }
    static ibv_ah_attr way() {
        ibv_ah_attr attr{};
        attr.is_global = 1;
        attr.port_num = 1;
        attr.grh.sgid_index = 1;
        attr.grh.hop_limit = 64;
        attr.grh.dgid.raw[10] = attr.grh.dgid.raw[11] = 0xff;
        attr.grh.dgid.raw[12] = 10;
        attr.grh.dgid.raw[15] = 2;
        return attr;
    }
    ib_uverbs_ah_attr sent_{};
};

TEST_F(RxeAh, IsANumberOnKernelsThatNumberThem) {
    on_create(44);
    ibv_ah_attr attr = way();
    const auto ah = device_->create_ah(&pd_, &attr);
    ASSERT_TRUE(ah) << ah.error().phrase;
    EXPECT_EQ((*ah)->handle, 30u);
    EXPECT_EQ(static_cast<rxe::Ah *>(*ah)->ah_num, 44u);
    EXPECT_EQ(sent_.is_global, 1);
    EXPECT_EQ(sent_.grh.hop_limit, 64);
    EXPECT_EQ(std::memcmp(sent_.grh.dgid, attr.grh.dgid.raw, 16), 0);
    EXPECT_TRUE(device_->destroy_ah(*ah));
    EXPECT_TRUE(objects_.empty());
}

TEST_F(RxeAh, IsTheWayItselfOnOthers) {
    on_create(0);
    on_gid(0);
    ibv_ah_attr attr = way();
    const auto ah = device_->create_ah(&pd_, &attr);
    ASSERT_TRUE(ah) << ah.error().phrase;
    const rxe_av &av = static_cast<rxe::Ah *>(*ah)->av;
    EXPECT_EQ(av.network_type, RXE_NETWORK_TYPE_IPV4);
    EXPECT_EQ(av.port_num, 1);
    EXPECT_EQ(av.grh.hop_limit, 64);
    EXPECT_EQ(av.sgid_addr._sockaddr_in.sin_family, AF_INET);
    EXPECT_EQ(be32toh(av.sgid_addr._sockaddr_in.sin_addr.s_addr), 0x0a000001u);
    EXPECT_EQ(be32toh(av.dgid_addr._sockaddr_in.sin_addr.s_addr), 0x0a000002u);
}

TEST_F(RxeAh, IsGivenBackWhenItsSourceIsNotInTheTable) {
    on_create(0);
    on_gid(ENODATA);
    ibv_ah_attr attr = way();
    EXPECT_EQ(device_->create_ah(&pd_, &attr).error().code, ENODATA);
    EXPECT_TRUE(objects_.empty());
}

TEST_F(RxeAh, NeedsAGid) {
    ibv_ah_attr attr = way();
    attr.is_global = 0;
    EXPECT_EQ(device_->create_ah(&pd_, &attr).error().code, EINVAL);
}

}  // namespace
}  // namespace verbs::test
