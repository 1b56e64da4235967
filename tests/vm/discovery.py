# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Devices of the kernel as programs find them: that come and go, that cannot be reached, that
belong to another network namespace."""

import contextlib
import pathlib
import subprocess

from case import DEVICE, PATIENCE, SECONDS, Case, expect, expect_lines, output_of, pair

NODE = pathlib.Path("/dev/infiniband/uverbs0")
NOBODY = 65534
AUTO = {"VERBS_SOFT": "auto"}  # as without the variable; tests set it


def run(*command):
    done = subprocess.run(command, text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=30 * PATIENCE, check=False)
    expect(done.returncode == 0, f"{' '.join(command)}: {done.stdout}")


def listed(build, *before, **environment):
    """What ibv_devices prints, the log included; `before` are words in front of it."""
    environment = {"VERBS_LOG": "warn", **environment}
    return output_of(build, *before, "ibv_devices", environment=environment)


def is_in(name, text):
    return any(line.split()[:1] == [name] for line in text.splitlines())


@contextlib.contextmanager
def hidden_node():
    kept = NODE.with_name("kept")
    NODE.rename(kept)
    try:
        yield
    finally:
        kept.rename(NODE)


@contextlib.contextmanager
def closed_node():
    mode = NODE.stat().st_mode & 0o777
    NODE.chmod(0o600)
    try:
        yield
    finally:
        NODE.chmod(mode)


@contextlib.contextmanager
def exclusive_namespaces():
    run("rdma", "system", "set", "netns", "exclusive")
    try:
        yield
    finally:
        # Not while a namespace is left; the kernel ends one some time after its last process.
        back = ("rdma", "system", "set", "netns", "shared")
        pair.wait_until(lambda: subprocess.run(back, check=False, stdin=subprocess.DEVNULL,
                                               stdout=subprocess.DEVNULL,
                                               stderr=subprocess.DEVNULL).returncode == 0, 20)


def closed_to_the_user(build):
    nobody = ("setpriv", "--reuid", str(NOBODY), "--clear-groups")
    with closed_node():
        text = listed(build, *nobody)
    expect(is_in(DEVICE, text), f"the device is not listed:\n{text}")
    expect_lines(text, rf"{DEVICE}: {NODE}: Permission denied; ")


def comes_and_goes(build):
    """One process lists, the device is made, it lists, the device is removed, it lists."""
    # Not a second Python: starting one takes longer than all the rest, on a busy host minutes.
    text = output_of(build, build / "bin/vm_list_devices", environment=AUTO, seconds=SECONDS)
    expect_lines(text, rf"^before: {DEVICE}$", rf"^with: {DEVICE} rxe9$", rf"^after: {DEVICE}$",
                 r"^rxe0 is the same: yes$")


def of_another_namespace(build):
    with exclusive_namespaces():
        text = listed(build, "unshare", "--net", VERBS_SOFT="0")
        expect(not is_in(DEVICE, text), f"another namespace's device is listed:\n{text}")
        expect("warn" not in text, f"there is a complaint:\n{text}")


def beside_software(build):
    indented = [line for line in listed(build, VERBS_SOFT="1").splitlines() if line[:4] == "    "]
    names = [line.split()[0] for line in indented[2:]]  # without the heading
    expect(names[:1] == [DEVICE] and any(name.startswith("soft_") for name in names),
           f"not the kernel's device and then software: {names}")


def cases():
    return {
        "a device that the user may not open is listed and told of": Case(closed_to_the_user),
        "a process sees a device come and go": Case(comes_and_goes),
        "a device of another network namespace is not seen": Case(of_another_namespace),
        "the kernel's device comes before the software device": Case(beside_software),
    }
