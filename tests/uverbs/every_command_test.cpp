// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// What holds for the commands of all families alike: what becomes of each refusal, and of a kernel
// that says yes and answers nothing.
#include "uverbs/ah.hpp"
#include "uverbs/comp_channel.hpp"
#include "uverbs/cq.hpp"
#include "uverbs/device.hpp"
#include "uverbs/fake_kernel.hpp"
#include "uverbs/mcast.hpp"
#include "uverbs/mr.hpp"
#include "uverbs/mw.hpp"
#include "uverbs/pd.hpp"
#include "uverbs/port.hpp"
#include "uverbs/qp.hpp"
#include "uverbs/srq.hpp"

#include <sys/resource.h>

#include <array>

namespace verbs::test {
namespace {

using uverbs::Context;

enum class Kind { creates, changes, destroys };

struct Verb {
    const char *name;
    Kind kind;
    Result<void> (*run)(const Context &context);
};

template <class T>
Result<void> outcome_of(Result<T> &&result) {
    if (!result) return Failure(std::move(result.error()));
    return {};
}

char memory[64];
constexpr std::array<std::uint8_t, 16> kGroup{0xff, 0x0e};

uverbs::QpRequest qp_request() {
    uverbs::QpRequest request;
    request.pd = 2;
    request.send_cq = request.recv_cq = 6;
    return request;
}
uverbs::CqRequest cq_request() {
    uverbs::CqRequest request;
    request.cqe = 10;
    return request;
}
uverbs::SrqRequest srq_request() {
    uverbs::SrqRequest request;
    request.pd = 2;
    request.max_wr = 10;
    return request;
}
uverbs::MrChange mr_change() {
    uverbs::MrChange change;
    change.access = 0;
    return change;
}
Result<void> modify_qp(const Context &context) {
    ib_uverbs_modify_qp change;
    std::memset(&change, 0, sizeof change);  // it ends in an open array
    return uverbs::modify_qp(context, change);
}
Result<void> query_qp(const Context &context) {
    ib_uverbs_query_qp_resp state{};
    return uverbs::query_qp(context, 9, 0, state);
}

const Verb kVerbs[] = {
    {"alloc_pd", Kind::creates, [](auto &c) { return outcome_of(uverbs::alloc_pd(c)); }},
    {"reg_mr", Kind::creates,
     [](auto &c) { return outcome_of(uverbs::reg_mr(c, 2, memory, sizeof memory, 0, 0)); }},
    {"alloc_mw", Kind::creates, [](auto &c) { return outcome_of(uverbs::alloc_mw(c, 2, 1)); }},
    {"create_comp_channel", Kind::creates,
     [](auto &c) { return outcome_of(uverbs::create_comp_channel(c)); }},
    {"create_cq", Kind::creates,
     [](auto &c) { return outcome_of(uverbs::create_cq(c, cq_request())); }},
    {"create_qp", Kind::creates,
     [](auto &c) { return outcome_of(uverbs::create_qp(c, qp_request())); }},
    {"create_srq", Kind::creates,
     [](auto &c) { return outcome_of(uverbs::create_srq(c, srq_request())); }},
    {"create_ah", Kind::creates,
     [](auto &c) { return outcome_of(uverbs::create_ah(c, 2, 1, {})); }},
    {"query_device", Kind::changes, [](auto &c) { return outcome_of(uverbs::query_device(c)); }},
    {"query_port", Kind::changes, [](auto &c) { return outcome_of(uverbs::query_port(c, 1)); }},
    {"rereg_mr", Kind::changes,
     [](auto &c) { return outcome_of(uverbs::rereg_mr(c, 8, mr_change())); }},
    {"resize_cq", Kind::changes, [](auto &c) { return outcome_of(uverbs::resize_cq(c, 6, 20)); }},
    {"modify_qp", Kind::changes, &modify_qp},
    {"query_qp", Kind::changes, &query_qp},
    {"modify_srq", Kind::changes, [](auto &c) { return uverbs::modify_srq(c, 5, 2, 0, 1); }},
    {"query_srq", Kind::changes, [](auto &c) { return outcome_of(uverbs::query_srq(c, 5)); }},
    {"attach_mcast", Kind::changes, [](auto &c) { return uverbs::attach_mcast(c, 9, kGroup, 0); }},
    {"detach_mcast", Kind::destroys, [](auto &c) { return uverbs::detach_mcast(c, 9, kGroup, 0); }},
    {"dealloc_pd", Kind::destroys, [](auto &c) { return uverbs::dealloc_pd(c, 2); }},
    {"dereg_mr", Kind::destroys, [](auto &c) { return uverbs::dereg_mr(c, 8); }},
    {"dealloc_mw", Kind::destroys, [](auto &c) { return uverbs::dealloc_mw(c, 4); }},
    {"destroy_cq", Kind::destroys, [](auto &c) { return outcome_of(uverbs::destroy_cq(c, 6)); }},
    {"destroy_qp", Kind::destroys, [](auto &c) { return outcome_of(uverbs::destroy_qp(c, 9)); }},
    {"destroy_srq", Kind::destroys, [](auto &c) { return outcome_of(uverbs::destroy_srq(c, 5)); }},
    {"destroy_ah", Kind::destroys, [](auto &c) { return uverbs::destroy_ah(c, 3); }},
};

class EveryCommand : public EveryAge {
protected:
    EveryCommand() : context_(kernel_.context()) {}

    // The outcome of a command that the kernel refuses with this.
    Result<void> refused(const Verb &verb, int code) {
        kernel_.misbehave = [code](bool) {
            errno = code;
            return -1;
        };
        auto result = verb.run(context_);
        EXPECT_FALSE(kernel_.misbehave) << verb.name << " has not asked the kernel";
        return result;
    }

    const Context context_;
};

TEST_P(EveryCommand, TellsTheKernelsNumberAndItsOwnName) {
    for (const auto &verb : kVerbs) {
        for (const int code : {EPERM, EACCES, EAGAIN, EBUSY, EFAULT, EINVAL, ENOENT, ENOMEM, ENOSPC,
                               ENODEV, ETIMEDOUT, EINTR}) {
            const auto result = refused(verb, code);
            ASSERT_FALSE(result) << verb.name << ' ' << code;
            EXPECT_EQ(result.error().code, code) << verb.name;
            EXPECT_EQ(result.error().phrase.find(verb.name), 0u) << result.error().phrase;
        }
    }
}

TEST_P(EveryCommand, CallsWhatADriverLacksNotSupported) {
    for (const auto &verb : kVerbs)
        for (const int code : {EOPNOTSUPP, ENOSYS})
            EXPECT_EQ(refused(verb, code).error().code, EOPNOTSUPP) << verb.name;
}

// The older way is tried first, and this kernel does not know that either.
TEST_P(EveryCommand, CallsAMethodThatIsUnknownEitherWayNotSupported) {
    for (const auto &verb : kVerbs)
        for (const int code : {ENOTTY, EPROTONOSUPPORT})
            EXPECT_EQ(refused(verb, code).error().code, EOPNOTSUPP) << verb.name;
}

TEST_P(EveryCommand, OfARemovedDeviceOnlyDestroysSuccessfully) {
    for (const auto &verb : kVerbs) {
        const auto result = refused(verb, EIO);
        if (verb.kind == Kind::destroys) {
            EXPECT_TRUE(result) << verb.name;
        } else {
            ASSERT_FALSE(result) << verb.name;
            EXPECT_EQ(result.error().code, EIO) << verb.name;
            EXPECT_NE(result.error().phrase.find("removed"), std::string::npos) << verb.name;
        }
    }
}

TEST_P(EveryCommand, ThatCreatesNeedsAnAnswer) {
    for (const auto &verb : kVerbs) {
        if (verb.kind != Kind::creates) continue;
        kernel_.misbehave = [this](bool is_write) {
            return is_write ? static_cast<long>(kernel_.written.size()) : 0;
        };
        const auto result = verb.run(context_);
        ASSERT_FALSE(result) << verb.name;
        EXPECT_EQ(result.error().code, EPROTO) << verb.name;
        EXPECT_NE(result.error().phrase.find("odd"), std::string::npos) << result.error().phrase;
    }
}

TEST_P(EveryCommand, WithAResultThatTheCallDoesNotHaveIsRefused) {
    for (const auto &verb : kVerbs) {
        kernel_.misbehave = [](bool) { return 3; };
        EXPECT_EQ(verb.run(context_).error().code, EPROTO) << verb.name;
    }
}

TEST_P(EveryCommand, NamesTheLimitOfLockedMemoryAndWhatRaisesIt) {
    rlimit before{};
    ASSERT_EQ(::getrlimit(RLIMIT_MEMLOCK, &before), 0);
    const rlimit low{4096, before.rlim_max};
    ASSERT_EQ(::setrlimit(RLIMIT_MEMLOCK, &low), 0);
    for (const auto &verb : kVerbs) {
        const auto result = refused(verb, ENOMEM);
        for (const char *word : {"memlock", "4096 bytes", "ulimit -l", "LimitMEMLOCK"})
            EXPECT_NE(result.error().phrase.find(word), std::string::npos) << result.error().phrase;
    }
    ASSERT_EQ(::setrlimit(RLIMIT_MEMLOCK, &before), 0);
}

UVERBS_EVERY_AGE(EveryCommand);

}  // namespace
}  // namespace verbs::test
