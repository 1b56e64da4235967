# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""perftest's ib_{send,write,read,atomic}_{lat,bw} on our rxe0, polling and on events.

Few rows: a start costs seconds in an emulated machine. Every way of each program runs on the
software device, see ../interop/perftest.py.
"""

import functools
import pathlib
import sys

from case import ADDRESS, DEVICE, IPV4_GID, Case, expect, expect_lines, pair

# Last: both folders have a ucx.py.
sys.path.append(str(pathlib.Path(__file__).resolve().parents[1] / "interop"))
import perftest

ITERATIONS = 20
MESSAGE = 5000  # several packets, the last one not full
DATAGRAM = 1000
ATOMIC = 8
WAYS = {"polling": [], "on events": ["-e"]}
# The write programs offer no events. Bandwidth over UC or UD needs a receiver that keeps up, which
# an emulated processor does not.
ROWS = (  # program, transports, ways
    ("ib_send_lat", "RC UD", ["polling"]), ("ib_send_bw", "RC", WAYS),
    ("ib_write_lat", "RC UC", ["polling"]), ("ib_write_bw", "RC", ["polling"]),
    ("ib_read_lat", "RC", WAYS), ("ib_read_bw", "RC", WAYS),
    ("ib_atomic_lat", "RC", WAYS), ("ib_atomic_bw", "RC", WAYS),
)
# ib_send_lat on events has one channel for the events of both its queues, and takes the next one
# for the one that it waits for. When the answer's comes before that of the send which it answers, it
# goes on as if the send were done, and hangs or ends with an error. Kernel 6.1 completes a send
# before the peer can run, as long as both are on one processor; newer ones leave the order to
# kworkers.
IN_ORDER = ("taskset", "-c", "0")
# What perftest says when it could not measure the clock, as on a busy host: it takes none, and rates are 0.
NO_CLOCK = "Correlation coefficient r^2"


def is_plausible(kind, row):
    """A row of the report: of latencies, or of peak, average and rate."""
    if kind == "lat":
        least, most, typical, average = (float(word) for word in row[2:6])
        return 0 < least <= typical <= most and least <= average <= most
    return float(row[4]) > 0  # the rate: megabytes of few short messages round to nothing


def measure(build, program, transport, way, wrap=()):
    kind = program.rsplit("_", 1)[1]
    size = ATOMIC if "atomic" in program else DATAGRAM if transport == "UD" else MESSAGE
    arguments = ["-d", DEVICE, "-x", IPV4_GID, "-F", "-c", transport, "-n", ITERATIONS, *WAYS[way]]
    if size != ATOMIC:
        arguments += ["-s", size]
    if kind == "lat":
        arguments.append("-C")  # cycles: else it measures the processor's clock before the row
    _, text = pair.run_pair(build, program, arguments, address=ADDRESS, seconds=100, wrap=wrap)
    expect_lines(text, rf"Connection type +: {transport}\b", rf"GID index +: {IPV4_GID}$")
    rows = [line.split() for line in text.splitlines()
            if perftest.rows_of(line, perftest.COLUMNS[kind])]
    expect([row[:2] for row in rows] == [[str(size), str(ITERATIONS)]],
           f"no row of {size} bytes and {ITERATIONS} iterations in:\n{text}")
    expect(is_plausible(kind, rows[0]) or (kind == "bw" and NO_CLOCK in text),
           f"{rows[0]} cannot be, in:\n{text}")


def case(program, transport, way, wrap=(), **more):
    """(its name, the case)"""
    run = functools.partial(measure, program=program, transport=transport, way=way, wrap=wrap)
    return (f"{program} over {transport} measures our rxe0, {way}",
            Case(run, seconds=120, **more))


def cases():
    found = [case(program, transport, way) for program, transports, ways in ROWS
             for transport in transports.split() for way in ways]
    found += [case("ib_send_lat", transport, "on events", wrap=IN_ORDER, kernels=("6.1",))
              for transport in ("RC", "UD")]
    return dict(found)
