# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""One machine of tests: a kernel under QEMU with the host's files as its root, and one job in it.

What the machine writes to its files is gone with it. It has no network but its own. Every way in
which it can end is told apart, and each comes in bounded time.
"""

import contextlib
import dataclasses
import os
import pathlib
import re
import selectors
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

import initramfs

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import pair

QEMU = "qemu-system-x86_64"
PORTS = ("control", "out", "err")  # beside the console, where the kernel speaks
BOOT_SECONDS = 300  # emulated on an idle host it takes 12 s, on a busy one 180 were seen
KVM_BOOT_SECONDS = 30  # then it is emulated
END_SECONDS = 10
CONSOLE_LINES = 40  # of a report
KERNEL_OPTIONS = " ".join((
    "console=ttyS0 loglevel=5",
    "panic=-1 oops=panic",  # what comes after an oops proves nothing
    "no_timer_check",  # it fails on a busy host, where emulated time stands still at times
    "mitigations=off cryptomgr.notests",  # these only cost time
))

# Exit codes of tools/vm-run for what is not the program's own end.
UNEXPLAINED, STUCK, PANIC, LIMIT, NO_MACHINE = 121, 122, 123, 124, 125


class Failed(Exception):
    """The job did not come to its own end. `code` tells what happened, the text more."""

    def __init__(self, code, text):
        super().__init__(text)
        self.code = code
        self.began = False  # the job


@dataclasses.dataclass
class Job:
    """A program, started in the machine as root."""

    command: list
    environment: dict = dataclasses.field(default_factory=lambda: dict(os.environ))
    folder: str = dataclasses.field(default_factory=os.getcwd)
    terminal: tuple | None = None  # (rows, columns): it gets a terminal, which is ours


@dataclasses.dataclass
class Options:
    seconds: float | None = 300  # of the job; None for no limit
    boot_seconds: float = BOOT_SECONDS
    memory: str = "2G"
    processors: int = 2
    accelerators: tuple = dataclasses.field(default_factory=lambda: accelerators())  # in turn
    append: str = ""  # to the kernel's command line
    kernel_log: bool = False  # copy the console to stderr


def end_in_order():
    """For a program's main: a signal that ends it becomes an exception, so that nothing is left."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda number, _: sys.exit(128 + number))


def why_not():
    """Why QEMU cannot run here at all; None when it can."""
    if shutil.which(QEMU) is None:
        return f"{QEMU} is not installed (tools/setup vm installs it)"
    try:
        done = subprocess.run([QEMU, "--version"], stdin=subprocess.DEVNULL, text=True, timeout=60,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environment())
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"{QEMU} cannot be started: {error}"
    return None if done.returncode == 0 else f"{QEMU} cannot be started:\n{done.stdout.rstrip()}"


def environment():
    """For QEMU, which is itself linked to libibverbs: it gets the distribution's."""
    return {name: value for name, value in os.environ.items() if not name.startswith("LD_")}


def accelerators():
    if chosen := os.environ.get("VERBS_VM_ACCEL"):
        return (chosen,)
    # Some virtual machines have a /dev/kvm that only runs kernels made for it: no flag tells of it.
    flags = pathlib.Path("/proc/cpuinfo").read_text().split()
    usable = os.access("/dev/kvm", os.R_OK | os.W_OK) and ("vmx" in flags or "svm" in flags)
    return ("kvm", "tcg") if usable else ("tcg",)


def command_line(kernel, archive, channels, options):
    words = [QEMU, "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot",
             "-machine", "pc", "-accel", options.accelerators[0], "-cpu", "max,la57=off",
             "-smp", str(options.processors), "-m", options.memory,
             "-kernel", str(kernel.image), "-initrd", str(archive),
             "-append", f"{KERNEL_OPTIONS} {options.append}",
             "-fsdev", "local,id=host,path=/,security_model=none,readonly=on,multidevs=remap",
             "-device", "virtio-9p-pci,fsdev=host,mount_tag=host",
             # What the job writes is out before its next instruction, should that be a panic.
             "-device", "virtio-serial-pci,ioeventfd=off"]
    for name, end in channels.items():
        words += ["-chardev", f"socket,id={name},fd={end.fileno()}"]
        if name == "terminal":
            words += ["-device", "virtconsole,chardev=terminal"]
        elif name in PORTS:
            words += ["-device", f"virtserialport,chardev={name},name=verbs.{name}"]
    return words + ["-serial", "chardev:console"]


# --- a running machine ---------------------------------------------------------------------------


class Machine:
    """QEMU and our ends of its channels."""

    def __init__(self, kernel, job, options, scratch):
        self.kernel, self.options = kernel, options
        self.ends, theirs = {}, {}
        for name in ("console", *PORTS, *(["terminal"] if job.terminal else [])):
            self.ends[name], theirs[name] = socket.socketpair()
        self.console = bytearray()
        self.lines = bytearray()  # of the control channel
        self.began = False  # the job
        archive = scratch / "initramfs"
        archive.write_bytes(initramfs.make(kernel, job))
        self.messages = scratch / "messages"  # of QEMU itself
        with open(self.messages, "wb") as sink:
            self.process = subprocess.Popen(
                command_line(kernel, archive, theirs, options), env=environment(),
                stdin=subprocess.DEVNULL, stdout=sink, stderr=sink, start_new_session=True,
                pass_fds=[end.fileno() for end in theirs.values()], preexec_fn=pair.die_with_parent)
        for end in theirs.values():
            end.close()
        self.selector = selectors.DefaultSelector()
        for name in ("control", "console"):
            self.selector.register(self.ends[name], selectors.EVENT_READ, name)

    def close(self):
        """Ends QEMU, if it did not end by itself."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.selector.close()
        for end in self.ends.values():
            end.close()

    def take(self, name, piece):
        if name == "control":
            self.lines += piece
            return
        self.console += piece
        if self.options.kernel_log:
            sys.stderr.buffer.write(piece)
            sys.stderr.flush()

    def listen(self, until):
        """Takes what comes on the console or the control channel; False when nothing came."""
        wait = None if until is None else max(0.0, until - time.monotonic())
        ready = self.selector.select(wait)
        for key, _ in ready:
            try:
                piece = key.fileobj.recv(65536)
            except ConnectionError:
                piece = b""
            if piece:
                self.take(key.data, piece)
            else:
                self.selector.unregister(key.fileobj)
        return bool(ready)

    def word(self, seconds):
        """The next line of the control channel: None when the machine ended, "" when time is up."""
        until = None if seconds is None else time.monotonic() + seconds
        while b"\n" not in self.lines:
            if not self.selector.get_map():
                return None
            if not self.listen(until):
                return ""
        line, _, rest = bytes(self.lines).partition(b"\n")
        self.lines = bytearray(rest)
        return line.decode(errors="replace").strip()

    def console_text(self):
        return self.console.decode(errors="replace").replace("\r", "")

    def report(self):
        lines = self.console_text().rstrip().splitlines()[-CONSOLE_LINES:]
        return "\n".join(["--- the machine's console, its end:", *lines])

    def ended(self):
        """For a machine that ended before its job did."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(END_SECONDS)
        text = self.console_text()
        if panic := re.search(r"Kernel panic - (.*)", text):
            words = f"the kernel {self.kernel.release} panicked: {panic.group(1)}"
            return Failed(PANIC, f"{words}\n{self.report()}")
        said = self.messages.read_text(errors="replace").strip()
        if self.process.poll() != 0:
            code = self.process.poll()
            return Failed(NO_MACHINE, f"QEMU ended with {code}\n{said}\n{self.report()}")
        return Failed(UNEXPLAINED,
                      f"the machine ended, and did not say why\n{said}\n{self.report()}")

    def follow(self, started):
        """From power-on to the job's end; its exit code."""
        word = self.word(self.options.boot_seconds)
        if word == "started":
            self.began = True
            started()
            word = self.word(self.options.seconds)
            if word == "left":
                print("vm-run: processes that the program left behind still held its output",
                      file=sys.stderr)
                word = self.word(END_SECONDS)
            if word == "":
                raise Failed(LIMIT, f"the program did not end within {self.options.seconds:g} s, "
                                    f"so the machine was stopped\n{self.report()}")
        elif word == "":
            seconds = self.options.boot_seconds
            raise Failed(STUCK,
                         f"the machine did not come up within {seconds:g} s\n{self.report()}")
        if word is None:
            raise self.ended()
        kind, _, rest = word.partition(" ")
        if kind == "exit":
            return int(rest)
        raise Failed(STUCK, f"the machine cannot be set up: {rest or word}\n{self.report()}")

    def wait_off(self):
        """After the job has ended: what it wrote comes before the machine is off."""
        until = time.monotonic() + END_SECONDS
        while self.selector.get_map() and self.listen(until):
            pass


def copy(end, sink):
    """Passes on what arrives until the machine's end of the channel is closed."""
    while True:
        try:
            piece = end.recv(65536)
        except OSError:
            return
        if not piece:
            return
        sink(piece)


def to_descriptor(number):
    def write(piece):
        with contextlib.suppress(BrokenPipeError):
            while piece:
                piece = piece[os.write(number, piece):]
    return write


def run(kernel, job, options=None, out=None, err=None, started=lambda machine: None):
    """Boots, runs the job, and gives its exit code; Failed when it came to no end of its own.

    `out` and `err` take the pieces of what the job writes; default: our own stdout and stderr.
    """
    options = options or Options()
    *others, last = options.accelerators
    for name in others:
        seconds = min(options.boot_seconds, KVM_BOOT_SECONDS)
        this = dataclasses.replace(options, accelerators=(name,), boot_seconds=seconds)
        try:
            return run_once(kernel, job, this, out, err, started)
        except Failed as failure:
            if failure.began or failure.code == PANIC:
                raise
    this = dataclasses.replace(options, accelerators=(last,))
    return run_once(kernel, job, this, out, err, started)


def run_once(kernel, job, options, out, err, started):
    with tempfile.TemporaryDirectory(prefix="vm-") as scratch:
        machine = Machine(kernel, job, options, pathlib.Path(scratch))
        sinks = {"out": out or to_descriptor(1), "err": err or to_descriptor(2)}
        # Threads, so that a reader of ours that is slow or stuck does not keep us from the clock.
        copiers = [threading.Thread(target=copy, args=(machine.ends[name], sink), daemon=True)
                   for name, sink in sinks.items()]
        for copier in copiers:
            copier.start()
        try:
            code = machine.follow(lambda: started(machine))
            machine.wait_off()
        except Failed as failure:
            failure.began = machine.began
            raise
        finally:
            if machine.process.poll() is None:
                machine.process.kill()
            for copier in copiers:
                copier.join(END_SECONDS)
            machine.close()
    return code
