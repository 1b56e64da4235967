# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Joins the terminal that a person sits at to the one that a machine of tests has."""

import contextlib
import os
import signal
import sys
import termios
import threading
import tty

import machine

LEAVE = b"\x1d"  # Ctrl-], as in telnet: the machine may not listen any more


def size():
    columns, rows = os.get_terminal_size(sys.stdin.fileno())
    return rows, columns


def copy_keys(running):
    while keys := os.read(sys.stdin.fileno(), 4096):
        if LEAVE in keys:
            os.kill(os.getpid(), signal.SIGINT)  # what Ctrl-C does elsewhere
            return
        with contextlib.suppress(OSError):
            running.ends["terminal"].sendall(keys)


def join(running):
    """For machine.run(started=...): from now on keys go in, and what it writes comes out."""
    tty.setraw(sys.stdin.fileno())
    for target, arguments in ((copy_keys, (running,)), (machine.copy, (
            running.ends["terminal"], machine.to_descriptor(1)))):
        threading.Thread(target=target, args=arguments, daemon=True).start()


@contextlib.contextmanager
def restored():
    """Leaves our terminal as it was."""
    before = termios.tcgetattr(sys.stdin.fileno())
    try:
        yield
    finally:
        termios.tcsetattr(sys.stdin.fileno(), termios.TCSADRAIN, before)
