// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Names that libibverbs.so.1 hands on to libverbs-exp.so.0, in whose place is one that notes how it
// is called (stand_in_experimental.c).
#include "versioned_library.hpp"

#include <string>

// Keeps libibverbs.so.1 in this program; any name would do.
extern "C" int ibv_fork_init(void);

extern "C" struct StandInCall {
    const char *name;
    long arguments[6];
    int fills;
} stand_in_call;

namespace {

struct Name {
    const char *node;
    const char *name;
    int arguments;
};

// By its name: the bytes of the struct have gaps.
void PrintTo(const Name &name, std::ostream *out) {
    *out << name.name;
}

class ExperimentalName : public testing::TestWithParam<Name> {
protected:
    void SetUp() override {
        ibv_fork_init();
        stand_in_call = {};
    }
    VERBS_CALLS_ANY_TYPE static void call(const Name &which) {
        using Function = void(long, long, long, long, long, long);
        auto *function =
            reinterpret_cast<Function *>(VersionedLibrary(which.node).address(which.name));
        ASSERT_NE(function, nullptr);
        function(11, 12, 13, 14, 15, 16);
    }
};

TEST_P(ExperimentalName, GoesOnWithItsArgumentsAsTheyAre) {
    call(GetParam());
    ASSERT_NE(stand_in_call.name, nullptr);
    EXPECT_STREQ(stand_in_call.name, GetParam().name);
    for (int i = 0; i < GetParam().arguments; ++i)
        EXPECT_EQ(stand_in_call.arguments[i], 11 + i);
}

INSTANTIATE_TEST_SUITE_P(
    Each, ExperimentalName,
    testing::Values(
        Name{"IBVERBS_1.6", "ibv_qp_to_qp_ex", 1}, Name{"IBVERBS_1.10", "ibv_import_device", 1},
        Name{"IBVERBS_1.10", "ibv_import_mr", 2}, Name{"IBVERBS_1.10", "ibv_import_pd", 2},
        Name{"IBVERBS_1.10", "ibv_unimport_mr", 1}, Name{"IBVERBS_1.10", "ibv_unimport_pd", 1},
        Name{"IBVERBS_1.10", "ibv_query_ece", 2}, Name{"IBVERBS_1.10", "ibv_set_ece", 2},
        Name{"IBVERBS_1.12", "ibv_reg_dmabuf_mr", 6}, Name{"IBVERBS_1.13", "ibv_import_dm", 2},
        Name{"IBVERBS_1.13", "ibv_unimport_dm", 1},
        Name{"IBVERBS_1.14", "ibv_query_qp_data_in_order", 3},
        Name{"IBVERBS_1.15", "ibv_alloc_dmah", 2}, Name{"IBVERBS_1.15", "ibv_dealloc_dmah", 1},
        Name{"IBVERBS_1.15", "ibv_reg_mr_ex", 2},
        Name{"IBVERBS_1.16", "ibv_dm_export_dmabuf_fd", 1},
        Name{"IBVERBS_1.16", "ibv_query_port_speed", 3}, Name{"IBVERBS_1.17", "ibv_alloc_buf", 3},
        Name{"IBVERBS_1.17", "ibv_free_buf", 1}, Name{"IBVERBS_1.17", "ibv_reg_buf_mr", 5},
        Name{"IBVERBS_1.18", "_ibv_query_comp_cntr_caps", 3},
        Name{"IBVERBS_1.18", "ibv_create_comp_cntr", 2},
        Name{"IBVERBS_1.18", "ibv_destroy_comp_cntr", 1},
        Name{"IBVERBS_1.18", "ibv_export_buf_dmabuf_fd", 1},
        Name{"IBVERBS_1.18", "ibv_inc_comp_cntr", 2},
        Name{"IBVERBS_1.18", "ibv_inc_err_comp_cntr", 2},
        Name{"IBVERBS_1.18", "ibv_qp_attach_comp_cntr", 3},
        Name{"IBVERBS_1.18", "ibv_read_comp_cntr", 2},
        Name{"IBVERBS_1.18", "ibv_read_err_comp_cntr", 2},
        Name{"IBVERBS_1.18", "ibv_set_comp_cntr", 2},
        Name{"IBVERBS_1.18", "ibv_set_err_comp_cntr", 2}),
    [](const auto &instance) { return std::string(instance.param.name); });

// Rights to flush, which the stable call has not.
class RegionToFlush : public ExperimentalName {
protected:
    static constexpr long kToFlush = 1 << 8;
    template <class... A>
    VERBS_CALLS_ANY_TYPE static void call_with(const char *node, const char *name, A... arguments) {
        using Function = void(A...);
        auto *function = reinterpret_cast<Function *>(VersionedLibrary(node).address(name));
        ASSERT_NE(function, nullptr);
        function(arguments...);
    }
    static void expect_registered(long iova) {
        ASSERT_NE(stand_in_call.name, nullptr);
        EXPECT_STREQ(stand_in_call.name, "verbs_exp_reg_mr_iova");
        EXPECT_EQ(stand_in_call.arguments[0], 11);
        EXPECT_EQ(stand_in_call.arguments[1], 12);
        EXPECT_EQ(stand_in_call.arguments[2], 13);
        EXPECT_EQ(stand_in_call.arguments[3], iova);
        EXPECT_EQ(stand_in_call.arguments[4], kToFlush);
    }
};

TEST_F(RegionToFlush, GoesOnByEachOfTheNames) {
    call_with("IBVERBS_1.1", "ibv_reg_mr", 11L, 12L, 13L, kToFlush);
    expect_registered(12);
    stand_in_call = {};
    call_with("IBVERBS_1.7", "ibv_reg_mr_iova", 11L, 12L, 13L, 14L, kToFlush);
    expect_registered(14);
    stand_in_call = {};
    call_with("IBVERBS_1.8", "ibv_reg_mr_iova2", 11L, 12L, 13L, 14L, kToFlush);
    expect_registered(14);
}

TEST_F(RegionToFlush, GoesOnWithThoseRightsAlone) {
    call_with("IBVERBS_1.1", "ibv_reg_mr", 0L, 12L, 13L, 1L);
    call_with("IBVERBS_1.7", "ibv_reg_mr_iova", 0L, 12L, 13L, 14L, 1L);
    EXPECT_EQ(stand_in_call.name, nullptr);
}

using ImportedDevice = ExperimentalName;

TEST_F(ImportedDevice, GetsTheSlotsOfOneThatWasOpened) {
    call({"IBVERBS_1.10", "ibv_import_device", 1});
    EXPECT_EQ(stand_in_call.fills, 1);
}

}  // namespace
