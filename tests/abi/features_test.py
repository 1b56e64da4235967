#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Tests of tools/features: what it makes of a register, and that each of its checks can fail.

usage: features_test.py        CC in the environment names the compiler for the small libraries
"""
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
FEATURES = ROOT / "tools/features"
PAGE = ROOT / "docs/experimental-features.md"
CC = os.environ.get("CC", "cc")

LEDGER = "name\tlibrary\tversion_node\tbinding\treturn_shape\tsince\thistory\n" + "".join(
    f"{name}\t{library}\t{node}\tdefault\terrno\t0.1.0\t\n" for name, library, node in [
        ("open_box", "libverbs-exp.so.0", "VERBS_EXP_0"),
        ("paint_box", "libverbs-exp.so.0", "VERBS_EXP_0"),
        ("shut_box", "libverbs-exp.so.0", "VERBS_EXP_0"),
        ("verbs_exp_feature", "libverbs-exp.so.0", "VERBS_EXP_0"),
        ("inner_door", "libverbs-exp.so.0", "VERBS_EXP_PRIVATE"),
        ("open_box", "libverbs.so.1", "VERBS_1.1"),
    ])
BASE = """
[base]
symbols = ["verbs_exp_feature"]
sources = ["features.cpp"]
"""
BOX = """
[feature.box]
revision = 2
changed = "0.2.0"
class = "mid-adopter"
since = "0.1.0"
summary = "boxes that open"
abi_impact = "A \\"lid\\" may grow."
kernel = "any"
provider = "one with boxes"
graduates_when = ["Someone opened one."]
needs = []
symbols = ["open_box", "shut_box"]
sources = ["box.cpp"]
"""
PAINT = """
[feature.paint]
revision = 1
class = "high-risk"
since = "0.2.0"
summary = "colours"
abi_impact = "None."
kernel = "6.1"
provider = "one with paint"
graduates_when = ["It has dried."]
needs = ["box"]
symbols = ["paint_box"]
sources = ["box.cpp", "paint.cpp"]
"""
SOURCE = "".join(f"int {name}(void) {{ return 0; }}\n" for name in [
    "open_box", "shut_box", "paint_box", "verbs_exp_feature", "inner_door"])


class FeaturesTest(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.directory = pathlib.Path(directory.name)
        self.register = self.directory / "register.toml"
        self.ledger = self.directory / "symbols.tsv"
        self.register.write_text(BASE + BOX + PAINT)
        self.ledger.write_text(LEDGER)

    def run_tool(self, *arguments, select="ON"):
        return subprocess.run([sys.executable, "-B", FEATURES, "--register", self.register,
                               "--ledger", self.ledger, f"--select={select}", *arguments],
                              capture_output=True, text=True, check=False)

    def made(self, *arguments, select="ON"):
        result = self.run_tool(*arguments, select=select)
        self.assertEqual(result.returncode, 0, result.stderr)
        return result.stdout

    def assert_refused(self, text, command="lint", select="ON"):
        result = self.run_tool(command, select=select)
        self.assertEqual((result.returncode, result.stdout), (2, ""), result.stderr)
        self.assertIn(text, result.stderr)

    def doctor(self, old, new):
        text = self.register.read_text()
        self.assertIn(old, text, "the text to be doctored is not there: adapt this test")
        self.register.write_text(text.replace(old, new, 1))


class ChoiceTest(FeaturesTest):
    def test_all_of_them(self):
        self.assertEqual(self.made("names"), "box\npaint\n")

    def test_a_list(self):
        self.assertEqual(self.made("names", select="paint;box"), "box\npaint\n")
        self.assertEqual(self.made("names", select="box"), "box\n")

    def test_all_but_one(self):
        self.assertEqual(self.made("names", select="-paint"), "box\n")

    def test_a_list_without_what_a_feature_needs_is_refused_by_name(self):
        self.assert_refused("paint needs box: choose that too", "names", "paint")
        self.assert_refused("paint needs box: choose that too", "names", "-box")

    def test_an_unknown_name_is_refused_with_those_that_there_are(self):
        self.assert_refused("'lid' is no experimental feature; there are box, paint", "names", "lid")

    def test_names_and_omissions_do_not_mix(self):
        self.assert_refused("either name the features to build", "names", "box;-paint")

    def test_leaving_one_out_leaves_out_what_needs_it(self):
        self.assertEqual(self.made("without", "paint"), "-paint\n")
        self.assertEqual(self.made("without", "box"), "-box;-paint\n")
        result = self.run_tool("without", "lid", select="ON")
        self.assertEqual((result.returncode, result.stdout), (2, ""))
        self.assertIn("'lid' is no experimental feature", result.stderr)

    def test_nothing_is_refused(self):
        self.assert_refused("no feature is chosen", "names", "")
        self.assert_refused("no feature is left", "names", "-box;-paint")


class MadeTest(FeaturesTest):
    def test_the_map_has_the_names_of_the_chosen_and_the_private_ones(self):
        self.assertEqual(self.made("map", select="box"), """\
VERBS_EXP_0 {
    global:
        open_box;
        shut_box;
        verbs_exp_feature;
    local:
        *;
};

VERBS_EXP_PRIVATE {
    global:
        inner_door;
};
""")
        self.assertIn("paint_box;", self.made("map"))

    def test_sources_of_the_chosen_come_once_each(self):
        self.assertEqual(self.made("sources"), "box.cpp\nfeatures.cpp\npaint.cpp\n")
        self.assertEqual(self.made("sources", select="box"), "box.cpp\nfeatures.cpp\n")

    def preprocessed(self, select):
        (self.directory / "features.h").write_text(self.made("header", select=select))
        source = "#include \"features.h\"\nbox VERBS_HAVE_BOX paint VERBS_HAVE_PAINT\n"
        done = subprocess.run([CC, "-E", "-P", "-x", "c", "-I", self.directory, "-"], input=source,
                              capture_output=True, text=True, check=True)
        return done.stdout.strip()

    def test_the_header_defines_the_revisions_of_the_chosen(self):
        self.assertEqual(self.preprocessed("ON"), "box 2 paint 1")
        self.assertEqual(self.preprocessed("box"), "box 2 paint VERBS_HAVE_PAINT")

    def test_the_table_is_an_initializer_of_the_public_struct(self):
        (self.directory / "feature_table.inc").write_text(self.made("table"))
        source = """
            #include <infiniband/verbs_exp/feature_query.h>
            #include <stdio.h>
            static const struct verbs_exp_feature_info rows[] = {
            #include "feature_table.inc"
            };
            int main(void) {
                for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++)
                    printf("%s %d %d %s|%s|%s|%s\\n", rows[i].name, rows[i].revision, rows[i].risk,
                           rows[i].since, rows[i].summary, rows[i].abi_impact, rows[i].graduated);
            }"""
        program = self.directory / "rows"
        subprocess.run([CC, "-x", "c", "-Wall", "-Werror", "-I", self.directory,
                        "-I", ROOT / "exp/include", "-I", ROOT / "libverbs/include", "-",
                        "-o", program], input=source, text=True, check=True)
        printed = subprocess.run([program], capture_output=True, text=True, check=True).stdout
        self.assertEqual(printed, 'box 2 1 0.1.0|boxes that open|A "lid" may grow.|\n'
                                  "paint 1 3 0.2.0|colours|None.|\n")

    def test_the_debian_list_names_each_with_the_release_that_brought_it(self):
        self.assertEqual(self.made("symbols", select="box"), """\
libverbs-exp.so.0 libverbs-exp0 #MINVER#
 VERBS_EXP_0@VERBS_EXP_0 0.1.0
 VERBS_EXP_PRIVATE@VERBS_EXP_PRIVATE 0.1.0
 open_box@VERBS_EXP_0 0.1.0
 shut_box@VERBS_EXP_0 0.1.0
 verbs_exp_feature@VERBS_EXP_0 0.1.0
 inner_door@VERBS_EXP_PRIVATE 0.1.0
""")

    def test_the_notes_of_a_release_tell_what_it_brought(self):
        self.assertEqual(self.made("notes", "--release", "0.1.0"),
                         "- New: box (mid-adopter): boxes that open\n")
        self.assertEqual(self.made("notes", "--release", "0.2.0"),
                         '- Changed: box, now revision 2: A "lid" may grow.\n'
                         "- New: paint (high-risk): colours\n")
        self.assertEqual(self.made("notes", "--release", "0.3.0"), "")

    def test_the_page_tells_of_each_feature(self):
        page = self.made("page")
        for text in ["| [paint](#paint) | colours | high-risk | 1 | 0.2.0 |", "## box",
                     "`VERBS_HAVE_BOX`, revision 2 since 0.2.0", "[box](#box)", "  - It has dried."]:
            self.assertIn(text, page)

    def test_an_output_that_is_right_is_left_alone(self):
        output = self.directory / "new/folder/features.h"
        self.made("header", "--output", output)
        os.utime(output, (1, 1))
        self.made("header", "--output", output)
        self.assertEqual(output.stat().st_mtime, 1)
        self.made("header", "--output", output, select="box")
        self.assertNotEqual(output.stat().st_mtime, 1)


class CheckTest(FeaturesTest):
    def build(self, select):
        (self.directory / "box.map").write_text(self.made("map", select=select))
        library = self.directory / "libverbs-exp.so.0"
        subprocess.run([CC, "-shared", "-fPIC", "-x", "c", "-", "-o", library,
                        f"-Wl,--version-script={self.directory / 'box.map'}"],
                       input=SOURCE, text=True, check=True)
        return library

    def test_a_library_of_the_same_choice_passes(self):
        self.made("check", self.build("box"), select="box")
        self.made("check", self.build("ON"))

    def test_a_library_of_another_choice_is_found(self):
        result = self.run_tool("check", self.build("box"))
        self.assertEqual(result.returncode, 1)
        self.assertIn("missing: paint_box@@VERBS_EXP_0", result.stdout)
        result = self.run_tool("check", self.build("ON"), select="box")
        self.assertEqual(result.returncode, 1)
        self.assertIn("not in the ledger: paint_box@VERBS_EXP_0", result.stdout)


class LintTest(FeaturesTest):
    def test_a_correct_register_passes(self):
        self.assertEqual(self.made("lint"), "")

    def test_what_is_no_toml_is_refused(self):
        self.doctor("[feature.box]", "[feature.box")
        self.assert_refused("register.toml")

    def test_a_wrong_class_is_refused(self):
        self.doctor("mid-adopter", "late-adopter")
        self.assert_refused("box: class 'late-adopter' is none of")

    def test_missing_words_are_refused(self):
        for key in ["summary", "abi_impact", "kernel", "provider"]:
            with self.subTest(key):
                self.register.write_text(BASE + BOX + PAINT)
                line = next(line for line in BOX.splitlines() if line.startswith(key))
                self.doctor(line, f'{key} = " "')
                self.assert_refused(f"box: {key} has no words")
        self.register.write_text(BASE + BOX + PAINT)
        self.doctor('["Someone opened one."]', "[]")
        self.assert_refused("box: graduates_when has no words")

    def test_a_missing_line_is_refused(self):
        self.doctor('kernel = "any"\n', "")
        self.assert_refused("box: kernel is missing")

    def test_an_unknown_line_is_refused(self):
        self.doctor('kernel = "any"', 'kernel = "any"\ncolour = "red"')
        self.assert_refused("box: nothing is known of colour")

    def test_a_revision_that_is_no_number_is_refused(self):
        for wrong in ["0", '"2"', "true"]:
            with self.subTest(wrong):
                self.register.write_text(BASE + BOX + PAINT)
                self.doctor("revision = 2", f"revision = {wrong}")
                self.assert_refused("box: revision has to be a number")

    def test_a_later_revision_without_its_release_is_refused(self):
        self.doctor('changed = "0.2.0"\n', "")
        self.assert_refused("box: changed names the release")

    def test_a_release_that_is_none_is_refused(self):
        self.doctor('since = "0.1.0"', 'since = "soon"')
        self.assert_refused("box: since has to be a release")

    def test_a_name_that_two_features_have_is_refused(self):
        self.doctor('["paint_box"]', '["paint_box", "open_box"]')
        self.assert_refused("paint: open_box belongs to box already")

    def test_a_name_that_is_there_twice_is_refused(self):
        self.doctor('["open_box", "shut_box"]', '["open_box", "open_box"]')
        self.assert_refused("box: symbols names something twice")

    def test_a_name_without_a_row_in_the_ledger_is_refused(self):
        self.doctor('["paint_box"]', '["paint_lid"]')
        self.assert_refused("paint: paint_lid has no row in the ledger")

    def test_a_private_name_is_no_feature_s(self):
        self.doctor('["paint_box"]', '["paint_box", "inner_door"]')
        self.assert_refused("paint: inner_door has no row in the ledger")

    def test_a_row_in_the_ledger_that_no_feature_has_is_refused(self):
        self.doctor('["open_box", "shut_box"]', '["open_box"]')
        self.assert_refused("shut_box belongs to no feature")

    def test_an_unknown_need_is_refused(self):
        self.doctor('["box"]', '["lid"]')
        self.assert_refused("paint: needs 'lid', which is no feature")

    def test_features_that_need_each_other_are_refused(self):
        self.doctor("needs = []", 'needs = ["paint"]')
        self.assert_refused("a circle: box needs paint needs box")


class GraduationTest(FeaturesTest):
    def graduate(self, node):
        self.ledger.write_text(self.ledger.read_text(encoding="utf-8").replace(
            "open_box\tlibverbs-exp.so.0\tVERBS_EXP_0\tdefault",
            "open_box\tlibverbs-exp.so.0\tVERBS_EXP_0\tcompat"), encoding="utf-8")
        self.doctor('symbols = ["open_box", "shut_box"]', 'symbols = ["open_box"]\ngraduated = '
                    f'{{ node = "{node}", release = "0.3.0", leaves = "0.5.0" }}')
        self.doctor('["paint_box"]', '["paint_box", "shut_box"]')

    def test_a_graduated_feature_says_where_it_is_now(self):
        self.graduate("VERBS_1.1")
        self.assertIn("graduated to `VERBS_1.1`", self.made("page"))
        self.assertIn("VERBS_1.1", self.made("table"))
        self.assertEqual(self.made("notes", "--release", "0.3.0"),
                         "- Graduated: box, boxes that open; now `VERBS_1.1` of libverbs.so.1\n")

    def test_one_whose_names_the_stable_library_lacks_is_refused(self):
        self.graduate("VERBS_1.2")
        self.assert_refused("box: graduated, but open_box is not at VERBS_1.2 of libverbs.so.1")

    def test_one_that_programs_would_still_be_linked_with_here_is_refused(self):
        self.graduate("VERBS_1.1")
        self.ledger.write_text(LEDGER, encoding="utf-8")
        self.assert_refused("box: graduated, so open_box of libverbs-exp.so.0 has to be compat")

    def test_one_without_a_release_is_refused(self):
        self.graduate("VERBS_1.1")
        self.doctor('release = "0.3.0", ', "")
        self.assert_refused("box: graduated has node, release and leaves")


class RealRegisterTest(unittest.TestCase):
    def run_tool(self, *arguments):
        result = subprocess.run([sys.executable, "-B", FEATURES, *arguments], capture_output=True,
                                text=True, check=False)
        self.assertEqual(result.returncode, 0, result.stderr)
        return result.stdout

    def test_the_project_s_register_is_in_order(self):
        self.assertEqual(self.run_tool("lint"), "")

    def test_the_committed_page_is_current(self):
        self.assertEqual(PAGE.read_text(encoding="utf-8"), self.run_tool("page"), "run: "
                         "tools/features page --output docs/experimental-features.md")

    def test_every_source_in_exp_api_belongs_to_somebody(self):
        there = {path.name for path in (ROOT / "exp/api").glob("*.cpp")}
        self.assertEqual(sorted(there - set(self.run_tool("sources").split())), [])


if __name__ == "__main__":
    unittest.main()
