#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Compiles every installed header alone, in each language a program may be written in.

usage: check_standalone.py --include PATH [--compiler NAME]...

Each header is included twice, so that its guard is tried too. Compilers are gcc and clang unless
named; g++ and clang++ go with them. Exit 1 with the compilers' messages.
"""
import argparse
import concurrent.futures
import os
import pathlib
import shutil
import subprocess
import sys

import header_model

WARNINGS = ["-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wshadow", "-Wundef", "-Werror"]
LANGUAGES = {
    "c99": ("c", ["-Wstrict-prototypes"]),
    "c11": ("c", ["-Wstrict-prototypes"]),
    "c++11": ("c++", []),
    "c++20": ("c++", []),
}


def compile_alone(compiler, standard, search_path, header):
    language, more = LANGUAGES[standard]
    command = [compiler, "-x", language, f"-std={standard}", *WARNINGS, *more, "-fsyntax-only",
               *header_model.flags(search_path), "-"]
    # The declaration keeps a header of macros alone from being an empty translation unit.
    source = f"#include <{header}>\n" * 2 + "int standalone(void);\n"
    result = subprocess.run(command, input=source, capture_output=True, text=True, check=False)
    label = f"{header} as {standard} with {compiler}"
    return None if result.returncode == 0 else f"{label}:\n{result.stderr}"


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--include", required=True)
    parser.add_argument("--compiler", action="append")
    arguments = parser.parse_args()

    compilers = arguments.compiler or ["gcc", "clang"]
    for compiler in compilers:
        if shutil.which(compiler) is None:
            print(f"{compiler} is not there")
            return 1
    own = pathlib.Path(header_model.directories(arguments.include)[0])
    headers = sorted(path.relative_to(own) for path in own.rglob("*.h"))
    jobs = [(compiler, standard, arguments.include, header) for header in headers
            for compiler in compilers for standard in LANGUAGES]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        found = [fault for fault in pool.map(lambda job: compile_alone(*job), jobs) if fault]
    for fault in found:
        print(fault)
    print(f"{len(headers)} headers, {len(jobs)} compilations, {len(found)} failed")
    return 1 if found or not headers else 0


if __name__ == "__main__":
    sys.exit(main())
