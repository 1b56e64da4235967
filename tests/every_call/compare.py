#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Runs the builds of every_call.c on the software device and compares what they write down.

usage: compare.py --header DIR --program FILE --program FILE

Exit 1 with the lines that differ, with a program that ends otherwise than with 0, or with a function of
infiniband/verbs.h in DIR that the source does not use.
"""
import argparse
import difflib
import pathlib
import re
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "abi"))
import header_model  # noqa: E402

DEVICE = "soft_lo"
FEWEST_LINES = 100


def unused(header):
    text = (HERE / "every_call.c").read_text(encoding="utf-8")
    return [f"{name} is not called" for name in header_model.read(header).functions
            if header_model.is_for_programs(name) and re.search(rf"\b{name}\b", text) is None]


def results(program):
    done = subprocess.run([program, DEVICE], capture_output=True, text=True, timeout=60, check=False)
    if done.returncode != 0:
        sys.exit(f"{program} ended with {done.returncode} after\n{done.stdout}{done.stderr}")
    return done.stdout.splitlines()


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--header", required=True)
    parser.add_argument("--program", action="append", required=True)
    arguments = parser.parse_args()
    one, other = (results(program) for program in arguments.program)
    found = unused(arguments.header)
    found += difflib.unified_diff(one, other, *arguments.program, lineterm="", n=0)
    if len(one) < FEWEST_LINES:
        found.append(f"only {len(one)} lines of results")
    for line in found:
        print(line)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
