#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""rdma-core's own Python tests, as Debian's python3-pyverbs installs them, each with its outcome.

pyverbs-expected.tsv has a line per test: name, ok or skip, the reason that the test gives, and
what we know beyond that. Every difference fails the case, and names the test.

    pyverbs.py [--build DIR] [--write]      runs them; --write makes the list of what they did
"""

import argparse
import gzip
import json
import pathlib
import sys
import time

from registry import DEVICE, Case, Failed, expect, pair

PYTHON = "/usr/bin/python3"  # Debian's, whatever else is first in PATH
HERE = pathlib.Path(__file__).resolve().parent
INSTALLED = pathlib.Path("/usr/share/doc/rdma-core/tests")
EXPECTED = HERE / "pyverbs-expected.tsv"
TEST_SECONDS = 40  # a poll in these tests gives up after 10, a barrier after 15
START_SECONDS = 120  # outside of any test: an emulated machine loads Python slowly
SUITE_SECONDS = 240
CRASHES = 10
# A test that a machine cannot run says so before it asks the device. Where the machine can (a GPU,
# huge pages), it passes, or the device's answer comes instead.
DEVICE_REASONS = {
    "Allocating dmabuf is not supported by /dev/dri/renderD128": (
        "Device /dev/dri/renderD128 is not present",
        "Lack of permission to access /dev/dri/renderD128"),
    "There are no huge pages of size 2M allocated": (
        "Parent Domain is not supported on this device",),
}
HEADER = """\
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# What rdma-core 44's Python tests do on the software device: test, outcome, the reason that the
# test gives, and the true reason where that one does not say it. Written by `pyverbs.py --write`,
# which keeps the last column; compared by the interop case.
"""


def unpack(folder):
    """Debian compresses long files of documentation; the text is theirs, unchanged."""
    folder.mkdir()
    for source in sorted(INSTALLED.iterdir()):
        if source.suffix == ".gz":
            (folder / source.stem).write_bytes(gzip.decompress(source.read_bytes()))
        elif source.is_file():
            (folder / source.name).write_bytes(source.read_bytes())


class Progress:
    """What the journal says: the outcomes so far, and the test that runs."""

    def __init__(self, journal):
        self.journal = journal
        self.lines = []

    def read(self):
        text = self.journal.read_text() if self.journal.exists() else ""
        whole = text[:text.rfind("\n") + 1]
        self.lines = [json.loads(line) for line in whole.splitlines()]

    def running(self):
        return self.lines[-1][0] if self.lines and self.lines[-1][1] is None else None

    def outcomes(self):
        """{test: (outcome, reason)}; a test that ended in several ways counts by its worst."""
        rank = {None: 3, "fail": 2, "skip": 1, "ok": 0}
        found = {}
        for test, outcome, reason in self.lines:
            if outcome is None:
                continue
            if test not in found or rank[outcome] > rank[found[test][0]]:
                found[test] = (outcome, reason)
        return found

    def add(self, test, outcome, reason):
        with open(self.journal, "a") as sink:
            sink.write(json.dumps([test, outcome, reason]) + "\n")


def run_once(session, progress, folder, end, arguments, on_verbs):
    """One process. True when it came to the end of the suite, False when a test stopped it."""
    child = session.start(PYTHON, HERE / "pyverbs_child.py", folder, progress.journal, *arguments,
                          on_verbs=on_verbs)
    seen, since = 0, time.monotonic()
    while child.code is None:
        pair.wait_until(lambda: child.code is not None, 0.2)
        progress.read()
        now = time.monotonic()
        if len(progress.lines) > seen:
            seen, since = len(progress.lines), now
        limit = TEST_SECONDS if progress.running() else START_SECONDS
        if now - since > limit or now > end:
            child.process.kill()
            session.wait_end(child, 10)
    progress.read()
    test = progress.running()
    if test is None:
        expect(progress.lines and child.code in (0, 1),
               f"the suite ended with {child.code} outside of any test")
        return True
    progress.add(test, "fail", f"took the process with it: {child.code}\n{child.text()[-2000:]}")
    expect(time.monotonic() < end, f"{test} still ran after {SUITE_SECONDS} s of the suite")
    return False


def outcomes(build, arguments=("--dev", DEVICE), on_verbs=True, leave_out=()):
    """Runs everything but the tests in `leave_out`: {test: (outcome, reason)}."""
    expect((INSTALLED / "run_tests.py").exists(),
           f"{INSTALLED} is missing although python3-pyverbs is installed: does dpkg leave out "
           "documentation on this machine (path-exclude in /etc/dpkg/dpkg.cfg.d)?")
    with pair.Session(build) as session:
        folder = session.scratch / "tests"
        unpack(folder)
        progress = Progress(session.scratch / "journal")
        for test in leave_out:
            progress.add(test, "ok", "")
        end = time.monotonic() + SUITE_SECONDS
        for _ in range(CRASHES):
            if run_once(session, progress, folder, end, arguments, on_verbs):
                break
        else:
            raise Failed(f"{CRASHES} tests took the process with them")
        progress.read()
        return {test: found for test, found in progress.outcomes().items()
                if test not in leave_out}


def one_line(reason):
    return " ".join(reason.split())


def read_expected():
    """{test: (outcome, reason, what we know)}"""
    table = {}
    for line in EXPECTED.read_text().splitlines():
        if line and not line.startswith("#"):
            test, outcome, reason, ours = (line.split("\t") + ["", ""])[:4]
            table[test] = (outcome, reason, ours)
    return table


def is_expected(outcome, reason, expected):
    wanted, its_reason, _ = expected
    if outcome != wanted:
        return outcome == "ok" and its_reason in DEVICE_REASONS
    return outcome == "ok" or reason == its_reason or reason in DEVICE_REASONS.get(its_reason, ())


def differences(expected, found):
    for test in sorted(expected.keys() | found.keys()):
        if test not in found:
            yield f"{test}: did not run"
            continue
        outcome, reason = found[test]
        if test not in expected:
            yield f"{test}: not in the list; {outcome} {reason}"
        elif not is_expected(outcome, one_line(reason), expected[test]):
            yield f"{test}: {outcome} {reason}\n    expected: {' '.join(expected[test][:2])}"


def as_expected(build):
    left = list(differences(read_expected(), outcomes(build)))
    expect(not left, f"{len(left)} tests differ from {EXPECTED.name}:\n" + "\n".join(left))


def write(found):
    """A failure is nothing to expect: it is printed, and left out."""
    old = read_expected() if EXPECTED.exists() else {}
    known = {reason: ours for _, reason, ours in old.values() if ours}
    lines = []
    for test, (outcome, reason) in sorted(found.items()):
        if outcome == "fail":
            print(f"FAIL {test}\n{reason}\n")
            continue
        reason = one_line(reason)
        lines.append("\t".join([test, outcome, reason, known.get(reason, "")]).rstrip("\t"))
    EXPECTED.write_text(HEADER + "\n".join(lines) + "\n")
    counts = {kind: sum(outcome == kind for outcome, _ in found.values())
              for kind in ("ok", "skip", "fail")}
    print(f"{len(found)} tests: {counts}")


def cases():
    # The package has no program; its tests need Debian's own Python.
    return {"pyverbs - every test of rdma-core ends as expected": Case((PYTHON,), as_expected)}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", type=pathlib.Path, default=pair.ROOT / "build/release")
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    try:
        write(outcomes(options.build)) if options.write else as_expected(options.build)
    except Failed as failure:
        print(f"FAIL: {failure}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
