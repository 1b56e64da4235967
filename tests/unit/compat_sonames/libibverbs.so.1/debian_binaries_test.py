#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The distribution's unmodified binaries find every symbol they bind to in the libraries built here.

usage: debian_binaries_test.py LIBRARY_DIRECTORY PACKAGE...     exit 77 when no PACKAGE is installed

Each ELF file of the packages, programs and plugins alike, is given to the dynamic linker with all
its symbols to be resolved now. Nothing of them runs.
"""
import os
import pathlib
import subprocess
import sys

COMPLAINTS = ("undefined symbol", "not found", "symbol lookup error", "not defined in file")


def files_of(package):
    listing = subprocess.run(["dpkg-query", "-L", package], capture_output=True, text=True)
    return [pathlib.Path(line) for line in listing.stdout.splitlines()]


def is_dynamic_elf(path):
    if path.is_symlink() or not path.is_file():
        return False
    with open(path, "rb") as file:
        return file.read(4) == b"\x7fELF"


def judge(path, library_directory):
    """The dynamic linker's complaints about `path`, and whether it would use our library."""
    environment = dict(os.environ, LD_LIBRARY_PATH=str(library_directory), LD_BIND_NOW="1")
    result = subprocess.run(["ldd", "-r", str(path)], env=environment, capture_output=True,
                            text=True, timeout=60)
    lines = (result.stdout + result.stderr).splitlines()
    complaints = [line.strip() for line in lines if any(text in line for text in COMPLAINTS)]
    uses_ours = any(f"=> {library_directory}/libibverbs.so.1" in line for line in lines)
    needs_verbs = any(line.strip().startswith("libibverbs.so.1 ") for line in lines)
    if not needs_verbs:
        return [], False  # parts of other libraries, which may expect to be loaded by their whole
    if not uses_ours:
        complaints.append("it does not take libibverbs.so.1 from the directory under test")
    return complaints, uses_ours


def main():
    library_directory = pathlib.Path(sys.argv[1]).resolve()
    seen = used = 0
    failed = False
    for package in sys.argv[2:]:
        for path in filter(is_dynamic_elf, files_of(package)):
            complaints, uses_ours = judge(path, library_directory)
            seen += 1
            used += uses_ours
            for complaint in complaints:
                failed = True
                print(f"{path} ({package}): {complaint}")
    print(f"{seen} files of {' '.join(sys.argv[2:])}, {used} of them use libibverbs.so.1")
    if not seen:
        sys.exit(77)
    sys.exit(1 if failed or not used else 0)


if __name__ == "__main__":
    main()
