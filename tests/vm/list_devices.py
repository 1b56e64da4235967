#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Lists devices before, while and after there is another one, rxe9, in one process. Run by
discovery.py inside the machine."""

import ctypes
import subprocess

VERBS = ctypes.CDLL("libibverbs.so.1", use_errno=True)
VERBS.ibv_get_device_list.restype = ctypes.POINTER(ctypes.c_void_p)
VERBS.ibv_get_device_name.restype = ctypes.c_char_p
VERBS.ibv_get_device_name.argtypes = [ctypes.c_void_p]


def run(*command):
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL, timeout=20)


def devices():
    """{name: address}, and the list, which stays."""
    count = ctypes.c_int()
    found = VERBS.ibv_get_device_list(ctypes.byref(count))
    return {VERBS.ibv_get_device_name(found[i]).decode(): found[i] for i in range(count.value)}


def show(when, found):
    print(f"{when}: {' '.join(found)}", flush=True)


def main():
    before = devices()
    show("before", before)
    run("ip", "link", "add", "d9", "type", "dummy")
    try:
        run("ip", "link", "set", "d9", "up")
        run("rdma", "link", "add", "rxe9", "type", "rxe", "netdev", "d9")
        during = devices()
        show("with", during)
        run("rdma", "link", "delete", "rxe9")
        after = devices()
        show("after", after)
    finally:
        run("ip", "link", "delete", "d9")
    print(f"rxe0 is the same: {before['rxe0'] == during['rxe0'] == after['rxe0']}")


main()
