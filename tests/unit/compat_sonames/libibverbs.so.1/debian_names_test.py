#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Every name of the distribution's libibverbs.so.1 is in ours: same node, same kind, same default.

usage: debian_names_test.py OUR_LIBRARY         exit 77 when the distribution's is not installed

Ours may have more (nodes of later releases). OBJECT or FUNC counts too: a plugin reads one variable.
"""
import glob
import os
import subprocess
import sys

READELF = os.environ.get("READELF", "readelf")
PLACES = ["/usr/lib/*-linux-gnu/libibverbs.so.1", "/usr/lib64/libibverbs.so.1"]


def exported(path):
    text = subprocess.run([READELF, "--dyn-syms", "-W", path], check=True, capture_output=True,
                          text=True).stdout
    rows = (line.split() for line in text.splitlines())
    return {(row[7], row[3]) for row in rows
            if len(row) >= 8 and "@" in row[7] and row[6] not in ("UND", "ABS")}


def main():
    theirs = [path for place in PLACES for path in glob.glob(place)]
    if not theirs:
        print("no libibverbs.so.1 of a distribution here")
        sys.exit(77)
    wanted = exported(theirs[0])
    missing = sorted(wanted - exported(sys.argv[1]))
    for name, kind in missing:
        print(f"missing: {name} ({kind})")
    print(f"{len(wanted)} names in {theirs[0]}, {len(missing)} missing in {sys.argv[1]}")
    sys.exit(1 if missing or len(wanted) < 150 else 0)


if __name__ == "__main__":
    main()
