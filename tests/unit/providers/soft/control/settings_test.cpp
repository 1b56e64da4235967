// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// soft.conf: what it may say, and that anything else in its place is refused whole.
#include "control/settings.hpp"

#include "support/folder.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <string>

namespace {

using namespace soft;

int refusal(const std::string &text) {
    const auto parsed = parse_settings(text);
    return parsed ? 0 : parsed.error().code;
}

TEST(SettingsText, OfNoKeysIsTheDefaults) {
    const auto parsed = parse_settings("{}");
    ASSERT_TRUE(parsed.has_value());
    EXPECT_EQ(parsed->enabled, Settings::Enabled::automatic);
    EXPECT_FALSE(parsed->infiniband);
    EXPECT_EQ(parsed->copy, Settings::Copy::automatic);
}

TEST(SettingsText, SetsEachKey) {
    const auto parsed = parse_settings(
        "// for everybody\n{\"enabled\": false, \"infiniband\": true, \"copy\": \"ring\"}");
    ASSERT_TRUE(parsed.has_value()) << parsed.error().phrase;
    EXPECT_EQ(parsed->enabled, Settings::Enabled::never);
    EXPECT_TRUE(parsed->infiniband);
    EXPECT_EQ(parsed->copy, Settings::Copy::ring);
}

TEST(SettingsText, TakesFaultsAsTheyAre) {
    EXPECT_EQ(parse_settings("{}")->faults, "");
    EXPECT_EQ(parse_settings(R"({"faults": "delay:us=5"})")->faults, "delay:us=5");
    EXPECT_EQ(refusal(R"({"faults": true})"), EINVAL);
}

TEST(SettingsText, TakesTheWordsOfTheEnvironmentToo) {
    EXPECT_EQ(parse_settings(R"({"enabled": "1"})")->enabled, Settings::Enabled::always);
    EXPECT_EQ(parse_settings(R"({"enabled": true})")->enabled, Settings::Enabled::always);
    EXPECT_EQ(parse_settings(R"({"enabled": "auto"})")->enabled, Settings::Enabled::automatic);
    EXPECT_EQ(parse_settings(R"({"copy": "auto"})")->copy, Settings::Copy::automatic);
}

TEST(SettingsText, ThatIsBrokenIsRefused) {
    for (const char *text : {"", " ", "{", "[]", "7", "null", "\"enabled\"", "{\"enabled\": }",
                             "{} {}", "\xff\xfe{}", "{\"enabled\": \"\xc3\"}", "{enabled: true}"})
        EXPECT_EQ(refusal(text), EINVAL) << text;
    EXPECT_EQ(refusal(std::string("{\0}", 3)), EINVAL);
    EXPECT_EQ(refusal(std::string(16'000, '[')), EINVAL);
    EXPECT_EQ(refusal(std::string(8'000, '[') + std::string(8'000, ']')), EINVAL);
}

TEST(SettingsText, WithAValueThatAKeyCannotHaveIsRefused) {
    for (const char *text : {R"({"enabled": 1})", R"({"enabled": "yes"})", R"({"enabled": null})",
                             R"({"enabled": []})", R"({"infiniband": "auto"})", R"({"copy": true})",
                             R"({"copy": {"copy": "ring"}})"})
        EXPECT_EQ(refusal(text), EINVAL) << text;
}

TEST(SettingsText, WithAKeyThatNobodyKnowsIsRefused) {
    EXPECT_EQ(refusal(R"({"infiniband": true, "infinyband": true})"), EINVAL);
}

class SettingsFile : public testing::Test {
protected:
    void write(const std::string &text, mode_t mode = 0644) {
        std::ofstream(file()) << text;
        ASSERT_EQ(::chmod(file().c_str(), mode), 0);
    }
    [[nodiscard]] std::string file() const { return (folder_.path() / "soft.conf").string(); }
    [[nodiscard]] std::string folder() const { return folder_.path().string(); }
    [[nodiscard]] int refusal(bool is_privileged) const {
        const auto read = read_settings(file(), is_privileged);
        return read ? 0 : read.error().code;
    }

private:
    verbs_test::Folder folder_;
};

TEST_F(SettingsFile, ThatIsNotThereIsTheDefaults) {
    const auto read = read_settings(file(), false);
    ASSERT_TRUE(read.has_value());
    EXPECT_FALSE(read->infiniband);
}

TEST_F(SettingsFile, IsRead) {
    write(R"({"infiniband": true})");
    for (const bool is_privileged : {false, true}) {
        const auto read = read_settings(file(), is_privileged);
        ASSERT_TRUE(read.has_value()) << read.error().phrase;
        EXPECT_TRUE(read->infiniband);
    }
}

TEST_F(SettingsFile, ThatIsTooLongIsRefused) {
    write("{" + std::string(16 * 1024, ' ') + "}");
    EXPECT_EQ(refusal(false), EFBIG);
}

TEST_F(SettingsFile, ThatIsNoFileIsRefusedWithoutWaiting) {
    ASSERT_EQ(::mkfifo(file().c_str(), 0644), 0);
    EXPECT_EQ(refusal(false), EINVAL);
    ASSERT_EQ(::unlink(file().c_str()), 0);
    ASSERT_EQ(::mkdir(file().c_str(), 0755), 0);
    EXPECT_EQ(refusal(false), EINVAL);
}

TEST_F(SettingsFile, ThatOthersMayWriteIsRefusedByAPrivilegedProcess) {
    write("{}", 0646);
    EXPECT_EQ(refusal(true), EPERM);
    EXPECT_EQ(refusal(false), 0);
}

TEST_F(SettingsFile, InAFolderThatOthersMayWriteIsRefusedByAPrivilegedProcess) {
    write("{}");
    ASSERT_EQ(::chmod(folder().c_str(), 0757), 0);
    EXPECT_EQ(refusal(true), EPERM);
    EXPECT_EQ(refusal(false), 0);
}

TEST_F(SettingsFile, OfAStrangerIsRefusedByAPrivilegedProcess) {
    if (::geteuid() != 0) GTEST_SKIP() << "only root can give a file to a stranger";
    write("{}");
    ASSERT_EQ(::chown(file().c_str(), 12345, 0), 0);
    EXPECT_EQ(refusal(true), EPERM);
    EXPECT_EQ(refusal(false), 0);
}

}  // namespace
