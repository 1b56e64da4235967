# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What a case in a machine of tests is, and the few things that the files of all families share."""

import dataclasses
import pathlib
import re
import sys
import typing

import kernels

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import pair
from pair import Failed

DEVICE = "rxe0"
ADDRESS = "10.1.1.1"  # of rxe0's network interface, see init
IPV4_GID = "1"  # its index; 0 is the link-local address
SECONDS = 60


@dataclasses.dataclass(frozen=True)
class Case:
    """`run(build)` is called inside the machine, as root, and raises Failed.

    Cases of one kernel share a boot, in the order of the table: a case leaves rxe0 as it found it.
    """

    run: typing.Callable[[pathlib.Path], None]
    seconds: int = SECONDS
    kernels: tuple[str, ...] = kernels.NAMES


def expect(claim, text):
    if not claim:
        raise Failed(text)


def expect_lines(text, *patterns):
    """Each pattern has to match within one line or more of `text`."""
    for pattern in patterns:
        expect(re.search(pattern, text, re.MULTILINE), f"no line like '{pattern}' in:\n{text}")


def output_of(build, *command, ours=True, environment=None, seconds=30):
    """Runs one program to its successful end; `ours`: on the build tree's libraries."""
    with pair.Session(build, environment) as session:
        program = session.start(*command, on_verbs=ours)
        session.expect_success(program, seconds=seconds)
        return program.text()
