// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "loader/search.hpp"

#include "support/folder.hpp"

#include <gtest/gtest.h>

#include <sys/stat.h>
#include <unistd.h>

using namespace verbs::loader;
using verbs_test::Folder;
using verbs_test::manifest_of;
using Names = std::vector<std::string>;

namespace {

Names names_of(const Found &found) {
    Names names;
    for (const auto &manifest : found.manifests)
        names.push_back(manifest.name);
    return names;
}

Found find(std::vector<std::filesystem::path> folders, bool is_privileged = false) {
    return find_manifests({std::move(folders), "/usr/lib/libverbs", is_privileged});
}

}  // namespace

TEST(Search, GivesManifestsInTheOrderOfTheirNumbers) {
    const Folder folder;
    folder.write("100-c.json", manifest_of("c", "c.so"));
    folder.write("20-b.json", manifest_of("b", "b.so"));
    folder.write("3-a.json", manifest_of("a", "a.so"));
    folder.write("unnumbered.json", manifest_of("d", "d.so"));
    EXPECT_EQ(names_of(find({folder.path()})), (Names{"a", "b", "c", "d"}));
}

TEST(Search, LooksAtJsonFilesOnly) {
    const Folder folder;
    folder.write("10-a.json", manifest_of("a", "a.so"));
    folder.write("10-a.json.dpkg-old", "nonsense");
    folder.write(".10-a.json", "nonsense");
    folder.write("README", "nonsense");
    const Found found = find({folder.path()});
    EXPECT_EQ(names_of(found), Names{"a"});
    EXPECT_TRUE(found.refusals.empty());
}

TEST(Search, LetsAnEarlierFolderReplaceAFileByItsName) {
    const Folder administrator;
    const Folder packages;
    administrator.write("10-a.json", manifest_of("other", "a.so"));
    packages.write("10-a.json", manifest_of("a", "a.so"));
    packages.write("20-b.json", manifest_of("b", "b.so"));
    EXPECT_EQ(names_of(find({administrator.path(), packages.path()})), (Names{"other", "b"}));
}

TEST(Search, TakesAFolderThatIsNotThereAsEmpty) {
    const Found found = find({"/nonexistent/verbs"});
    EXPECT_TRUE(found.manifests.empty());
    EXPECT_TRUE(found.refusals.empty());
}

TEST(Search, TellsOfAFolderThatIsNone) {
    const Folder folder;
    const auto file = folder.write("file", "");
    const Found found = find({file});
    ASSERT_EQ(found.refusals.size(), 1u);
    EXPECT_NE(found.refusals[0].text.find("M1"), std::string::npos);
}

TEST(Search, RefusesTheSecondManifestOfAName) {
    const Folder folder;
    folder.write("10-a.json", manifest_of("a", "a.so"));
    folder.write("20-a.json", manifest_of("a", "b.so"));
    const Found found = find({folder.path()});
    EXPECT_EQ(names_of(found), Names{"a"});
    ASSERT_EQ(found.refusals.size(), 1u);
    EXPECT_NE(found.refusals[0].text.find("20-a.json: M6"), std::string::npos);
    EXPECT_NE(found.refusals[0].text.find("10-a.json"), std::string::npos);
}

TEST(Search, RefusesWhatIsNoRegularFileWithoutWaitingForIt) {
    const Folder folder;
    ASSERT_EQ(::mkfifo((folder.path() / "10-fifo.json").c_str(), 0600), 0);
    std::filesystem::create_directory(folder.path() / "20-folder.json");
    std::filesystem::create_symlink("/dev/zero", folder.path() / "30-zero.json");
    std::filesystem::create_symlink("nowhere", folder.path() / "40-dangling.json");
    folder.write("50-a.json", manifest_of("a", "a.so"));
    const Found found = find({folder.path()});
    EXPECT_EQ(names_of(found), Names{"a"});
    ASSERT_EQ(found.refusals.size(), 4u);
    for (const auto &refusal : found.refusals)
        EXPECT_NE(refusal.text.find(".json: M1"), std::string::npos) << refusal.text;
}

TEST(Search, RefusesAFileOfMoreThan64KiB) {
    const Folder folder;
    folder.write("10-a.json", manifest_of("a", "a.so") + std::string(70000, ' '));
    const Found found = find({folder.path()});
    ASSERT_EQ(found.refusals.size(), 1u);
    EXPECT_NE(found.refusals[0].text.find("M1"), std::string::npos);
}

TEST(Search, TrustsItsOwnFilesInAPrivilegedProcess) {
    const Folder folder;
    folder.write("10-a.json", manifest_of("a", "a.so"));
    EXPECT_EQ(names_of(find({folder.path()}, true)), Names{"a"});
}

TEST(Search, RefusesAFileThatOthersMayWriteInAPrivilegedProcess) {
    const Folder folder;
    const auto file = folder.write("10-a.json", manifest_of("a", "a.so"));
    ASSERT_EQ(::chmod(file.c_str(), 0666), 0);
    const Found found = find({folder.path()}, true);
    EXPECT_TRUE(found.manifests.empty());
    ASSERT_EQ(found.refusals.size(), 1u);
    EXPECT_NE(found.refusals[0].text.find("10-a.json: M1"), std::string::npos);
    EXPECT_EQ(names_of(find({folder.path()}, false)), Names{"a"});
}

TEST(Search, RefusesAFolderThatOthersMayWriteInAPrivilegedProcess) {
    const Folder folder;
    folder.write("10-a.json", manifest_of("a", "a.so"));
    ASSERT_EQ(::chmod(folder.path().c_str(), 0777), 0);
    const Found found = find({folder.path()}, true);
    EXPECT_TRUE(found.manifests.empty());
    ASSERT_EQ(found.refusals.size(), 1u);
    EXPECT_NE(found.refusals[0].text.find("M1"), std::string::npos);
}

TEST(Search, RefusesAStrangersFileInAPrivilegedProcess) {
    const Folder folder;
    const auto file = folder.write("10-a.json", manifest_of("a", "a.so"));
    if (::chown(file.c_str(), 12345, 12345) != 0) GTEST_SKIP() << "needs root";
    EXPECT_EQ(find({folder.path()}, true).refusals.size(), 1u);
}

TEST(SearchPath, IsReplacedAndExtendedByTheEnvironment) {
    ::setenv("VERBS_PROVIDERS", "/one:/two", 1);
    ::setenv("VERBS_PROVIDERS_EXTRA", "/three", 1);
    const auto where = search_path_of_process();
    ::unsetenv("VERBS_PROVIDERS");
    ::unsetenv("VERBS_PROVIDERS_EXTRA");
    EXPECT_EQ(where.folders, (std::vector<std::filesystem::path>{"/one", "/two", "/three"}));
    EXPECT_FALSE(where.is_privileged);
}

TEST(SearchPath, HasTheAdministratorsFolderFirst) {
    ::unsetenv("VERBS_PROVIDERS");
    ::unsetenv("VERBS_PROVIDERS_EXTRA");
    const auto where = search_path_of_process();
    ASSERT_EQ(where.folders.size(), 2u);
    EXPECT_TRUE(where.folders[0].string().ends_with("etc/libverbs/providers.d"));
    EXPECT_TRUE(where.folders[1].string().ends_with("share/libverbs/providers.d"));
}
