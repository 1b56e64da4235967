# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""UCX takes no device where there is no folder /dev/infiniband: how programs get one, empty."""

import contextlib
import pathlib
import subprocess

from registry import expect, pair

FOLDER = pathlib.Path("/dev/infiniband")
TOOL = pair.ROOT / "tools/dev-infiniband"


@contextlib.contextmanager
def folder():
    """Words to put before a command. Where namespaces are not allowed the system's own /dev gets
    the folder meanwhile, for which one must be root."""
    if FOLDER.is_dir():
        yield ()
        return
    tried = subprocess.run([TOOL, "true"], capture_output=True, text=True, timeout=30, check=False)
    if tried.returncode == 0:
        yield (TOOL,)
        return
    try:
        FOLDER.mkdir()
    except OSError as error:
        expect(False, f"{tried.stderr.strip()} ({error})")
    try:
        yield ()
    finally:
        FOLDER.rmdir()
