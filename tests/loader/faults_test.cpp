// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Each plugin here has one fault. It is refused with a reason that names the file and the rule, and
// the good provider beside it works as if nothing were.
#include "device/host.hpp"
#include "device/registry.hpp"
#include "support/folder.hpp"
#include "support/kernel_picture.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

using verbs::device::Registry;
using verbs_test::Folder;
using verbs_test::manifest_of;

namespace {

// What a registry over one folder finds.
struct Outcome {
    std::vector<std::string> devices;
    std::string reasons;
};

class Faults : public testing::Test {
protected:
    static std::string plugin(const std::string &fault) {
        return std::string(VERBS_TEST_PLUGINS) + "/" + fault + ".so";
    }

    Outcome look() {
        const verbs_test::KernelPicture without_devices;
        auto kernel = without_devices.kernel();
        Registry registry({{folder.path()}, VERBS_TEST_PLUGINS, false}, verbs::device::host_table(),
                          kernel);
        Outcome outcome;
        int count = 0;
        auto list = registry.list(count);
        EXPECT_TRUE(list);
        for (int i = 0; i < count; ++i)
            outcome.devices.emplace_back((*list)[i]->name);
        EXPECT_TRUE(registry.free_list(*list));
        outcome.reasons = registry.why_empty();
        return outcome;
    }

    // The manifest's text stands in 10-faulty.json; the good provider comes after it.
    void expect_refusal(const std::string &manifest, const std::string &rule) {
        std::filesystem::remove(folder.path() / "20-good.json");
        folder.write("10-faulty.json", manifest);
        const Outcome alone = look();
        EXPECT_TRUE(alone.devices.empty());
        const auto expected = (folder.path() / "10-faulty.json").string() + ": " + rule;
        EXPECT_NE(alone.reasons.find(expected), std::string::npos) << alone.reasons;
        folder.write("20-good.json", manifest_of("good", plugin("good")));
        EXPECT_EQ(look().devices, std::vector<std::string>{"good0"});
    }
    void expect_plugin_refusal(const std::string &fault, const std::string &rule) {
        expect_refusal(manifest_of("faulty", plugin(fault)), rule);
    }

    Folder folder;
};

}  // namespace

TEST_F(Faults, AreNotInTheGoodPlugin) {
    folder.write("10-good.json", manifest_of("good", plugin("good")));
    EXPECT_EQ(look().devices, std::vector<std::string>{"good0"});
}

TEST_F(Faults, AWrongMagicIsRefused) {
    expect_plugin_refusal("wrong_magic", "L2: the magic number is 0x00000000deadbeef");
}

TEST_F(Faults, AnOlderContractIsRefusedWithBothVersions) {
    expect_plugin_refusal("older_contract",
                          "L3: the plugin has contract 0, this library knows 1 to 2");
}

TEST_F(Faults, ANewerContractIsRefusedWithBothVersions) {
    expect_plugin_refusal("newer_contract",
                          "L3: the plugin has contract 3, this library knows 1 to 2");
}

TEST_F(Faults, ATableThatIsTooShortIsRefused) {
    expect_plugin_refusal("short_table", "L4: the table claims 48 bytes, its contract has 56");
}

TEST_F(Faults, SlotsThatAreTooFewAreRefused) {
    expect_plugin_refusal("short_ops", "L4: the slots claim 272 bytes, their contract has 288");
}

TEST_F(Faults, SlotsBeyondAllMeasureAreRefused) {
    expect_plugin_refusal("endless_ops", "L4: ");
}

TEST_F(Faults, AnotherNameIsRefused) {
    expect_plugin_refusal("other_name", "L5: the plugin's name is not faulty");
}

TEST_F(Faults, AMissingRequiredSlotIsRefusedByItsName) {
    expect_plugin_refusal("missing_slot", "L6: the required slot create_qp is empty");
}

TEST_F(Faults, AStartThatFailsIsRefusedWithItsReason) {
    expect_plugin_refusal("start_fails", "L7: faulty: start: no licence");
}

TEST_F(Faults, AStartThatThrowsIsRefused) {
    expect_plugin_refusal("start_throws", "L7: faulty: start threw: thrown by start");
}

TEST_F(Faults, AStartThatThrowsAnythingIsRefused) {
    expect_plugin_refusal("start_throws_number", "L7: faulty: start threw: something");
}

TEST_F(Faults, ASlotThatThrowsIsReported) {
    expect_plugin_refusal("slot_throws", "faulty: enumerate threw: thrown by enumerate");
}

TEST_F(Faults, APluginWithoutTheSymbolIsRefused) {
    expect_plugin_refusal("no_symbol", "L1: ");
    EXPECT_NE(look().reasons.find("undefined symbol: verbs_provider"), std::string::npos)
        << look().reasons;
}

TEST_F(Faults, APluginThatNeedsAnUnknownFunctionIsRefusedWhenOpened) {
    expect_plugin_refusal("unresolved", "L1: ");
    EXPECT_NE(look().reasons.find("verbs_test_nowhere"), std::string::npos) << look().reasons;
}

TEST_F(Faults, ALibraryThatIsNotThereIsRefused) {
    expect_plugin_refusal("absent", "L1: " + plugin("absent") + ": No such file or directory");
}

TEST_F(Faults, ALibraryThatIsNoneIsRefused) {
    folder.write("text.so", "this is no library");
    expect_refusal(manifest_of("faulty", "./text.so"), "L1: ");
    std::filesystem::create_directory(folder.path() / "folder.so");
    expect_refusal(manifest_of("faulty", "./folder.so"), "L1: ");
}

TEST_F(Faults, ALibraryCutShortIsRefusedWhereverItIsCut) {
    std::ifstream whole(plugin("good"), std::ios::binary);
    std::ostringstream bytes;
    bytes << whole.rdbuf();
    const std::string all = bytes.str();
    for (int tenth = 0; tenth < 5; ++tenth) {
        SCOPED_TRACE(tenth);
        // The sections behind the last segment (debug information) may be missing; what is mapped
        // may not. It is in the first part of the file.
        folder.write("cut.so", all.substr(0, 4096u * static_cast<unsigned>(tenth) / 2));
        expect_refusal(manifest_of("faulty", "./cut.so"), "L1: ");
    }
}

TEST_F(Faults, AManifestWhoseContractIsOutOfReachIsRefusedWithoutOpeningTheLibrary) {
    expect_refusal(R"({"manifest": 1, "name": "faulty", "library": "/nonexistent.so",
                       "contract": {"oldest": 3, "newest": 4}, "enumerates": true})",
                   "L3: the manifest wants contract 3 to 4, this library knows 1 to 2");
}

TEST_F(Faults, AManifestThatIsNoJsonIsRefused) {
    expect_refusal("{\"manifest\": ", "M2: ");
}

TEST_F(Faults, AnEmptyManifestIsRefused) {
    expect_refusal("", "M2: ");
    expect_refusal("{}", "M4: ");
}

TEST_F(Faults, AHugeManifestIsRefused) {
    expect_refusal(manifest_of("faulty", plugin("good")) + std::string(1 << 20, ' '), "M1: ");
}

TEST_F(Faults, ADeepManifestIsRefused) {
    expect_refusal(std::string(60'000, '['), "M2: ");
}

TEST_F(Faults, AManifestWithWrongTypesIsRefused) {
    expect_refusal(R"({"manifest": 1, "name": 7, "library": [], "contract": 1})", "M4: ");
}

TEST_F(Faults, AManifestWithPathTricksIsRefused) {
    for (const char *library : {"..", ".", "", "/", "a/"})
        expect_refusal(manifest_of("faulty", library), "M5: ");
    expect_refusal(manifest_of("faulty", "x\\u0000.so"), "M4: ");
}

TEST_F(Faults, ABareNameIsNeverLookedForOnTheLibraryPath) {
    // libc.so.6 would be found there.
    expect_refusal(manifest_of("faulty", "libc.so.6"),
                   "L1: " + std::string(VERBS_TEST_PLUGINS) + "/libc.so.6");
}

TEST_F(Faults, APluginThatNobodyNeedsIsNotOpened) {
    // It does not enumerate and there is no kernel device for it: its fault never shows.
    folder.write("10-idle.json", R"({"manifest": 1, "name": "idle", "library": "/nonexistent.so",
                                     "contract": {"oldest": 1, "newest": 2},
                                     "match": [{"driver_id": 1}]})");
    EXPECT_EQ(look().reasons, "no RDMA device: none offered by idle");
}
