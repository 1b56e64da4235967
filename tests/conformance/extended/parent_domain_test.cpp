// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Parent domains and thread domains: ibv_alloc_parent_domain(3), ibv_alloc_td(3).
#include "extended_pair.hpp"

#include <cstdlib>
#include <map>
#include <memory>

namespace {

using namespace verbs_test;

// The program's allocators, which note what they were asked for. Told apart by pd_context.
struct Store {
    struct Piece {
        size_t size;
        ibv_pd *pd;
        uint64_t kind;
    };
    std::map<void *, Piece> pieces;  // that are out
    int given = 0;
    int taken_back = 0;
    bool is_empty = false;      // there is no memory
    bool uses_default = false;  // leaves it to the device

    static void *alloc(ibv_pd *pd, void *context, size_t size, size_t alignment, uint64_t kind) {
        auto &self = *static_cast<Store *>(context);
        if (self.is_empty) return nullptr;
        if (self.uses_default) return IBV_ALLOCATOR_USE_DEFAULT;
        void *memory = nullptr;
        if (::posix_memalign(&memory, alignment, size) != 0) return nullptr;
        std::memset(memory, 0, size);
        self.pieces[memory] = {size, pd, kind};
        ++self.given;
        return memory;
    }
    static void free(ibv_pd *pd, void *context, void *memory, uint64_t kind) {
        auto &self = *static_cast<Store *>(context);
        const auto found = self.pieces.find(memory);
        ASSERT_NE(found, self.pieces.end()) << "memory that was not given, or came back before";
        EXPECT_EQ(found->second.pd, pd);
        EXPECT_EQ(found->second.kind, kind);
        self.pieces.erase(found);
        ::free(memory);
        ++self.taken_back;
    }
    ibv_parent_domain_init_attr attributes() {
        ibv_parent_domain_init_attr attr{};
        attr.comp_mask =
            IBV_PARENT_DOMAIN_INIT_ATTR_ALLOCATORS | IBV_PARENT_DOMAIN_INIT_ATTR_PD_CONTEXT;
        attr.alloc = &alloc;
        attr.free = &free;
        attr.pd_context = this;
        return attr;
    }
};

class ParentDomain : public DeviceTest {
protected:
    static Pd parent_of(ibv_pd *pd, ibv_parent_domain_init_attr attr = {}) {
        attr.pd = pd;
        Pd parent(ibv_alloc_parent_domain(pd->context, &attr));
        if (!parent) give_up("ibv_alloc_parent_domain");
        return parent;
    }
    static void expect_message(ExtendedPair &pair) {
        ibv_qp_ex *qp = pair.sender();
        pair.from()[0] = 0x5c;
        pair.post_recv(2, 64);
        ibv_wr_start(qp);
        qp->wr_id = 1;
        qp->wr_flags = IBV_SEND_SIGNALED;
        ibv_wr_send(qp);
        ibv_wr_set_sge(qp, pair.lkey(), pair.address(pair.from()), 64);
        ASSERT_EQ(ibv_wr_complete(qp), 0);
        EXPECT_TRUE(went_well(pair.sent_one(), 1, IBV_WC_SEND));
        EXPECT_TRUE(went_well(pair.received_one(), 2, IBV_WC_RECV));
        EXPECT_EQ(pair.into()[0], 0x5c);
    }
    static Qp create_qp(ibv_pd *pd, ibv_cq *cq, ibv_srq *srq = nullptr) {
        ibv_qp_init_attr attr{};
        attr.send_cq = attr.recv_cq = cq;
        attr.srq = srq;
        attr.cap = {8, 8, 1, 1, 0};
        attr.qp_type = IBV_QPT_RC;
        return Qp(ibv_create_qp(pd, &attr));
    }
};

class DomainWithAllocators : public ParentDomain {
protected:
    void SetUp() override {
        ParentDomain::SetUp();
        if (!IsSkipped()) require_feature("queues in memory of the program");
    }
    Store store;
};

TEST_F(ParentDomain, WorksTogetherWithTheDomainUnderneath) {
    const ibv_parent_domain_init_attr nothing{};
    ExtendedPair pair(context(), {.parent = &nothing});  // whose region is in the one underneath
    expect_message(pair);
}

TEST_F(ParentDomain, OfDatagramsWorksTogetherWithTheDomainUnderneath) {
    const ibv_parent_domain_init_attr nothing{};
    ExtendedPair pair(context(), {.type = IBV_QPT_UD, .parent = &nothing});
    ibv_qp_ex *qp = pair.sender();
    pair.post_recv(2, 128);
    ibv_wr_start(qp);
    qp->wr_id = 1;
    qp->wr_flags = IBV_SEND_SIGNALED;
    ibv_wr_send(qp);
    ibv_wr_set_ud_addr(qp, pair.address_handle(), pair.there()->qp_num, pair.qkey());
    ibv_wr_set_sge(qp, pair.lkey(), pair.address(pair.from()), 64);
    ASSERT_EQ(ibv_wr_complete(qp), 0);
    EXPECT_TRUE(went_well(pair.received_one(), 2, IBV_WC_RECV));
}

TEST_F(ParentDomain, TakesBothItsPartsUntilItGoes) {
    Pd pd = alloc_pd(context());
    ibv_td_init_attr nothing{};
    ibv_td *td = ibv_alloc_td(context(), &nothing);
    ASSERT_NE(td, nullptr);
    EXPECT_EQ(td->context, context());
    ibv_parent_domain_init_attr attr{};
    attr.td = td;
    Pd parent = parent_of(pd.get(), attr);
    EXPECT_EQ(parent->context, context());
    EXPECT_EQ(ibv_dealloc_pd(pd.get()), EBUSY);
    EXPECT_EQ(ibv_dealloc_td(td), EBUSY);
    EXPECT_EQ(parent.close(), 0);
    EXPECT_EQ(ibv_dealloc_td(td), 0);
    EXPECT_EQ(pd.close(), 0);
}

TEST_F(ParentDomain, IsBusyWhileAnythingMadeInItIsThere) {
    const Pd pd = alloc_pd(context());
    Pd parent = parent_of(pd.get());
    const Cq cq = create_cq(context());
    Region region(parent.get(), 64);
    EXPECT_EQ(ibv_dealloc_pd(parent.get()), EBUSY) << "a region";
    ASSERT_EQ(region.mr().close(), 0);
    Srq srq = create_srq(parent.get(), {8, 1, 0});
    EXPECT_EQ(ibv_dealloc_pd(parent.get()), EBUSY) << "a shared receive queue";
    ASSERT_EQ(srq.close(), 0);
    Qp qp = create_qp(parent.get(), cq.get());
    ASSERT_TRUE(qp);
    EXPECT_EQ(ibv_dealloc_pd(parent.get()), EBUSY) << "a queue pair";
    ASSERT_EQ(qp.close(), 0);
    Cq extended(ibv_cq_ex_to_cq(create_cq_ex(context(), 0, 8, nullptr, parent.get())));
    EXPECT_EQ(ibv_dealloc_pd(parent.get()), EBUSY) << "a completion queue";
    ASSERT_EQ(extended.close(), 0);
    EXPECT_EQ(parent.close(), 0);
}

TEST_F(ParentDomain, IsWhatACompletionQueueWantsAndNoPlainOne) {
    const Pd pd = alloc_pd(context());
    ibv_cq_init_attr_ex attr{};
    attr.cqe = 8;
    attr.comp_mask = IBV_CQ_INIT_ATTR_MASK_PD;
    attr.parent_domain = pd.get();
    EXPECT_EQ(ibv_create_cq_ex(context(), &attr), nullptr);
    EXPECT_EQ(errno, EINVAL);
}

TEST_F(ParentDomain, IsNotMadeWithoutADomainUnderneathOrWithTheUnknown) {
    ibv_parent_domain_init_attr attr{};
    EXPECT_EQ(ibv_alloc_parent_domain(context(), &attr), nullptr);
    EXPECT_EQ(errno, EINVAL);
    const Pd pd = alloc_pd(context());
    attr.pd = pd.get();
    attr.comp_mask = 1 << 7;
    EXPECT_EQ(ibv_alloc_parent_domain(context(), &attr), nullptr);
    EXPECT_EQ(errno, EINVAL);
    ibv_td_init_attr unknown{};
    unknown.comp_mask = 1;
    EXPECT_EQ(ibv_alloc_td(context(), &unknown), nullptr);
    EXPECT_EQ(errno, EINVAL);
}

TEST_F(DomainWithAllocators, PutsAllQueuesIntoTheirMemory) {
    const auto attr = store.attributes();
    {
        ExtendedPair pair(context(), {.parent = &attr});
        // Two completion queues, and of each queue pair one for sends and one for receives.
        EXPECT_EQ(store.pieces.size(), 6u);
        expect_message(pair);
        EXPECT_EQ(store.taken_back, 0);
    }
    EXPECT_EQ(store.given, 6);
    EXPECT_TRUE(store.pieces.empty());
}

TEST_F(DomainWithAllocators, ReplacesTheMemoryOfQueuesThatAreResized) {
    const Pd pd = alloc_pd(context());
    Pd parent = parent_of(pd.get(), store.attributes());
    Cq cq(ibv_cq_ex_to_cq(create_cq_ex(context(), 0, 8, nullptr, parent.get())));
    Srq srq = create_srq(parent.get(), {8, 1, 0});
    EXPECT_EQ(store.given, 2);
    ASSERT_EQ(ibv_resize_cq(cq.get(), 500), 0);
    ibv_srq_attr larger{};
    larger.max_wr = 100;
    ASSERT_EQ(ibv_modify_srq(srq.get(), &larger, IBV_SRQ_MAX_WR), 0);
    EXPECT_EQ(store.given, 4);
    EXPECT_EQ(store.taken_back, 2);
    EXPECT_EQ(cq.close(), 0);
    EXPECT_EQ(srq.close(), 0);
    EXPECT_TRUE(store.pieces.empty());
}

TEST_F(DomainWithAllocators, LeavesTheMemoryToTheDeviceIfTheProgramSaysSo) {
    store.uses_default = true;
    const auto attr = store.attributes();
    ExtendedPair pair(context(), {.parent = &attr});
    expect_message(pair);
    EXPECT_EQ(store.given, 0);
    EXPECT_EQ(store.taken_back, 0);
}

TEST_F(DomainWithAllocators, MakesNoQueueWithoutMemory) {
    const Pd pd = alloc_pd(context());
    const Cq cq = create_cq(context());
    Pd parent = parent_of(pd.get(), store.attributes());
    store.is_empty = true;
    EXPECT_FALSE(create_qp(parent.get(), cq.get()));
    EXPECT_EQ(errno, ENOMEM);
    EXPECT_THROW(create_cq_ex(context(), 0, 8, nullptr, parent.get()), std::system_error);
    EXPECT_EQ(errno, ENOMEM);
    EXPECT_THROW(create_srq(parent.get(), {8, 1, 0}), std::system_error);
    EXPECT_EQ(errno, ENOMEM);
    // Nothing is left behind.
    EXPECT_EQ(parent.close(), 0);
}

TEST_F(DomainWithAllocators, MakesNoQueueInMemoryThatIsNotAligned) {
    static int taken_back;
    taken_back = 0;
    alignas(64) static uint8_t memory[1 << 16];
    ibv_parent_domain_init_attr attr{};
    attr.comp_mask = IBV_PARENT_DOMAIN_INIT_ATTR_ALLOCATORS;
    attr.alloc = [](ibv_pd *, void *, size_t, size_t, uint64_t) -> void * { return memory + 1; };
    attr.free = [](ibv_pd *, void *, void *, uint64_t) { ++taken_back; };
    const Pd pd = alloc_pd(context());
    const Pd parent = parent_of(pd.get(), attr);
    EXPECT_THROW(create_srq(parent.get(), {8, 1, 0}), std::system_error);
    EXPECT_EQ(errno, EINVAL);
    EXPECT_EQ(taken_back, 1);
}

TEST_F(DomainWithAllocators, KeepsItsMemoryWhenTheDeviceIsClosedAroundIt) {
    Context own = open_device();
    const auto attr = store.attributes();
    Pd pd = alloc_pd(own.get());
    Pd parent = parent_of(pd.get(), attr);
    Srq srq = create_srq(parent.get(), {8, 1, 0});
    srq.release();
    parent.release();
    pd.release();
    ASSERT_EQ(own.close(), 0);
    EXPECT_EQ(store.taken_back, 0);
    ASSERT_EQ(store.pieces.size(), 1u);
    ::free(store.pieces.begin()->first);
}

}  // namespace
