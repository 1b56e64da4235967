#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Compares a built library with the recorded baseline of its ABI: functions, their arguments, structs.

usage: check_abi.py --baseline FILE --library FILE --include DIR... [--report | --update]

Exit 1 with abidiff's words when a program built earlier could notice: a function that is gone, another
argument, a struct of another layout. What is new is no difference; --update puts it into the baseline,
which is due with each release. --report prints what is different, new functions too, and passes. The
library has to have debug information.
"""
import argparse
import os
import subprocess
import sys

# abidiff's exit bits: it failed, or was called wrongly.
UNUSABLE = 1 | 2
# Of the library only what its headers show: what is inside may be of any kind.
PUBLIC = ["--exported-interfaces-only", "--drop-private-types"]


def run(*command):
    environment = dict(os.environ, LC_ALL="C")
    return subprocess.run(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, check=False)


def update(arguments):
    done = run("abidw", *PUBLIC, *(word for path in arguments.include for word in ("--headers-dir", path)),
               "--no-comp-dir-path", "--no-corpus-path", "--short-locs",
               "--no-write-default-sizes", "--no-elf-needed", "--type-id-style", "hash",
               "--out-file", arguments.baseline, arguments.library)
    print(done.stdout, end="")
    return done.returncode


def compare(arguments):
    if ".debug_info" not in run("readelf", "--section-headers", "--wide", arguments.library).stdout:
        print(f"{arguments.library}: no debug information, so no arguments and structs to compare")
        return 1
    done = run("abidiff", *PUBLIC, *([] if arguments.report else ["--no-added-syms"]),
               *(word for path in arguments.include for word in ("--headers-dir2", path)),
               arguments.baseline, arguments.library)
    print(done.stdout, end="")
    if done.returncode & UNUSABLE:
        print(f"abidiff ended with {done.returncode}")
        return 1
    if arguments.report:
        print("reported only" if done.returncode else "no difference")
        return 0
    if done.returncode:
        print(f"programs built with {arguments.baseline} could notice this")
    return 1 if done.returncode else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--baseline", required=True)
    parser.add_argument("--library", required=True)
    parser.add_argument("--include", action="append", required=True)
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--report", action="store_true")
    what.add_argument("--update", action="store_true")
    arguments = parser.parse_args()
    return update(arguments) if arguments.update else compare(arguments)


if __name__ == "__main__":
    sys.exit(main())
