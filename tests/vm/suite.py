# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Runs the cases of a googletest program, many in one process, and holds the clock for each of them.

A case that takes too long or takes the process down is a failure of its own; the others go on in
another process.
"""

import concurrent.futures
import dataclasses
import os
import re
import selectors
import signal
import subprocess
import time

BEGAN = re.compile(rb"^\[ RUN      \] (\S+)$")
ENDED = re.compile(rb"^\[ *(OK|FAILED|SKIPPED) *\] (\S+?)(?:, where .*)? \(\d+ ms\)$")
OK, SKIPPED, OUT_OF_TIME, DIED, NOT_RUN = "OK", "SKIPPED", "OUT OF TIME", "DIED", "NOT RUN"
START_SECONDS = 240  # until the first case: the program comes over 9p
CASES_PER_PROCESS = 200  # keeps a command line within what the kernel takes
PROCESSES = 2  # at once; the machine has as many processors


@dataclasses.dataclass
class Result:
    mark: str  # one of those above, or FAILED
    text: str


class Process:
    """One run of the program, read line by line until a case in it takes too long."""

    def __init__(self, command, names, environment):
        self.results = {}
        self.name = None  # of the case that runs
        self.lines = []
        self.began = time.monotonic()
        self.child = subprocess.Popen(
            [*command, f"--gtest_filter={':'.join(names)}"], env=environment,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            start_new_session=True)
        os.set_blocking(self.child.stdout.fileno(), False)

    def left(self, seconds, end):
        """Of the time of the case that runs."""
        limit = seconds if self.results or self.name else START_SECONDS
        return min(self.began + limit, end) - time.monotonic()

    def take(self, line):
        if match := BEGAN.match(line):
            self.name, self.lines, self.began = match[1].decode(), [], time.monotonic()
        elif (match := ENDED.match(line)) and match[2].decode() == self.name:
            self.put(match[1].decode())
            self.began = time.monotonic()
        else:
            self.lines.append(line)

    def put(self, mark):
        text = b"\n".join(self.lines).decode(errors="replace").strip()
        self.results[self.name] = Result(mark, text)
        self.name, self.lines = None, []

    def read(self, seconds, end):
        """Until it ends, or its time is up; says which."""
        rest = b""
        with selectors.DefaultSelector() as ears:
            ears.register(self.child.stdout, selectors.EVENT_READ)
            while (left := self.left(seconds, end)) > 0:
                if not ears.select(left):
                    continue
                piece = self.child.stdout.read()
                if not piece:
                    return DIED
                *whole, rest = (rest + piece).split(b"\n")
                for line in whole:
                    self.take(line)
        return OUT_OF_TIME

    def end(self):
        """It, and what it started: they share a session."""
        try:
            os.killpg(self.child.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        try:
            self.child.wait(20)
        except subprocess.TimeoutExpired:  # stuck in the kernel
            pass
        self.child.stdout.close()


def names_of(command, environment):
    """All cases of the program, as Suite.Case."""
    text = subprocess.run([*command, "--gtest_list_tests"], env=environment, check=True,
                          stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True).stdout
    names, group = [], ""
    for line in text.splitlines():
        word = line.split("#")[0].strip()
        if line.startswith("  "):
            names.append(group + word)
        elif word.endswith("."):
            group = word
    return names


def run_process(command, names, environment, seconds, end):
    """{name: Result} of those that one process comes to."""
    process = Process(command, names, environment)
    try:
        why = process.read(seconds, end)
    finally:
        process.end()
    if process.name:
        process.put(why)
    if not process.results:
        process.name = names[0]
        process.put(why)
    return process.results


def run_row(command, names, environment, seconds, end):
    results, left = {}, names
    while left and time.monotonic() < end:
        results |= run_process(command, left[:CASES_PER_PROCESS], environment, seconds, end)
        left = [name for name in left if name not in results]
    return results | {name: Result(NOT_RUN, "there was no time left") for name in left}


def run_all(command, names, environment, seconds, seconds_of_all):
    """{name: Result} of all of them; `seconds` are for each."""
    end = time.monotonic() + seconds_of_all
    rows = [names[at::PROCESSES] for at in range(PROCESSES)]
    with concurrent.futures.ThreadPoolExecutor(PROCESSES) as pool:
        jobs = [pool.submit(run_row, command, row, environment, seconds, end) for row in rows]
    return {name: result for job in jobs for name, result in job.result().items()}
