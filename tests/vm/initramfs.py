# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Writes the archive that a machine of tests boots from: busybox, a few modules, init and the job.

The format is the kernel's "newc" (Documentation/driver-api/early-userspace/buffer-format.rst).
"""

import os
import pathlib
import shlex
import shutil

import kernels

INIT = pathlib.Path(__file__).resolve().parent / "init"
S_IFDIR, S_IFREG = 0o040000, 0o100000


class Archive:
    """A cpio archive in memory; folders have to be added before what is in them."""

    def __init__(self):
        self.parts = []
        self.count = 0

    def add(self, name, mode, content=b""):
        self.count += 1
        raw = os.fsencode(name) + b"\0"
        # inode, mode, uid, gid, links, time, size, device (2), rdevice (2), size of the name, sum
        fields = (self.count, mode, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(raw), 0)
        header = b"070701" + b"".join(b"%08X" % field for field in fields)
        for part in (header + raw, content):
            self.parts += [part, b"\0" * (-len(part) % 4)]

    def folder(self, name):
        self.add(name, S_IFDIR | 0o755)

    def file(self, name, content, mode=0o644):
        self.add(name, S_IFREG | mode, content)

    def finished(self):
        self.add("TRAILER!!!", 0)
        return b"".join(self.parts)


def quoted(word):
    """A word for the shell, whatever bytes are in it."""
    return os.fsencode(shlex.quote(str(word)))


def settings(kernel):
    """What init reads: `NAME=VALUE` lines for the shell."""
    values = {"release": kernel.release, "modules": kernel.modules}
    return b"".join(b"%s=%s\n" % (name.encode(), quoted(value)) for name, value in values.items())


def job_script(job):
    """A shell script that becomes the program, in its folder and with exactly its environment."""
    # By its path: busybox has an env of its own.
    variables = [f"{name}={value}" for name, value in job.environment.items()]
    words = [b"/usr/bin/env", b"-i", *(quoted(word) for word in [*variables, *job.command])]
    missing = quoted(f"vm-run: {job.folder}: no such folder in the machine")
    return (b"cd -- %s || { echo %s >&2; exit 127; }\n" % (quoted(job.folder), missing)
            + (b"stty rows %d cols %d\n" % job.terminal if job.terminal else b"")
            + b"exec " + b" \\\n".join(words) + b"\n")


def make(kernel, job):
    """The whole archive for one boot."""
    busybox = shutil.which("busybox")
    if busybox is None:
        raise kernels.Failed("busybox is not installed (tools/setup vm installs it)")
    archive = Archive()
    for name in ("bin", "modules", "proc", "sys", "dev", "host", "scratch", "new"):
        archive.folder(name)
    archive.file("bin/busybox", pathlib.Path(busybox).read_bytes(), 0o755)
    archive.file("init", INIT.read_bytes(), 0o755)
    order = []
    for path in kernel.boot_modules():
        archive.file(f"modules/{path.name}", path.read_bytes())
        order.append(path.name)
    archive.file("modules/order", "".join(f"{name}\n" for name in order).encode())
    archive.file("settings", settings(kernel))
    archive.file("job", job_script(job), 0o755)
    if job.terminal:
        archive.file("terminal", b"")
    return archive.finished()
