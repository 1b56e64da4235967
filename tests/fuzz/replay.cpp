// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// The fuzzer's inputs as an ordinary test, for every compiler and sanitizer: what was found once
// stays found.
#include <gtest/gtest.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

namespace {

TEST(Replay, EveryKnownInputDoesNoHarm) {
    int count = 0;
    for (const auto &entry : std::filesystem::directory_iterator(FUZZ_CORPUS)) {
        std::ifstream file(entry.path(), std::ios::binary);
        const std::vector<char> bytes(std::istreambuf_iterator<char>(file), {});
        // A broken promise ends the process: the last name that was written is the culprit's.
        std::fprintf(stderr, "%s\n", entry.path().filename().c_str());
        LLVMFuzzerTestOneInput(reinterpret_cast<const uint8_t *>(bytes.data()), bytes.size());
        ++count;
    }
    EXPECT_GT(count, 0) << "no inputs in " FUZZ_CORPUS;
}

}  // namespace
