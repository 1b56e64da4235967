#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Tests of tools/ledger: what it prints, and that each of its checks can fail.

usage: ledger_test.py        CC in the environment names the compiler for the small libraries
"""
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
LEDGER = ROOT / "tools/ledger"
CC = os.environ.get("CC", "cc")

HEADER = "name\tlibrary\tversion_node\tbinding\treturn_shape\tsince\thistory\n"
TOY = HEADER + "".join(
    "\t".join(row) + "\n"
    for row in [
        ("open_it", "libtoy.so.1", "TOY_1.0", "compat", "pointer", "0.1.0", "first form"),
        ("shut_it", "libtoy.so.1", "TOY_1.0", "default", "errno", "0.1.0", ""),
        ("open_it", "libtoy.so.1", "TOY_1.9", "default", "pointer", "0.1.0", ""),
        ("name_it", "libtoy.so.1", "TOY_1.10", "default", "value", "0.2.0", ""),
        ("toy_flag", "libtoy.so.1", "TOY_PRIVATE_3", "default", "data", "0.2.0", "for plugins"),
    ])
TOY_SOURCE = """
__asm__(".symver open_it_old, open_it@TOY_1.0");
__asm__(".symver open_it_new, open_it@@TOY_1.9");
void *open_it_old(void) { return 0; }
void *open_it_new(void) { return 0; }
int shut_it(void) { return 0; }
const char *name_it(void) { return ""; }
char toy_flag;
"""


class LedgerTest(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.directory = pathlib.Path(directory.name)
        self.ledger = self.directory / "symbols.tsv"
        self.ledger.write_text(TOY)

    def run_ledger(self, *arguments):
        return subprocess.run([sys.executable, "-B", LEDGER, "--ledger", self.ledger, *arguments],
                              capture_output=True, text=True, check=False)

    def build(self, source=TOY_SOURCE, version_script=None):
        """A library linked with the ledger's own map, or with another."""
        if version_script is None:
            version_script = self.run_ledger("map", "libtoy.so.1").stdout
        (self.directory / "toy.map").write_text(version_script)
        (self.directory / "toy.c").write_text(source)
        library = self.directory / "libtoy.so.1"
        subprocess.run([CC, "-shared", "-fPIC", "-O0", "-o", library, self.directory / "toy.c",
                        f"-Wl,--version-script={self.directory / 'toy.map'}"],
                       check=True, capture_output=True)
        return library

    def check(self, library):
        return self.run_ledger("check", "libtoy.so.1", library)

    def assert_found(self, result, text):
        self.assertEqual(result.returncode, 1, result.stdout + result.stderr)
        self.assertIn(text, result.stdout)

    def assert_refused(self, text):
        result = self.run_ledger("lint")
        self.assertEqual(result.returncode, 2, result.stdout)
        self.assertIn(text, result.stderr)


class MapTest(LedgerTest):
    def test_nodes_inherit_in_numeric_order_and_the_private_one_stands_alone(self):
        self.assertEqual(self.run_ledger("map", "libtoy.so.1").stdout, """\
TOY_1.0 {
    global:
        open_it;
        shut_it;
    local:
        *;
};

TOY_1.9 {
    global:
        open_it;
} TOY_1.0;

TOY_1.10 {
    global:
        name_it;
} TOY_1.9;

TOY_PRIVATE_3 {
    global:
        toy_flag;
};
""")

    def test_an_unknown_library_is_an_error(self):
        result = self.run_ledger("map", "libother.so.1")
        self.assertEqual(result.returncode, 2)
        self.assertEqual(result.stdout, "")


class SymbolsTest(LedgerTest):
    def test_lists_nodes_and_names_with_the_release_that_brought_them(self):
        self.assertEqual(self.run_ledger("symbols", "libtoy.so.1").stdout, """\
libtoy.so.1 libtoy1 #MINVER#
 TOY_1.0@TOY_1.0 0.1.0
 TOY_1.9@TOY_1.9 0.1.0
 TOY_1.10@TOY_1.10 0.2.0
 TOY_PRIVATE_3@TOY_PRIVATE_3 0.2.0
 open_it@TOY_1.0 0.1.0
 shut_it@TOY_1.0 0.1.0
 open_it@TOY_1.9 0.1.0
 name_it@TOY_1.10 0.2.0
 toy_flag@TOY_PRIVATE_3 0.2.0
""")


class CheckTest(LedgerTest):
    def test_a_library_made_with_its_own_map_passes(self):
        result = self.check(self.build())
        self.assertEqual((result.returncode, result.stdout), (0, ""), result.stderr)

    def test_a_missing_function_is_found(self):
        library = self.build(TOY_SOURCE.replace("int shut_it(void) { return 0; }", ""))
        self.assert_found(self.check(library), "missing: shut_it@@TOY_1.0 (func)")

    def test_a_function_that_no_row_names_is_found(self):
        script = self.run_ledger("map", "libtoy.so.1").stdout.replace(
            "shut_it;", "shut_it; extra_it;")
        library = self.build(TOY_SOURCE + "void extra_it(void) {}", script)
        self.assert_found(self.check(library), "not in the ledger: extra_it@TOY_1.0")

    def test_a_library_without_a_map_is_found(self):
        library = self.build("int shut_it(void) { return 0; }", "{};")
        self.assert_found(self.check(library), "without a node: shut_it")

    def test_a_name_under_another_node_is_found(self):
        script = self.run_ledger("map", "libtoy.so.1").stdout
        script = script.replace("        name_it;\n", "        moved_it;\n")
        script = script.replace("        shut_it;\n", "        shut_it;\n        name_it;\n")
        result = self.check(self.build(TOY_SOURCE + "void moved_it(void) {}", script))
        self.assert_found(result, "missing: name_it@@TOY_1.10")
        self.assert_found(result, "not in the ledger: name_it@TOY_1.0")

    def test_a_default_that_became_compat_is_found(self):
        source = TOY_SOURCE.replace("open_it@@TOY_1.9", "open_it@TOY_1.9")
        self.assert_found(self.check(self.build(source)),
                          "binding: open_it@TOY_1.9 is compat, not default")

    def test_data_in_place_of_a_function_is_found(self):
        source = TOY_SOURCE.replace("int shut_it(void) { return 0; }", "int shut_it = 1;")
        self.assert_found(self.check(self.build(source)),
                          "kind: shut_it@@TOY_1.0 is object, not func")

    def test_a_file_that_is_no_library_is_an_error(self):
        self.assertEqual(self.check(self.ledger).returncode, 2)


class LintTest(LedgerTest):
    def test_a_correct_ledger_passes(self):
        self.assertEqual(self.run_ledger("lint").returncode, 0)

    def test_rows_out_of_order_are_refused(self):
        lines = TOY.splitlines(keepends=True)
        self.ledger.write_text("".join([lines[0], lines[2], lines[1], *lines[3:]]))
        self.assert_refused("sorts before")

    def test_a_row_that_is_there_twice_is_refused(self):
        lines = TOY.splitlines(keepends=True)
        self.ledger.write_text("".join([*lines, lines[-1]]))
        self.assert_refused("is there twice")

    def test_two_default_versions_are_refused(self):
        self.ledger.write_text(TOY.replace("\tcompat\t", "\tdefault\t"))
        self.assert_refused("has a default version already")

    def test_an_unknown_shape_is_refused(self):
        self.ledger.write_text(TOY.replace("\terrno\t", "\tenum\t"))
        self.assert_refused("return shape 'enum'")

    def test_an_unknown_binding_is_refused(self):
        self.ledger.write_text(TOY.replace("\tcompat\t", "\told\t"))
        self.assert_refused("binding 'old'")

    def test_a_missing_column_is_refused(self):
        self.ledger.write_text(TOY.replace("\tfirst form", ""))
        self.assert_refused("7 fields")


class RealLedgerTest(unittest.TestCase):
    def run_ledger(self, *arguments):
        return subprocess.run([sys.executable, "-B", LEDGER, *arguments], capture_output=True,
                              text=True, check=False)

    def test_the_project_s_ledger_is_in_order(self):
        result = self.run_ledger("lint")
        self.assertEqual(result.returncode, 0, result.stderr)

    def test_libibverbs_rows_cover_all_exports_of_rdma_core_44(self):
        """The reference may be absent or another release; then there is nothing to compare."""
        try:
            directory = subprocess.run(["pkg-config", "--variable=libdir", "libibverbs"],
                                       capture_output=True, text=True, check=False).stdout.strip()
        except FileNotFoundError:
            directory = ""
        references = list(pathlib.Path(directory).glob("libibverbs.so.1.14.44.*"))
        if not directory or not references:
            self.skipTest("libibverbs of rdma-core 44 is not installed")
        result = self.run_ledger("check", "libibverbs.so.1", str(references[0]))
        # What we have on top of it, such as names of other makers, is missing in the reference.
        found = [line for line in result.stdout.splitlines() if ": missing: " not in line]
        self.assertEqual(found, [], result.stderr)
        self.assertLess(result.returncode, 2, result.stderr)


if __name__ == "__main__":
    unittest.main()
