# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""UCX's verbs transports on the software device, by Debian's ucx_info and ucx_perftest."""

import os
import re

from dev_infiniband import FOLDER, TOOL, folder
from registry import DEVICE, Case, expect, expect_lines, pair

PORT = f"{DEVICE}:1"
ENVIRONMENT = {"UCX_NET_DEVICES": PORT, "UCX_WARN_UNUSED_ENV_VARS": "n"}
# {size: iterations}, on both sides of where UCX goes from short to bcopy, zcopy and rendezvous.
SIZES = {8: 100, 2000: 100, 65536: 50, 1 << 20: 10}
WARM_UP = 5
NOBODY = "65534"
TWO_SIDED = ("tag_lat", "tag_bw", "tag_sync_lat", "stream_lat", "ucp_am_lat")
ONE_SIDED = ("ucp_put_lat", "ucp_put_bw", "ucp_get")
ATOMICS = ("ucp_add", "ucp_fadd", "ucp_swap", "ucp_cswap")
# Whoever is written to is told nothing, so one-sided tests have nothing to sleep for.
WAITS = {"polling": (("-E", "poll"), (*TWO_SIDED, *ONE_SIDED), ATOMICS),
         "on events": (("-E", "sleep"), TWO_SIDED, ())}
# Connected transports get to know each other over datagrams.
TRANSPORTS = ("rc_v,ud_v", "ud_v")


def transports(build):
    with folder() as first, pair.Session(build, ENVIRONMENT) as session:
        info = session.start(*first, "ucx_info", "-d")
        session.expect_success(info, seconds=30)
        text = info.text()
    for name in ("rc_verbs", "ud_verbs"):
        expect_lines(text, rf"^#\s+Transport: {name}\n#\s+Device: {PORT}$")


def without_rights(build):
    """A user who may nothing gets the folder, and stays who they are, or reads what to do."""
    with pair.Session(build) as session:
        session.scratch.chmod(0o755)
        tool = session.scratch / TOOL.name  # the tree may be for nobody else to read
        tool.write_bytes(TOOL.read_bytes())
        tool.chmod(0o755)
        nobody = ("setpriv", "--reuid", NOBODY, "--regid", NOBODY, "--clear-groups")
        user = nobody if os.geteuid() == 0 else ()
        allowed = session.start(*user, "unshare", "--map-root-user", "--mount", "true",
                                on_verbs=False)
        may = FOLDER.is_dir() or session.wait_end(allowed, 20) == 0
        looks = session.start(*user, tool, "sh", "-c",
                              "test -w /dev/infiniband/../null && ls -A /dev/infiniband && id -u",
                              on_verbs=False)
        if may:
            session.expect_success(looks, seconds=20)
            expect_lines(looks.text(), rf"^{NOBODY if user else os.geteuid()}$")
        else:
            expect(session.wait_end(looks, 20) == 1, "it did not fail")
            expect_lines(looks.text(), r"^dev-infiniband: .* mkdir /dev/infiniband$")


def batch(tests, atomics):
    each = [(test, size) for test in tests for size in SIZES] + [(test, 8) for test in atomics]
    return [f"{test}_{size} -t {test} -s {size} -n {SIZES[size]} -w {WARM_UP}"
            for test, size in each]


def run_batch(build, environment, options, lines):
    """Both sides of ucx_perftest, which does what each line says, and ends well."""
    with folder() as first, pair.Session(build, environment) as session:
        port = pair.free_port()
        todo = session.scratch / "batch"
        todo.write_text("\n".join(lines) + "\n")
        command = (*first, "ucx_perftest", "-p", port, "-b", todo, *options)
        server = session.start(*command)
        session.wait_listening(server, port)
        client = session.start(*command, "127.0.0.1")
        session.expect_success(client, server, seconds=60)
        text = client.text()
    finals = re.findall(r"^Final: +\d+( +(?:[\d.]+|inf)){7}$", text, re.MULTILINE)
    expect(len(finals) == len(lines), f"{len(finals)} figures, not {len(lines)}, in:\n{text}")


def messages(over, wait):
    options, tests, atomics = WAITS[wait]

    def run(build):
        run_batch(build, {**ENVIRONMENT, "UCX_TLS": over}, options, batch(tests, atomics))
    return run


def cases():
    table = {"UCX finds rc_verbs and ud_verbs on the software device":
             Case(("ucx_info",), transports),
             "tools/dev-infiniband gives a user without rights the folder that UCX looks for":
             Case(("setpriv", "unshare"), without_rights)}
    for over in TRANSPORTS:
        for wait in WAITS:
            table[f"ucx_perftest runs its tests over {over} {wait}"] = Case(
                ("ucx_perftest",), messages(over, wait))
    return table
