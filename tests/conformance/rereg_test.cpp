// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Reregistering a region, with traffic: after the call the new memory, domain and rights hold and
// the old ones are dead, for local keys and for peers (IBTA volume 1, 11.2.10.6).
#include "side.hpp"

#include <atomic>
#include <thread>

namespace {

using namespace verbs_test;

constexpr int kReadOnly = IBV_ACCESS_LOCAL_WRITE | IBV_ACCESS_REMOTE_READ;

// The peer's region is the one that changes; `here` reads and writes it.
class Rereg : public DeviceTest {
protected:
    void SetUp() override {
        DeviceTest::SetUp();
        if (!IsSkipped()) require_feature("rereg_mr");
        if (IsSkipped()) return;
        other_context_ = open_device();
        renew();
        pages_ = std::make_unique<Pages>(3 * kPart);
        std::ranges::copy(pattern(1, kPart), pages_->data());
        std::ranges::copy(pattern(2, kPart), pages_->data() + kPart);
        mr_ = reg_mr(owner_->pd(), pages_->data(), kPart);
    }
    // New queue pairs: an access that was refused has put the old ones in error.
    void renew() {
        here_ = std::make_unique<LocalSide>(context());
        if (!owner_) {
            owner_ = std::make_unique<LocalSide>(other_context_.get());
            join(*here_, *owner_);
            return;
        }
        ASSERT_EQ(owner_->change_state(IBV_QPS_RESET), 0);
        join(*here_, *owner_);
    }
    int rereg(int flags, ibv_pd *pd, void *addr, size_t length, int access) {
        return ibv_rereg_mr(mr_.get(), flags, pd, addr, length, access);
    }
    // What becomes of a read of 64 bytes from the owner's memory.
    ibv_wc_status read(const uint8_t *from, uint32_t rkey, std::vector<uint8_t> *bytes = nullptr) {
        const RemotePlace place{reinterpret_cast<uint64_t>(from), rkey};
        return finish(make_read(1, {{0, 64}}, place), bytes);
    }
    ibv_wc_status write(const uint8_t *to, uint32_t rkey) {
        here_->store(0, pattern(9, 64));
        const RemotePlace place{reinterpret_cast<uint64_t>(to), rkey};
        return finish(make_write(1, {{0, 64}}, place), nullptr);
    }
    void expect_read(size_t offset) {
        std::vector<uint8_t> bytes;
        EXPECT_EQ(read(memory() + offset, mr_->rkey, &bytes), IBV_WC_SUCCESS);
        EXPECT_EQ(bytes, std::vector<uint8_t>(memory() + offset, memory() + offset + 64));
    }
    void expect_dead(uint32_t rkey, size_t offset) {
        EXPECT_EQ(read(memory() + offset, rkey), IBV_WC_REM_ACCESS_ERR);
        renew();
    }
    // A receive of the owner into the region by its local key: the status it ends with.
    ibv_wc_status receive(uint32_t lkey, size_t offset) {
        ibv_sge sge{reinterpret_cast<uint64_t>(memory() + offset), 64, lkey};
        ibv_recv_wr wr{};
        wr.wr_id = 5;
        wr.sg_list = &sge;
        wr.num_sge = 1;
        ibv_recv_wr *bad = nullptr;
        EXPECT_EQ(ibv_post_recv(owner_->qp(), &wr, &bad), 0);
        EXPECT_EQ(here_->post_send(make_send(6, {{0, 64}})), 0);
        const ibv_wc_status status = owner_->received().status;
        here_->sent();
        return status;
    }
    [[nodiscard]] uint8_t *memory() const { return pages_->data(); }
    [[nodiscard]] Mr &mr() { return mr_; }
    [[nodiscard]] LocalSide &owner() { return *owner_; }
    [[nodiscard]] ibv_context *owners_context() const { return other_context_.get(); }
    [[nodiscard]] LocalSide &here() { return *here_; }

    static constexpr size_t kPart = 64 * 1024;

private:
    ibv_wc_status finish(const Sending &request, std::vector<uint8_t> *bytes) {
        EXPECT_EQ(here_->post_send(request), 0);
        const ibv_wc wc = here_->sent();
        if (bytes != nullptr) *bytes = here_->load(0, 64);
        return wc.status;
    }

    Context other_context_;
    std::unique_ptr<LocalSide> here_;
    std::unique_ptr<LocalSide> owner_;
    std::unique_ptr<Pages> pages_;
    Mr mr_;
};

TEST_F(Rereg, OfTheTranslationMovesTheRegion) {
    const uint32_t old_key = mr()->rkey;
    expect_read(100);
    ASSERT_EQ(rereg(IBV_REREG_MR_CHANGE_TRANSLATION, nullptr, memory() + kPart, kPart, 0), 0);
    expect_read(kPart + 100);
    EXPECT_EQ(receive(mr()->lkey, kPart), IBV_WC_SUCCESS);
    expect_dead(mr()->rkey, 100);
    expect_dead(old_key, 100);
    expect_dead(old_key, kPart + 100);
    EXPECT_EQ(receive(old_key, 0), IBV_WC_LOC_PROT_ERR) << "nor is the old local key alive";
    renew();
    EXPECT_EQ(receive(mr()->lkey, 0), IBV_WC_LOC_PROT_ERR);
}

TEST_F(Rereg, OfTheTranslationCanMakeItLongerAndShorter) {
    ASSERT_EQ(rereg(IBV_REREG_MR_CHANGE_TRANSLATION, nullptr, memory(), 2 * kPart, 0), 0);
    expect_read(2 * kPart - 64);
    ASSERT_EQ(rereg(IBV_REREG_MR_CHANGE_TRANSLATION, nullptr, memory(), 100, 0), 0);
    expect_read(0);
    expect_read(36);
    expect_dead(mr()->rkey, 37);
}

TEST_F(Rereg, OfTheRightsTakesThemAwayAndGivesThem) {
    EXPECT_EQ(write(memory(), mr()->rkey), IBV_WC_SUCCESS);
    ASSERT_EQ(rereg(IBV_REREG_MR_CHANGE_ACCESS, nullptr, nullptr, 0, kReadOnly), 0);
    expect_read(0);
    EXPECT_EQ(write(memory(), mr()->rkey), IBV_WC_REM_ACCESS_ERR);
    renew();
    ASSERT_EQ(rereg(IBV_REREG_MR_CHANGE_ACCESS, nullptr, nullptr, 0, 0), 0);
    expect_dead(mr()->rkey, 0);
    EXPECT_EQ(receive(mr()->lkey, 0), IBV_WC_LOC_PROT_ERR);
    renew();
    ASSERT_EQ(rereg(IBV_REREG_MR_CHANGE_ACCESS, nullptr, nullptr, 0, kEveryAccess), 0);
    EXPECT_EQ(write(memory(), mr()->rkey), IBV_WC_SUCCESS);
    EXPECT_EQ(receive(mr()->lkey, 0), IBV_WC_SUCCESS);
}

TEST_F(Rereg, OfTheDomainMovesTheRegionOutOfTheOldOne) {
    Pd other = alloc_pd(owners_context());
    ASSERT_EQ(rereg(IBV_REREG_MR_CHANGE_PD, other.get(), nullptr, 0, 0), 0);
    EXPECT_EQ(mr()->pd, other.get());
    expect_dead(mr()->rkey, 0);
    EXPECT_EQ(receive(mr()->lkey, 0), IBV_WC_LOC_PROT_ERR);
    renew();
    EXPECT_EQ(other.close(), EBUSY) << "the region is in it now";
    ASSERT_EQ(rereg(IBV_REREG_MR_CHANGE_PD, owner().pd(), nullptr, 0, 0), 0);
    expect_read(0);
    EXPECT_EQ(other.close(), 0) << "and has left it";
}

TEST_F(Rereg, LetsTheOldDomainGo) {
    Pd first = alloc_pd(context());
    const Pd second = alloc_pd(context());
    Mr region = reg_mr(first.get(), memory(), kPart);
    ASSERT_EQ(ibv_rereg_mr(region.get(), IBV_REREG_MR_CHANGE_PD, second.get(), nullptr, 0, 0), 0);
    EXPECT_EQ(first.close(), 0);
    EXPECT_EQ(region.close(), 0);
}

TEST_F(Rereg, OfAllAtOnceChangesAll) {
    const Pd other = alloc_pd(owners_context());
    ASSERT_EQ(rereg(IBV_REREG_MR_CHANGE_PD, other.get(), nullptr, 0, 0), 0);
    const uint32_t old_key = mr()->rkey;
    const int all =
        IBV_REREG_MR_CHANGE_TRANSLATION | IBV_REREG_MR_CHANGE_PD | IBV_REREG_MR_CHANGE_ACCESS;
    ASSERT_EQ(rereg(all, owner().pd(), memory() + kPart, kPart, kReadOnly), 0);
    EXPECT_EQ(mr()->pd, owner().pd());
    EXPECT_EQ(mr()->addr, memory() + kPart);
    EXPECT_EQ(mr()->length, kPart);
    expect_read(kPart);
    expect_dead(old_key, 0);
    EXPECT_EQ(write(memory() + kPart, mr()->rkey), IBV_WC_REM_ACCESS_ERR);
}

TEST_F(Rereg, OfTwoThingsChangesBoth) {
    ASSERT_EQ(rereg(IBV_REREG_MR_CHANGE_TRANSLATION | IBV_REREG_MR_CHANGE_ACCESS, nullptr,
                    memory() + kPart, kPart, kReadOnly),
              0);
    expect_read(kPart);
    EXPECT_EQ(write(memory() + kPart, mr()->rkey), IBV_WC_REM_ACCESS_ERR);
    renew();
    const Pd other = alloc_pd(owners_context());
    ASSERT_EQ(rereg(IBV_REREG_MR_CHANGE_PD | IBV_REREG_MR_CHANGE_ACCESS, other.get(), nullptr, 0,
                    kEveryAccess),
              0);
    expect_dead(mr()->rkey, kPart);
    ASSERT_EQ(rereg(IBV_REREG_MR_CHANGE_PD | IBV_REREG_MR_CHANGE_TRANSLATION, owner().pd(),
                    memory(), kPart, 0),
              0);
    EXPECT_EQ(write(memory(), mr()->rkey), IBV_WC_SUCCESS) << "the rights are kept";
    ASSERT_EQ(rereg(IBV_REREG_MR_CHANGE_PD, owner().pd(), nullptr, 0, 0), 0);
}

TEST_F(Rereg, OfARegionAtAnotherAddressKeepsItUntilItsMemoryChanges) {
    const uint64_t iova = 0x7000000;
    Mr region(ibv_reg_mr_iova(owner().pd(), memory(), kPart, iova, kEveryAccess));
    ASSERT_TRUE(region);
    ASSERT_EQ(
        ibv_rereg_mr(region.get(), IBV_REREG_MR_CHANGE_ACCESS, nullptr, nullptr, 0, kReadOnly), 0);
    EXPECT_EQ(read(reinterpret_cast<const uint8_t *>(iova), region->rkey), IBV_WC_SUCCESS);
    ASSERT_EQ(ibv_rereg_mr(region.get(), IBV_REREG_MR_CHANGE_TRANSLATION, nullptr, memory() + kPart,
                           kPart, 0),
              0);
    EXPECT_EQ(read(memory() + kPart, region->rkey), IBV_WC_SUCCESS);
}

TEST_F(Rereg, ThatFailsLeavesTheOldRegionWhole) {
    const uint32_t key = mr()->rkey;
    const auto expect_whole = [&] {
        EXPECT_EQ(mr()->rkey, key);
        EXPECT_EQ(mr()->addr, memory());
        EXPECT_EQ(mr()->length, kPart);
        EXPECT_EQ(mr()->pd, owner().pd());
        expect_read(10);
        EXPECT_EQ(write(memory(), key), IBV_WC_SUCCESS);
    };
    const int translation = IBV_REREG_MR_CHANGE_TRANSLATION;
    // What the library sees is refused before the device is asked.
    EXPECT_EQ(rereg(translation, nullptr, nullptr, kPart, 0), IBV_REREG_MR_ERR_INPUT);
    EXPECT_EQ(rereg(translation, nullptr, memory(), 0, 0), IBV_REREG_MR_ERR_INPUT);
    EXPECT_EQ(rereg(translation, nullptr, memory(), SIZE_MAX - 1, 0), IBV_REREG_MR_ERR_INPUT);
    EXPECT_EQ(rereg(IBV_REREG_MR_CHANGE_PD, nullptr, nullptr, 0, 0), IBV_REREG_MR_ERR_INPUT);
    EXPECT_EQ(rereg(IBV_REREG_MR_CHANGE_ACCESS, nullptr, nullptr, 0, IBV_ACCESS_REMOTE_WRITE),
              IBV_REREG_MR_ERR_INPUT);
    EXPECT_EQ(rereg(1 << 10, nullptr, nullptr, 0, 0), IBV_REREG_MR_ERR_INPUT);
    expect_whole();
    // Memory that is not there only the device finds.
    void *gone = ::mmap(nullptr, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ASSERT_NE(gone, MAP_FAILED);
    ASSERT_EQ(::munmap(gone, 4096), 0);
    errno = 0;
    EXPECT_EQ(rereg(translation, nullptr, gone, 4096, 0), IBV_REREG_MR_ERR_CMD);
    EXPECT_EQ(errno, EFAULT);
    expect_whole();
}

// Peers copy without asking us: a write that is under way ends before the call does, and none that
// begins later reaches the old memory.
TEST_F(Rereg, LeavesTheOldMemoryAloneOnceItReturns) {
    std::atomic<bool> is_over{false};
    std::atomic<uint64_t> written{0};
    const RemotePlace old{reinterpret_cast<uint64_t>(memory()), mr()->rkey};
    std::thread writer([&] {
        while (!is_over && here().post_send(make_write(1, {{0, kPart}}, old)) == 0) {
            if (here().sent().status != IBV_WC_SUCCESS) return;
            ++written;
        }
    });
    EXPECT_TRUE(eventually([&] { return written > 20; }));
    EXPECT_EQ(rereg(IBV_REREG_MR_CHANGE_TRANSLATION, nullptr, memory() + kPart, kPart, 0), 0);
    std::memset(memory(), 0x5a, kPart);
    EXPECT_TRUE(never([&] {
        return std::ranges::any_of(std::span(memory(), kPart),
                                   [](uint8_t byte) { return byte != 0x5a; });
    }));
    is_over = true;
    writer.join();
}

}  // namespace
