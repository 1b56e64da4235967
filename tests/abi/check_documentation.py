#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Holds the headers and the ledger against each other, and demands a comment for every function.

usage: check_documentation.py --include PATH [--ledger FILE --library LIBRARY]

Wants of every public row of LIBRARY a declaration, of every declaration that is not inline a row,
and of both and of inline functions a documentation comment that names the return shape of the
ledger ("Returns (errno)"), the errors, the source, and each parameter. Without a ledger it looks at
the comments alone. Exit 1 with a list.
"""
import argparse
import re
import sys

import header_model

SHAPES = {"pointer", "errno", "minus_one", "count", "void", "value"}


def read_ledger(path, library):
    """name -> return shape, without what no installed header declares: private nodes, names of before."""
    with open(path, encoding="utf-8") as file:
        lines = [line.rstrip("\n").split("\t") for line in file]
    columns = {name: index for index, name in enumerate(lines[0])}
    return {line[columns["name"]]: line[columns["return_shape"]] for line in lines[1:]
            if line[columns["library"]] == library
            and line[columns["binding"]] == "default"
            and "_PRIVATE" not in line[columns["version_node"]]}


def comment_faults(function, shape):
    comment = function.comment()
    if not comment:
        return ["has no documentation comment"]
    faults = []
    returns = re.search(r"^ \* Returns \((\w+)\)", comment, re.MULTILINE)
    if returns is None:
        faults.append("its comment names no return shape")
    elif shape is None and returns.group(1) not in SHAPES:
        faults.append(f"its comment names the return shape {returns.group(1)}, which is none")
    elif shape is not None and returns.group(1) != shape:
        faults.append(f"its comment says {returns.group(1)}, the ledger says {shape}")
    for part in ("Errors", "Source"):
        if re.search(rf"^ \* {part}: \S", comment, re.MULTILINE) is None:
            faults.append(f"its comment has no '{part}:'")
    documented = re.findall(r"^ \* @param (\w+)  ?", comment, re.MULTILINE)
    if documented != function.parameters:
        faults.append(f"its comment has the parameters {documented}, not {function.parameters}")
    return faults


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--include", required=True)
    parser.add_argument("--ledger")
    parser.add_argument("--library")
    arguments = parser.parse_args()

    shapes = read_ledger(arguments.ledger, arguments.library) if arguments.ledger else {}
    functions = header_model.read(arguments.include).functions
    found = [f"{name}: in the ledger, but in no header" for name in shapes if name not in functions]
    for name, function in functions.items():
        if arguments.ledger and not function.is_inline and name not in shapes:
            found.append(f"{name}: in a header, but not in the ledger")
        found += [f"{name}: {fault}" for fault in comment_faults(function, shapes.get(name))]
    for line in sorted(found):
        print(line)
    return 1 if found or not functions or (arguments.ledger and not shapes) else 0


if __name__ == "__main__":
    sys.exit(main())
