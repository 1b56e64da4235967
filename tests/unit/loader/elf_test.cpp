// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// The test program itself is a shared object (position independent): its bytes make the cases.
#include "loader/elf.hpp"

#include "support/folder.hpp"

#include <gtest/gtest.h>

#include <elf.h>
#include <link.h>

#include <cstring>
#include <fstream>
#include <sstream>

using verbs::loader::check_elf_is_whole;
using verbs_test::Folder;

namespace {

std::string own_bytes() {
    std::ifstream file("/proc/self/exe", std::ios::binary);
    std::ostringstream bytes;
    bytes << file.rdbuf();
    return bytes.str();
}

verbs::Result<void> check(const std::string &bytes) {
    const Folder folder;
    return check_elf_is_whole(folder.write("plugin.so", bytes));
}

template <class Act>
std::string with_header(std::string bytes, Act act) {
    ElfW(Ehdr) header;
    std::memcpy(&header, bytes.data(), sizeof header);
    act(header);
    std::memcpy(bytes.data(), &header, sizeof header);
    return bytes;
}

}  // namespace

TEST(Elf, AcceptsAWholeFile) {
    const auto whole = check_elf_is_whole("/proc/self/exe");
    EXPECT_TRUE(whole) << whole.error().phrase;
}

TEST(Elf, RefusesAFileCutShortAnywhere) {
    const std::string bytes = own_bytes().substr(0, 200'000);
    for (const std::size_t size : {0u, 1u, 16u, 63u, 64u, 100u, 1000u, 10'000u, 200'000u})
        EXPECT_FALSE(check(bytes.substr(0, size))) << size;
}

TEST(Elf, RefusesWhatIsNoElfFile) {
    EXPECT_FALSE(check(std::string(4096, 'x')));
    EXPECT_FALSE(check("#!/bin/sh\n" + std::string(4096, ' ')));
}

TEST(Elf, RefusesOtherKindsOfElfFile) {
    const std::string bytes = own_bytes();
    EXPECT_FALSE(check(with_header(bytes, [](auto &h) { h.e_type = ET_REL; })));
    EXPECT_FALSE(check(with_header(bytes, [](auto &h) { h.e_ident[EI_CLASS] = ELFCLASS32; })));
    EXPECT_FALSE(check(with_header(bytes, [](auto &h) { h.e_phentsize = 1; })));
}

TEST(Elf, RefusesHeadersThatPointOutOfTheFile) {
    const std::string bytes = own_bytes();
    EXPECT_FALSE(check(with_header(bytes, [](auto &h) { h.e_phoff = ~0ull; })));
    EXPECT_FALSE(check(with_header(bytes, [](auto &h) { h.e_phoff = 1ull << 62; })));
    EXPECT_FALSE(check(with_header(bytes, [](auto &h) { h.e_phnum = 0xffff; })));
}

TEST(Elf, TellsOfAFileThatIsNotThere) {
    const auto absent = check_elf_is_whole("/nonexistent/plugin.so");
    ASSERT_FALSE(absent);
    EXPECT_EQ(absent.error().code, ENOENT);
    EXPECT_FALSE(check_elf_is_whole("/"));
}
