// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Opening a node of kernels of every age, and what is made of odd answers.
#include "uverbs/context.hpp"

#include "uverbs/fake_kernel.hpp"
#include "uverbs/pd.hpp"

#include <fcntl.h>

namespace verbs::test {
namespace {

using uverbs::Context;

Result<Context> open(FakeKernel &kernel, const char *name = "uverbs7") {
    return Context::open(name, kDriver, {}, kernel.table());
}

bool contains(const Result<Context> &result, const char *text) {
    return result.error().phrase.find(text) != std::string::npos;
}

using ContextOfEveryAge = EveryAge;

TEST_P(ContextOfEveryAge, OpensWithDescriptorsAndVectors) {
    const Context context = kernel_.context();
    EXPECT_EQ(kernel_.opened, "/dev/infiniband/uverbs7");
    EXPECT_EQ(context.num_comp_vectors(), kVectors);
    EXPECT_GE(context.fd(), 0);
    EXPECT_EQ(context.async_fd(), kernel_.async_fd);
}

TEST_P(ContextOfEveryAge, ClosesWhatItOpened) {
    int node = -1;
    int async = -1;
    {
        const Context context = kernel_.context();
        node = context.fd();
        async = context.async_fd();
        EXPECT_NE(::fcntl(node, F_GETFD), -1);
    }
    EXPECT_EQ(::fcntl(node, F_GETFD), -1);
    EXPECT_EQ(::fcntl(async, F_GETFD), -1);
}

TEST_P(ContextOfEveryAge, RefusesMoreVectorsThanThereCanBe) {
    kernel_.vectors = UINT32_MAX;
    EXPECT_EQ(open(kernel_).error().code, EPROTO);
}

UVERBS_EVERY_AGE(ContextOfEveryAge);

TEST(Context, SpeaksTheDialectThatTheKernelKnows) {
    const std::pair<Age, Context::Abi> cases[] = {
        {Age::attributes, Context::Abi::attributes},
        {Age::before_methods, Context::Abi::attributes},
        {Age::before_invoke, Context::Abi::attributes_only},
        {Age::before_ioctl, Context::Abi::write},
    };
    for (const auto &[age, abi] : cases) {
        FakeKernel kernel(age);
        EXPECT_EQ(kernel.context().abi(), abi);
    }
}

TEST(Context, NeedsTwoCallsOfANewKernel) {
    FakeKernel kernel;
    const Context context = kernel.context();
    EXPECT_EQ(kernel.ioctls, 2);
    EXPECT_EQ(kernel.writes, 0);
}

TEST(Context, AsksAnOldKernelForNothingButWhatItHas) {
    FakeKernel kernel(Age::before_ioctl);
    const Context context = kernel.context();
    kernel.on_command<ib_uverbs_alloc_pd, ib_uverbs_alloc_pd_resp>(
        IB_USER_VERBS_CMD_ALLOC_PD, [](auto &, auto &response, auto &) {
            response.pd_handle = 1;
            return 0;
        });
    EXPECT_EQ(kernel.ioctls, 1);  // the one that told
    ASSERT_TRUE(uverbs::alloc_pd(context));
    EXPECT_EQ(kernel.ioctls, 1);
}

TEST(Context, TellsWhatSupportTheKernelHasOnlyWhenItSaysSo) {
    FakeKernel kernel;
    EXPECT_EQ(kernel.context().core_support(), 1u);
    kernel.on_method(UVERBS_OBJECT_DEVICE, UVERBS_METHOD_GET_CONTEXT, [](MethodCall &call) {
        call.out(UVERBS_ATTR_GET_CONTEXT_NUM_COMP_VECTORS, std::uint32_t{1});
        return 0;
    });
    EXPECT_EQ(kernel.context().core_support(), 0u);
}

TEST(Context, GivesTheDriverItsBytes) {
    for (const Age age : {Age::attributes, Age::before_ioctl}) {
        FakeKernel kernel(age);
        const std::uint64_t request = 0xabcd;
        std::uint64_t response = 0;
        kernel.on_method(UVERBS_OBJECT_DEVICE, UVERBS_METHOD_GET_CONTEXT, [](MethodCall &call) {
            call.out(UVERBS_ATTR_GET_CONTEXT_NUM_COMP_VECTORS, std::uint32_t{1});
            call.out(UVERBS_ATTR_UHW_OUT, call.in<std::uint64_t>(UVERBS_ATTR_UHW_IN) + 1);
            return 0;
        });
        kernel.on_command<ib_uverbs_get_context, ib_uverbs_get_context_resp>(
            IB_USER_VERBS_CMD_GET_CONTEXT, [](auto &, auto &answer, CommandCall &call) {
                answer.async_fd = static_cast<std::uint32_t>(::dup(2));
                answer.num_comp_vectors = 1;
                const std::uint64_t sum = 0xabce;
                EXPECT_EQ(call.driver_in.size(), sizeof sum);
                std::memcpy(call.driver_out.data(), &sum, sizeof sum);
                return 0;
            });
        const auto context =
            Context::open("uverbs7", kDriver, uverbs::udata(request, response), kernel.table());
        ASSERT_TRUE(context) << context.error().phrase;
        EXPECT_EQ(response, 0xabceu);
    }
}

TEST(Context, NamesTheNodeThatIsMissing) {
    FakeKernel kernel;
    kernel.open_errno = ENOENT;
    const auto context = open(kernel);
    EXPECT_EQ(context.error().code, ENOENT);
    EXPECT_TRUE(contains(context, "/dev/infiniband/uverbs7"));
    EXPECT_TRUE(contains(context, "ib_uverbs"));
}

TEST(Context, SaysThatTheUserHasNoRight) {
    FakeKernel kernel;
    kernel.open_errno = EACCES;
    const auto context = open(kernel);
    EXPECT_EQ(context.error().code, EACCES);
    EXPECT_TRUE(contains(context, "right"));
}

TEST(Context, OpensNothingOutsideOfTheFolder) {
    FakeKernel kernel;
    for (const char *name : {"", "../null", "a/b", "."}) {
        EXPECT_EQ(open(kernel, name).error().code, EINVAL) << name;
    }
    EXPECT_EQ(kernel.opened, "");
}

TEST(Context, RefusesADescriptorThatIsNone) {
    FakeKernel kernel;
    kernel.on_method(UVERBS_OBJECT_ASYNC_EVENT, UVERBS_METHOD_ASYNC_EVENT_ALLOC,
                     [](MethodCall &) { return 0; });
    EXPECT_EQ(open(kernel).error().code, EPROTO);

    FakeKernel old(Age::before_ioctl);
    old.on_command<ib_uverbs_get_context, ib_uverbs_get_context_resp>(
        IB_USER_VERBS_CMD_GET_CONTEXT, [](auto &, auto &answer, auto &) {
            answer.async_fd = UINT32_MAX;
            answer.num_comp_vectors = 1;
            return 0;
        });
    EXPECT_EQ(open(old).error().code, EPROTO);
}

TEST(Context, RefusesAKernelThatAnswersNothing) {
    FakeKernel kernel;
    kernel.on_method(UVERBS_OBJECT_DEVICE, UVERBS_METHOD_GET_CONTEXT,
                     [](MethodCall &) { return 0; });
    EXPECT_EQ(open(kernel).error().code, EPROTO);
}

TEST(Context, PassesOnWhatTheKernelRefusesToOpen) {
    FakeKernel kernel;
    kernel.on_method(UVERBS_OBJECT_DEVICE, UVERBS_METHOD_GET_CONTEXT,
                     [](MethodCall &) { return EIO; });
    const auto context = open(kernel);
    EXPECT_EQ(context.error().code, EIO);
    EXPECT_TRUE(contains(context, "removed"));
}

TEST(Context, RefusesResultsThatTheCallsDoNotHave) {
    FakeKernel kernel;
    const Context context = kernel.context();
    kernel.misbehave = [](bool) { return 1; };
    EXPECT_EQ(uverbs::dealloc_pd(context, 1).error().code, EPROTO);

    FakeKernel old(Age::before_ioctl);
    const Context older = old.context();
    old.misbehave = [](bool) { return 4; };  // of 12 bytes
    EXPECT_EQ(uverbs::dealloc_pd(older, 1).error().code, EPROTO);
}

TEST(Context, LeavesErrnoAlone) {
    FakeKernel kernel(Age::before_invoke);
    errno = 1234;
    const Context context = kernel.context();
    EXPECT_EQ(errno, 1234);
    EXPECT_FALSE(uverbs::alloc_pd(context));  // the fake does not know it
    EXPECT_EQ(errno, 1234);
}

TEST(Context, GoesByTheIoctlWhereWriteIsRefusedForAChangeOfUser) {
    FakeKernel kernel;
    const Context context = kernel.context();
    int armed = 0;
    kernel.on_command<ib_uverbs_req_notify_cq, NoAnswer>(IB_USER_VERBS_CMD_REQ_NOTIFY_CQ,
                                                         [&](auto &, auto &, auto &) {
                                                             ++armed;
                                                             return 0;
                                                         });
    const ib_uverbs_req_notify_cq request{};
    const auto command = uverbs::write_command(IB_USER_VERBS_CMD_REQ_NOTIFY_CQ, request);
    EXPECT_EQ(context.run_briefly(command), 0);
    EXPECT_EQ(kernel.writes, 1);
    kernel.misbehave = [](bool) {
        errno = EACCES;
        return -1;
    };
    EXPECT_EQ(context.run_briefly(command), 0);
    EXPECT_EQ(kernel.writes, 2);
    EXPECT_EQ(armed, 2);
}

TEST(Context, CanBeMovedWhileItsDescriptorsStay) {
    FakeKernel kernel;
    Context context = kernel.context();
    const int node = context.fd();
    const Context moved = std::move(context);
    EXPECT_EQ(moved.fd(), node);
    EXPECT_NE(::fcntl(node, F_GETFD), -1);
}

}  // namespace
}  // namespace verbs::test
