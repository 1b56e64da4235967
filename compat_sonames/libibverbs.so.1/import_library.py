#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Writes the C source of the stand-in for libverbs.so.1 that this library is linked with.

usage: import_library.py LEDGER > SOURCE

The stand-in has every name of the ledger's libverbs.so.1 at its node, but as name@NODE, never as
name@@NODE. symver.hpp tells why the linker needs that. Nothing ever runs it.
"""
import csv
import sys


def stand_in(number, name, node):
    return (f"void name_{number}(void);\n"
            f"void name_{number}(void) {{}}\n"
            f'__asm__(".symver name_{number}, {name}@{node}");\n')


def main():
    with open(sys.argv[1], encoding="utf-8", newline="") as ledger:
        rows = [row for row in csv.DictReader(ledger, delimiter="\t")
                if row["library"] == "libverbs.so.1"]
    for number, row in enumerate(rows):
        sys.stdout.write(stand_in(number, row["name"], row["version_node"]))


if __name__ == "__main__":
    main()
