#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Compiles programs written in the manner of existing ones against several verbs headers.

usage: check_source_compat.py --include PATH [--include PATH]... [--program FILE]...

Of the functions and structures of the first PATH the programs together have to use every one that
is for programs. Then each has to compile with each PATH as C and as C++. Exit 1 with a list of
unused names or the compilers' messages.
"""
import argparse
import pathlib
import re
import subprocess
import sys

import header_model

WAYS = [("gcc", "c", "gnu99"), ("gcc", "c", "gnu11"), ("gcc", "c++", "gnu++17"),
        ("clang", "c", "gnu11"), ("clang", "c++", "gnu++20")]


def unused_names(model, programs):
    text = "\n".join(program.read_text(encoding="utf-8") for program in programs)
    return [name for name in [*model.functions, *model.records]
            if header_model.is_for_programs(name) and re.search(rf"\b{name}\b", text) is None]


def compile_with(search_path, program):
    for compiler, language, standard in WAYS:
        command = [compiler, "-x", language, f"-std={standard}", "-Wall", "-Wextra", "-Werror",
                   "-fsyntax-only", *header_model.flags(search_path), program]
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        if result.returncode != 0:
            yield f"with {search_path}, as {standard} by {compiler}:\n{result.stderr}"


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--include", action="append", required=True)
    parser.add_argument("--program", type=pathlib.Path, action="append")
    arguments = parser.parse_args()
    programs = arguments.program or [pathlib.Path(__file__).with_name("source_compat.c")]

    model = header_model.read(arguments.include[0])
    found = [f"{name}: not used by {', '.join(program.name for program in programs)}"
             for name in unused_names(model, programs)]
    for search_path in arguments.include:
        for program in programs:
            found += compile_with(search_path, program)
    for line in found:
        print(line)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
