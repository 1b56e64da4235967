// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// The conversions from and to the kernel's structures, byte by byte: what goes where is written
// down here a second time, as offsets, so that a wrong layout on either side shows.
#include <array>
#include <cstring>
#include <gtest/gtest.h>
#include <infiniband/sa.h>
#include <infiniband/verbs.h>
#include <rdma/ib_user_sa.h>
#include <rdma/ib_user_verbs.h>
#include <vector>

extern "C" {
void ibv_copy_ah_attr_from_kern(ibv_ah_attr *dst, ib_uverbs_ah_attr *src);
void ibv_copy_qp_attr_from_kern(ibv_qp_attr *dst, ib_uverbs_qp_attr *src);
void ibv_copy_path_rec_from_kern(ibv_sa_path_rec *dst, ib_user_path_rec *src);
void ibv_copy_path_rec_to_kern(ib_user_path_rec *dst, ibv_sa_path_rec *src);
}

namespace {

constexpr unsigned char kUntouched = 0xee;

struct Move {
    size_t from;
    size_t to;
    size_t size;
};

// A source in which every byte is another one, none of them kUntouched.
template <class T>
T numbered() {
    static_assert(sizeof(T) < kUntouched);
    std::array<unsigned char, sizeof(T)> bytes;
    for (size_t i = 0; i < bytes.size(); ++i)
        bytes[i] = static_cast<unsigned char>(i + 1);
    T value;
    std::memcpy(&value, bytes.data(), sizeof value);
    return value;
}

template <class T>
T untouched() {
    T value;
    std::memset(static_cast<void *>(&value), kUntouched, sizeof value);
    return value;
}

template <class To, class From>
void expect_moved(const To &to, const From &from, const std::vector<Move> &moves) {
    std::array<unsigned char, sizeof(To)> expected;
    expected.fill(kUntouched);
    for (const Move &move : moves)
        std::memcpy(expected.data() + move.to,
                    reinterpret_cast<const unsigned char *>(&from) + move.from, move.size);
    const auto *actual = reinterpret_cast<const unsigned char *>(&to);
    for (size_t i = 0; i < expected.size(); ++i)
        EXPECT_EQ(expected[i], actual[i]) << "at byte " << i;
}

TEST(KernelStructs, AnAddressVectorKeepsItsLayout) {
    auto from = numbered<ib_uverbs_ah_attr>();
    auto to = untouched<ibv_ah_attr>();
    ibv_copy_ah_attr_from_kern(&to, &from);
    expect_moved(to, from, {{0, 0, 23}, {24, 24, 7}});
}

TEST(KernelStructs, QueuePairAttributesGoToTheirPlacesAndRateLimitIsLeftAlone) {
    auto from = numbered<ib_uverbs_qp_attr>();
    auto to = untouched<ibv_qp_attr>();
    ibv_copy_qp_attr_from_kern(&to, &from);
    expect_moved(to, from,
                 {{4, 0, 36},        // qp_state to qp_access_flags
                  {40, 56, 23},      // ah_attr.grh
                  {64, 80, 7},       // ah_attr after it
                  {72, 88, 23},      // alt_ah_attr.grh
                  {96, 112, 7},      // alt_ah_attr after it
                  {104, 36, 20},     // cap
                  {124, 120, 15}});  // pkey_index to alt_timeout
}

const std::vector<Move> kPathMoves = {
    {0, 0, 40},   // dgid, sgid, dlid, slid, raw_traffic
    {40, 40, 4},  // flow_label
    {54, 44, 2},  // hop_limit, traffic_class
    {44, 48, 4},  // reversible
    {56, 52, 1},  // numb_path
    {52, 54, 2},  // pkey
    {57, 56, 2},  // sl, mtu_selector
    {59, 59, 5},  // rate_selector to preference
};
constexpr size_t kKernelMtu = offsetof(ib_user_path_rec, mtu);
constexpr size_t kOurMtu = offsetof(ibv_sa_path_rec, mtu);

TEST(KernelStructs, APathRecordComesFromTheKernel) {
    auto from = numbered<ib_user_path_rec>();
    from.mtu = 4;  // the one member whose width differs
    auto to = untouched<ibv_sa_path_rec>();
    ibv_copy_path_rec_from_kern(&to, &from);
    EXPECT_EQ(4, to.mtu);
    to.mtu = kUntouched;
    expect_moved(to, from, kPathMoves);
    static_assert(kOurMtu == 58 && kKernelMtu == 48);
}

TEST(KernelStructs, APathRecordGoesToTheKernel) {
    auto from = numbered<ibv_sa_path_rec>();
    from.mtu = 5;
    auto to = untouched<ib_user_path_rec>();
    ibv_copy_path_rec_to_kern(&to, &from);
    EXPECT_EQ(5u, to.mtu);
    std::memset(&to.mtu, kUntouched, sizeof to.mtu);
    std::vector<Move> back;
    for (const Move &move : kPathMoves)
        back.push_back({move.to, move.from, move.size});
    expect_moved(to, from, back);
}

}  // namespace
