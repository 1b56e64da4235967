# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What goes wrong with a device of the kernel while programs use it, or before they can."""

import contextlib
import functools
import json
import os
import pathlib
import re
import shutil
import subprocess

from case import DEVICE, IPV4_GID, PATIENCE, SECONDS, Case, expect, expect_lines, output_of
from discovery import NODE, NOBODY, exclusive_namespaces, hidden_node, is_in, listed, run
import kernels

KINDS_OF_NODE = {
    "missing": (None, "No such file or directory; let udev make it"),
    "a file": (("touch",), "is no character device; remove it and let udev make it"),
    "another device": (("mknod", "c", "1", "3"), "is device 1:3, but the kernel's is "),
}
LIMIT = 64 * 1024
TOO_MUCH = 1_000_000


def program_of(build, name):
    return build / "bin" / f"vm_{name}"


@contextlib.contextmanager
def second_device(name="rxe9", network="d9", address="10.9.9.1/24", before=()):
    """Another rxe; `before` are words in front of the commands."""
    run(*before, "ip", "link", "add", network, "type", "dummy")
    try:
        run(*before, "ip", "address", "add", address, "dev", network)
        run(*before, "ip", "link", "set", network, "up")
        run(*before, "rdma", "link", "add", name, "type", "rxe", "netdev", network)
        yield name
    finally:
        # First the device, if it is still there: with its network it would go some time later.
        subprocess.run(["rdma", "link", "delete", name], stdin=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL, timeout=SECONDS * PATIENCE, check=False)
        run(*before, "ip", "link", "delete", network)


# Neither kernel's rdma_rxe can part with a process: there is no IBV_EVENT_DEVICE_FATAL, the device
# goes on working, and the deleting command waits. With Debian's library it is the same.
LOST = """\
node: gone
listed: no
async event: none
post_recv: ok
post_send: ok
get_cq_event: ok
poll_cq: success
req_notify_cq: ok
query_device: ok
query_port: ok
reg_mr: ok
dereg_mr of it: ok
open_device: ENOENT
modify_qp: ok
deleting command: waits
destroy_qp: ok
destroy_cq: ok
destroy_comp_channel: ok
dereg_mr: ok
dealloc_pd: ok
close_device: ok
its status after the close: 0
"""


def is_deleted_while_open(build, ours):
    with second_device() as name:
        text = output_of(build, program_of(build, "lose_device"), name, IPV4_GID, ours=ours,
                         seconds=SECONDS)
    expect(text == LOST, f"not as it was found, but:\n{text}")


def with_odd_nodes(build):
    """Each is told of, with what to do about it; when it is back, so is the device."""
    for kind, (make, words) in KINDS_OF_NODE.items():
        with hidden_node():
            if make:
                run(make[0], str(NODE), *make[1:])
            text = listed(build, VERBS_SOFT="0")
            if make:
                NODE.unlink()
        expect(not is_in(DEVICE, text), f"with {kind} as its node the device is listed:\n{text}")
        expect_lines(text, rf"{DEVICE}: {NODE}:? ?{re.escape(words)}")
    text = listed(build, VERBS_SOFT="0")
    expect(is_in(DEVICE, text) and "warn" not in text, f"the node is back, the device not:\n{text}")


def closed_node(build):
    mode = NODE.stat().st_mode & 0o777
    NODE.chmod(0o600)
    try:
        text = refused(build, "setpriv", "--reuid", NOBODY, "--clear-groups",
                       "ibv_devinfo", "-d", DEVICE)
    finally:
        NODE.chmod(mode)
    expect_lines(text, rf"{NODE}: Permission denied \(does this user have the right to it")


def refused(build, *command, log="info", **environment):
    """What a program prints that has to fail."""
    inner = " ".join(f"'{word}'" for word in command)
    return output_of(build, "sh", "-c", f"! {inner}",
                     environment={"VERBS_LOG": log, **environment}, seconds=SECONDS)


def beyond_the_limit(build):
    # Root may lock what it likes; the kernel asks nobody else.
    text = refused(build, "prlimit", f"--memlock={LIMIT}:{LIMIT}", "setpriv", "--reuid", NOBODY,
                   "--clear-groups", "ibv_rc_pingpong", "-d", DEVICE, "-g", IPV4_GID,
                   "-s", TOO_MUCH)
    expect_lines(text, r"^Couldn't register MR$",
                 rf"reg_mr: {TOO_MUCH} bytes could not be locked; .*\(memlock\) is {LIMIT} bytes"
                 r".*ulimit -l.*LimitMEMLOCK=")


@contextlib.contextmanager
def providers_without_rxe(build, library):
    """A folder of manifests like the build tree's, in which rxe's library is this one."""
    folder = pathlib.Path("/tmp/manifests")
    shutil.copytree(build / "providers.d", folder)
    try:
        manifest, = folder.glob("*-rxe.json")
        text = json.loads(manifest.read_text())
        text["library"] = str(library)
        manifest.write_text(json.dumps(text))
        yield folder
    finally:
        shutil.rmtree(folder)


def without_a_plugin(build):
    """The device is there, only nobody drives it: it stays in the list, opening says why, and the
    software device does not come in its place by itself."""
    for library, words in (("/tmp/no-such.so", "/tmp/no-such.so"),
                           (os.path.realpath("/bin/true"), "L1: ")):
        with providers_without_rxe(build, library) as folder:
            # verbs-run sets the variable itself, so it is set behind it.
            providers = f"VERBS_PROVIDERS={folder}"
            text = listed(build, "env", providers, VERBS_SOFT="auto")
            expect(is_in(DEVICE, text) and "soft_" not in text,
                   f"without its plugin, {DEVICE} alone should be listed:\n{text}")
            text = refused(build, "env", providers, "ibv_devinfo", "-d", DEVICE)
            expect_lines(text, rf"-rxe\.json: .*{re.escape(words)}")


def no_manifest(build):
    """Nobody names the device: it is told of, and the software device still stays away."""
    with providers_without_rxe(build, "/tmp/no-such.so") as folder:
        manifest, = folder.glob("*-rxe.json")
        manifest.unlink()
        text = listed(build, "env", f"VERBS_PROVIDERS={folder}", VERBS_SOFT="auto")
    expect(not is_in(DEVICE, text) and "soft_" not in text, f"something is listed:\n{text}")
    expect_lines(text, rf"{DEVICE}: no provider drives .*; install one")


def both_at_once(build):
    text = output_of(build, program_of(build, "two_devices"), DEVICE, IPV4_GID, "soft_lo", "0",
                     environment={"VERBS_SOFT": "1"}, seconds=SECONDS)
    expect_lines(text, rf"^3 messages on {DEVICE} and soft_lo$")


def namespaces_are_shared(build):
    """In shared mode every namespace sees the device."""
    text = listed(build, "unshare", "--net", VERBS_SOFT="0")
    expect(is_in(DEVICE, text), f"the device of a shared kernel is not seen:\n{text}")


def namespaces_are_apart(build):
    """Each namespace of an exclusive kernel sees what the kernel says. Devices of rdma_rxe all are
    the first namespace's: where they are made does not matter, and none can be moved."""
    within = ("ip", "netns", "exec", "vmtest")
    with exclusive_namespaces():
        run("ip", "netns", "add", "vmtest")
        try:
            with second_device(before=within) as name:
                moved = subprocess.run(["rdma", "dev", "set", name, "netns", "vmtest"], text=True,
                                       stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                       stderr=subprocess.STDOUT, timeout=SECONDS * PATIENCE,
                                       check=False)
                inside = listed(build, *within, VERBS_SOFT="0")
                outside = listed(build, VERBS_SOFT="0")
        finally:
            run("ip", "netns", "delete", "vmtest")
    expect("Operation not supported" in moved.stdout, f"the device was moved: {moved.stdout}")
    expect(not is_in(name, inside) and not is_in(DEVICE, inside), f"inside there is:\n{inside}")
    expect(is_in(DEVICE, outside) and is_in(name, outside), f"outside there is:\n{outside}")
    expect("warn" not in inside + outside, f"there is a complaint:\n{inside}{outside}")


def no_siw(build):
    tried = subprocess.run(["modprobe", "siw"], text=True, stdin=subprocess.DEVNULL,
                           stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                           timeout=SECONDS * PATIENCE, check=False)
    expect(tried.returncode != 0 and "not found" in tried.stdout,
           "this kernel has siw: a provider for it is due, and docs/real-kernel.md is out of date")


# What both kernels' drivers have of the stable verbs; the names are those of programs/offers.c.
OFFERED = {
    "a region's access changes": {"6.1": "EOPNOTSUPP", "newest": "ok"},
    # The driver changes rights and domains only.
    "a region's memory changes": {"6.1": "EOPNOTSUPP", "newest": "EOPNOTSUPP"},
    "a region's domain changes": {"6.1": "EOPNOTSUPP", "newest": "ok"},
    "a region is paged on demand": {"6.1": "EINVAL", "newest": "ok"},
    "all memory is a region": {"6.1": "EINVAL", "newest": "EINVAL"},
    "RC with shared receives": {"6.1": "ok", "newest": "ok"},
    "UC with shared receives": {"6.1": "ok", "newest": "ok"},
    "UD with shared receives": {"6.1": "ok", "newest": "ok"},
    "windows of type 1": {"6.1": "ok", "newest": "ok"},
    "windows of type 2": {"6.1": "ok", "newest": "ok"},
    "a CQ grows": {"6.1": "ok", "newest": "ok"},
    "the event of a wrong key": {
        "6.1": "none", "newest": "local access violation work queue error"},
}


def what_it_offers(build, kernel):
    text = output_of(build, program_of(build, "offers"), DEVICE, IPV4_GID, seconds=SECONDS)
    found = dict(re.findall(r"^(.*?): (.*)$", text, re.MULTILINE))
    wrong = {name: (found.get(name), known[kernel]) for name, known in OFFERED.items()
             if found.get(name) != known[kernel]}
    expect(not wrong, f"found, and known of kernel {kernel} (providers/rxe/README.md): {wrong}\n"
                      f"{text}")


def cases():
    found = {
        f"a device is deleted while a process has it open, {whose}":
            Case(functools.partial(is_deleted_while_open, ours=ours), seconds=2 * SECONDS)
        for whose, ours in (("on our library", True), ("on Debian's", False))}
    found |= {
        "an odd node is told of, and the device is back with its node": Case(with_odd_nodes),
        "opening a node without the right to it says so": Case(closed_node),
        "memory beyond the limit of locked memory is refused with that reason":
            Case(beyond_the_limit),
        "a device whose plugin is missing is listed, and opening says why": Case(without_a_plugin),
        "a device that no manifest names is told of": Case(no_manifest),
        "the kernel's device and the software device work at once": Case(both_at_once),
        "a device is seen from every namespace of a shared kernel": Case(namespaces_are_shared),
        "a device of an exclusive kernel is seen in its own namespace": Case(namespaces_are_apart),
    }
    found["the kernel has no siw"] = Case(no_siw)
    for kernel in kernels.NAMES:
        found[f"rxe0 offers what is known of kernel {kernel}"] = Case(
            functools.partial(what_it_offers, kernel=kernel), kernels=(kernel,))
    return found
