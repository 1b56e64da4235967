# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Cases that go wrong in every way, for the harness's own test. They are in no list."""

import pathlib
import time

from case import Case, Failed


def passes(build):
    pass


def fails(build):
    raise Failed("the reason")


def is_wrong(build):
    raise KeyError("a mistake in the case")


def hangs(build):
    time.sleep(600)


def resets(build):
    pathlib.Path("/proc/sysrq-trigger").write_text("b")


def cases():
    return {"passes": Case(passes), "fails": Case(fails), "is wrong": Case(is_wrong),
            "hangs": Case(hangs, seconds=1), "resets": Case(resets),
            "passes after a reset": Case(passes)}
