// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Error codes are part of the ABI: for each public function that can fail, what it returns and what
// errno is, with a provider that refuses, with one that throws, and with a foreign handle. The
// shapes are those of the ledger (libverbs/abi/symbols.tsv).
#include "fake_device.hpp"

#include <functional>

namespace {

using verbs_test::FakeState;
using verbs_test::Foreign;

enum class Shape { pointer, error, minus_one, count };

struct Verb {
    const char *name;
    const char *slot;  // what is called in the provider
    Shape shape;
    // Calls the function with good handles and gives its result; a pointer counts as 1 or 0.
    std::function<int()> call;
};

class Shapes : public verbs_test::FakeQueues {
protected:
    void SetUp() override {
        FakeQueues::SetUp();
        fake.gids = {verbs_provider_gid{}};
        fake.pkeys_be = {0xffff};
        ibv_srq_init_attr srq_attr{};
        srq = ibv_create_srq(pd, &srq_attr);
        mr = ibv_reg_mr(pd, &memory, sizeof memory, 0);
        mw = ibv_alloc_mw(pd, IBV_MW_TYPE_1);
        ibv_ah_attr ah_attr{};
        ah = ibv_create_ah(pd, &ah_attr);
        ASSERT_TRUE(srq && mr && mw && ah);
    }
    void TearDown() override {
        fail_nothing();
        EXPECT_EQ(ibv_destroy_ah(ah), 0);
        EXPECT_EQ(ibv_dealloc_mw(mw), 0);
        EXPECT_EQ(ibv_dereg_mr(mr), 0);
        EXPECT_EQ(ibv_destroy_srq(srq), 0);
        FakeQueues::TearDown();
    }

    std::vector<Verb> verbs();
    static void expect_failure(const Verb &verb, int result, int code);

    char memory[64] = {};
    ibv_srq *srq = nullptr;
    ibv_mr *mr = nullptr;
    ibv_mw *mw = nullptr;
    ibv_ah *ah = nullptr;

    // Where results go.
    ibv_device_attr device_attr{};
    ibv_port_attr port_attr{};
    ibv_gid gid{};
    ibv_mw_bind bind{};
    ibv_srq_init_attr srq_init{};
    ibv_srq_attr srq_attr_{};
    ibv_qp_init_attr qp_init{};
    ibv_qp_attr qp_attr{};
    ibv_ah_attr ah_attr_{};
    ibv_wc wc{};
    __be16 pkey = 0;
};

std::vector<Verb> Shapes::verbs() {
    const auto shown = [](const void *object) { return object != nullptr ? 1 : 0; };
    return {
        {"ibv_close_device", "close_device", Shape::minus_one,
         [this] { return ibv_close_device(context); }},
        {"ibv_query_device", "query_device", Shape::error,
         [this] { return ibv_query_device(context, &device_attr); }},
        {"ibv_query_port", "query_port", Shape::error,
         [this] { return ibv_query_port(context, 1, &port_attr); }},
        {"ibv_query_gid", "query_gid", Shape::minus_one,
         [this] { return ibv_query_gid(context, 1, 0, &gid); }},
        {"ibv_query_pkey", "query_pkey", Shape::minus_one,
         [this] { return ibv_query_pkey(context, 1, 0, &pkey); }},
        {"ibv_get_pkey_index", "query_pkey", Shape::count,
         [this] { return ibv_get_pkey_index(context, 1, 0xffff); }},
        {"ibv_alloc_pd", "alloc_pd", Shape::pointer,
         [=, this] { return shown(ibv_alloc_pd(context)); }},
        {"ibv_dealloc_pd", "dealloc_pd", Shape::error, [this] { return ibv_dealloc_pd(pd); }},
        {"ibv_reg_mr", "reg_mr", Shape::pointer,
         [=, this] { return shown(ibv_reg_mr(pd, memory, sizeof memory, 0)); }},
        {"ibv_reg_mr_iova", "reg_mr", Shape::pointer,
         [=, this] { return shown(ibv_reg_mr_iova(pd, memory, sizeof memory, 0, 0)); }},
        {"ibv_dereg_mr", "dereg_mr", Shape::error, [this] { return ibv_dereg_mr(mr); }},
        {"ibv_alloc_mw", "alloc_mw", Shape::pointer,
         [=, this] { return shown(ibv_alloc_mw(pd, IBV_MW_TYPE_1)); }},
        {"ibv_bind_mw", "bind_mw", Shape::error, [this] { return ibv_bind_mw(qp, mw, &bind); }},
        {"ibv_dealloc_mw", "dealloc_mw", Shape::error, [this] { return ibv_dealloc_mw(mw); }},
        {"ibv_create_comp_channel", "create_comp_channel", Shape::pointer,
         [=, this] { return shown(ibv_create_comp_channel(context)); }},
        {"ibv_create_cq", "create_cq", Shape::pointer,
         [=, this] { return shown(ibv_create_cq(context, 1, nullptr, nullptr, 0)); }},
        {"ibv_resize_cq", "resize_cq", Shape::error, [this] { return ibv_resize_cq(cq, 9); }},
        {"ibv_destroy_cq", "destroy_cq", Shape::error, [this] { return ibv_destroy_cq(cq); }},
        {"ibv_create_srq", "create_srq", Shape::pointer,
         [=, this] { return shown(ibv_create_srq(pd, &srq_init)); }},
        {"ibv_modify_srq", "modify_srq", Shape::error,
         [this] { return ibv_modify_srq(srq, &srq_attr_, IBV_SRQ_LIMIT); }},
        {"ibv_query_srq", "query_srq", Shape::error,
         [this] { return ibv_query_srq(srq, &srq_attr_); }},
        {"ibv_destroy_srq", "destroy_srq", Shape::error, [this] { return ibv_destroy_srq(srq); }},
        {"ibv_create_qp", "create_qp", Shape::pointer,
         [=, this] { return shown(ibv_create_qp(pd, &qp_init)); }},
        {"ibv_modify_qp", "modify_qp", Shape::error,
         [this] { return ibv_modify_qp(qp, &qp_attr, IBV_QP_STATE); }},
        {"ibv_query_qp", "query_qp", Shape::error,
         [this] { return ibv_query_qp(qp, &qp_attr, IBV_QP_STATE, &qp_init); }},
        {"ibv_destroy_qp", "destroy_qp", Shape::error, [this] { return ibv_destroy_qp(qp); }},
        {"ibv_create_ah", "create_ah", Shape::pointer,
         [=, this] { return shown(ibv_create_ah(pd, &ah_attr_)); }},
        {"ibv_create_ah_from_wc", "create_ah", Shape::pointer,
         [=, this] { return shown(ibv_create_ah_from_wc(pd, &wc, nullptr, 1)); }},
        {"ibv_destroy_ah", "destroy_ah", Shape::error, [this] { return ibv_destroy_ah(ah); }},
        {"ibv_attach_mcast", "attach_mcast", Shape::error,
         [this] { return ibv_attach_mcast(qp, &gid, 0); }},
        {"ibv_detach_mcast", "detach_mcast", Shape::error,
         [this] { return ibv_detach_mcast(qp, &gid, 0); }},
    };
}

void Shapes::expect_failure(const Verb &verb, int result, int code) {
    SCOPED_TRACE(verb.name);
    EXPECT_EQ(errno, code);
    switch (verb.shape) {
    case Shape::pointer:
        EXPECT_EQ(result, 0);
        break;
    case Shape::error:
        EXPECT_EQ(result, code);
        break;
    case Shape::minus_one:
    case Shape::count:
        EXPECT_EQ(result, -1);
        break;
    }
}

}  // namespace

TEST_F(Shapes, AProvidersNumberReachesTheProgram) {
    for (const auto &verb : verbs()) {
        fail(verb.slot, EXDEV, "the fake said so");
        errno = kUntouched;
        expect_failure(verb, verb.call(), EXDEV);
        EXPECT_EQ(verbs_last_error(), "fake: " + std::string(verb.slot) + ": the fake said so");
    }
}

TEST_F(Shapes, AProviderWithoutAReasonIsExplainedByItsNumber) {
    for (const auto &verb : verbs()) {
        fail(verb.slot, ENOSPC);
        expect_failure(verb, verb.call(), ENOSPC);
        EXPECT_EQ(verbs_last_error(),
                  "fake: " + std::string(verb.slot) + ": No space left on device");
    }
}

TEST_F(Shapes, AProvidersExceptionIsAnInputOutputError) {
    for (const auto throws : {FakeState::Throws::exception, FakeState::Throws::number}) {
        fake.throws = throws;
        for (const auto &verb : verbs()) {
            fake.failing_slot = verb.slot;
            expect_failure(verb, verb.call(), EIO);
        }
    }
}

TEST_F(Shapes, ANegativeNumberOfAProviderIsUnderstood) {
    for (const auto &verb : verbs()) {
        fail(verb.slot, -EXDEV);
        expect_failure(verb, verb.call(), EXDEV);
    }
}

TEST_F(Shapes, ANumberThatIsNoErrnoIsAnInputOutputError) {
    for (const auto &verb : verbs()) {
        fail(verb.slot, 123456);
        expect_failure(verb, verb.call(), EIO);
    }
}

TEST_F(Shapes, AForeignHandleIsRefused) {
    // Handed over in place of the good ones, whose owners get them back at the end.
    Foreign foreign;
    const auto good = std::tuple(context, pd, mr, mw, cq, srq, qp, ah);
    std::tie(context, pd, mr, mw) =
        std::tuple(&foreign.context, &foreign.pd, &foreign.mr, &foreign.mw);
    std::tie(cq, srq, qp, ah) = std::tuple(&foreign.cq, &foreign.srq, &foreign.qp, &foreign.ah);
    for (const auto &verb : verbs()) {
        errno = kUntouched;
        expect_failure(verb, verb.call(), EINVAL);
        EXPECT_NE(std::string(verbs_last_error()).find("another copy"), std::string::npos)
            << verb.name;
    }
    std::tie(context, pd, mr, mw, cq, srq, qp, ah) = good;
}

TEST_F(Shapes, ANullHandleIsRefused) {
    const auto good = std::tuple(context, pd, mr, mw, cq, srq, qp, ah);
    std::tie(context, pd, mr, mw, cq, srq, qp, ah) =
        std::tuple(nullptr, nullptr, nullptr, nullptr, nullptr, nullptr, nullptr, nullptr);
    for (const auto &verb : verbs()) {
        errno = kUntouched;
        expect_failure(verb, verb.call(), EINVAL);
        EXPECT_NE(std::string(verbs_last_error()).find("NULL"), std::string::npos) << verb.name;
    }
    std::tie(context, pd, mr, mw, cq, srq, qp, ah) = good;
}

TEST_F(Shapes, SuccessLeavesErrnoAlone) {
    for (const auto &verb : verbs()) {
        // What makes or ends an object is done in order by the other tests.
        if (verb.shape == Shape::pointer) continue;
        const std::string name = verb.name;
        if (name.find("destroy") != name.npos || name.find("dea") != name.npos ||
            name.find("dereg") != name.npos || name.find("close") != name.npos)
            continue;
        errno = kUntouched;
        EXPECT_EQ(verb.call(), 0) << verb.name << ": " << verbs_last_error();
        EXPECT_EQ(errno, kUntouched) << verb.name;
    }
}
