#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Runs a verbs program as a server and a client, and checks that it leaves nothing behind.

Every wait is bounded, nothing sleeps in the hope that a peer is ready, and only processes that were
started here are ever signalled. Used by tests/interop, tests/install and tools/demo; as a program:

    pair.py [--build DIR] [--seconds N] PROGRAM [ARGUMENT]...

runs `PROGRAM -p PORT ARGUMENT...` and then `PROGRAM -p PORT ARGUMENT... 127.0.0.1`.
"""

import argparse
import ctypes
import os
import pathlib
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
VERBS_RUN = ROOT / "tools" / "verbs-run"
SOCKET_PREFIX = "@verbs-soft"  # /proc/net/unix shows an abstract name with a leading @
OUR_FILES = re.compile(r"verbs|rdma|infiniband|\bsoft|ucx|vader|ompi\b|mpich", re.IGNORECASE)
POLL_SECONDS = 0.005
PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
LIBC = ctypes.CDLL(None, use_errno=True)
TCP_LISTEN = "0A"
patience = 1  # a factor on every limit in time, for who runs where all is slower


class Failed(Exception):
    """What a test reports; the text is all that its reader gets."""


def expect(claim, text):
    if not claim:
        raise Failed(text)


def expect_lines(text, *patterns):
    """Each pattern has to match within one line or more of `text`."""
    for pattern in patterns:
        expect(re.search(pattern, text, re.MULTILINE), f"no line like '{pattern}' in:\n{text}")


def become_subreaper():
    """Makes every orphan of our programs our own child, so that none can be overlooked."""
    if LIBC.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_CHILD_SUBREAPER)")


def die_with_parent():
    """For a child before its exec: it must not outlive a test that was killed."""
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def wait_until(claim, seconds):
    """Polls `claim` until it is true; False when it is still not after `seconds`."""
    end = time.monotonic() + seconds * patience
    while not claim():
        if time.monotonic() > end:
            return False
        time.sleep(POLL_SECONDS)
    return True


# --- what the machine looks like -----------------------------------------------------------------


def is_listening(port):
    """Does anybody in this network namespace listen on TCP `port`?"""
    suffix = f":{port:04X}"
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            lines = pathlib.Path(table).read_text().splitlines()[1:]
        except OSError:  # a kernel without IPv6
            continue
        for line in lines:
            fields = line.split()
            if fields[1].endswith(suffix) and fields[3] == TCP_LISTEN:
                return True
    return False


def free_port():
    """A TCP port that nobody uses, below the range from which the kernel takes its own."""
    for _ in range(200):
        port = random.randrange(12000, 32000)
        if is_listening(port):
            continue
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            try:
                probe.bind(("", port))
            except OSError:
                continue
        return port
    raise Failed("no free TCP port")


def descendants():
    """The living processes below this one: {pid: command}."""
    parents, commands = {}, {}
    for entry in pathlib.Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            stat = (entry / "stat").read_text()
        except OSError:  # it ended meanwhile
            continue
        pid, rest = int(entry.name), stat[stat.rindex(")") + 2:].split()
        if rest[0] == "Z":
            continue
        parents[pid] = int(rest[1])
        commands[pid] = stat[stat.index("(") + 1:stat.rindex(")")]
    ours, grown = {os.getpid()}, True
    while grown:
        grown = False
        for pid, parent in parents.items():
            if parent in ours and pid not in ours:
                ours.add(pid)
                grown = True
    return {pid: commands[pid] for pid in ours if pid != os.getpid() and pid in commands}


def soft_sockets():
    """The abstract sockets of the software device in this network namespace: {inode: name}."""
    found = {}
    for line in pathlib.Path("/proc/net/unix").read_text().splitlines()[1:]:
        fields = line.split(maxsplit=7)
        # Inode 0: a connection that waits to be accepted; its listener has a line of its own.
        if len(fields) == 8 and fields[7].startswith(SOCKET_PREFIX) and fields[6] != "0":
            found[fields[6]] = fields[7]
    return found


def socket_owners(inode):
    """The processes that hold the socket `inode`, as far as we may see them."""
    owners, wanted = set(), f"socket:[{inode}]"
    for link in pathlib.Path("/proc").glob("[0-9]*/fd/*"):
        try:
            if os.readlink(link) == wanted:
                owners.add(int(link.parts[2]))
        except OSError:
            continue
    return owners


def shared_files():
    """Files in the places where memory or scratch files get lost, with names like ours."""
    found = set()
    for place in ("/dev/shm", "/tmp", "/var/tmp", "/run"):
        try:
            names = os.listdir(place)
        except OSError:
            continue
        found |= {f"{place}/{name}" for name in names if OUR_FILES.search(name)}
    return found


# --- running programs ----------------------------------------------------------------------------


class Program:
    """One child in its own session, its output in a file."""

    def __init__(self, command, environment, output):
        self.command = [str(word) for word in command]
        self.output = output
        with open(output, "wb") as sink:
            self.process = subprocess.Popen(
                self.command, env=environment, stdin=subprocess.DEVNULL, stdout=sink,
                stderr=subprocess.STDOUT, start_new_session=True, preexec_fn=die_with_parent)

    def __str__(self):
        return " ".join(word for word in self.command if word != str(VERBS_RUN))

    @property
    def pid(self):
        return self.process.pid

    @property
    def code(self):
        return self.process.poll()

    def text(self):
        return self.output.read_text(errors="replace")

    def report(self):
        state = "is running" if self.code is None else f"ended with {self.code}"
        return f"--- {self} ({state})\n{self.text().rstrip()}\n"

    def cpu_ticks(self):
        """Processor time it has used, in clock ticks."""
        stat = pathlib.Path(f"/proc/{self.pid}/stat").read_text()
        fields = stat[stat.rindex(")") + 2:].split()
        return int(fields[11]) + int(fields[12])

    def switches(self):
        """How often any of its threads went to sleep by itself."""
        total = 0
        for status in pathlib.Path(f"/proc/{self.pid}/task").glob("*/status"):
            total += int(re.search(r"^voluntary_ctxt_switches:\s*(\d+)", status.read_text(),
                                   re.MULTILINE).group(1))
        return total


class Session:
    """The programs of one test. Leaving it ends what still runs and looks for leftovers."""

    def __init__(self, build, environment=None):
        self.build = pathlib.Path(build).resolve()
        self.programs = []
        self.environment = {"VERBS_SOFT": "1", **os.environ, "VERBS_BUILD": str(self.build),
                            **(environment or {})}

    def __enter__(self):
        become_subreaper()
        self.scratch = pathlib.Path(tempfile.mkdtemp(prefix="pair-"))
        self.private = self.scratch / "tmp"  # the programs' own TMPDIR, empty before and after
        self.private.mkdir()
        self.environment["TMPDIR"] = str(self.private)
        self.sockets_before = set(soft_sockets())
        self.files_before = shared_files()
        return self

    def __exit__(self, kind, error, trace):
        try:
            left = self.leftovers()
            self.end_all()
            if isinstance(error, Failed):
                error.args = ("\n".join([str(error), *left, self.report()]),)
            elif kind is None and left:
                raise Failed("\n".join([*left, self.report()]))
        finally:
            shutil.rmtree(self.scratch, ignore_errors=True)
        return False

    def start(self, *command, on_verbs=True):
        words = [VERBS_RUN, *command] if on_verbs else command
        output = self.scratch / f"output-{len(self.programs)}"
        self.programs.append(Program(words, self.environment, output))
        return self.programs[-1]

    def wait_listening(self, server, port, seconds=20):
        if not wait_until(lambda: is_listening(port) or server.code is not None, seconds):
            raise Failed(f"{server}: does not listen on port {port} after "
                         f"{seconds * patience} s")
        if server.code is not None and not is_listening(port):
            raise Failed(f"{server}: ended with {server.code} before it listened")

    def wait_end(self, program, seconds):
        if not wait_until(lambda: program.code is not None, seconds):
            raise Failed(f"{program}: still runs after {seconds * patience:.0f} s")
        return program.code

    def expect_success(self, *programs, seconds):
        end = time.monotonic() + seconds * patience
        for program in programs:
            code = self.wait_end(program, max(0.0, end - time.monotonic()) / patience)
            if code != 0:
                raise Failed(f"{program}: ended with {code}")

    def report(self):
        return "".join(program.report() for program in self.programs)

    def leftovers(self):
        """What is still there although every program should be gone; one line for each."""
        # A killed process takes a moment to disappear, and its sockets with it.
        wait_until(lambda: not self.found_left(), 2)
        return self.found_left()

    def found_left(self):
        for program in self.programs:
            program.process.poll()
        ours = descendants()
        left = [f"left behind: process {pid} ({name})" for pid, name in ours.items()]
        for inode, name in soft_sockets().items():
            if inode in self.sockets_before:
                continue
            owners = socket_owners(inode)
            if not owners and inode not in soft_sockets():  # closed while we looked
                continue
            if not owners or owners & set(ours):  # else it is another test's, at the same time
                left.append(f"left behind: abstract socket {name}")
        left += [f"left behind: file {path}" for path in sorted(self.private.rglob("*"))]
        left += [f"left behind: file {path}" for path in shared_files() - self.files_before]
        return left

    def end_all(self):
        """Kills what is left of our programs; each by its own id, all of them our descendants."""
        for _ in range(10):
            ours = descendants()
            if not ours:
                break
            for pid in ours:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
            wait_until(lambda: not set(descendants()) & set(ours), 2)
        for program in self.programs:
            program.process.poll()


def run_pair(build, program, arguments, seconds=60, environment=None, address="127.0.0.1",
             wrap=(), on_verbs=True):
    """Server and client with the same arguments; both must succeed. Returns (server, client)."""
    with Session(build, environment) as session:
        port = free_port()
        command = [*wrap, program, "-p", port, *arguments]
        server = session.start(*command, on_verbs=on_verbs)
        session.wait_listening(server, port)
        client = session.start(*command, address, on_verbs=on_verbs)
        session.expect_success(client, server, seconds=seconds)
        texts = server.text(), client.text()
    return texts


def output_of(build, *command, ours=True, environment=None, seconds=30):
    """Runs one program to its successful end; `ours`: on the build tree's libraries."""
    with Session(build, environment) as session:
        program = session.start(*command, on_verbs=ours)
        session.expect_success(program, seconds=seconds)
        return program.text()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", default=os.environ.get("VERBS_BUILD", ROOT / "build/release"))
    parser.add_argument("--seconds", type=float, default=60, help="bound of the whole run")
    parser.add_argument("program")
    parser.add_argument("arguments", nargs=argparse.REMAINDER)
    options = parser.parse_args()
    try:
        with Session(options.build) as session:
            port = free_port()
            command = [options.program, "-p", port, *options.arguments]
            server = session.start(*command)
            print(f"$ tools/verbs-run {server} &", flush=True)
            session.wait_listening(server, port)
            client = session.start(*command, "127.0.0.1")
            print(f"$ tools/verbs-run {client}", flush=True)
            session.expect_success(client, server, seconds=options.seconds)
            print(f"server:\n{server.text().rstrip()}\nclient:\n{client.text().rstrip()}")
    except Failed as failure:
        print(failure, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
