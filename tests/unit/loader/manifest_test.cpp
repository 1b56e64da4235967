// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Manifests as hostile input: each rule has its refusals, and what is right is read in full.
#include "loader/manifest.hpp"

#include <gtest/gtest.h>

#include <string>

using namespace verbs::loader;

namespace {

// A right manifest with one key set to another value, or added, or (empty value) taken away.
std::string with(const std::string &key, const std::string &value) {
    std::vector<std::pair<std::string, std::string>> members = {
        {"manifest", "1"},
        {"name", R"("soft")"},
        {"library", R"("verbs-soft.so")"},
        {"contract", R"({"oldest": 1, "newest": 2})"},
        {"enumerates", "true"},
        {"match", R"([{"driver_id": 14}, {"pci": "15b3:*"}, {"modalias": "acpi*"}])"},
        {"class", R"("experimental")"},
        {"package", R"("libverbs-provider-soft")"},
        {"only_with", R"("VERBS_MINE")"},
        {"description", R"("words")"},
    };
    bool is_set = false;
    std::string text;
    for (auto &[name, old] : members) {
        if (name == key) {
            old = value;
            is_set = true;
        }
        if (!old.empty()) text += (text.empty() ? "" : ", ") + ('"' + name + "\": " + old);
    }
    if (!is_set) text += ", \"" + key + "\": " + value;
    return "{" + text + "}";
}

verbs::Result<Manifest> parse(const std::string &text) {
    return parse_manifest(text, "/etc/manifests/50-soft.json", "/usr/lib/libverbs");
}

// The rule that refuses a text, such as "M4", or "" when it is accepted.
std::string refusal(const std::string &text) {
    const auto manifest = parse(text);
    return manifest ? "" : manifest.error().phrase.substr(0, 2);
}

std::string refusal_with(const std::string &key, const std::string &value) {
    return refusal(with(key, value));
}

std::string library_for(const std::string &text) {
    const auto manifest = parse(with("library", '"' + text + '"'));
    return manifest ? manifest->library.string() : manifest.error().phrase.substr(0, 2);
}

}  // namespace

TEST(Manifest, IsReadInFull) {
    const auto manifest = parse(with("name", R"("soft")"));
    ASSERT_TRUE(manifest) << manifest.error().phrase;
    EXPECT_EQ(manifest->file, "/etc/manifests/50-soft.json");
    EXPECT_EQ(manifest->name, "soft");
    EXPECT_EQ(manifest->library, "/usr/lib/libverbs/verbs-soft.so");
    EXPECT_EQ(manifest->contract_oldest, 1u);
    EXPECT_EQ(manifest->contract_newest, 2u);
    EXPECT_TRUE(manifest->enumerates);
    EXPECT_TRUE(manifest->is_experimental);
    EXPECT_EQ(manifest->package, "libverbs-provider-soft");
    EXPECT_EQ(manifest->description, "words");
    EXPECT_EQ(manifest->only_with, "VERBS_MINE");
    ASSERT_EQ(manifest->match.size(), 3u);
    EXPECT_EQ(manifest->match[0].driver_id, 14u);
    EXPECT_EQ(manifest->match[1].by, Match::By::pci);
    EXPECT_EQ(manifest->match[1].pattern, "15b3:*");
    EXPECT_EQ(manifest->match[2].by, Match::By::modalias);
}

TEST(Manifest, NeedsOnlyFourKeys) {
    const auto manifest = parse(R"({"manifest": 1, "name": "a", "library": "a.so",
                                    "contract": {"oldest": 1, "newest": 1}})");
    ASSERT_TRUE(manifest) << manifest.error().phrase;
    EXPECT_FALSE(manifest->enumerates);
    EXPECT_FALSE(manifest->is_experimental);
    EXPECT_TRUE(manifest->match.empty());
}

TEST(Manifest, ToleratesAKeyFromTheFuture) {
    EXPECT_EQ(refusal_with("colour", R"({"deep": [1, 2]})"), "");
}

TEST(Manifest, LeavesOutAWayToMatchFromTheFuture) {
    const auto manifest = parse(with("match", R"([{"smell": 1}, {"driver_id": 3}])"));
    ASSERT_TRUE(manifest);
    ASSERT_EQ(manifest->match.size(), 1u);
    EXPECT_EQ(manifest->match[0].driver_id, 3u);
}

TEST(Manifest, MatchesByFourDigitsOfVendorAndDevice) {
    for (const char *pattern : {"15b3:1017", "15B3:*", "*:*"})
        EXPECT_EQ(refusal_with("match", std::string(R"([{"pci": ")") + pattern + R"("}])"), "")
            << pattern;
    for (const char *pattern :
         {"", "15b3", "15b3:", "15b3:10170", "15b3:10*", "15g3:1017", ":", "x"})
        EXPECT_EQ(refusal_with("match", std::string(R"([{"pci": ")") + pattern + R"("}])"), "M4")
            << pattern;
}

TEST(Manifest, SaysWhenItsProviderStepsBack) {
    EXPECT_FALSE(parse(with("name", R"("soft")"))->yields);
    const auto manifest =
        parse(with("yields", R"({"unless_set": ["A", "B"], "unless_file": "a.conf"})"));
    ASSERT_TRUE(manifest) << manifest.error().phrase;
    ASSERT_TRUE(manifest->yields);
    EXPECT_EQ(manifest->yields->unless_set, (std::vector<std::string>{"A", "B"}));
    EXPECT_EQ(manifest->yields->unless_file.filename(), "a.conf");
    EXPECT_TRUE(manifest->yields->unless_file.is_absolute());
    EXPECT_TRUE(parse(with("yields", "{}"))->yields);
}

TEST(Manifest, NamesOnlyFilesOfTheConfigurationFolder) {
    for (const char *file : {"../a", "/etc/a", "..", "."})
        EXPECT_EQ(refusal_with("yields", std::string(R"({"unless_file": ")") + file + R"("})"),
                  "M4")
            << file;
}

TEST(Manifest, OfMoreThan64KiBIsRefused) {
    EXPECT_EQ(refusal(std::string(kMaxManifestBytes + 1, ' ')), "M1");
}

TEST(Manifest, ThatIsNoJsonObjectIsRefused) {
    for (const char *text : {"", "{", "nonsense", "[]", "1", "\"x\"", "null", "{} trailing",
                             "{\"manifest\": 1,}", "{\"manifest\": \"\xff\"}"})
        EXPECT_EQ(refusal(text), "M2") << text;
}

TEST(Manifest, NestedTooDeepIsRefused) {
    EXPECT_EQ(refusal(std::string(60000, '[')), "M2");
    EXPECT_EQ(refusal_with("future", "[[[[[[[[1]]]]]]]]"), "M2");
    EXPECT_EQ(refusal_with("future", "[[[[[[[1]]]]]]]"), "");
}

TEST(Manifest, MayHaveBracketsInText) {
    EXPECT_EQ(refusal_with("description", R"("[[[[[[[[[[[[ \" {{{{{{{{{")"), "");
}

TEST(Manifest, OfAnotherVersionIsRefused) {
    EXPECT_EQ(refusal_with("manifest", "2"), "M3");
    EXPECT_EQ(refusal_with("manifest", "0"), "M3");
}

TEST(Manifest, WithoutAVersionIsRefused) {
    for (const char *value : {"", "\"1\"", "1.0", "-1", "null", "4294967297"})
        EXPECT_EQ(refusal_with("manifest", value), "M4") << value;
}

TEST(Manifest, WithAnUnfitNameIsRefused) {
    for (const char *value : {"", "1", "\"\"", "\"Soft\"", "\"-a\"", "\"a b\"", "\"../a\"",
                              "\"a\\u0000b\"", "\"abcdefghijklmnopqrstuvwxyz0123456\"", "[\"a\"]"})
        EXPECT_EQ(refusal_with("name", value), "M4") << value;
}

TEST(Manifest, WithAWrongTypeIsRefused) {
    EXPECT_EQ(refusal_with("library", "7"), "M4");
    EXPECT_EQ(refusal_with("contract", "1"), "M4");
    EXPECT_EQ(refusal_with("contract", "{}"), "M4");
    EXPECT_EQ(refusal_with("contract", R"({"oldest": 1})"), "M4");
    EXPECT_EQ(refusal_with("contract", R"({"oldest": "1", "newest": 1})"), "M4");
    EXPECT_EQ(refusal_with("enumerates", "1"), "M4");
    EXPECT_EQ(refusal_with("match", "{}"), "M4");
    EXPECT_EQ(refusal_with("match", "[1]"), "M4");
    EXPECT_EQ(refusal_with("match", R"([{"driver_id": "x"}])"), "M4");
    EXPECT_EQ(refusal_with("match", R"([{"driver_id": 4294967296}])"), "M4");
    EXPECT_EQ(refusal_with("match", R"([{"driver_id": 0}])"), "M4");
    EXPECT_EQ(refusal_with("match", R"([{"pci": 1}])"), "M4");
    EXPECT_EQ(refusal_with("yields", "true"), "M4");
    EXPECT_EQ(refusal_with("yields", R"({"unless_set": "X"})"), "M4");
    EXPECT_EQ(refusal_with("yields", R"({"unless_set": [1]})"), "M4");
    EXPECT_EQ(refusal_with("yields", R"({"unless_file": 1})"), "M4");
    EXPECT_EQ(refusal_with("class", "1"), "M4");
    EXPECT_EQ(refusal_with("class", "\"odd\""), "M4");
    EXPECT_EQ(refusal_with("package", "{}"), "M4");
    EXPECT_EQ(refusal_with("description", "false"), "M4");
    EXPECT_EQ(refusal_with("only_with", "true"), "M4");
}

TEST(Manifest, WithAContractRangeUpsideDownIsRefused) {
    EXPECT_EQ(refusal_with("contract", R"({"oldest": 2, "newest": 1})"), "M4");
}

TEST(Manifest, WithControlCharactersInAPathIsRefused) {
    EXPECT_EQ(refusal_with("library", R"("a\u0000b.so")"), "M4");
    EXPECT_EQ(refusal_with("library", R"("a\nb.so")"), "M4");
}

TEST(Manifest, WithAnEndlessPathOrListIsRefused) {
    EXPECT_EQ(refusal_with("library", '"' + std::string(5000, 'a') + '"'), "M4");
    std::string list = "[1";
    for (int i = 0; i < 300; ++i)
        list += ",1";
    EXPECT_EQ(refusal_with("match", list + "]"), "M4");
}

TEST(Manifest, FindsABareNameInTheProviderFolderOnly) {
    EXPECT_EQ(library_for("x.so"), "/usr/lib/libverbs/x.so");
    EXPECT_EQ(library_for("..x.so"), "/usr/lib/libverbs/..x.so");
}

TEST(Manifest, ReadsAPathWithASlashFromItsOwnFolder) {
    EXPECT_EQ(library_for("./x.so"), "/etc/manifests/x.so");
    EXPECT_EQ(library_for("../lib/x.so"), "/etc/lib/x.so");
}

TEST(Manifest, TakesAnAbsolutePathAsItIs) {
    EXPECT_EQ(library_for("/opt/x.so"), "/opt/x.so");
}

TEST(Manifest, WhoseLibraryIsNoFileNameIsRefused) {
    for (const char *value : {"", ".", "..", "/", "lib/"})
        EXPECT_EQ(library_for(value), "M5") << value;
}
