# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Our provider for rxe0: Debian's programs on our libraries."""

import functools
import re

from case import ADDRESS, DEVICE, IPV4_GID, Case, expect, expect_lines, output_of, pair

ITERATIONS = 200
SENDS = 100
# Of Debian's instructions for a short send, by how it is posted. Not to become more.
SHARES = {(): 0.75, ("inline",): 0.85, ("built",): 0.85}


def devinfo(build):
    expect_lines(output_of(build, "ibv_devinfo", "-v", "-d", DEVICE),
                 rf"^hca_id:\s+{DEVICE}$", r"transport:\s+InfiniBand \(0\)$",
                 r"state:\s+PORT_ACTIVE \(4\)$", r"link_layer:\s+Ethernet$",
                 rf"GID\[\s*{IPV4_GID}\]:\s+::ffff:{ADDRESS}, RoCE v2$")


def pingpong(build, program, size, options):
    arguments = ["-d", DEVICE, "-g", IPV4_GID, "-n", ITERATIONS, "-s", size, *options]
    for text in pair.run_pair(build, program, arguments, address=ADDRESS):
        expect_lines(text, rf"^{ITERATIONS} iters in ")
        expect("invalid data" not in text, f"wrong data:\n{text}")


def instructions(build, ours, how):
    """Of one post and one poll, and what was printed."""
    text = output_of(build, "valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null",
                     *(f"--toggle-collect=measured_{act}" for act in ("post", "build", "poll")),
                     build / "bin/post_and_poll", DEVICE, IPV4_GID, SENDS, *how, ours=ours,
                     seconds=120)
    expect_lines(text, rf"^{SENDS} sends of ")
    return int(re.search(r"Collected : (\d+)", text).group(1)) / SENDS


def costs_its_share(build, how):
    ours, theirs = instructions(build, True, how), instructions(build, False, how)
    print(f"instructions of a post and a poll: ours {ours:.1f}, Debian's {theirs:.1f}, "
          f"ratio {ours / theirs:.2f}")
    expect(ours <= SHARES[how] * theirs,
           f"ours takes {ours:.1f} instructions, more than {SHARES[how]} of Debian's {theirs:.1f}")


# The kernel takes no command by write() from a process that has changed its user.
def without_rights(build):
    expect_lines(output_of(build, build / "bin/post_and_poll", DEVICE, IPV4_GID, 3, "nobody"),
                 r"^3 sends of ")


def cases():
    found = {"ibv_devinfo on our library shows rxe0": Case(devinfo)}
    for transport, size in (("rc", 65536), ("uc", 4096), ("ud", 1024), ("srq", 4096)):
        for options, how in (([], "polling"), (["-e"], "on events")):
            found[f"ibv_{transport}_pingpong moves data over our rxe0, {how}"] = Case(
                functools.partial(pingpong, program=f"ibv_{transport}_pingpong", size=size,
                                  options=options))
    found["a process that gave up its rights goes on sending on our rxe0"] = Case(without_rights)
    for how in SHARES:
        found[" ".join(["a short send", *how, "takes its share of Debian's instructions"])] = (
            # The driver's queues are the same with either kernel.
            Case(functools.partial(costs_its_share, how=how), seconds=300, kernels=("6.1",)))
    return found
