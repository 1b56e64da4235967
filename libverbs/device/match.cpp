// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "device/match.hpp"

#include <rdma/ib_user_ioctl_verbs.h>

#include <fnmatch.h>

#include <algorithm>
#include <array>

namespace verbs::device {
namespace {

// By enum rdma_driver_id.
constexpr std::array<const char *, RDMA_DRIVER_ERDMA + 1> kDrivers = {
    nullptr,      "mlx5", "mlx4", "cxgb3", "cxgb4", "mthca", "bnxt_re", "ocrdma", "nes", "irdma",
    "vmw_pvrdma", "qedr", "hns",  "usnic", "rxe",   "hfi1",  "qib",     "efa",    "siw", "erdma"};
static_assert(RDMA_DRIVER_IRDMA == 9 && RDMA_DRIVER_RXE == 14 && RDMA_DRIVER_ERDMA == 19);

// "15b3:*" as a pattern of modaliases, where each half is eight upper-case digits.
std::string modalias_of_pci(const std::string &pattern) {
    const auto colon = pattern.find(':');
    const auto half = [](std::string digits) {
        if (digits == "*") return digits;
        std::transform(digits.begin(), digits.end(), digits.begin(), [](char c) {
            return c >= 'a' && c <= 'f' ? static_cast<char>(c - 'a' + 'A') : c;
        });
        return "0000" + digits;
    };
    return "pci:v" + half(pattern.substr(0, colon)) + 'd' + half(pattern.substr(colon + 1)) + "sv*";
}

}  // namespace

bool Matcher::is_named_by(const loader::Manifest &manifest) {
    return std::any_of(manifest.match.begin(), manifest.match.end(),
                       [&](const auto &match) { return fits(match); });
}

bool Matcher::fits(const loader::Match &match) {
    switch (match.by) {
    case loader::Match::By::driver_id:
        return match.driver_id == device_.driver_id;
    case loader::Match::By::pci:
        return has_modalias_like(modalias_of_pci(match.pattern));
    case loader::Match::By::modalias:
        return has_modalias_like(match.pattern);
    }
    return false;
}

bool Matcher::has_modalias_like(const std::string &pattern) {
    if (!modalias_) modalias_ = sysfs_.modalias(device_.name).value_or("");
    return !modalias_->empty() && ::fnmatch(pattern.c_str(), modalias_->c_str(), 0) == 0;
}

std::string describe_driver(const KernelDevice &device) {
    const char *name = device.driver_id < kDrivers.size() ? kDrivers[device.driver_id] : nullptr;
    return std::string(name != nullptr ? name : "unknown") + " (driver id " +
           std::to_string(device.driver_id) + ")";
}

}  // namespace verbs::device
