// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// What a person may choose about the software device: by environment variables, or for everybody
// by <sysconfdir>/libverbs/soft.conf. The environment wins.
#pragma once

#include "core/result.hpp"

#include <string>
#include <string_view>

namespace soft {

struct Settings {
    enum class Enabled { never, always, automatic };
    enum class Copy { automatic, ring };

    Enabled enabled = Enabled::automatic;  // automatic: where the kernel has no RDMA device
    bool infiniband = false;               // soft_ib0, with InfiniBand link layer
    Copy copy = Copy::automatic;           // ring: no copies from process to process
    std::string faults;                    // as faults/plan.hpp reads it, judged at each open
};

// Those of this process. The file is read once and complained of once; the environment is looked
// at by every call.
[[nodiscard]] Settings settings();

// JSON with the keys of docs/environment.md. All of it is refused when any of it is wrong.
verbs::Result<Settings> parse_settings(std::string_view text);

// No file is no setting. A privileged process takes only a file, in a folder, that nobody but root
// or its user may write: the rule of manifests.
verbs::Result<Settings> read_settings(const std::string &file, bool is_privileged);

}  // namespace soft
