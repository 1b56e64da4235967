// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Protection domains and memory regions as objects. What keys allow is tested with traffic, in
// rc_rights_test.cpp.
#include "device_under_test.hpp"

#include <algorithm>
#include <memory>
#include <set>
#include <span>
#include <vector>

namespace {

using namespace verbs_test;

class ProtectionDomain : public DeviceTest {};

TEST_F(ProtectionDomain, BelongsToItsContext) {
    const Pd pd = alloc_pd(context());
    EXPECT_EQ(pd->context, context());
}

TEST_F(ProtectionDomain, CanBeHadManyTimes) {
    std::vector<Pd> pds;
    for (int i = 0; i < iterations(200); ++i) {
        pds.push_back(alloc_pd(context()));
    }
}

TEST_F(ProtectionDomain, StaysWhileARegionIsInIt) {
    Pd pd = alloc_pd(context());
    Region region(pd.get(), 4096);
    EXPECT_EQ(pd.close(), EBUSY);
    ASSERT_EQ(region.mr().close(), 0);
    EXPECT_EQ(pd.close(), 0);
}

TEST_F(ProtectionDomain, StaysWhileAQueuePairIsInIt) {
    Pd pd = alloc_pd(context());
    const Cq cq = create_cq(context());
    ibv_qp_init_attr init{};
    init.send_cq = cq.get();
    init.recv_cq = cq.get();
    init.qp_type = IBV_QPT_RC;
    init.cap = {1, 1, 1, 1, 0};
    Qp qp(ibv_create_qp(pd.get(), &init));
    ASSERT_TRUE(qp);
    EXPECT_EQ(pd.close(), EBUSY);
    ASSERT_EQ(qp.close(), 0);
    EXPECT_EQ(pd.close(), 0);
}

class MemoryRegion : public DeviceTest {
protected:
    void SetUp() override {
        DeviceTest::SetUp();
        if (IsSkipped()) return;
        pd_ = alloc_pd(context());
        memory_ = std::make_unique<Pages>(64 * 1024);
    }
    [[nodiscard]] ibv_mr *reg(int access) const { return ibv_reg_mr(pd(), memory(), 4096, access); }
    [[nodiscard]] ibv_pd *pd() const { return pd_.get(); }
    [[nodiscard]] uint8_t *memory() const { return memory_->data(); }

private:
    std::unique_ptr<Pages> memory_;
    Pd pd_;
};

TEST_F(MemoryRegion, TellsWhatWasRegistered) {
    const Mr mr = reg_mr(pd(), memory() + 100, 5000);
    EXPECT_EQ(mr->context, context());
    EXPECT_EQ(mr->pd, pd());
    EXPECT_EQ(mr->addr, memory() + 100);
    EXPECT_EQ(mr->length, 5000u);
}

TEST_F(MemoryRegion, HasKeysOfItsOwn) {
    std::vector<Mr> regions;
    std::set<uint32_t> lkeys;
    std::set<uint32_t> rkeys;
    const size_t count = static_cast<size_t>(iterations(1000));
    for (size_t i = 0; i < count; ++i) {
        regions.push_back(reg_mr(pd(), memory(), 4096));
        lkeys.insert(regions.back()->lkey);
        rkeys.insert(regions.back()->rkey);
    }
    EXPECT_EQ(lkeys.size(), count);
    EXPECT_EQ(rkeys.size(), count);
}

TEST_F(MemoryRegion, MayOverlapAnother) {
    const Mr first = reg_mr(pd(), memory(), 8192);
    const Mr second = reg_mr(pd(), memory() + 1, 8192);
    EXPECT_NE(first->lkey, second->lkey);
}

TEST_F(MemoryRegion, DoesNotReuseAKeyAtOnce) {
    const uint32_t old_key = reg_mr(pd(), memory(), 4096)->rkey;
    const Mr mr = reg_mr(pd(), memory(), 4096);
    EXPECT_NE(mr->rkey, old_key);
}

TEST_F(MemoryRegion, OfNoBytesIsGrantedOrRefusedAsInvalid) {
    const Mr mr(ibv_reg_mr(pd(), memory(), 0, IBV_ACCESS_LOCAL_WRITE));
    if (mr) {
        EXPECT_EQ(mr->length, 0u);
    } else {
        EXPECT_EQ(errno, EINVAL);
    }
}

TEST_F(MemoryRegion, CanBeReadOnlyMemoryForReading) {
    const long page = 4096;
    void *text = ::mmap(nullptr, page, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ASSERT_NE(text, MAP_FAILED);
    Mr mr(ibv_reg_mr(pd(), text, page, IBV_ACCESS_REMOTE_READ));
    EXPECT_TRUE(mr);
    if (mr) {
        EXPECT_EQ(mr.close(), 0);
    }
    ::munmap(text, page);
}

TEST_F(MemoryRegion, CanBeRegisteredAtAnotherAddress) {
    const uint64_t iova = 0x100000;
    const Mr mr(ibv_reg_mr_iova(pd(), memory(), 8192, iova, kEveryAccess));
    ASSERT_TRUE(mr);
    EXPECT_EQ(mr->length, 8192u);
}

TEST_F(MemoryRegion, IsRefusedWithRemoteRightsThatNeedALocalOne) {
    for (const int access : {IBV_ACCESS_REMOTE_WRITE + 0, IBV_ACCESS_REMOTE_ATOMIC + 0,
                             IBV_ACCESS_REMOTE_WRITE | IBV_ACCESS_REMOTE_READ}) {
        errno = 0;
        const Mr mr(reg(access));
        EXPECT_FALSE(mr) << "access " << access;
        EXPECT_EQ(errno, EINVAL) << "access " << access;
    }
}

TEST_F(MemoryRegion, IsRefusedWithRightsNobodyKnows) {
    errno = 0;
    const Mr mr(reg(IBV_ACCESS_LOCAL_WRITE | 1 << 17));
    EXPECT_FALSE(mr);
    EXPECT_EQ(errno, EINVAL);
}

TEST_F(MemoryRegion, IsGrantedWithWishesNobodyKnows) {
    EXPECT_TRUE(Mr(reg(IBV_ACCESS_LOCAL_WRITE | IBV_ACCESS_RELAXED_ORDERING)));
    EXPECT_TRUE(Mr(reg(IBV_ACCESS_LOCAL_WRITE | 1 << 29)));
}

TEST_F(MemoryRegion, IsRefusedWhenItsEndWrapsAround) {
    errno = 0;
    const Mr mr(ibv_reg_mr(pd(), memory(), SIZE_MAX - 4096, IBV_ACCESS_LOCAL_WRITE));
    EXPECT_FALSE(mr);
    EXPECT_NE(errno, 0);
}

TEST_F(MemoryRegion, LeavesErrnoAloneWhenItIsGranted) {
    errno = 4711;
    const Mr mr(reg(kEveryAccess));
    EXPECT_TRUE(mr);
    EXPECT_EQ(errno, 4711);
}

// Registering for writing what the program may not write: a device could never do what it grants.
constexpr size_t kPage = 4096;

void expect_refused_for_writing(ibv_pd *pd, void *addr, size_t length) {
    for (const int access : {IBV_ACCESS_LOCAL_WRITE + 0, kEveryAccess}) {
        errno = 0;
        const Mr mr(ibv_reg_mr(pd, addr, length, access));
        EXPECT_FALSE(mr) << "access " << access;
        EXPECT_EQ(errno, EFAULT) << "access " << access;
    }
}

TEST_F(MemoryRegion, ForWritingIsRefusedOnTheTextOfTheProgram) {
    const auto text = reinterpret_cast<uintptr_t>(&expect_refused_for_writing);
    expect_refused_for_writing(pd(), reinterpret_cast<void *>(text), 16);
    EXPECT_TRUE(Mr(ibv_reg_mr(pd(), reinterpret_cast<void *>(text), 16, IBV_ACCESS_REMOTE_READ)));
}

// Short and long ones: they may be looked at in different ways.
class MemoryRegionOf : public MemoryRegion, public ::testing::WithParamInterface<size_t> {
protected:
    void SetUp() override {
        MemoryRegion::SetUp();
        if (!IsSkipped()) pages_ = std::make_unique<Pages>(size());
    }
    [[nodiscard]] static size_t size() { return GetParam() * kPage; }
    [[nodiscard]] static size_t middle() { return GetParam() / 2 * kPage; }
    [[nodiscard]] uint8_t *pages() const { return pages_->data(); }
    void protect(size_t page, size_t count, int protection) {
        ASSERT_EQ(::mprotect(pages() + page * kPage, count * kPage, protection), 0);
    }
    void expect_granted(int access) {
        errno = 0;
        EXPECT_TRUE(Mr(ibv_reg_mr(pd(), pages(), size(), access)))
            << "access " << access << " errno " << errno;
    }

private:
    std::unique_ptr<Pages> pages_;
};
INSTANTIATE_TEST_SUITE_P(Pages, MemoryRegionOf, ::testing::Values(2, 16, 17, 1024),
                         ::testing::PrintToStringParamName());

TEST_P(MemoryRegionOf, ReadOnlyPagesIsForReadingOnly) {
    std::ranges::fill(std::span(pages(), size()), uint8_t{0x5a});
    protect(0, GetParam(), PROT_READ);
    expect_refused_for_writing(pd(), pages(), size());
    expect_granted(0);
    expect_granted(IBV_ACCESS_REMOTE_READ);
    EXPECT_TRUE(std::ranges::all_of(std::span(pages(), size()), [](auto b) { return b == 0x5a; }));
}

TEST_P(MemoryRegionOf, PagesOfWhichTheLastIsReadOnlyIsForReadingOnly) {
    protect(GetParam() - 1, 1, PROT_READ);
    expect_refused_for_writing(pd(), pages(), size());
    // The byte before it and the first byte of it.
    expect_refused_for_writing(pd(), pages() + size() - kPage - 1, 2);
    expect_granted(IBV_ACCESS_REMOTE_READ);
    EXPECT_TRUE(Mr(ibv_reg_mr(pd(), pages(), size() - kPage, kEveryAccess)));
}

TEST_P(MemoryRegionOf, PagesWithoutAnyRightIsForNothing) {
    protect(GetParam() - 1, 1, PROT_NONE);
    expect_refused_for_writing(pd(), pages(), size());
    errno = 0;
    EXPECT_FALSE(Mr(ibv_reg_mr(pd(), pages(), size(), IBV_ACCESS_REMOTE_READ)));
    EXPECT_EQ(errno, EFAULT);
    protect(GetParam() - 1, 1, PROT_READ | PROT_WRITE);
    expect_granted(kEveryAccess);
}

TEST_P(MemoryRegionOf, PagesWithAHoleIsRefused) {
    ASSERT_EQ(::munmap(pages() + middle(), kPage), 0);
    expect_refused_for_writing(pd(), pages(), size());
    errno = 0;
    EXPECT_FALSE(Mr(ibv_reg_mr(pd(), pages(), size(), IBV_ACCESS_REMOTE_READ)));
    EXPECT_EQ(errno, EFAULT);
    // So that the rest is not somebody else's when it is given back.
    ASSERT_EQ(::mmap(pages() + middle(), kPage, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
                     -1, 0),
              pages() + middle());
}

TEST_P(MemoryRegionOf, PagesOfSeveralMappingsThatMayAllBeWrittenIsGranted) {
    // Another kind of mapping in the middle, and one that cannot be one with its neighbours.
    ASSERT_NE(::mmap(pages() + middle(), kPage, PROT_READ | PROT_WRITE | PROT_EXEC,
                     MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, -1, 0),
              MAP_FAILED);
    expect_granted(kEveryAccess);
    expect_granted(IBV_ACCESS_REMOTE_READ);
}

TEST_F(MemoryRegion, OfManyBytesTakesNoMemoryBeforeItIsUsed) {
    const size_t length = size_t{4} << 30;
    void *memory = ::mmap(nullptr, length, PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    ASSERT_NE(memory, MAP_FAILED);
    {
        const Mr mr = reg_mr(pd(), memory, length);
        std::vector<unsigned char> present(length / kPage);
        ASSERT_EQ(::mincore(memory, length, present.data()), 0);
        EXPECT_EQ(std::ranges::count_if(present, [](auto page) { return (page & 1) != 0; }), 0);
    }
    ::munmap(memory, length);
}

class RereggedRegion : public MemoryRegion {
protected:
    void SetUp() override {
        MemoryRegion::SetUp();
        if (!IsSkipped()) require_feature("rereg_mr");
    }
};

TEST_F(RereggedRegion, TellsItsNewMemory) {
    const Mr mr(reg(kEveryAccess));
    ASSERT_EQ(
        ibv_rereg_mr(mr.get(), IBV_REREG_MR_CHANGE_TRANSLATION, nullptr, memory() + 4096, 8192, 0),
        0);
    EXPECT_EQ(mr->addr, memory() + 4096);
    EXPECT_EQ(mr->length, 8192u);
}

TEST_F(RereggedRegion, TellsItsNewDomain) {
    Mr mr(reg(kEveryAccess));
    const Pd other = alloc_pd(context());
    ASSERT_EQ(ibv_rereg_mr(mr.get(), IBV_REREG_MR_CHANGE_PD, other.get(), nullptr, 0, 0), 0);
    EXPECT_EQ(mr->pd, other.get());
    EXPECT_EQ(mr.close(), 0);
}

TEST_F(RereggedRegion, IsRefusedWithoutAChange) {
    const Mr mr(reg(kEveryAccess));
    EXPECT_EQ(ibv_rereg_mr(mr.get(), 0, nullptr, nullptr, 0, 0), IBV_REREG_MR_ERR_INPUT);
}

TEST_F(RereggedRegion, GainsNoWritingWhereTheProgramMayNotWrite) {
    const Pages pages(8192);
    ASSERT_EQ(::mprotect(pages.data(), 8192, PROT_READ), 0);
    const Mr mr = reg_mr(pd(), pages.data(), 8192, IBV_ACCESS_REMOTE_READ);
    errno = 0;
    EXPECT_EQ(ibv_rereg_mr(mr.get(), IBV_REREG_MR_CHANGE_ACCESS, nullptr, nullptr, 0, kEveryAccess),
              IBV_REREG_MR_ERR_CMD);
    EXPECT_EQ(errno, EFAULT);
    ASSERT_EQ(::mprotect(pages.data(), 8192, PROT_READ | PROT_WRITE), 0);
    EXPECT_EQ(ibv_rereg_mr(mr.get(), IBV_REREG_MR_CHANGE_ACCESS, nullptr, nullptr, 0, kEveryAccess),
              0);
}

}  // namespace
