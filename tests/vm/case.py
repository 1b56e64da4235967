# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What a case in a machine of tests is, and the few things that the files of all families share."""

import dataclasses
import pathlib
import sys
import typing

import kernels

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import pair
from pair import Failed, expect, expect_lines, output_of  # for the families

DEVICE = "rxe0"
ADDRESS = "10.1.1.1"  # of rxe0's network interface, see init
IPV4_GID = "1"  # its index; 0 is the link-local address
SECONDS = 60
# A factor on all limits of cases, which are for an emulated machine on a host that has time. On one
# with a load of 20 a program took 20 s to start. A case that passes does not wait for its limit.
PATIENCE = 4


@dataclasses.dataclass(frozen=True)
class Case:
    """`run(build)` is called inside the machine, as root, and raises Failed.

    Cases of one kernel share a boot, in the order of the table: a case leaves rxe0 as it found it.
    """

    run: typing.Callable[[pathlib.Path], None]
    seconds: int = SECONDS
    kernels: tuple[str, ...] = kernels.NAMES
