# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Our software device on a kernel that has an RDMA device of its own."""

import pathlib
import re

from case import DEVICE, IPV4_GID, Case, expect, expect_lines, output_of

PYTHON = "/usr/bin/python3"  # Debian's, which has pyverbs
BOTH = pathlib.Path(__file__).resolve().parent / "both_devices.py"

SOFT = re.compile(r"^\s+soft_\S+", re.MULTILINE)


def asked_for(build):
    text = output_of(build, "ibv_devinfo", "-d", "soft_lo", environment={"VERBS_SOFT": "1"})
    expect_lines(text, r"^hca_id:\s+soft_lo$", r"state:\s+PORT_ACTIVE \(4\)$")


def stays_away(build):
    text = output_of(build, "ibv_devices", environment={"VERBS_SOFT": "auto"})
    expect(not SOFT.search(text), f"a software device, although the kernel has rxe0:\n{text}")


def both_at_once(build):
    text = output_of(build, PYTHON, BOTH, f"{DEVICE}:{IPV4_GID}", "soft_lo:0",
                     environment={"VERBS_SOFT": "1"})
    expect_lines(text, rf"^{DEVICE}: \d+ messages arrived$", r"^soft_lo: \d+ messages arrived$")


def cases():
    return {
        "the software device is there when asked for": Case(asked_for),
        "the software device stays away where the kernel has a device": Case(stays_away),
        "pyverbs moves data over rxe0 and the software device at once, in one process":
            Case(both_at_once),
    }
