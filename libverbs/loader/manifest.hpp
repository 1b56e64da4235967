// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Manifest: what a provider says about itself before any of its code runs. The text is hostile
// input until parse_manifest has read it.
//
// Rules of judgement, named in every refusal:
//   M1  a regular file of at most 64 KiB that can be read; in a privileged process, owned by root
//       or the effective user and writable by nobody else
//   M2  one JSON object, not nested deeper than 8
//   M3  its "manifest" version is known
//   M4  the keys that must be there are, and every known key has the right type and range
//   M5  "library" is an absolute path, a bare file name or a path relative to the manifest
//   M6  the name is not taken by a manifest that comes earlier
#pragma once

#include "core/result.hpp"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace verbs::loader {

// A kernel device that the provider drives. Exactly one of the ways below.
struct Match {
    enum class By : std::uint8_t { driver_id, pci, modalias };
    By by = By::driver_id;
    std::uint32_t driver_id = 0;  // enum rdma_driver_id
    std::string pattern;          // "15b3:*" or a modalias pattern
};

// When a provider that enumerates need not be asked because the kernel has devices: none of the
// environment variables is set, and the file is not there.
struct Yield {
    std::vector<std::string> unless_set;
    std::filesystem::path unless_file;  // empty for none
};

struct Manifest {
    std::filesystem::path file;     // where it was read
    std::string name;               // [a-z0-9][a-z0-9_-]{0,31}
    std::filesystem::path library;  // what to open; never searched for
    std::uint32_t contract_oldest = 0;
    std::uint32_t contract_newest = 0;
    bool enumerates = false;  // brings devices of its own
    // The environment variable without which the provider is not even opened; "" for none.
    std::string only_with;
    std::optional<Yield> yields;
    bool is_experimental = false;
    std::vector<Match> match;
    std::string package;
    std::string description;
};

inline constexpr std::size_t kMaxManifestBytes = 64 * 1024;
inline constexpr int kMaxManifestDepth = 8;

// Reads one manifest's text. `file` is where it came from, `provider_dir` where bare names live.
[[nodiscard]] Result<Manifest> parse_manifest(std::string_view text,
                                              const std::filesystem::path &file,
                                              const std::filesystem::path &provider_dir);

}  // namespace verbs::loader
