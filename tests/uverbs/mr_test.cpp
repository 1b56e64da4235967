// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "uverbs/mr.hpp"

#include "uverbs/fake_kernel.hpp"

#include <sys/resource.h>

#include <memory>

namespace verbs::test {
namespace {

using uverbs::MrChange;

class Mr : public EveryAge {
protected:
    // The next registration is answered with this.
    void answer(int code) {
        kernel_.on_command<ib_uverbs_reg_mr, ib_uverbs_reg_mr_resp>(
            IB_USER_VERBS_CMD_REG_MR, [this, code](const auto &request, auto &response, auto &) {
                *request_ = request;
                response.mr_handle = 8;
                response.lkey = 0x11;
                response.rkey = 0x22;
                return code;
            });
    }
    // On its own: it ends in an array.
    std::unique_ptr<ib_uverbs_reg_mr> request_ = std::make_unique<ib_uverbs_reg_mr>();
    char memory_[64] = {};
};

TEST_P(Mr, IsRegistered) {
    const auto context = kernel_.context();
    answer(0);
    const auto mr =
        uverbs::reg_mr(context, 2, memory_, sizeof memory_, 0x1000, IB_UVERBS_ACCESS_LOCAL_WRITE);
    ASSERT_TRUE(mr) << mr.error().phrase;
    EXPECT_EQ(mr->handle, 8u);
    EXPECT_EQ(mr->lkey, 0x11u);
    EXPECT_EQ(mr->rkey, 0x22u);
    EXPECT_EQ(request_->start, reinterpret_cast<std::uintptr_t>(memory_));
    EXPECT_EQ(request_->length, sizeof memory_);
    EXPECT_EQ(request_->hca_va, 0x1000u);
    EXPECT_EQ(request_->pd_handle, 2u);
    EXPECT_EQ(request_->access_flags, std::uint32_t{IB_UVERBS_ACCESS_LOCAL_WRITE});
}

// Only a kernel with the newest get_context says that it knows them.
TEST_P(Mr, AsksForOptionalAccessOnlyWhereTheKernelKnowsIt) {
    const auto context = kernel_.context();
    answer(0);
    ASSERT_TRUE(uverbs::reg_mr(context, 2, memory_, sizeof memory_, 0,
                               IB_UVERBS_ACCESS_LOCAL_WRITE | IB_UVERBS_ACCESS_RELAXED_ORDERING));
    EXPECT_EQ((request_->access_flags & IB_UVERBS_ACCESS_RELAXED_ORDERING) != 0,
              GetParam() == Age::attributes);
    EXPECT_NE(request_->access_flags & IB_UVERBS_ACCESS_LOCAL_WRITE, 0u);
}

TEST_P(Mr, NamesTheLimitOfLockedMemory) {
    const auto context = kernel_.context();
    answer(ENOMEM);
    rlimit before{};
    ASSERT_EQ(::getrlimit(RLIMIT_MEMLOCK, &before), 0);
    const rlimit low{4096, before.rlim_max};
    ASSERT_EQ(::setrlimit(RLIMIT_MEMLOCK, &low), 0);
    const auto mr = uverbs::reg_mr(context, 2, memory_, sizeof memory_, 0, 0);
    ASSERT_EQ(::setrlimit(RLIMIT_MEMLOCK, &before), 0);
    EXPECT_EQ(mr.error().code, ENOMEM);
    EXPECT_NE(mr.error().phrase.find("memlock"), std::string::npos);
    EXPECT_NE(mr.error().phrase.find("4096 bytes"), std::string::npos);
}

TEST_P(Mr, SaysThatMemoryIsNotMapped) {
    const auto context = kernel_.context();
    answer(EFAULT);
    const auto mr = uverbs::reg_mr(context, 2, memory_, sizeof memory_, 0, 0);
    EXPECT_EQ(mr.error().code, EFAULT);
    EXPECT_NE(mr.error().phrase.find("mapped"), std::string::npos);
}

TEST_P(Mr, ChangesOnlyWhatIsNamed) {
    const auto context = kernel_.context();
    ib_uverbs_rereg_mr sent{};
    auto *const place = &sent;  // clang captures no struct that ends in an open array
    kernel_.on_command<ib_uverbs_rereg_mr, ib_uverbs_rereg_mr_resp>(
        IB_USER_VERBS_CMD_REREG_MR, [&](const auto &request, auto &response, auto &) {
            *place = request;
            response.lkey = 5;
            response.rkey = 6;
            return 0;
        });
    MrChange change;
    change.access = IB_UVERBS_ACCESS_REMOTE_READ;
    const auto keys = uverbs::rereg_mr(context, 8, change);
    ASSERT_TRUE(keys) << keys.error().phrase;
    EXPECT_EQ(keys->lkey, 5u);
    EXPECT_EQ(keys->rkey, 6u);
    EXPECT_EQ(sent.mr_handle, 8u);
    EXPECT_EQ(sent.flags, 4u);
    EXPECT_EQ(sent.access_flags, std::uint32_t{IB_UVERBS_ACCESS_REMOTE_READ});
    EXPECT_EQ(sent.length, 0u);

    change = {};
    change.pd = 3;
    change.translation = {memory_, 32, 0x2000};
    ASSERT_TRUE(uverbs::rereg_mr(context, 8, change));
    EXPECT_EQ(sent.flags, 3u);
    EXPECT_EQ(sent.pd_handle, 3u);
    EXPECT_EQ(sent.start, reinterpret_cast<std::uintptr_t>(memory_));
    EXPECT_EQ(sent.length, 32u);
    EXPECT_EQ(sent.hca_va, 0x2000u);
}

TEST_P(Mr, IsDeregistered) {
    const auto context = kernel_.context();
    std::int64_t destroyed = 0;
    kernel_.on_method(UVERBS_OBJECT_MR, UVERBS_METHOD_MR_DESTROY, [&](MethodCall &call) {
        destroyed = call.object(UVERBS_ATTR_DESTROY_MR_HANDLE);
        return 0;
    });
    kernel_.on_command<ib_uverbs_dereg_mr, NoAnswer>(IB_USER_VERBS_CMD_DEREG_MR,
                                                     [&](const auto &request, auto &, auto &) {
                                                         destroyed = request.mr_handle;
                                                         return 0;
                                                     });
    EXPECT_TRUE(uverbs::dereg_mr(context, 8));
    EXPECT_EQ(destroyed, 8);
}

UVERBS_EVERY_AGE(Mr);

TEST(DmabufMr, IsRegisteredByItsMethod) {
    FakeKernel kernel;
    const auto context = kernel.context();
    kernel.on_method(UVERBS_OBJECT_MR, UVERBS_METHOD_REG_DMABUF_MR, [](MethodCall &call) {
        EXPECT_EQ(call.object(UVERBS_ATTR_REG_DMABUF_MR_PD_HANDLE), 2);
        EXPECT_EQ(call.object(UVERBS_ATTR_REG_DMABUF_MR_FD), 11);
        EXPECT_EQ(call.in<std::uint64_t>(UVERBS_ATTR_REG_DMABUF_MR_OFFSET), 100u);
        EXPECT_EQ(call.in<std::uint64_t>(UVERBS_ATTR_REG_DMABUF_MR_LENGTH), 200u);
        EXPECT_EQ(call.in<std::uint64_t>(UVERBS_ATTR_REG_DMABUF_MR_IOVA), 300u);
        EXPECT_EQ(call.in<std::uint32_t>(UVERBS_ATTR_REG_DMABUF_MR_ACCESS_FLAGS), 1u);
        call.create(UVERBS_ATTR_REG_DMABUF_MR_HANDLE, 9);
        call.out(UVERBS_ATTR_REG_DMABUF_MR_RESP_LKEY, std::uint32_t{1});
        call.out(UVERBS_ATTR_REG_DMABUF_MR_RESP_RKEY, std::uint32_t{2});
        return 0;
    });
    const auto mr = uverbs::reg_dmabuf_mr(context, 2, 11, 100, 200, 300, 1);
    ASSERT_TRUE(mr) << mr.error().phrase;
    EXPECT_EQ(mr->handle, 9u);
    EXPECT_EQ(mr->lkey, 1u);
    EXPECT_EQ(mr->rkey, 2u);
}

TEST(DmabufMr, IsNotToBeHadOfAnOldKernel) {
    FakeKernel kernel(Age::before_ioctl);
    const auto context = kernel.context();
    EXPECT_EQ(uverbs::reg_dmabuf_mr(context, 2, 11, 0, 1, 0, 1).error().code, EOPNOTSUPP);
}

TEST(AdviseMr, NamesRangesAndAdvice) {
    FakeKernel kernel;
    const auto context = kernel.context();
    const ib_uverbs_sge ranges[] = {{0x1000, 10, 1}, {0x2000, 20, 2}};
    kernel.on_method(UVERBS_OBJECT_MR, UVERBS_METHOD_ADVISE_MR, [&](MethodCall &call) {
        EXPECT_EQ(call.object(UVERBS_ATTR_ADVISE_MR_PD_HANDLE), 2);
        EXPECT_EQ(call.in<std::uint64_t>(UVERBS_ATTR_ADVISE_MR_ADVICE),
                  std::uint64_t{IB_UVERBS_ADVISE_MR_ADVICE_PREFETCH_WRITE});
        EXPECT_EQ(call.in<std::uint32_t>(UVERBS_ATTR_ADVISE_MR_FLAGS),
                  std::uint32_t{IB_UVERBS_ADVISE_MR_FLAG_FLUSH});
        const auto bytes = call.in_bytes(UVERBS_ATTR_ADVISE_MR_SGE_LIST);
        EXPECT_EQ(bytes.size(), sizeof ranges);
        EXPECT_EQ(std::memcmp(bytes.data(), ranges, sizeof ranges), 0);
        return 0;
    });
    EXPECT_TRUE(uverbs::advise_mr(context, 2, IB_UVERBS_ADVISE_MR_ADVICE_PREFETCH_WRITE,
                                  IB_UVERBS_ADVISE_MR_FLAG_FLUSH, ranges));
}

}  // namespace
}  // namespace verbs::test
