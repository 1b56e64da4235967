# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What a program's control path costs on our library and on Debian's, on the same device: the same
program, phase by phase. And what both answer about the tables of a port."""

import contextlib
import difflib
import pathlib
import re
import subprocess
import sys

from case import DEVICE, IPV4_GID, PATIENCE, Case, expect, expect_lines, output_of

PHASES = ("list", "list_again", "open", "open_again", "query", "gid_table", "reg_mr", "create_qp",
          "modify_qp", "destroy_qp", "dereg_mr", "close")
# Of Debian's instructions. Not `open` alone: see below.
# Of gid_table, one call, most is the dynamic linker's, and changes with the names that there are.
SHARES = {"list": 0.5, "open_again": 0.8, "list_again": 1, "query": 1, "gid_table": 1.1, "reg_mr": 0.6,
          "create_qp": 1, "modify_qp": 1, "destroy_qp": 1, "dereg_mr": 0.65, "close": 1.3}
DUMPS = pathlib.Path("/tmp/control_path")
# Tests set the variable, and then the software device's plugin is opened to decide what it means.
UNASKED = ("env", "-u", "VERBS_SOFT")
COUNTED_ON = ("6.1",)  # both kernels are spoken to in the same way
NEIGHBOUR = "10.1.1.9"
TABLES = pathlib.Path(__file__).resolve().parent / "query_tables.py"


def system_calls(build, ours):
    text = output_of(build, *UNASKED, build / "bin/control_path", DEVICE, IPV4_GID, "calls",
                     ours=ours, seconds=60)
    return {phase: int(number)
            for phase, number in re.findall(r"^calls: (\w+) (\d+)$", text, re.MULTILINE)}


def instructions(build, ours):
    """Callgrind counts inside of the phases' functions, and writes a file as each of them ends."""
    text = output_of(build, *UNASKED, "valgrind", "--tool=callgrind",
                     f"--callgrind-out-file={DUMPS}", "--toggle-collect=measured_*",
                     *(f"--dump-after=measured_{phase}" for phase in PHASES),
                     build / "bin/control_path", DEVICE, IPV4_GID, ours=ours, seconds=240)
    expect_lines(text, r"^1000 regions, 100 queue pairs$")
    counts = {}
    for dump in DUMPS.parent.glob(f"{DUMPS.name}*"):
        written = dump.read_text()
        dump.unlink()
        phase = re.search(r"^desc: Trigger: --dump-after=measured_(\w+)$", written, re.MULTILINE)
        if phase:
            counts[phase[1]] = int(re.search(r"^summary: (\d+)$", written, re.MULTILINE)[1])
    return counts


def compare(what, count, build):
    """{phase: count} of both, which are printed. A phase that is missing is a KeyError."""
    ours, theirs = count(build, True), count(build, False)
    for phase in PHASES:
        print(f"{what} of {phase}: ours {ours[phase]}, Debian's {theirs[phase]}, "
              f"ratio {ours[phase] / theirs[phase]:.2f}")
    return ours, theirs


def expect_at_most(ours, theirs, share, *phases):
    """Of all these phases taken together."""
    own, other = (sum(counts[phase] for phase in phases) for counts in (ours, theirs))
    expect(own <= share * other,
           f"{' and '.join(phases)}: ours {own}, more than {share} of Debian's {other}")


def makes_no_more_calls(build):
    ours, theirs = compare("system calls", system_calls, build)
    expect_at_most(ours, theirs, 0.5, "list")
    # Debian's library opens all plugins when it lists; ours the one that is needed, when it is.
    expect_at_most(ours, theirs, 0.5, "list", "open")
    for phase in ("list_again", "open_again", "query", "gid_table", "create_qp", "modify_qp",
                  "destroy_qp", "dereg_mr", "close"):
        expect_at_most(ours, theirs, 1, phase)
    # The heap of either grows by a call, now and then.
    expect(ours["reg_mr"] <= theirs["reg_mr"] + 2, "reg_mr makes more system calls")


def takes_no_more_instructions(build):
    ours, theirs = compare("instructions", instructions, build)
    expect_at_most(ours, theirs, 0.5, "list", "open")
    for phase, share in SHARES.items():
        expect_at_most(ours, theirs, share, phase)


@contextlib.contextmanager
def neighbour():
    ip = ("ip", "neigh")
    subprocess.run([*ip, "replace", NEIGHBOUR, "lladdr", "02:00:00:00:00:09", "dev", "d0", "nud",
                    "permanent"], check=True, timeout=20 * PATIENCE)
    try:
        yield
    finally:
        subprocess.run([*ip, "del", NEIGHBOUR, "dev", "d0"], check=True, timeout=20 * PATIENCE)


def answers_the_same(build):
    with neighbour():
        texts = [output_of(build, sys.executable, TABLES, library, DEVICE, NEIGHBOUR, ours=ours)
                 for library, ours in (("libibverbs.so.1", False), ("libibverbs.so.1", True),
                                       ("libverbs.so.1", True))]
    theirs, ours, plain = (text.splitlines() for text in texts)
    expect_lines(texts[0], rf"^gid {IPV4_GID}: ::ffff:", r"^table for 64: 2$", r"^link address of ")
    for lines, name in ((ours, "libibverbs.so.1"), (plain, "libverbs.so.1")):
        other = theirs[:len(lines)]  # libverbs.so.1 does not have all of these functions
        difference = "\n".join(difflib.unified_diff(other, lines, "Debian's", name, lineterm=""))
        expect(not difference, f"the answers differ:\n{difference}")


def cases():
    return {
        "the control path makes no more system calls than with Debian's library":
            Case(makes_no_more_calls, seconds=120, kernels=COUNTED_ON),
        "the control path takes no more instructions than with Debian's library":
            Case(takes_no_more_instructions, seconds=480, kernels=COUNTED_ON),
        "the tables of a port are those that Debian's library tells": Case(answers_the_same),
    }
