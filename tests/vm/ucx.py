# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""UCX's verbs transports on our rxe0, as ucx_info and ucx_perftest of Debian show them."""

import functools
import re

from case import ADDRESS, DEVICE, Case, expect, expect_lines, output_of, pair

ENVIRONMENT = {
    "UCX_NET_DEVICES": f"{DEVICE}:1",
    # UCX takes the form of a datagram's header from the completion's service level, as some devices
    # report it. rxe reports none, with Debian's library too, so each datagram seemed misdirected.
    "UCX_UD_VERBS_ETH_DGID_CHECK": "n",
}
ITERATIONS = 100


def transports(build):
    text = output_of(build, "ucx_info", "-d", environment=ENVIRONMENT)
    for name in ("rc_verbs", "ud_verbs"):
        expect_lines(text, rf"^#\s+Transport: {name}$")
    devices = re.findall(rf"^#\s+Device: ({DEVICE}:1)$", text, re.MULTILINE)
    expect(len(devices) == 2, f"not two transports of {DEVICE} in:\n{text}")


def messages(build, over, test, size):
    environment = {**ENVIRONMENT, "UCX_TLS": over}
    arguments = ["-t", test, "-n", ITERATIONS, "-w", 10, "-s", size]
    _, text = pair.run_pair(build, "ucx_perftest", arguments, address=ADDRESS,
                            environment=environment)
    expect_lines(text, rf"^Final: +{ITERATIONS}( +\d+(\.\d+)?){{7}}$")


def cases():
    found = {"UCX finds rc_verbs and ud_verbs on our rxe0": Case(transports)}
    # Connected transports get to know each other over datagrams.
    for over, test, size in (("rc_v,ud_v", "tag_bw", 65536), ("ud_v", "tag_lat", 8)):
        found[f"ucx_perftest's {test} runs over {over} of our rxe0"] = Case(
            functools.partial(messages, over=over, test=test, size=size))
    return found
