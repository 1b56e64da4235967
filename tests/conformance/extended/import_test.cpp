// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Importing: ibv_import_device(3), ibv_import_pd(3), ibv_import_mr(3), ibv_import_dm(3). Everything
// is of one process here, with a context of its own for each side.
#include "extended_pair.hpp"

#include <algorithm>
#include <memory>

namespace {

using namespace verbs_test;

class Imported : public DeviceTest {
protected:
    void SetUp() override {
        DeviceTest::SetUp();
        if (!IsSkipped()) require_feature("import");
        if (IsSkipped()) return;
        other = import(context()->cmd_fd);
        ASSERT_TRUE(other) << std::strerror(errno);
    }
    void TearDown() override {
        other = {};
        DeviceTest::TearDown();
    }
    // Of a duplicate, as the manual wants it.
    static Context import(int cmd_fd) {
        const int fd = ::fcntl(cmd_fd, F_DUPFD_CLOEXEC, 0);
        Context made(ibv_import_device(fd));
        if (!made) ::close(fd);
        return made;
    }
    Context other;
};

TEST_F(Imported, IsAContextOfItsOwn) {
    EXPECT_NE(other.get(), context());
    EXPECT_STREQ(ibv_get_device_name(other->device), ibv_get_device_name(context()->device));
    EXPECT_NE(other->async_fd, context()->async_fd);
    EXPECT_EQ(device_limits(other.get()).max_qp, device_limits(context()).max_qp);
    const Pd pd = alloc_pd(other.get());
    EXPECT_TRUE(create_cq(other.get()));
}

TEST_F(Imported, ClosesItsDescriptor) {
    const int fd = other->cmd_fd;
    EXPECT_GE(::fcntl(fd, F_GETFD), 0);
    ASSERT_EQ(other.close(), 0);
    EXPECT_LT(::fcntl(fd, F_GETFD), 0);
}

TEST_F(Imported, CanBeImportedAgain) {
    const Context third = import(other->cmd_fd);
    ASSERT_TRUE(third) << std::strerror(errno);
    const Pd pd = alloc_pd(context());
    ibv_pd *imported = ibv_import_pd(third.get(), pd->handle);
    ASSERT_NE(imported, nullptr);
    ibv_unimport_pd(imported);
}

TEST_F(Imported, IsOfNoOtherDescriptor) {
    int ends[2];
    ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
    EXPECT_EQ(ibv_import_device(ends[0]), nullptr);
    EXPECT_EQ(errno, EINVAL);
    ::close(ends[0]);
    ::close(ends[1]);
    EXPECT_EQ(ibv_import_device(ends[0]), nullptr);
    EXPECT_EQ(errno, EINVAL);
}

TEST_F(Imported, DomainsEndInEachContextForItself) {
    Pd original = alloc_pd(context());
    ibv_pd *first = ibv_import_pd(other.get(), original->handle);
    ASSERT_NE(first, nullptr) << std::strerror(errno);
    EXPECT_EQ(first->handle, original->handle);
    EXPECT_EQ(first->context, other.get());
    ibv_unimport_pd(first);
    ibv_pd *second = ibv_import_pd(other.get(), original->handle);
    ASSERT_NE(second, nullptr) << std::strerror(errno);
    const uint32_t handle = original->handle;
    ASSERT_EQ(original.close(), 0);
    EXPECT_EQ(ibv_import_pd(other.get(), handle), nullptr);
    EXPECT_EQ(errno, ENOENT);
    ibv_unimport_pd(second);
}

TEST_F(Imported, DomainsThatThereAreNotAreRefused) {
    EXPECT_EQ(ibv_import_pd(other.get(), 0x7fffffff), nullptr);
    EXPECT_EQ(errno, ENOENT);
}

// A region of the first context, and the same one in the other.
class ImportedRegion : public Imported {
protected:
    void SetUp() override {
        Imported::SetUp();
        if (IsSkipped()) return;
        original_pd = alloc_pd(context());
        original = reg_mr(original_pd.get(), pages.data(), kSize);
        pd = ibv_import_pd(other.get(), original_pd->handle);
        ASSERT_NE(pd, nullptr) << std::strerror(errno);
        mr = ibv_import_mr(pd, original->handle);
        ASSERT_NE(mr, nullptr) << std::strerror(errno);
    }
    void TearDown() override {
        if (mr != nullptr) ibv_unimport_mr(mr);
        if (pd != nullptr) ibv_unimport_pd(pd);
        original = {};
        original_pd = {};
        Imported::TearDown();
    }
    static constexpr size_t kSize = 1 << 15;
    Pages pages{kSize};
    Pd original_pd;
    Mr original;
    ibv_pd *pd = nullptr;
    ibv_mr *mr = nullptr;
};

TEST_F(ImportedRegion, HasTheKeysAndNoAddress) {
    EXPECT_EQ(mr->lkey, original->lkey);
    EXPECT_EQ(mr->rkey, original->rkey);
    EXPECT_EQ(mr->length, original->length);
    EXPECT_EQ(mr->addr, nullptr);
    EXPECT_EQ(mr->pd, pd);
}

TEST_F(ImportedRegion, IsOfItsDomainAlone) {
    const Pd foreign = alloc_pd(other.get());
    EXPECT_EQ(ibv_import_mr(foreign.get(), original->handle), nullptr);
    EXPECT_EQ(errno, EINVAL);
    EXPECT_EQ(ibv_import_mr(pd, 0x7fffff00), nullptr);
    EXPECT_EQ(errno, ENOENT);
}

TEST_F(ImportedRegion, IsSentFromAndReceivedInto) {
    const PathOptions path;
    const Cq cq = create_cq(other.get());
    ibv_qp_init_attr init{};
    init.send_cq = init.recv_cq = cq.get();
    init.cap = {4, 4, 1, 1, 0};
    init.qp_type = IBV_QPT_RC;
    const Qp from(ibv_create_qp(pd, &init));
    const Qp into(ibv_create_qp(pd, &init));
    ASSERT_TRUE(from && into);
    must_connect_rc(from.get(), address_of(into.get(), path), path);
    must_connect_rc(into.get(), address_of(from.get(), path), path);
    const auto bytes = pattern(1, 500);
    std::ranges::copy(bytes, pages.data());
    const auto start = reinterpret_cast<uint64_t>(pages.data());
    ibv_sge target{start + 1000, 500, mr->lkey};
    ibv_recv_wr receive{};
    receive.sg_list = &target;
    receive.num_sge = 1;
    ibv_recv_wr *bad_receive = nullptr;
    ASSERT_EQ(ibv_post_recv(into.get(), &receive, &bad_receive), 0);
    ibv_sge source{start, 500, mr->lkey};
    ibv_send_wr send{};
    send.sg_list = &source;
    send.num_sge = 1;
    send.opcode = IBV_WR_SEND;
    send.send_flags = IBV_SEND_SIGNALED;
    ibv_send_wr *bad_send = nullptr;
    ASSERT_EQ(ibv_post_send(from.get(), &send, &bad_send), 0);
    int ended = 0;
    ASSERT_TRUE(eventually(
        [&] {
            ibv_wc wc{};
            if (ibv_poll_cq(cq.get(), 1, &wc) == 1) {
                EXPECT_EQ(wc.status, IBV_WC_SUCCESS);
                ++ended;
            }
            return ended == 2;
        },
        patience()));
    EXPECT_TRUE(std::equal(bytes.begin(), bytes.end(), pages.data() + 1000));
}

TEST_F(ImportedRegion, IsNotRegisteredAnew) {
    EXPECT_NE(ibv_rereg_mr(mr, IBV_REREG_MR_CHANGE_ACCESS, nullptr, nullptr, 0, 0), 0);
    EXPECT_EQ(errno, EOPNOTSUPP);
}

TEST_F(ImportedRegion, EndsForAllWhenItIsDeregistered) {
    ASSERT_EQ(ibv_dereg_mr(mr), 0);
    mr = nullptr;
    EXPECT_EQ(ibv_import_mr(pd, original->handle), nullptr);
    EXPECT_EQ(errno, ENOENT);
    // What is left of it elsewhere still has to go, and harms nobody.
    const Mr next = reg_mr(original_pd.get(), pages.data(), kSize);
    EXPECT_EQ(original.close(), 0);
    mr = ibv_import_mr(pd, next->handle);
    EXPECT_NE(mr, nullptr);
    ibv_unimport_mr(mr);
    mr = nullptr;
}

TEST_F(Imported, DeviceMemoryIsTheSame) {
    require_feature("device memory");
    if (IsSkipped()) return;
    ibv_alloc_dm_attr attr{};
    attr.length = 4096;
    ibv_dm *original = ibv_alloc_dm(context(), &attr);
    ASSERT_NE(original, nullptr);
    ASSERT_TRUE(original->comp_mask & IBV_DM_MASK_HANDLE);
    ibv_dm *imported = ibv_import_dm(other.get(), original->handle);
    ASSERT_NE(imported, nullptr) << std::strerror(errno);
    const auto bytes = pattern(2, 4096);
    EXPECT_EQ(ibv_memcpy_to_dm(original, 0, bytes.data(), bytes.size()), 0);
    EXPECT_EQ(ibv_free_dm(original), 0);
    std::vector<uint8_t> found(bytes.size());
    EXPECT_EQ(ibv_memcpy_from_dm(found.data(), imported, 0, found.size()), 0);
    EXPECT_EQ(found, bytes);
    ibv_unimport_dm(imported);
    EXPECT_EQ(ibv_import_dm(other.get(), 0x7fffffff), nullptr);
    EXPECT_EQ(errno, ENOENT);
}

}  // namespace
