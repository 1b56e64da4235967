// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Flushes: what was written before is visible to all, or at rest, when they complete (IBTA volume
// 1, annex A19).
#include "extended_pair.hpp"
#include "support/folder.hpp"

#include <linux/magic.h>
#include <sys/syscall.h>
#include <sys/vfs.h>

#include <algorithm>
#include <cstring>
#include <memory>

#ifndef VERBS_HAVE_FLUSH
// Older headers of the system do not have them yet; the library under test does. The pointer is
// right behind what they know of the structure.
constexpr auto IBV_WC_FLUSH = static_cast<ibv_wc_opcode>(8);
constexpr auto IBV_WR_FLUSH = static_cast<ibv_wr_opcode>(14);
constexpr int IBV_ACCESS_FLUSH_GLOBAL = 1 << 8;
constexpr int IBV_ACCESS_FLUSH_PERSISTENT = 1 << 9;
constexpr uint64_t IBV_QP_EX_WITH_FLUSH = 1 << 11;
enum ibv_placement_type { IBV_FLUSH_GLOBAL = 1, IBV_FLUSH_PERSISTENT = 2 };
enum ibv_selectivity_level { IBV_FLUSH_RANGE, IBV_FLUSH_MR };
#endif

namespace {

using namespace verbs_test;

constexpr uint64_t kDeviceFlushGlobal = 1ull << 38;  // no header of rdma-core has a name for it
constexpr uint64_t kOperations =
    IBV_QP_EX_WITH_FLUSH | IBV_QP_EX_WITH_RDMA_WRITE | IBV_QP_EX_WITH_SEND;
constexpr int kWritten = IBV_ACCESS_LOCAL_WRITE | IBV_ACCESS_REMOTE_WRITE;
constexpr int kFlushed = kWritten | IBV_ACCESS_FLUSH_GLOBAL;

using WrFlush = void (*)(ibv_qp_ex *, uint32_t, uint64_t, size_t, uint8_t, uint8_t);
constexpr size_t kPlaceOfWrFlush = 352;

WrFlush wr_flush_of(const ibv_qp_ex *qp) {
    WrFlush function = nullptr;
    std::memcpy(&function, reinterpret_cast<const char *>(qp) + kPlaceOfWrFlush, sizeof function);
    return function;
}

struct Asked {
    uint64_t address;
    size_t length;
    uint32_t rkey;
    uint8_t type = IBV_FLUSH_GLOBAL;
    uint8_t level = IBV_FLUSH_RANGE;
};

class Flush : public DeviceTest {
protected:
    void SetUp() override {
        DeviceTest::SetUp();
        if (!IsSkipped()) require_feature("flushes");
        if (!IsSkipped())
            make({.send_ops = kOperations, .access = kFlushed, .memory_access = kFlushed});
    }
    void TearDown() override {
        pair_.reset();
        DeviceTest::TearDown();
    }
    void make(const PairOptions &options) {
        pair_.reset();
        pair_ = std::make_unique<ExtendedPair>(context(), options);
    }
    ExtendedPair &pair() { return *pair_; }
    uint64_t address(size_t offset = 0) { return pair().address(pair().into(offset)); }
    Asked all_of_it() { return {address(), 4096, pair().rkey()}; }

    // The two are built, not posted.
    void build_write(uint64_t id, uint64_t to, uint32_t rkey, uint32_t length) {
        ibv_qp_ex *qp = pair().sender();
        qp->wr_id = id;
        qp->wr_flags = IBV_SEND_SIGNALED;
        ibv_wr_rdma_write(qp, rkey, to);
        ibv_wr_set_sge(qp, pair().lkey(), pair().address(pair().from()), length);
    }
    void build_flush(uint64_t id, const Asked &asked) {
        ibv_qp_ex *qp = pair().sender();
        qp->wr_id = id;
        qp->wr_flags = IBV_SEND_SIGNALED;
        wr_flush_of(qp)(qp, asked.rkey, asked.address, asked.length, asked.type, asked.level);
    }
    int flush(uint64_t id, const Asked &asked) {
        ibv_wr_start(pair().sender());
        build_flush(id, asked);
        return ibv_wr_complete(pair().sender());
    }
    ibv_wc_status outcome(const Asked &asked) {
        EXPECT_EQ(flush(1, asked), 0);
        const Seen seen = pair().sent_one();
        EXPECT_EQ(seen.id, 1u);
        return seen.status;
    }
    void expect_flushed(const Asked &asked) {
        ASSERT_EQ(flush(1, asked), 0);
        EXPECT_TRUE(went_well(pair().sent_one(), 1, IBV_WC_FLUSH));
    }

private:
    std::unique_ptr<ExtendedPair> pair_;
};

TEST_F(Flush, IsAdvertised) {
    ibv_device_attr_ex attr{};
    ASSERT_EQ(ibv_query_device_ex(context(), nullptr, &attr), 0);
    EXPECT_NE(attr.device_cap_flags_ex & kDeviceFlushGlobal, 0u);
}

TEST_F(Flush, CompletesWhenTheWritesBeforeItAreSeen) {
    for (uint8_t round = 1; round <= 100; ++round) {
        pair().from()[0] = pair().from()[4095] = round;
        ibv_wr_start(pair().sender());
        build_write(1, address(), pair().rkey(), 4096);
        build_flush(2, all_of_it());
        ASSERT_EQ(ibv_wr_complete(pair().sender()), 0);
        const auto done = pair().sent(2);
        ASSERT_TRUE(went_well(done[0], 1, IBV_WC_RDMA_WRITE));
        ASSERT_TRUE(went_well(done[1], 2, IBV_WC_FLUSH));
        ASSERT_EQ(pair().into()[0], round);
        ASSERT_EQ(pair().into()[4095], round);
    }
}

TEST_F(Flush, GoesWithOthersInOrder) {
    ibv_wr_start(pair().sender());
    for (uint64_t id = 1; id <= 16; ++id) {
        if (id % 2 == 0)
            build_flush(id, all_of_it());
        else
            build_write(id, address(), pair().rkey(), 64);
    }
    ASSERT_EQ(ibv_wr_complete(pair().sender()), 0);
    const auto done = pair().sent(16);
    for (uint64_t id = 1; id <= 16; ++id)
        EXPECT_TRUE(went_well(done[id - 1], id, id % 2 == 0 ? IBV_WC_FLUSH : IBV_WC_RDMA_WRITE));
}

TEST_F(Flush, OfNoBytesIsOne) {
    expect_flushed({address(), 0, pair().rkey()});
}

TEST_F(Flush, OfARegionLooksAtNoRange) {
    expect_flushed({0, 0, pair().rkey(), IBV_FLUSH_GLOBAL, IBV_FLUSH_MR});
    expect_flushed({~uint64_t{0}, SIZE_MAX, pair().rkey(), IBV_FLUSH_GLOBAL, IBV_FLUSH_MR});
}

TEST_F(Flush, OfARangeOutsideOfTheRegionIsRefused) {
    EXPECT_EQ(outcome({address(), ExtendedPair::kRegion / 2 + 1, pair().rkey()}),
              IBV_WC_REM_ACCESS_ERR);
}

TEST_F(Flush, ThroughAWrongKeyIsRefused) {
    EXPECT_EQ(outcome({address(), 8, pair().rkey() + 1}), IBV_WC_REM_ACCESS_ERR);
}

TEST_F(Flush, OfARegionThroughAWrongKeyIsRefused) {
    EXPECT_EQ(outcome({address(), 8, pair().rkey() + 1, IBV_FLUSH_GLOBAL, IBV_FLUSH_MR}),
              IBV_WC_REM_ACCESS_ERR);
}

TEST_F(Flush, NeedsTheRightToTheRegion) {
    make({.send_ops = kOperations, .access = kFlushed, .memory_access = kWritten});
    EXPECT_EQ(outcome(all_of_it()), IBV_WC_REM_ACCESS_ERR);
    make({.send_ops = kOperations, .access = kFlushed, .memory_access = kWritten});
    EXPECT_EQ(outcome({0, 0, pair().rkey(), IBV_FLUSH_GLOBAL, IBV_FLUSH_MR}),
              IBV_WC_REM_ACCESS_ERR);
}

TEST_F(Flush, NeedsTheRightOfItsType) {
    make({.send_ops = kOperations,
          .access = kFlushed | IBV_ACCESS_FLUSH_PERSISTENT,
          .memory_access = kFlushed});
    Asked asked = all_of_it();
    asked.type = IBV_FLUSH_GLOBAL | IBV_FLUSH_PERSISTENT;
    EXPECT_EQ(outcome(asked), IBV_WC_REM_ACCESS_ERR);
}

TEST_F(Flush, NeedsAQueuePairThatPeersMayFlushThrough) {
    make({.send_ops = kOperations, .access = kWritten, .memory_access = kFlushed});
    EXPECT_EQ(outcome(all_of_it()), IBV_WC_REM_INV_REQ_ERR);
}

TEST_F(Flush, NeedsARegionOfTheDomainOfTheQueuePair) {
    const Pd pd = alloc_pd(context());
    const Mr other = reg_mr(pd.get(), pair().into(), 4096, kFlushed);
    EXPECT_EQ(outcome({address(), 8, other->rkey}), IBV_WC_REM_ACCESS_ERR);
}

TEST_F(Flush, NeedsNoRightToWrite) {
    make({.send_ops = kOperations,
          .access = IBV_ACCESS_FLUSH_GLOBAL,
          .memory_access = IBV_ACCESS_FLUSH_GLOBAL});
    expect_flushed(all_of_it());
}

TEST_F(Flush, OfAKindThatThereIsNotIsNotPosted) {
    const uint32_t rkey = pair().rkey();
    EXPECT_EQ(flush(1, {address(), 8, rkey, 0, IBV_FLUSH_RANGE}), EINVAL);
    EXPECT_EQ(flush(1, {address(), 8, rkey, 4, IBV_FLUSH_RANGE}), EINVAL);
    EXPECT_EQ(flush(1, {address(), 8, rkey, IBV_FLUSH_GLOBAL, 2}), EINVAL);
    expect_flushed(all_of_it());
}

TEST_F(Flush, MayBeOfMemoryThatIsPagedOnDemand) {
    require_feature("paging on demand");
    if (IsSkipped()) return;
    const Mr region = reg_mr(pair().pd(), pair().into(), 4096, kFlushed | IBV_ACCESS_ON_DEMAND);
    expect_flushed({address(), 4096, region->rkey});
}

TEST_F(Flush, TakesPiecesOfMemoryThatCountForNothing) {
    ibv_wr_start(pair().sender());
    build_flush(1, all_of_it());
    ibv_wr_set_sge(pair().sender(), pair().lkey() + 1, 0, 8);
    ASSERT_EQ(ibv_wr_complete(pair().sender()), 0);
    EXPECT_TRUE(went_well(pair().sent_one(), 1, IBV_WC_FLUSH));
}

TEST_F(Flush, IsNotPostedToAQueuePairThatWasNotMadeForIt) {
    make({.send_ops = IBV_QP_EX_WITH_SEND});
    EXPECT_EQ(wr_flush_of(pair().sender()), nullptr);
}

// A list of requests has no place for what it asks for.
TEST_F(Flush, IsNotPostedByAListOfRequests) {
    ibv_send_wr wr{};
    wr.opcode = IBV_WR_FLUSH;
    ibv_send_wr *bad = nullptr;
    EXPECT_NE(ibv_post_send(pair().here(), &wr, &bad), 0);
    EXPECT_EQ(bad, &wr);
}

TEST_F(Flush, IsForReliableConnectionsAlone) {
    for (const ibv_qp_type type : {IBV_QPT_UC, IBV_QPT_UD}) {
        ibv_qp_init_attr_ex attr{};
        attr.send_cq = attr.recv_cq = ibv_cq_ex_to_cq(pair().sent());
        attr.cap = {1, 1, 1, 1, 0};
        attr.qp_type = type;
        attr.pd = pair().pd();
        attr.comp_mask = IBV_QP_INIT_ATTR_PD | IBV_QP_INIT_ATTR_SEND_OPS_FLAGS;
        attr.send_ops_flags = IBV_QP_EX_WITH_FLUSH;
        EXPECT_EQ(ibv_create_qp_ex(context(), &attr), nullptr) << type;
        EXPECT_EQ(errno, EOPNOTSUPP) << type;
    }
}

TEST_F(Flush, CannotMakeOrdinaryMemoryPersistent) {
    EXPECT_EQ(ibv_reg_mr(pair().pd(), pair().into(), 4096,
                         IBV_ACCESS_LOCAL_WRITE | IBV_ACCESS_FLUSH_PERSISTENT),
              nullptr);
    EXPECT_EQ(errno, EINVAL);
}

// A file, and a region of all of it.
class FlushToAFile : public Flush {
protected:
    static constexpr size_t kBytes = 1 << 16;
    static constexpr int kAccess = kFlushed | IBV_ACCESS_FLUSH_PERSISTENT;

    void SetUp() override {
        Flush::SetUp();
        if (!IsSkipped()) require_feature("flushes to files");
        if (IsSkipped()) return;
        struct statfs system {};
        ASSERT_EQ(::statfs(folder_.path().c_str(), &system), 0);
        if (system.f_type == TMPFS_MAGIC || system.f_type == OVERLAYFS_SUPER_MAGIC)
            GTEST_SKIP() << "files of the temporary folder are in memory, or may be";
        make({.send_ops = kOperations, .access = kAccess, .memory_access = kFlushed});
        const auto path = folder_.write("file", std::string(kBytes, '-'));
        file_ = ::open(path.c_str(), O_RDWR | O_CLOEXEC);
        ASSERT_GE(file_, 0);
        ASSERT_EQ(::fsync(file_), 0);
        mapped_ = ::mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_SHARED, file_, 0);
        ASSERT_NE(mapped_, MAP_FAILED);
        region_ = Mr(ibv_reg_mr(pair().pd(), mapped_, kBytes, kAccess));
        ASSERT_TRUE(region_);
    }
    void TearDown() override {
        region_ = {};
        if (mapped_ != nullptr) ::munmap(mapped_, kBytes);
        if (file_ >= 0) ::close(file_);
        Flush::TearDown();
    }
    [[nodiscard]] uint64_t start() const { return reinterpret_cast<uintptr_t>(mapped_); }
    // How many pages of a range the storage does not have yet; -1 on kernels before 6.5.
    [[nodiscard]] long unwritten(uint64_t offset, uint64_t length) const {
        constexpr long kCachestat = 451;
        struct {
            uint64_t offset, length;
        } range{offset, length};
        struct {
            uint64_t cached, dirty, under_way, evicted, evicted_lately;
        } found{};
        if (::syscall(kCachestat, file_, &range, &found, 0) != 0) return -1;
        return static_cast<long>(found.dirty + found.under_way);
    }
    // Writes a letter to the first byte of two places, and flushes what is asked for.
    void write_and_flush(uint64_t one, uint64_t other, Asked asked) {
        asked.rkey = region_->rkey;
        pair().from()[0] = 'x';
        ibv_wr_start(pair().sender());
        build_write(1, start() + one, region_->rkey, 1);
        build_write(2, start() + other, region_->rkey, 1);
        build_flush(3, asked);
        ASSERT_EQ(ibv_wr_complete(pair().sender()), 0);
        const auto done = pair().sent(3);
        EXPECT_TRUE(went_well(done[0], 1, IBV_WC_RDMA_WRITE));
        EXPECT_TRUE(went_well(done[1], 2, IBV_WC_RDMA_WRITE));
        EXPECT_TRUE(went_well(done[2], 3, IBV_WC_FLUSH));
    }

    Folder folder_;
    int file_ = -1;
    void *mapped_ = nullptr;
    Mr region_;
};

TEST_F(FlushToAFile, LeavesNothingOfTheRangeUnwritten) {
    write_and_flush(0, kBytes - 1, {start(), kBytes, 0, IBV_FLUSH_PERSISTENT, IBV_FLUSH_RANGE});
    EXPECT_LE(unwritten(0, kBytes), 0);
    char read[2] = {};
    ASSERT_EQ(::pread(file_, &read[0], 1, 0), 1);
    ASSERT_EQ(::pread(file_, &read[1], 1, kBytes - 1), 1);
    EXPECT_EQ(std::string(read, 2), "xx");
}

TEST_F(FlushToAFile, MayBeAnywhereInAPage) {
    write_and_flush(5000, 5001, {start() + 5000, 2, 0, IBV_FLUSH_PERSISTENT, IBV_FLUSH_RANGE});
    EXPECT_LE(unwritten(4096, 4096), 0);
}

TEST_F(FlushToAFile, LeavesNothingOfTheRegionUnwritten) {
    write_and_flush(8192, kBytes / 2,
                    {0, 0, 0, IBV_FLUSH_PERSISTENT | IBV_FLUSH_GLOBAL, IBV_FLUSH_MR});
    EXPECT_LE(unwritten(0, kBytes), 0);
}

TEST_F(FlushToAFile, NeedsTheRightOfTheQueuePair) {
    region_ = {};
    make({.send_ops = kOperations, .access = kFlushed, .memory_access = kFlushed});
    region_ = Mr(ibv_reg_mr(pair().pd(), mapped_, kBytes, kAccess));
    ASSERT_TRUE(region_);
    EXPECT_EQ(outcome({start(), 8, region_->rkey, IBV_FLUSH_PERSISTENT, IBV_FLUSH_RANGE}),
              IBV_WC_REM_INV_REQ_ERR);
}

TEST_F(FlushToAFile, OfMemoryThatIsGoneIsRefused) {
    ::munmap(mapped_, kBytes);
    EXPECT_EQ(outcome({start(), kBytes, region_->rkey, IBV_FLUSH_PERSISTENT, IBV_FLUSH_RANGE}),
              IBV_WC_REM_ACCESS_ERR);
    mapped_ = nullptr;
}

TEST_F(FlushToAFile, OfMemoryThatIsAnotherNowIsRefused) {
    ASSERT_EQ(::mmap(mapped_, kBytes, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0),
              mapped_);
    EXPECT_EQ(outcome({start(), kBytes, region_->rkey, IBV_FLUSH_PERSISTENT, IBV_FLUSH_RANGE}),
              IBV_WC_REM_ACCESS_ERR);
}

TEST_F(FlushToAFile, IsNotMovedToMemoryThatCannotKeepIt) {
    EXPECT_EQ(ibv_rereg_mr(region_.get(), IBV_REREG_MR_CHANGE_TRANSLATION, nullptr, pair().into(),
                           4096, 0),
              IBV_REREG_MR_ERR_CMD);
    EXPECT_EQ(errno, EINVAL);
}

TEST_F(FlushToAFile, IsNotOfMemoryThatIsPagedOnDemand) {
    EXPECT_EQ(ibv_reg_mr(pair().pd(), mapped_, kBytes, kAccess | IBV_ACCESS_ON_DEMAND), nullptr);
    EXPECT_EQ(errno, EOPNOTSUPP);
}

}  // namespace
