#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Tests of suite.py: every way in which a case can end, with a program that plays googletest."""

import os
import sys
import unittest

import suite

PROGRAM = r"""
import os, sys, time
if sys.argv[1] == "--gtest_list_tests":
    print("Good.\n  Passes\n  IsLeftOut\nBad/Set.\n  Fails/1  # GetParam() = 1\n  Dies/2")
    sys.exit()
for name in sys.argv[1].split("=", 1)[1].split(":"):
    print(f"[ RUN      ] {name}\nabout {name}", flush=True)
    if "Dies" in name:
        os.abort()
    if "Hangs" in name:
        time.sleep(600)
    mark = "  FAILED  " if "Fails" in name else "  SKIPPED " if "IsLeftOut" in name else "       OK "
    more = ", where GetParam() = 1" if "Fails" in name else ""
    print(f"[{mark}] {name}{more} (0 ms)", flush=True)
"""
COMMAND = [sys.executable, "-c", PROGRAM]


def run(*names, seconds=20, seconds_of_all=60):
    results = suite.run_all(COMMAND, list(names), dict(os.environ), seconds, seconds_of_all)
    return {name: result.mark for name, result in results.items()}


class Suite(unittest.TestCase):
    def test_lists_cases_without_what_is_said_about_them(self):
        self.assertEqual(suite.names_of(COMMAND, dict(os.environ)),
                         ["Good.Passes", "Good.IsLeftOut", "Bad/Set.Fails/1", "Bad/Set.Dies/2"])

    def test_tells_how_each_case_ended(self):
        self.assertEqual(run("A.Passes", "A.IsLeftOut", "A.Fails/1"),
                         {"A.Passes": "OK", "A.IsLeftOut": "SKIPPED", "A.Fails/1": "FAILED"})

    def test_goes_on_behind_a_case_that_dies(self):
        self.assertEqual(run("A.Dies", "-", "A.Passes", "-"),
                         {"A.Dies": suite.DIED, "A.Passes": "OK", "-": "OK"})

    def test_ends_a_case_that_hangs_and_goes_on(self):
        self.assertEqual(run("A.Hangs", "A.Fails", "A.Passes", seconds=1),
                         {"A.Hangs": suite.OUT_OF_TIME, "A.Fails": "FAILED", "A.Passes": "OK"})

    def test_keeps_what_a_case_printed(self):
        results = suite.run_all(COMMAND, ["A.Dies"], dict(os.environ), 20, 60)
        self.assertEqual(results["A.Dies"].text, "about A.Dies")

    def test_tells_what_had_no_time(self):
        self.assertEqual(run("A.Passes", seconds_of_all=0), {"A.Passes": suite.NOT_RUN})

    def test_takes_a_program_that_does_not_begin_for_a_failure(self):
        results = suite.run_all(["/bin/false"], ["A.Passes"], dict(os.environ), 20, 60)
        self.assertEqual(results["A.Passes"].mark, suite.DIED)


if __name__ == "__main__":
    unittest.main()
