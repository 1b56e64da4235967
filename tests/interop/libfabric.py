# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""libfabric's verbs provider on the software device: datagram queue pairs, and reliable datagrams
made of them by ofi_rxd. Its connected endpoints need rdma_cm, which there is none of here."""

import re

from registry import DEVICE, Case, expect, expect_lines, output_of, pair

PROVIDER = "verbs;ofi_rxd"
DOMAIN = f"{DEVICE}-dgram"
ITERATIONS = 5
SIZES = 40  # or more that `-S all` measures, up to 6 MiB


def providers(build):
    text = output_of(build, "fi_info", "-p", "verbs")
    for name in ("verbs", PROVIDER):
        expect_lines(text, rf"^provider: {name}\n    fabric: .*\n    domain: {DOMAIN}$")


def ping_pong(*options):
    def run(build):
        with pair.Session(build) as session:
            port = pair.free_port()
            command = ("fi_pingpong", "-p", PROVIDER, "-e", "rdm", "-d", DOMAIN, "-c",
                       "-I", ITERATIONS, "-S", "all", *options)
            server = session.start(*command, "-B", port)
            session.wait_listening(server, port)
            client = session.start(*command, "-P", port, "127.0.0.1")
            session.expect_success(client, server, seconds=60)
            rows = re.findall(rf"^\S+ +{ITERATIONS} +=?{ITERATIONS} ", client.text(), re.MULTILINE)
            expect(len(rows) >= SIZES, f"{len(rows)} sizes in:\n{client.text()}")
    return run


def cases():
    table = {"fi_info finds the software device's datagrams": Case(("fi_info",), providers)}
    for mode in ("msg", "tagged"):
        table[f"fi_pingpong checks {mode} transfers of all sizes over ofi_rxd on verbs"] = Case(
            ("fi_pingpong",), ping_pong("-m", mode))
    return table
