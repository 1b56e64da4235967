#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Programs we did not write, unchanged, on the software device. One case is one ctest test.

    interop.py --list                       the names of all cases
    interop.py --build DIR --case NAME...   runs one, or several
    interop.py --versions                   what this machine has of docs/tested-programs.md

The files beside this one have the cases of one family of programs each. Ends with 77 where a
program that a case needs is not installed.
"""

import argparse
import pathlib
import shutil
import subprocess
import sys
import time

import devices
import libfabric
import mpi
import perftest
import pingpong
import pyverbs
import qperf
import registry
import ucx

SKIPPED = 77
PACKAGES = ("openmpi-bin", "mpich", "ucx-utils", "libfabric-bin", "perftest", "qperf",
            "python3-pyverbs", "ibverbs-utils", "rdmacm-utils")
FAMILIES = (devices, pingpong, perftest, qperf, pyverbs, ucx, libfabric, mpi)


def all_cases():
    return {name: case for family in FAMILIES for name, case in family.cases().items()}


def run_case(name, case, build):
    """Returns the exit code of one case, and says how it went."""
    missing = [program for program in case.programs if shutil.which(program) is None]
    if missing:
        print(f"SKIP: {name}: {', '.join(missing)} not installed (tools/setup installs it)")
        return SKIPPED
    began = time.monotonic()
    try:
        case.run(build)
    except registry.Failed as failure:
        print(f"FAIL: {name}\n{failure}", flush=True)
        return 1
    print(f"PASS: {name} ({time.monotonic() - began:.1f} s)", flush=True)
    return 0


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--versions", action="store_true")
    parser.add_argument("--build", type=pathlib.Path, default=registry.pair.ROOT / "build/release")
    parser.add_argument("--case", nargs="+", default=[])
    options = parser.parse_args()
    if options.versions:
        return subprocess.call(["dpkg-query", "-W", "-f", "${Package} ${Version}\n", *PACKAGES])
    table = all_cases()
    if options.list:
        print("\n".join(table))
        return 0
    unknown = [name for name in options.case if name not in table]
    if unknown or not options.case:
        parser.error(f"no case {unknown or ''}; see --list")
    codes = [run_case(name, table[name], options.build) for name in options.case]
    return 1 if 1 in codes else max(codes)


if __name__ == "__main__":
    sys.exit(main())
