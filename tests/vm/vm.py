#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Runs cases on a real kernel in a virtual machine. All cases of a kernel share one boot.

    vm.py --list                                   the kernels
    vm.py --ready                                  whether machines can run here, and with which kernels
    vm.py --kernel K [--build DIR] [--case NAME]   its cases, or those whose name contains NAME

Ends with 77 where QEMU cannot run at all.
"""

import argparse
import pathlib
import re
import sys

import kernels
import machine
import table
from case import PATIENCE

SKIPPED = 77
START_SECONDS = 120  # for Python itself, whose files come over 9p; 3 on an idle host
FOLDER = pathlib.Path(__file__).resolve().parent
ENDED = re.compile(r"^(BEGIN|PASS|FAIL): (.*?)(?: \(\d+\.\d s\))?$", re.MULTILINE)


class Record:
    """What the machine printed, passed on as it comes, and how far its cases got."""

    def __init__(self):
        self.printed = bytearray()

    def take(self, piece):
        self.printed += piece
        sys.stdout.buffer.write(piece)
        sys.stdout.flush()

    def marks(self):
        return {name: mark for mark, name in ENDED.findall(self.printed.decode(errors="replace"))}


def boot(kernel, cases, build, more=()):
    """One boot: {name: mark} of the cases that it came to, and why it ended early, if it did."""
    record = Record()
    seconds = START_SECONDS + PATIENCE * sum(case.seconds for case in cases.values())
    job = machine.Job([sys.executable, FOLDER / "inside.py", "--build", build, *more, *cases])
    try:
        code = machine.run(kernel, job, machine.Options(seconds=seconds), out=record.take)
        marks = record.marks()
        # 1 is for cases that failed, and for Python when it cannot even begin.
        return marks, None if marks and code in (0, 1) else f"inside.py ended with {code}"
    except machine.Failed as failure:
        return record.marks(), failure


def run_cases(kernel, cases, build, more=()):
    """Boots until every case had its turn, and gives the names of those that failed."""
    failed = []
    while cases:
        marks, failure = boot(kernel, cases, build, more)
        failed += [name for name, mark in marks.items() if mark == "FAIL"]
        # Whose turn it was when the machine ended early; where it was nobody's, it failed itself.
        guilty = [name for name, mark in marks.items() if mark == "BEGIN"]
        for name in guilty or (["the machine"] if failure and marks else []):
            print(f"FAIL: {name}: {failure}", flush=True)
            failed.append(name)
        left = {name: case for name, case in cases.items() if name not in marks}
        if left == cases:  # another boot would come no further
            print(f"FAIL: none of {len(cases)} cases could begin: {failure}", flush=True)
            return [*failed, *cases]
        cases = left
    return failed


def make_ready():
    """What a machine needs is there, or is fetched. Says which kernels; False when it is not."""
    reason = machine.why_not()
    if reason:
        print(f"FAIL: no real kernel can be run here: {reason}")
        return False
    try:
        found = [kernels.get(name) for name in kernels.NAMES]
    except kernels.Failed as failure:
        print(f"FAIL: no real kernel can be run here: {failure}")
        return False
    for kernel in found:
        print(f"kernel {kernel.name}: {kernel.release}")
    return True


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--ready", action="store_true")
    parser.add_argument("--build", type=pathlib.Path, default=kernels.ROOT / "build/release")
    parser.add_argument("--kernel", choices=kernels.NAMES)
    parser.add_argument("--case", default="")
    parser.add_argument("--planted", action="store_true", help="faults, for machine_test")
    options = parser.parse_args()
    if options.list:
        print("\n".join(kernels.NAMES))
        return 0
    if options.ready:
        return 0 if make_ready() else 1
    if not options.kernel:
        parser.error("which kernel?")
    cases = {name: case for name, case in table.all_cases(options.planted).items()
             if options.kernel in case.kernels and options.case in name}
    if not cases:
        parser.error(f"no case like '{options.case}' for this kernel")
    machine.end_in_order()
    reason = machine.why_not()
    if reason:
        print(f"SKIP: {reason}")
        return SKIPPED
    try:
        failed = run_cases(kernels.get(options.kernel), cases, options.build.resolve(),
                           ["--planted"] if options.planted else [])
    except kernels.Failed as failure:
        print(f"FAIL: {failure}")
        return 1
    print(f"{len(cases) - len(failed)} passed, {len(failed)} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
