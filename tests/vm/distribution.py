# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Debian's programs on Debian's own libibverbs: they prove the machine's rxe0 good."""

import functools

from case import ADDRESS, DEVICE, IPV4_GID, Case, expect, expect_lines, output_of, pair

ITERATIONS = 200
MESSAGE = 4096


def link(build):
    expect_lines(output_of(build, "rdma", "link", ours=False),
                 rf"^link {DEVICE}/1 state ACTIVE physical_state LINK_UP netdev d0\b")


def devinfo(build):
    expect_lines(output_of(build, "ibv_devinfo", "-v", "-d", DEVICE, ours=False),
                 rf"^hca_id:\s+{DEVICE}$", r"transport:\s+InfiniBand \(0\)$",
                 r"state:\s+PORT_ACTIVE \(4\)$", r"link_layer:\s+Ethernet$",
                 rf"GID\[\s*{IPV4_GID}\]:\s+::ffff:{ADDRESS}, RoCE v2$")


def pingpong(build, options):
    arguments = ["-d", DEVICE, "-g", IPV4_GID, "-c", "-n", ITERATIONS, "-s", MESSAGE, *options]
    for text in pair.run_pair(build, "ibv_rc_pingpong", arguments, address=ADDRESS, on_verbs=False):
        expect_lines(text, rf"^{ITERATIONS} iters in ")
        expect("invalid data" not in text, f"wrong data:\n{text}")


def cases():
    return {
        "rxe0 is up": Case(link),
        "Debian's ibv_devinfo on Debian's library shows rxe0": Case(devinfo),
        "ibv_rc_pingpong on Debian's library moves data over rxe0":
            Case(functools.partial(pingpong, options=[])),
        "ibv_rc_pingpong on Debian's library moves data over rxe0 on events":
            Case(functools.partial(pingpong, options=["-e"])),
    }
