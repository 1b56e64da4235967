#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Tests of check_abi.py: small libraries against the baseline of an earlier one.

usage: check_abi_test.py        CC in the environment names the compiler
"""
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

CHECKER = pathlib.Path(__file__).resolve().parent / "check_abi.py"
CC = os.environ.get("CC", "cc")
HEADER = """
struct inside;
struct box { int width; int height; struct inside *inside; };
int box_area(const struct box *box);
int box_weight(int grams);
"""
SOURCE = """
#include "box.h"
struct inside { int layers; };
int box_area(const struct box *box) { return box->width * box->height + box->inside->layers; }
int box_weight(int grams) { return grams; }
"""


class CheckAbiTest(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.directory = pathlib.Path(directory.name)
        (self.directory / "include").mkdir()
        self.build(HEADER, SOURCE)
        result = self.check("--update")
        self.assertEqual(result.returncode, 0, result.stdout)

    def build(self, header, source, debug="-g"):
        (self.directory / "include/box.h").write_text(header)
        (self.directory / "box.c").write_text(source)
        subprocess.run([CC, "-shared", "-fPIC", debug, "-I", self.directory / "include",
                        self.directory / "box.c", "-o", self.directory / "libbox.so"], check=True)

    def check(self, *more):
        return subprocess.run([sys.executable, "-B", CHECKER, "--baseline", self.directory / "box.abi",
                               "--library", self.directory / "libbox.so",
                               "--include", self.directory / "include", *more],
                              capture_output=True, text=True, check=False)

    def assert_found(self, text):
        result = self.check()
        self.assertEqual(result.returncode, 1, result.stdout)
        self.assertIn(text, result.stdout)

    def test_the_same_library_passes(self):
        result = self.check()
        self.assertEqual(result.returncode, 0, result.stdout)

    def test_a_new_function_passes(self):
        self.build(HEADER + "int box_age(void);", SOURCE + "int box_age(void) { return 1; }")
        result = self.check()
        self.assertEqual(result.returncode, 0, result.stdout)

    def test_what_no_header_shows_may_change(self):
        self.build(HEADER, SOURCE.replace("int layers;", "char paint; int layers;"))
        result = self.check()
        self.assertEqual(result.returncode, 0, result.stdout)

    def test_a_function_that_is_gone_is_found(self):
        self.build(HEADER, SOURCE.replace("int box_weight", "static inline int weight"))
        self.assert_found("box_weight")

    def test_a_longer_argument_is_found(self):
        self.build(HEADER.replace("int grams", "long grams"),
                   SOURCE.replace("int grams", "long grams"))
        self.assert_found("'int' to 'long int'")

    def test_a_struct_that_grows_is_found(self):
        self.build(HEADER.replace("int height;", "int height; int depth;"), SOURCE)
        self.assert_found("depth")

    def test_members_that_change_places_are_found(self):
        self.build(HEADER.replace("int width; int height;", "int height; int width;"), SOURCE)
        self.assert_found("offset changed")

    def test_a_report_tells_it_and_passes(self):
        self.build(HEADER.replace("int height;", "int height; int depth;"), SOURCE)
        result = self.check("--report")
        self.assertEqual(result.returncode, 0, result.stdout)
        self.assertIn("depth", result.stdout)

    def test_a_library_without_debug_information_is_not_judged(self):
        self.build(HEADER, SOURCE, "-g0")
        self.assertEqual(self.check().returncode, 1)


if __name__ == "__main__":
    unittest.main()
