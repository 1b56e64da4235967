#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""No forward of libibverbs.so.1 may call itself: all that it needs of libverbs.so.1 is in a table there.

usage: imports_test.py libibverbs.so.1 libverbs.so.1 verbs_table.hpp

A linker that resolves an import with our own function of the same name does it without a word (see
compat_sonames/libibverbs.so.1/symver.hpp); the program then ends in endless recursion.
"""
import hashlib
import os
import re
import subprocess
import sys

READELF = os.environ.get("READELF", "readelf")
# The list of verbs that each number of the table stood for. Another list is another line here.
LISTS = {"verbs_private_table_1": "20100bd8020adeac"}
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
    compat, stable, table = sys.argv[1:]
    problems = []
    imports = {(name, version) for name, version, defined in dynamic_symbols(compat) if not defined}
    exports = {name for name, _, defined in dynamic_symbols(compat) if defined}
    offered = {(name, version) for name, version, defined in dynamic_symbols(stable) if defined}
    with open(table, encoding="utf-8") as header:
        text = header.read()
    handed_on = re.findall(r"^ +VERB\((\w+)\)", text, re.MULTILINE)
    number = re.search(r"verbs_private_table_\d+", text)[0]
    if LISTS.get(number) != hashlib.sha256(" ".join(handed_on).encode()).hexdigest()[:16]:
        problems.append(f"{number} is the number of another list of verbs")
    problems += [f"{name}@{version} is imported, but libverbs.so.1 does not have it"
                 for name, version in sorted(imports - offered)]
    problems += [f"{name} is imported, and is our own too" for name, _ in sorted(imports)
                 if name in exports]
    problems += [f"{name}@{version} is looked up, which is our own"
                 for name, version in sorted(set(relocations(compat)) - imports)
                 if name != "verbs_allow_disassociate_destroy"]
    # Each verb that both libraries have is a forward, but for the ones that are done another way.
    other_ways = {"ibv_query_port"}
    shared = {name for name, version in offered if version == "VERBS_1.0"} & exports - other_ways
    problems += [f"{name} is not handed on" for name in sorted(shared - set(handed_on))]
    if len(shared) < 40 or not imports:
        problems.append(f"only {len(shared)} names in common, {len(imports)} imports: readelf's "
                        "output was not understood")
    print("\n".join(problems) or f"{len(shared)} verbs in common, {len(imports)} imports")
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()
