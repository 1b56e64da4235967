// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Device memory: ibv_alloc_dm(3).
#include "extended_pair.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <memory>

namespace {

using namespace verbs_test;

// Programs of rdma-core's header have it as a static inline function.
int free_dm(ibv_dm *dm) {
    return ibv_free_dm(dm);
}
using Dm = Handle<ibv_dm, free_dm>;

constexpr unsigned kAccess = IBV_ACCESS_ZERO_BASED | IBV_ACCESS_LOCAL_WRITE |
                             IBV_ACCESS_REMOTE_WRITE | IBV_ACCESS_REMOTE_READ |
                             IBV_ACCESS_REMOTE_ATOMIC;
constexpr size_t kSize = 16384;

class DeviceMemory : public DeviceTest {
protected:
    void SetUp() override {
        DeviceTest::SetUp();
        if (!IsSkipped()) require_feature("device memory");
    }
    Dm alloc(size_t length, uint32_t log_align = 0) {
        ibv_alloc_dm_attr attr{};
        attr.length = length;
        attr.log_align_req = log_align;
        return Dm(ibv_alloc_dm(context(), &attr));
    }
    uint64_t limit() {
        ibv_device_attr_ex attr{};
        EXPECT_EQ(ibv_query_device_ex(context(), nullptr, &attr), 0);
        return attr.max_dm_size;
    }
};

// A pair, device memory with a pattern in it, and a region of all of it.
class RegionOfDeviceMemory : public DeviceMemory {
protected:
    void SetUp() override {
        DeviceMemory::SetUp();
        if (IsSkipped()) return;
        pair_ = std::make_unique<ExtendedPair>(
            context(),
            PairOptions{.send_ops = IBV_QP_EX_WITH_SEND | IBV_QP_EX_WITH_RDMA_WRITE |
                                    IBV_QP_EX_WITH_RDMA_READ | IBV_QP_EX_WITH_ATOMIC_FETCH_AND_ADD,
                        .access = kEveryAccess | IBV_ACCESS_REMOTE_ATOMIC});
        dm = alloc(kSize);
        ASSERT_TRUE(dm);
        ASSERT_EQ(ibv_memcpy_to_dm(dm.get(), 0, data.data(), kSize), 0);
        mr = Mr(ibv_reg_dm_mr(pair().pd(), dm.get(), 0, kSize, kAccess));
        ASSERT_TRUE(mr);
        std::memcpy(pair().from(), other.data(), kSize);
    }
    void TearDown() override {
        mr = {};
        dm = {};
        pair_.reset();
        DeviceMemory::TearDown();
    }
    ExtendedPair &pair() { return *pair_; }
    std::vector<uint8_t> contents() {
        std::vector<uint8_t> bytes(kSize);
        EXPECT_EQ(ibv_memcpy_from_dm(bytes.data(), dm.get(), 0, kSize), 0);
        return bytes;
    }
    ibv_sge plain(uint32_t length) {
        return {pair().address(pair().from()), length, pair().lkey()};
    }

    const std::vector<uint8_t> data = pattern(1, kSize);
    const std::vector<uint8_t> other = pattern(2, kSize);
    Dm dm;
    Mr mr;

private:
    std::unique_ptr<ExtendedPair> pair_;
};

TEST_F(DeviceMemory, KeepsWhatIsCopiedThere) {
    Dm dm = alloc(100, 6);
    ASSERT_TRUE(dm);
    EXPECT_EQ(dm->context, context());
    const auto bytes = pattern(3, 96);
    ASSERT_EQ(ibv_memcpy_to_dm(dm.get(), 4, bytes.data(), 96), 0);
    std::vector<uint8_t> back(92);
    ASSERT_EQ(ibv_memcpy_from_dm(back.data(), dm.get(), 8, 92), 0);
    EXPECT_TRUE(std::equal(back.begin(), back.end(), bytes.begin() + 4));
}

TEST_F(DeviceMemory, IsZeroAtFirst) {
    Dm dm = alloc(64);
    ASSERT_TRUE(dm);
    std::vector<uint8_t> bytes(64, 0x77);
    ASSERT_EQ(ibv_memcpy_from_dm(bytes.data(), dm.get(), 0, 64), 0);
    EXPECT_EQ(std::count(bytes.begin(), bytes.end(), 0), 64);
}

TEST_F(DeviceMemory, IsCopiedInWordsAndInsideOfTheBufferOnly) {
    Dm dm = alloc(100);
    ASSERT_TRUE(dm);
    uint8_t bytes[256] = {};
    for (const auto &[offset, length, code] : {std::tuple{1u, 4u, EINVAL},
                                               {4u, 3u, EINVAL},
                                               {104u, 4u, EFAULT},
                                               {0u, 104u, EFAULT},
                                               {100u, 4u, EFAULT}}) {
        EXPECT_EQ(ibv_memcpy_to_dm(dm.get(), offset, bytes, length), code);
        EXPECT_EQ(ibv_memcpy_from_dm(bytes, dm.get(), offset, length), code);
    }
    EXPECT_EQ(ibv_memcpy_to_dm(dm.get(), ~uint64_t{3}, bytes, 8), EFAULT);
}

TEST_F(DeviceMemory, IsLimited) {
    const uint64_t all = limit();
    ASSERT_GT(all, 0u);
    EXPECT_FALSE(alloc(all + 1));
    EXPECT_EQ(errno, ENOMEM);
    Dm half = alloc(all / 2);
    Dm other = alloc(all - all / 2);
    EXPECT_TRUE(half && other);
    EXPECT_FALSE(alloc(4));
    EXPECT_EQ(errno, ENOMEM);
    ASSERT_EQ(half.close(), 0);
    EXPECT_TRUE(alloc(4));
}

TEST_F(DeviceMemory, IsHadByAChildOfTheProcessThatOpenedTheDevice) {
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
        ::alarm(60);
        const uint32_t written = 0x01020304;
        uint32_t read = 0;
        Dm dm = alloc(kSize);
        const bool good = dm && ibv_memcpy_to_dm(dm.get(), 8, &written, sizeof written) == 0 &&
                          ibv_memcpy_from_dm(&read, dm.get(), 8, sizeof read) == 0 &&
                          read == written && dm.close() == 0;
        ::_exit(good ? 7 : 8);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 7) << status;
    EXPECT_TRUE(alloc(limit()));
}

TEST_F(DeviceMemory, IsRefusedWithTheUnknownOrOfNoBytes) {
    ibv_alloc_dm_attr attr{};
    attr.length = 64;
    attr.comp_mask = 1;
    EXPECT_EQ(ibv_alloc_dm(context(), &attr), nullptr);
    EXPECT_EQ(errno, EINVAL);
    EXPECT_FALSE(alloc(0));
    EXPECT_EQ(errno, EINVAL);
    EXPECT_FALSE(alloc(64, 40));
    EXPECT_EQ(errno, EINVAL);
}

TEST_F(RegionOfDeviceMemory, HasAddressesFromZero) {
    EXPECT_EQ(mr->length, kSize);
    EXPECT_EQ(mr->pd, pair().pd());
    EXPECT_EQ(ibv_reg_dm_mr(pair().pd(), dm.get(), 0, 64, IBV_ACCESS_LOCAL_WRITE), nullptr);
    EXPECT_EQ(errno, EINVAL);
}

TEST_F(RegionOfDeviceMemory, IsInsideOfIt) {
    EXPECT_EQ(ibv_reg_dm_mr(pair().pd(), dm.get(), 4, kSize, kAccess), nullptr);
    EXPECT_EQ(errno, EINVAL);
    EXPECT_EQ(ibv_reg_dm_mr(pair().pd(), dm.get(), ~uint64_t{0}, 4, kAccess), nullptr);
    EXPECT_EQ(errno, EINVAL);
}

TEST_F(RegionOfDeviceMemory, KeepsIt) {
    EXPECT_EQ(ibv_free_dm(dm.get()), EBUSY);
    ASSERT_EQ(mr.close(), 0);
    EXPECT_EQ(dm.close(), 0);
}

TEST_F(RegionOfDeviceMemory, IsNotRegisteredAnew) {
    EXPECT_NE(
        ibv_rereg_mr(mr.get(), IBV_REREG_MR_CHANGE_TRANSLATION, nullptr, pair().from(), 64, 0), 0);
    EXPECT_EQ(errno, EOPNOTSUPP);
}

TEST_F(RegionOfDeviceMemory, IsSentFrom) {
    for (const uint32_t length : {64u, 12'000u}) {
        pair().post_recv(2, length);
        EXPECT_TRUE(went_well(
            pair().request([](ibv_qp_ex *qp) { ibv_wr_send(qp); }, {128, length, mr->lkey}), 1,
            IBV_WC_SEND));
        EXPECT_TRUE(went_well(pair().received_one(), 2, IBV_WC_RECV));
        EXPECT_EQ(std::memcmp(pair().into(), data.data() + 128, length), 0);
    }
}

TEST_F(RegionOfDeviceMemory, IsReceivedInto) {
    for (const uint32_t length : {64u, 12'000u}) {
        ibv_sge sge{256, length, mr->lkey};
        ibv_recv_wr wr{};
        wr.wr_id = 2;
        wr.sg_list = &sge;
        wr.num_sge = 1;
        ibv_recv_wr *bad = nullptr;
        ASSERT_EQ(ibv_post_recv(pair().there(), &wr, &bad), 0);
        EXPECT_TRUE(went_well(pair().request([](ibv_qp_ex *qp) { ibv_wr_send(qp); }, plain(length)),
                              1, IBV_WC_SEND));
        EXPECT_TRUE(went_well(pair().received_one(), 2, IBV_WC_RECV));
        EXPECT_EQ(std::memcmp(contents().data() + 256, other.data(), length), 0);
    }
}

TEST_F(RegionOfDeviceMemory, IsWrittenAndReadByPeers) {
    EXPECT_TRUE(went_well(
        pair().request([&](ibv_qp_ex *qp) { ibv_wr_rdma_write(qp, mr->rkey, 64); }, plain(1000)), 1,
        IBV_WC_RDMA_WRITE));
    const auto now = contents();
    EXPECT_EQ(std::memcmp(now.data(), data.data(), 64), 0);
    EXPECT_EQ(std::memcmp(now.data() + 64, other.data(), 1000), 0);
    EXPECT_EQ(std::memcmp(now.data() + 1064, data.data() + 1064, kSize - 1064), 0);
    EXPECT_TRUE(went_well(
        pair().request([&](ibv_qp_ex *qp) { ibv_wr_rdma_read(qp, mr->rkey, 2000); }, plain(1000)),
        1, IBV_WC_RDMA_READ));
    EXPECT_EQ(std::memcmp(pair().from(), data.data() + 2000, 1000), 0);
}

TEST_F(RegionOfDeviceMemory, TakesAtomics) {
    const uint64_t before = 40;
    ASSERT_EQ(ibv_memcpy_to_dm(dm.get(), 8, &before, sizeof before), 0);
    EXPECT_TRUE(went_well(
        pair().request([&](ibv_qp_ex *qp) { ibv_wr_atomic_fetch_add(qp, mr->rkey, 8, 2); },
                       plain(8)),
        1, IBV_WC_FETCH_ADD));
    uint64_t fetched = 0;
    std::memcpy(&fetched, pair().from(), sizeof fetched);
    EXPECT_EQ(fetched, before);
    // The next one finds what the first has left.
    EXPECT_TRUE(went_well(
        pair().request([&](ibv_qp_ex *qp) { ibv_wr_atomic_fetch_add(qp, mr->rkey, 8, 1); },
                       plain(8)),
        1, IBV_WC_FETCH_ADD));
    std::memcpy(&fetched, pair().from(), sizeof fetched);
    EXPECT_EQ(fetched, before + 2);
}

TEST_F(RegionOfDeviceMemory, EndsWhereItEnds) {
    EXPECT_EQ(
        pair()
            .request([&](ibv_qp_ex *qp) { ibv_wr_rdma_write(qp, mr->rkey, kSize - 4); }, plain(8))
            .status,
        IBV_WC_REM_ACCESS_ERR);
}

}  // namespace
