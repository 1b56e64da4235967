# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What a case is, and the few things that the files of all program families share."""

import dataclasses
import pathlib
import sys
import typing

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import pair
from pair import Failed, expect, expect_lines, output_of  # for the families

DEVICE = "soft_lo"
IB_DEVICE = "soft_ib0"  # InfiniBand link layer: LIDs, and no GID needed
IB_ENVIRONMENT = {"VERBS_SOFT_IB": "1"}  # without it there is no such device


@dataclasses.dataclass(frozen=True)
class Case:
    """One ctest test: `run(build)` raises Failed, `programs` have to be installed."""

    programs: tuple[str, ...]
    run: typing.Callable[[pathlib.Path], None]
