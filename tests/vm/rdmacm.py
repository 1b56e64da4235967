# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Debian's librdmacm and its programs over our libibverbs.so.1, with the kernel's rdma_cm.

Both sides are on rxe0, and the software device is there, too. A server is ready when the kernel
lists its connection id as one that listens; a receiver of multicast, when it says that it joined.
"""

import functools
import re
import subprocess

from case import ADDRESS, DEVICE, PATIENCE, Case, expect, expect_lines, pair

COUNT = 5  # messages, connections
GROUP = "239.1.1.1"
SECONDS = 40
UDADDY_PORT = 7174  # it takes no other
# Link-local, of the interface d0; its header reaches UD receivers in another form than IPv4's.
IPV6_ADDRESS = "fe80::ff:fe00:1%d0"


def listens(port):
    shown = subprocess.run(["rdma", "resource", "show", "cm_id", "link", DEVICE], text=True,
                           stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, timeout=20 * PATIENCE,
                           check=True)
    return any("state LISTEN" in line and re.search(rf"src-addr \S+:{port}\b", line)
               for line in shown.stdout.splitlines())


def wait_ready(server, claim):
    pair.wait_until(lambda: server.code is not None or claim(), SECONDS)
    expect(server.code is None and claim(), f"{server}: is not ready")


def start_server(session, port, *command):
    server = session.start(*command)
    wait_ready(server, lambda: listens(port))
    return server


def run_both(build, server_command, client_command, port):
    """Both succeed. Returns (server's text, client's text)."""
    with pair.Session(build) as session:
        server = start_server(session, port, *server_command)
        client = session.start(*client_command)
        session.expect_success(client, server, seconds=SECONDS)
        return server.text(), client.text()


def rping(build, address):
    port = pair.free_port()
    # -V: the client compares the data.
    common = ["-a", address, "-p", port, "-v", "-V", "-C", COUNT]
    server, client = run_both(build, ["rping", "-s", *common], ["rping", "-c", *common], port)
    for number in range(COUNT):
        ping = rf"ping data: rdma-ping-{number}: [A-z]{{20}}"
        expect_lines(server, f"^server {ping}")
        expect_lines(client, f"^{ping}")


def messages(build, program, address, port, more):
    common = [program, "-b", address, "-C", COUNT, *more]
    for text in run_both(build, common, [*common, "-s", address], port):
        expect_lines(text, r"^data transfers complete$", r"^return status 0$")


def connected(build):
    port = pair.free_port()
    messages(build, "ucmatose", ADDRESS, port, ["-c", 2, "-p", port])


def datagrams(build, address):
    messages(build, "udaddy", address, UDADDY_PORT, [])


def multicast(build):
    common = ["stdbuf", "-oL", "mckey", "-m", GROUP, "-b", ADDRESS, "-C", COUNT]
    with pair.Session(build) as session:
        receiver = session.start(*common)
        wait_ready(receiver, lambda: "joined dgid" in receiver.text())
        sender = session.start(*common, "-s")
        session.expect_success(sender, receiver, seconds=SECONDS)
        for program in (receiver, sender):
            expect_lines(program.text(), rf"joined dgid: ::ffff:{GROUP}\b",
                         r"^data transfers complete$", r"^return status 0$")


def connection_times(build):
    """cmtime; its server goes on after a client."""
    port = pair.free_port()
    command = ["cmtime", "-b", ADDRESS, "-c", COUNT, "-p", port]
    with pair.Session(build) as session:
        server = start_server(session, port, *command)
        client = session.start(*command, "-s", ADDRESS)
        session.expect_success(client, seconds=SECONDS)
        expect(server.code is None, f"{server}: ended")
        number = r"\d+\.\d\d"
        expect_lines(client.text(), *(rf"^{step} *:( +{number}){{4}}$"
                                      for step in ("create qp", "connect", "disconnect")))
        server.process.kill()
        session.wait_end(server, 10)


def cases():
    return {
        "rping exchanges and compares data over our rxe0":
            Case(functools.partial(rping, address=ADDRESS)),
        "ucmatose exchanges messages over our rxe0": Case(connected),
        "udaddy answers datagrams over our rxe0":
            Case(functools.partial(datagrams, address=ADDRESS)),
        "udaddy answers datagrams over our rxe0 and IPv6":
            Case(functools.partial(datagrams, address=IPV6_ADDRESS)),
        # On the newest kernel messages to a group are lost, with Debian's library as often.
        "mckey reaches a multicast group over our rxe0": Case(multicast, kernels=("6.1",)),
        "cmtime connects and disconnects over our rxe0": Case(connection_times),
    }
