# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What ibv_devices, ibv_devinfo and ibv_asyncwatch show of rxe0 through our library, line by line
against what they show through Debian's in the same boot; and the rdma tool, which uses neither."""

import contextlib
import difflib
import subprocess

from case import DEVICE, PATIENCE, Case, expect, output_of, pair

AUTO = {"VERBS_SOFT": "auto"}  # as without the variable; tests set it
# Calls that our provider answers, or asks the kernel about, and Debian's does not; and those whose
# requests fail with Debian's.
MORE = ("ibv_alloc_td", "ibv_alloc_parent_domain", "ibv_dealloc_td",
        "ibv_wr_set_inline_data", "ibv_wr_set_inline_data_list", "ibv_rereg_mr", "ibv_advise_mr")
OTHER_DEVICE, OTHER_INTERFACE = "rxe9", "d9"


def compare(build, *command, but=()):
    """Of both, the lines that begin with none of the words of `but`."""
    ours, theirs = ([line.strip() for line in
                     output_of(build, *command, ours=ours, environment=AUTO).splitlines()
                     if line.split(maxsplit=1)[:1] not in [[word] for word in but]]
                    for ours in (True, False))
    expect(theirs, f"{command[0]} shows nothing: {theirs}")
    expect(ours == theirs, f"{' '.join(map(str, command))} differs:\n" + "\n".join(
        difflib.unified_diff(theirs, ours, "Debian's", "ours", lineterm="", n=0)))


def devinfo(build):
    compare(build, "ibv_devinfo", "-v", "-d", DEVICE)


def devices(build):
    compare(build, "ibv_devices")


def every_call(build):
    compare(build, build / "bin/every_call_libibverbs", DEVICE, but=MORE)


def rdma_tool(build):
    compare(build, "rdma", "link")


def run(*command):
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL, timeout=20 * PATIENCE)


@contextlib.contextmanager
def another_device():
    run("ip", "link", "add", OTHER_INTERFACE, "type", "dummy")
    try:
        run("ip", "link", "set", OTHER_INTERFACE, "up")
        run("rdma", "link", "add", OTHER_DEVICE, "type", "rxe", "netdev", OTHER_INTERFACE)
        yield
        run("rdma", "link", "delete", OTHER_DEVICE)
    finally:
        run("ip", "link", "delete", OTHER_INTERFACE)


def watched_port(build):
    with another_device(), pair.Session(build) as session:
        watch = session.start("stdbuf", "-oL", "ibv_asyncwatch", "-d", OTHER_DEVICE)

        def shows(text):
            expect(pair.wait_until(lambda: text in watch.text() or watch.code is not None, 20)
                   and text in watch.text(), f"{watch}: does not show '{text}'")

        shows("async event FD")
        run("ip", "link", "set", OTHER_INTERFACE, "down")
        shows("IBV_EVENT_PORT_ERR (10), port 1")
        run("ip", "link", "set", OTHER_INTERFACE, "up")
        shows("IBV_EVENT_PORT_ACTIVE (9), port 1")
        watch.process.kill()
        session.wait_end(watch, 10)


def cases():
    return {
        "ibv_devinfo -v shows on our library what it shows on Debian's": Case(devinfo),
        "ibv_devices shows on our library what it shows on Debian's": Case(devices),
        "the rdma tool shows with our library what it shows without": Case(rdma_tool),
        "a program of every call writes down on our library what it does on Debian's": Case(every_call),
        "ibv_asyncwatch sees rxe's port go down and come up on our library": Case(watched_port),
    }
