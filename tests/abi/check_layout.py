#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Compares the layout of the public structures, the numbers of all enumerators and the types of
all functions with a table, or with another verbs header.

usage: check_layout.py print     --include PATH
       check_layout.py table     --include PATH --table FILE
       check_layout.py reference --include PATH --reference-include PATH [--newer FILE] [--whole]
       check_layout.py newer     --include PATH --newer FILE

`print` writes the table; `table` wants it equal to FILE in both directions, so a name that is in
the header only is found as well as one that vanished; `reference` wants everything in our header to
be in the other one with the same layout, number and type, and our structures and enumerations to be
complete; with --whole ours is what all directories of PATH declare together, and nothing that the
other one has for programs may be missing. --newer names a table of what releases after the reference
have added; ours may have these names, as the table says, and `newer` wants all of them, but for lines
with a third column, which is the reason why not. Exit 1 with a list of differences.
CC names the compiler that measures, CLANG the one that reads.
"""
import argparse
import os
import pathlib
import re
import subprocess
import sys
import tempfile

import header_model

CC = os.environ.get("CC", "cc")

# Functions that the reference declares otherwise, each with the reason.
OTHER_TYPE_IN_REFERENCE = {
    # There it takes the 48-byte structure and is hidden behind a macro of the same name.
    "ibv_query_port",
}
# Names of the same kind that no reference has, each with the reason.
IN_NO_REFERENCE = {
    # The kernel's bits, for which rdma-core has no names.
    "IBV_DEVICE_ATOMIC_WRITE", "IBV_DEVICE_FLUSH_GLOBAL", "IBV_DEVICE_FLUSH_PERSISTENT",
    "_ibv_query_comp_cntr_caps",  # what ibv_query_comp_cntr_caps calls, there too
}
# Names that are ours alone begin so.
OWN_NAME = re.compile(r"(struct |enum )?verbs_", re.IGNORECASE)


def measured_names(model):
    """(key of the table, C type, member path or None), one for each record and member."""
    for record, members in model.records.items():
        yield record, record, None
        for member in members:
            yield f"{record}.{member}", record, member


def constants(model):
    return [name for name in model.constants if name.startswith("IB")]


def measure(model, search_path):
    """Lets the compiler print sizes, offsets and numbers of everything in the model."""
    prints = []
    for key, record, member in measured_names(model):
        if member is None:
            prints.append(f'printf("{key}\\tsize %zu align %zu\\n", sizeof({record}), '
                          f'__alignof__({record}));')
        else:
            prints.append(f'printf("{key}\\toffset %zu size %zu\\n", offsetof({record}, {member}), '
                          f'sizeof((({record} *)0)->{member}));')
    for name in {**model.enumerators, **dict.fromkeys(constants(model))}:
        prints.append(f'printf("{name}\\t%lld\\n", (long long)({name}));')
    source = "#include <stddef.h>\n#include <stdio.h>\n#include <infiniband/verbs.h>\n" \
             "int main(void) {\n" + "\n".join(prints) + "\nreturn 0;\n}\n"
    with tempfile.TemporaryDirectory() as directory:
        program = pathlib.Path(directory) / "measure"
        command = [CC, "-x", "c", "-std=gnu11", *header_model.flags(search_path), "-o", program, "-"]
        subprocess.run(command, input=source, text=True, check=True)
        output = subprocess.run([program], capture_output=True, text=True, check=True).stdout
    return dict(line.split("\t") for line in output.splitlines())


def describe(model, search_path):
    """The table: key -> what has to stay. Kinds are told apart by the form of the key."""
    table = {}
    numbers = measure(model, search_path)
    for key, record, member in measured_names(model):
        table[key] = numbers[key] + (f" {model.records[record][member]}" if member else "")
    for name, enumeration in model.enumerators.items():
        table[name] = f"{numbers[name]} {enumeration}"
    for name in constants(model):
        table.setdefault(name, numbers[name])
    for name, function in model.functions.items():
        table[f"{name}()"] = function.type
    return table


def common_part(model, reference):
    """What of our model the reference has, and the names it lacks."""
    common = header_model.Model()
    lacking = []

    def take(wanted, available, result, label):
        for name in wanted:
            if name in available:
                result[name] = available[name]
            else:
                lacking.append(label.format(name))

    for record, members in model.records.items():
        if record not in reference.records:
            lacking.append(record)
            continue
        common.records[record] = {}
        take(members, reference.records[record], common.records[record], record + ".{}")
    take(model.enumerators, reference.enumerators, common.enumerators, "{}")
    take(model.functions, reference.functions, common.functions, "{}()")
    common.constants = [name for name in constants(model) if name in reference.constants]
    lacking += [name for name in constants(model) if name not in reference.constants]
    return common, lacking


def left_out(model, reference):
    """Members and enumerators of the reference that our structures and enumerations lack."""
    names = [f"{record}.{member}" for record, members in reference.records.items()
             if record in model.records for member in members
             if member not in model.records[record]]
    named = set(model.enumerators.values()) - {"enum"}
    return names + [name for name, enumeration in reference.enumerators.items()
                    if enumeration in named and name not in model.enumerators]


def compare(ours, theirs, whose):
    return [f"{key}: {ours[key]} here, {theirs[key]} {whose}"
            for key in ours if key in theirs and ours[key] != theirs[key]]


def against_table(table, path):
    frozen = dict(line.split("\t") for line in path.read_text(encoding="utf-8").splitlines()
                  if line and not line.startswith("#"))
    found = compare(table, frozen, f"in {path.name}")
    found += [f"{key}: not in {path.name}" for key in table if key not in frozen]
    found += [f"{key}: in {path.name} only" for key in frozen if key not in table]
    return found


def without_own_names(model):
    def is_common(name):
        return not OWN_NAME.match(name) and name not in IN_NO_REFERENCE

    kept = header_model.Model()
    for part in ("records", "enumerators", "functions"):
        setattr(kept, part, {name: value for name, value in getattr(model, part).items()
                             if is_common(name)})
    kept.constants = [name for name in model.constants if is_common(name)]
    return kept


def missing(model, reference):
    """Names of the reference that a program may use and that we do not have in any form."""
    def names(of):
        functions = [f"{name}()" for name in of.functions]
        return [*of.records, *of.enumerators, *of.constants, *functions]

    ours = set(names(model))
    return [name for name in names(reference)
            if name not in ours and header_model.is_for_programs(name)]


def read_newer(path):
    """key -> (what the later release has there, why ours has not, or '')"""
    newer = {}
    for line in path.read_text(encoding="utf-8").splitlines() if path else []:
        if line and not line.startswith("#"):
            key, value, *reason = line.split("\t")
            newer[key] = (value, reason[0] if reason else "")
    return newer


def against_newer(table, newer):
    found = []
    for key, (value, reason) in newer.items():
        ours = table.get(key)
        if ours == value and reason:
            found.append(f"{key}: is there now, so the reason is no more")
        elif ours != value and not reason:
            found.append(f"{key}: {ours or 'nothing'} here, {value} in the later release")
    return found


def against_reference(model, search_path, reference_path, newer, whole):
    reference = header_model.read(reference_path)
    model = without_own_names(model)
    common, lacking = common_part(model, reference)
    ours = describe(model, search_path)
    theirs = describe(common, reference_path)
    for name in OTHER_TYPE_IN_REFERENCE:
        theirs.pop(f"{name}()", None)
    later = {key for key, (value, _) in newer.items() if ours.get(key) == value}
    return compare({key: value for key, value in ours.items() if key not in later}, theirs,
                   "in the reference") + \
        [f"{name}: not in the reference" for name in lacking if name not in later] + \
        [f"{name}: in the reference only" for name in
         dict.fromkeys(left_out(model, reference) + (missing(model, reference) if whole else []))]


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=["print", "table", "reference", "newer"])
    parser.add_argument("--include", required=True)
    parser.add_argument("--table", type=pathlib.Path)
    parser.add_argument("--reference-include")
    parser.add_argument("--newer", type=pathlib.Path)
    parser.add_argument("--whole", action="store_true")
    arguments = parser.parse_args()

    model = header_model.read(arguments.include,
                              whole=arguments.whole or arguments.command == "newer")
    newer = read_newer(arguments.newer)
    if arguments.command == "reference":
        found = against_reference(model, arguments.include, arguments.reference_include, newer,
                                  arguments.whole)
    elif arguments.command == "newer":
        found = against_newer(describe(model, arguments.include), newer)
    else:
        table = describe(model, arguments.include)
        if arguments.command == "print":
            print("# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause")
            print("# The frozen ABI of the stable header, written by check_layout.py print.")
            for key in sorted(table):
                print(f"{key}\t{table[key]}")
            return 0
        found = against_table(table, arguments.table)
    for line in found:
        print(line)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
