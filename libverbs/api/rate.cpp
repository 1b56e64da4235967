// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Static rates. One table; what it leaves out has no number.
#include "core/number_of.hpp"

#include <infiniband/verbs.h>

#include <algorithm>
#include <array>

namespace {

struct Rate {
    enum ibv_rate rate;
    int mult;  // of 2.5 Gbit/s; -1: programs have never been given one
    int mbps;  // with the line code taken into account
};

constexpr std::array<Rate, 23> kRates = {{
    {IBV_RATE_2_5_GBPS, 1, 2500},       {IBV_RATE_5_GBPS, 2, 5000},
    {IBV_RATE_10_GBPS, 4, 10000},       {IBV_RATE_20_GBPS, 8, 20000},
    {IBV_RATE_30_GBPS, 12, 30000},      {IBV_RATE_40_GBPS, 16, 40000},
    {IBV_RATE_60_GBPS, 24, 60000},      {IBV_RATE_80_GBPS, 32, 80000},
    {IBV_RATE_120_GBPS, 48, 120000},    {IBV_RATE_14_GBPS, -1, 14062},
    {IBV_RATE_56_GBPS, -1, 56250},      {IBV_RATE_112_GBPS, -1, 112500},
    {IBV_RATE_168_GBPS, -1, 168750},    {IBV_RATE_25_GBPS, -1, 25781},
    {IBV_RATE_100_GBPS, -1, 103125},    {IBV_RATE_200_GBPS, -1, 206250},
    {IBV_RATE_300_GBPS, -1, 309375},    {IBV_RATE_28_GBPS, 11, 28125},
    {IBV_RATE_50_GBPS, 20, 53125},      {IBV_RATE_400_GBPS, 160, 425000},
    {IBV_RATE_600_GBPS, 240, 637500},   {IBV_RATE_800_GBPS, 320, 850000},
    {IBV_RATE_1200_GBPS, 480, 1275000},
}};

template <class Predicate>
const Rate *find(Predicate &&is_it) {
    const auto found = std::find_if(kRates.begin(), kRates.end(), is_it);
    return found == kRates.end() ? nullptr : &*found;
}

}  // namespace

int ibv_rate_to_mult(enum ibv_rate rate) {
    const int number = verbs::number_of(rate);
    const Rate *found = find([=](const Rate &r) { return r.rate == number; });
    return found == nullptr ? -1 : found->mult;
}

enum ibv_rate mult_to_ibv_rate(int mult) {
    const Rate *found = find([=](const Rate &r) { return mult > 0 && r.mult == mult; });
    return found == nullptr ? IBV_RATE_MAX : found->rate;
}

int ibv_rate_to_mbps(enum ibv_rate rate) {
    const int number = verbs::number_of(rate);
    const Rate *found = find([=](const Rate &r) { return r.rate == number; });
    return found == nullptr ? -1 : found->mbps;
}

enum ibv_rate mbps_to_ibv_rate(int mbps) {
    const Rate *found = find([=](const Rate &r) { return r.mbps == mbps; });
    return found == nullptr ? IBV_RATE_MAX : found->rate;
}
