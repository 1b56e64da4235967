# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Runs rdma-core's Python tests as their run_tests.py does, and writes down how each one ended.

    pyverbs_child.py FOLDER JOURNAL [ARGUMENT OF run_tests.py]...

A line of the journal is JSON: a test's name alone when it begins, with its outcome and reason when
it ends. A test that the journal has already is left out: so whoever started this goes on after a
test that took the whole process down.
"""

import importlib.machinery
import json
import pathlib
import random
import sys
import unittest

folder, journal = (pathlib.Path(word).resolve() for word in sys.argv[1:3])
# What Python itself does when run_tests.py is started. Our own folder must go: it has a pyverbs.py.
sys.path[0] = str(folder)
sys.argv = [str(folder / "run_tests.py"), *sys.argv[3:]]


class Journal(unittest.TestResult):
    def write(self, test, outcome=None, reason=""):
        with open(journal, "a") as sink:
            sink.write(json.dumps([test.id(), outcome, str(reason).strip()]) + "\n")

    def startTest(self, test):
        super().startTest(test)
        # Some of these tests draw what they ask for; each draws the same in every run.
        random.seed(test.id())
        self.write(test)

    def addSuccess(self, test):
        self.write(test, "ok")

    def addSkip(self, test, reason):
        self.write(test, "skip", reason)

    def addError(self, test, error):
        super().addError(test, error)
        self.write(test, "fail", self.errors[-1][1])

    def addFailure(self, test, error):
        super().addFailure(test, error)
        self.write(test, "fail", self.failures[-1][1])

    def addSubTest(self, test, subtest, error):
        if error is not None:
            self.addError(subtest, error)


def flat(suite):
    for test in suite:
        if isinstance(test, unittest.TestSuite):
            yield from flat(test)
        else:
            yield test


class Runner:
    def run(self, suite):
        known = set()
        if journal.exists():
            known = {json.loads(line)[0] for line in journal.read_text().splitlines()}
        result = Journal()
        # One suite: it sets up and tears down classes and modules as it passes their borders.
        unittest.TestSuite(test for test in flat(suite) if test.id() not in known).run(result)
        return result


from args_parser import parser

tests = importlib.machinery.SourceFileLoader("tests", str(folder / "__init__.py")).load_module()
parser.parse_args()
unittest.main(module=tests, testRunner=Runner)
