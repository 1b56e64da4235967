# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What ibv_devices, ibv_devinfo and ibv_asyncwatch show of rxe0 through our library, line by line
against what they show through Debian's in the same boot; and the rdma tool, which uses neither."""

import contextlib
import functools
import subprocess

from case import DEVICE, PATIENCE, Case, expect, output_of, pair

# field of ibv_devinfo -v: why our library does not show what Debian's does.
ODP = "on-demand paging is told by ibv_query_device_ex, which is not built yet"
DIFFERENCES = {
    "6.1": {},
    "newest": {"general_odp_caps": ODP, "rc_odp_caps": ODP, "ud_odp_caps": ODP,
               "device_cap_flags_ex": "its upper half is told by ibv_query_device_ex, too"},
}
AUTO = {"VERBS_SOFT": "auto"}  # as without the variable; tests set it
OTHER_DEVICE, OTHER_INTERFACE = "rxe9", "d9"


def fields(text):
    """[(field, line)]; a line without a field of its own belongs to the one before it."""
    found, field = [], ""
    for line in text.splitlines():
        if not line.strip():
            continue
        if ":" in line and "Unknown flags" not in line:
            field = line.split(":", 1)[0].strip()
        found.append((field, line.strip()))
    return found


def compare(build, *command, apart=()):
    ours, theirs = (fields(output_of(build, *command, ours=ours, environment=AUTO))
                    for ours in (True, False))
    expect(theirs, f"{command[0]} shows nothing: {theirs}")
    rest = [[line for field, line in found if field not in apart] for found in (ours, theirs)]
    expect(rest[0] == rest[1], f"{' '.join(command)} differs:\n" + "\n".join(
        [f"  ours      {line}" for line in rest[0] if line not in rest[1]] +
        [f"  Debian's  {line}" for line in rest[1] if line not in rest[0]]))
    stale = [name for name in apart
             if [line for field, line in ours if field == name] ==
             [line for field, line in theirs if field == name]]
    expect(not stale, f"{command[0]}: fields said to differ do not: {stale}")


def devinfo(build, apart):
    compare(build, "ibv_devinfo", "-v", "-d", DEVICE, apart=apart)


def devices(build):
    compare(build, "ibv_devices")


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
    found = {f"ibv_devinfo -v on our library differs from Debian's as listed for {kernel}": Case(
        functools.partial(devinfo, apart=apart), kernels=(kernel,))
        for kernel, apart in DIFFERENCES.items()}
    return {
        **found,
        "ibv_devices shows on our library what it shows on Debian's": Case(devices),
        "the rdma tool shows with our library what it shows without": Case(rdma_tool),
        "ibv_asyncwatch sees rxe's port go down and come up on our library": Case(watched_port),
    }
