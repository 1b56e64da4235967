#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Runs cases inside the machine, one after the other, and says how each went as it goes.

    inside.py --build DIR [--planted] CASE...

vm.py reads the lines `BEGIN: NAME`, and `PASS: NAME` or `FAIL: NAME` for each case.
"""

import argparse
import pathlib
import signal
import sys
import time
import traceback

import table
from case import PATIENCE, Failed, pair


def out_of_time(number, frame):
    raise Failed("it takes too long: its time is up")


def run_case(name, case, build):
    print(f"BEGIN: {name}", flush=True)
    began = time.monotonic()
    signal.signal(signal.SIGALRM, out_of_time)
    signal.alarm(case.seconds * PATIENCE)
    try:
        case.run(build)
    except Failed as failure:
        print(f"FAIL: {name}\n{failure}", flush=True)
        return False
    except Exception:  # a mistake in a case must not take the others with it
        print(f"FAIL: {name}\n{traceback.format_exc()}", flush=True)
        return False
    finally:
        signal.alarm(0)
    print(f"PASS: {name} ({time.monotonic() - began:.1f} s)", flush=True)
    return True


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", type=pathlib.Path, required=True)
    parser.add_argument("--planted", action="store_true")
    parser.add_argument("cases", nargs="+")
    options = parser.parse_args()
    pair.patience = PATIENCE
    known = table.all_cases(options.planted)
    passed = [run_case(name, known[name], options.build) for name in options.cases]
    return 0 if all(passed) else 1


if __name__ == "__main__":
    sys.exit(main())
