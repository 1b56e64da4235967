#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Compiles a program written in the manner of existing ones against several verbs headers.

usage: check_source_compat.py --include DIR [--include DIR]... [--program FILE]

The first DIR is ours; of its functions and structures the program has to use every one, but for
those whose names begin with verbs_ or an underscore. Then the program has to compile with each DIR
as C and as C++. Exit 1 with a list of unused names or the compilers' messages.
"""
import argparse
import pathlib
import re
import subprocess
import sys

import header_model

WAYS = [("gcc", "c", "gnu99"), ("gcc", "c", "gnu11"), ("gcc", "c++", "gnu++17"),
        ("clang", "c", "gnu11"), ("clang", "c++", "gnu++20")]


def unused_names(model, program):
    text = program.read_text(encoding="utf-8")
    names = [*model.functions, *model.records]
    return [name for name in names
            if not re.match(r"(struct |union )?(verbs)?_", name)
            and re.search(rf"\b{name}\b", text) is None]


def compile_with(include, program):
    for compiler, language, standard in WAYS:
        command = [compiler, "-x", language, f"-std={standard}", "-Wall", "-Wextra", "-Werror",
                   "-fsyntax-only", "-I", include, program]
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        if result.returncode != 0:
            yield f"with {include}, as {standard} by {compiler}:\n{result.stderr}"


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--include", action="append", required=True)
    parser.add_argument("--program", type=pathlib.Path,
                        default=pathlib.Path(__file__).with_name("source_compat.c"))
    arguments = parser.parse_args()

    model = header_model.read(arguments.include[0])
    found = [f"{name}: not used by {arguments.program.name}"
             for name in unused_names(model, arguments.program)]
    for include in arguments.include:
        found += compile_with(include, arguments.program)
    for line in found:
        print(line)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
