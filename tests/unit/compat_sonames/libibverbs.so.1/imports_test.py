#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""No forward of libibverbs.so.1 may call itself: what it needs of libverbs.so.1 is imported from there.

usage: imports_test.py libibverbs.so.1 libverbs.so.1

A linker that resolves an import with our own function of the same name does it without a word (see
compat_sonames/libibverbs.so.1/symver.hpp); the program then ends in endless recursion.
"""
import os
import re
import subprocess
import sys

READELF = os.environ.get("READELF", "readelf")
VERBS_NODE = re.compile(r"^(VERBS_[0-9.]+|VERBS_PRIVATE)$")
VERBS_NAME = re.compile(r"^(ibv_|verbs_|_ibv_|mult_to_|mbps_to_)")


def dynamic_symbols(path):
    """(name, version, is it defined there) of each dynamic symbol that is a verbs name."""
    text = subprocess.run([READELF, "--dyn-syms", "-W", path], check=True, capture_output=True,
                          text=True).stdout
    for line in text.splitlines():
        fields = line.split()
        if len(fields) < 8 or not fields[0].rstrip(":").isdigit():
            continue
        name, _, version = fields[7].replace("@@", "@").partition("@")
        if VERBS_NAME.match(name) and fields[4] in ("GLOBAL", "WEAK"):
            yield name, version, fields[6] != "UND"


def relocations(path):
    """(name, version) of every verbs name that the dynamic linker will look up."""
    text = subprocess.run([READELF, "-rW", path], check=True, capture_output=True, text=True).stdout
    for name, version in re.findall(r"\s(\w+)@+([\w.]+) \+ 0$", text, re.MULTILINE):
        if VERBS_NAME.match(name):
            yield name, version


def main():
    compat, stable = sys.argv[1:]
    problems = []
    imports = {(name, version) for name, version, defined in dynamic_symbols(compat) if not defined}
    exports = {name for name, _, defined in dynamic_symbols(compat) if defined}
    offered = {(name, version) for name, version, defined in dynamic_symbols(stable) if defined}
    problems += [f"{name}@{version} is imported, but libverbs.so.1 does not have it"
                 for name, version in sorted(imports - offered)]
    problems += [f"{name}@{version} is looked up, which is our own"
                 for name, version in sorted(set(relocations(compat)))
                 if not VERBS_NODE.match(version) and name != "verbs_allow_disassociate_destroy"]
    # Each verb that both libraries have is a forward, but for the ones that are done another way.
    other_ways = {"ibv_query_port"}
    shared = {name for name, version in offered if version == "VERBS_1.0"} & exports - other_ways
    problems += [f"{name} is not imported from libverbs.so.1"
                 for name in sorted(shared - {name for name, _ in imports})]
    if len(shared) < 40:
        problems.append(f"only {len(shared)} names in common: readelf's output was not understood")
    print("\n".join(problems) or f"{len(imports)} imports, all from libverbs.so.1")
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()
