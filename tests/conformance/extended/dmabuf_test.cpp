// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Regions of dma-bufs: ibv_reg_dmabuf_mr(3). Where the machine has /dev/udmabuf it makes some, of
// memory in a file; without it, and for a user who may not open it, only refusals can be tested.
#include "extended_pair.hpp"

#include <linux/udmabuf.h>
#include <sys/ioctl.h>

#include <algorithm>
#include <memory>

namespace {

using namespace verbs_test;

constexpr size_t kPage = 4096;
constexpr size_t kSize = 16 * kPage;
constexpr uint32_t kShort = 64;
constexpr uint32_t kLong = 20'000;
constexpr int kAccess = kEveryAccess | IBV_ACCESS_REMOTE_ATOMIC;

class Descriptor {
public:
    explicit Descriptor(int fd) : fd_(fd) {}
    Descriptor(const Descriptor &) = delete;
    Descriptor &operator=(const Descriptor &) = delete;
    ~Descriptor() {
        if (fd_ >= 0) ::close(fd_);
    }
    [[nodiscard]] int get() const { return fd_; }

private:
    int fd_;
};

class DmaBuf : public DeviceTest {
protected:
    void SetUp() override {
        DeviceTest::SetUp();
        if (!IsSkipped()) require_feature("dma-bufs");
        if (IsSkipped()) return;
        pd = alloc_pd(context());
    }
    void TearDown() override {
        pd = {};
        DeviceTest::TearDown();
    }
    Pd pd;
};

TEST_F(DmaBuf, IsNoOtherFile) {
    const Descriptor memory(::memfd_create("memory", MFD_CLOEXEC));
    ASSERT_GE(memory.get(), 0);
    EXPECT_EQ(ibv_reg_dmabuf_mr(pd.get(), 0, kPage, 0, memory.get(), kAccess), nullptr);
    EXPECT_EQ(errno, EINVAL);
}

TEST_F(DmaBuf, IsAnOpenDescriptor) {
    EXPECT_EQ(ibv_reg_dmabuf_mr(pd.get(), 0, kPage, 0, -1, kAccess), nullptr);
    EXPECT_EQ(errno, EBADF);
}

// A dma-buf of a file in memory, which is mapped here as well, and a region of it.
class RegionOfADmaBuf : public DmaBuf {
protected:
    void SetUp() override {
        DmaBuf::SetUp();
        if (IsSkipped()) return;
        const Descriptor maker(::open("/dev/udmabuf", O_RDWR | O_CLOEXEC));
        if (maker.get() < 0) GTEST_SKIP() << "/dev/udmabuf: " << std::strerror(errno);
        const Descriptor file(::memfd_create("memory", MFD_CLOEXEC | MFD_ALLOW_SEALING));
        ASSERT_EQ(::ftruncate(file.get(), kSize), 0);
        ASSERT_EQ(::fcntl(file.get(), F_ADD_SEALS, F_SEAL_SHRINK), 0);
        void *mapped = ::mmap(nullptr, kSize, PROT_READ | PROT_WRITE, MAP_SHARED, file.get(), 0);
        ASSERT_NE(mapped, MAP_FAILED);
        memory = static_cast<uint8_t *>(mapped);
        const udmabuf_create request{static_cast<uint32_t>(file.get()), UDMABUF_FLAGS_CLOEXEC, 0,
                                     kSize};
        const Descriptor buffer(::ioctl(maker.get(), UDMABUF_CREATE, &request));
        ASSERT_GE(buffer.get(), 0) << std::strerror(errno);
        pair = std::make_unique<ExtendedPair>(
            context(),
            PairOptions{.send_ops = IBV_QP_EX_WITH_SEND | IBV_QP_EX_WITH_RDMA_WRITE |
                                    IBV_QP_EX_WITH_RDMA_READ | IBV_QP_EX_WITH_ATOMIC_FETCH_AND_ADD,
                        .access = kAccess});
        EXPECT_EQ(ibv_reg_dmabuf_mr(pair->pd(), 0, kSize + 1, 0, buffer.get(), kAccess), nullptr);
        EXPECT_EQ(errno, EINVAL);
        mr = Mr(ibv_reg_dmabuf_mr(pair->pd(), kPage + 16, kSize - kPage - 16, kIova, buffer.get(),
                                  kAccess));
        ASSERT_TRUE(mr) << std::strerror(errno);
    }
    void TearDown() override {
        mr = {};
        pair.reset();
        if (memory != nullptr) ::munmap(memory, kSize);
        DmaBuf::TearDown();
    }
    [[nodiscard]] ibv_sge plain(uint32_t length) {
        return {pair->address(pair->from()), length, pair->lkey()};
    }
    [[nodiscard]] ibv_sge buffered(uint32_t length) const { return {kIova, length, mr->lkey}; }
    [[nodiscard]] uint8_t *start() const { return memory + kPage + 16; }
    [[nodiscard]] static bool holds(const uint8_t *place, const std::vector<uint8_t> &bytes) {
        return std::equal(bytes.begin(), bytes.end(), place);
    }

    static constexpr uint64_t kIova = 0x70'0000'0010;
    uint8_t *memory = nullptr;
    std::unique_ptr<ExtendedPair> pair;
    Mr mr;
};

TEST_F(RegionOfADmaBuf, IsSentFromAndReceivedInto) {
    for (const uint32_t length : {kShort, kLong}) {
        const auto bytes = pattern(1, length);
        std::ranges::copy(bytes, start());
        pair->post_recv(2, length);
        EXPECT_TRUE(
            went_well(pair->request([](ibv_qp_ex *qp) { ibv_wr_send(qp); }, buffered(length)), 1,
                      IBV_WC_SEND));
        EXPECT_TRUE(went_well(pair->received_one(), 2, IBV_WC_RECV));
        EXPECT_TRUE(holds(pair->into(), bytes));
        const auto others = pattern(2, length);
        std::ranges::copy(others, pair->from());
        ibv_sge sge = buffered(length);
        ibv_recv_wr wr{};
        wr.wr_id = 2;
        wr.sg_list = &sge;
        wr.num_sge = 1;
        ibv_recv_wr *bad = nullptr;
        ASSERT_EQ(ibv_post_recv(pair->there(), &wr, &bad), 0);
        EXPECT_TRUE(went_well(pair->request([](ibv_qp_ex *qp) { ibv_wr_send(qp); }, plain(length)),
                              1, IBV_WC_SEND));
        EXPECT_TRUE(went_well(pair->received_one(), 2, IBV_WC_RECV));
        EXPECT_TRUE(holds(start(), others));
    }
}

TEST_F(RegionOfADmaBuf, IsWrittenAndReadByPeers) {
    for (const uint32_t length : {kShort, kLong}) {
        const auto bytes = pattern(3, length);
        std::ranges::copy(bytes, pair->from());
        EXPECT_TRUE(went_well(
            pair->request([&](ibv_qp_ex *qp) { ibv_wr_rdma_write(qp, mr->rkey, kIova + 8); },
                          plain(length)),
            1, IBV_WC_RDMA_WRITE));
        EXPECT_TRUE(holds(start() + 8, bytes));
        std::fill_n(pair->from(), length, uint8_t{0});
        EXPECT_TRUE(went_well(
            pair->request([&](ibv_qp_ex *qp) { ibv_wr_rdma_read(qp, mr->rkey, kIova + 8); },
                          plain(length)),
            1, IBV_WC_RDMA_READ));
        EXPECT_TRUE(holds(pair->from(), bytes));
    }
}

TEST_F(RegionOfADmaBuf, TakesAtomicOperations) {
    std::memset(start(), 0, 16);
    EXPECT_TRUE(went_well(
        pair->request([&](ibv_qp_ex *qp) { ibv_wr_atomic_fetch_add(qp, mr->rkey, kIova, 7); },
                      plain(8)),
        1, IBV_WC_FETCH_ADD));
    EXPECT_EQ(start()[0], 7);
}

TEST_F(RegionOfADmaBuf, EndsWhereItEnds) {
    EXPECT_EQ(
        pair->request(
                [&](ibv_qp_ex *qp) { ibv_wr_rdma_write(qp, mr->rkey, kIova + mr->length - 4); },
                plain(8))
            .status,
        IBV_WC_REM_ACCESS_ERR);
}

TEST_F(RegionOfADmaBuf, IsNotRegisteredAnew) {
    EXPECT_NE(ibv_rereg_mr(mr.get(), IBV_REREG_MR_CHANGE_TRANSLATION, nullptr, pair->from(), 64, 0),
              0);
    EXPECT_EQ(errno, EOPNOTSUPP);
}

}  // namespace
