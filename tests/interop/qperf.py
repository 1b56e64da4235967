# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""qperf's RC, UC and UD tests. Without a connection manager it addresses by LID alone, so they run
on the device with InfiniBand link layer."""

import re

from registry import IB_DEVICE, IB_ENVIRONMENT, Case, expect_lines, pair

SECONDS = 1  # of each measurement, the shortest that qperf knows
TESTS = (
    *(f"rc_{name}" for name in ("bw", "lat", "bi_bw", "rdma_read_bw", "rdma_read_lat",
                                "rdma_write_bw", "rdma_write_lat", "rdma_write_poll_lat")),
    "rc_compare_swap_mr", "rc_fetch_add_mr", "ver_rc_compare_swap", "ver_rc_fetch_add",
    *(f"uc_{name}" for name in ("bw", "lat", "bi_bw", "rdma_write_bw", "rdma_write_lat",
                                "rdma_write_poll_lat")),
    *(f"ud_{name}" for name in ("bw", "lat", "bi_bw")),
)
WAYS = {"": [], " polling": ["-cp1"]}  # qperf sleeps on completion events unless told to poll


def stop(session, server, port):
    quit_ = session.start("qperf", "-lp", port, "127.0.0.1", "quit", on_verbs=False)
    session.expect_success(quit_, server, seconds=20)


def measure(test, options):
    # ver_* check the values that come back; the others report a figure.
    figure = r"^ +(bw|latency|msg_rate|send_bw|recv_bw) += +[\d.]+ "

    def run(build):
        with pair.Session(build, IB_ENVIRONMENT) as session:
            port = pair.free_port()
            server = session.start("qperf", "-lp", port)
            session.wait_listening(server, port)
            client = session.start("qperf", "-lp", port, "127.0.0.1", "-t", SECONDS,
                                   "-i", f"{IB_DEVICE}:1", *options, test)
            session.expect_success(client, seconds=30)
            expect_lines(client.text(), rf"^{re.escape(test)}:$")
            if not test.startswith("ver_"):
                expect_lines(client.text(), figure)
            stop(session, server, port)
    return run


def cases():
    return {f"qperf {test}{way} on an InfiniBand port": Case(("qperf",), measure(test, options))
            for test in TESTS for way, options in WAYS.items()}
