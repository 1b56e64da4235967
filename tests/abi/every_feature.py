#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Writes two features.h for the experimental headers: one with every feature that they ask for,
whether a build has it or not, so that what is not there yet is checked too, and one with none.

usage: every_feature.py --include DIR --output DIR

The files go into DIR/every and DIR/none, each a directory for the compiler's search path. Exit 1
when the headers ask for no feature, or in another way than with #ifdef.
"""
import argparse
import pathlib
import re
import sys

NAME = re.compile(r"\bVERBS_HAVE_[A-Z0-9_]+\b")


def features(include):
    """(names asked for, complaints)"""
    names = set()
    faults = []
    for path in sorted(include.rglob("*.h")):
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            asked = NAME.findall(line) if line.startswith("#") else []
            if asked and not re.fullmatch(r"#ifdef VERBS_HAVE_\w+", line):
                faults.append(f"{path}:{number}: use #ifdef and one feature")
            names.update(asked)
    return sorted(names), faults


def write(directory, names):
    path = directory / "infiniband/verbs_exp/features.h"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#ifndef EVERY_FEATURE_H\n#define EVERY_FEATURE_H\n"
                    + "".join(f"#define {name} 1\n" for name in names) + "#endif\n",
                    encoding="utf-8")


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--include", type=pathlib.Path, required=True)
    parser.add_argument("--output", type=pathlib.Path, required=True)
    arguments = parser.parse_args()

    names, faults = features(arguments.include)
    for fault in faults:
        print(fault)
    write(arguments.output / "every", names)
    write(arguments.output / "none", [])
    print(f"{len(names)} features")
    return 1 if faults or not names else 0


if __name__ == "__main__":
    sys.exit(main())
