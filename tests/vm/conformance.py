# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The conformance suite on rxe0, through both sonames, and the one of experimental verbs. What the
kernel's driver does otherwise is in tests/conformance/deviations/rxe.txt and extended/deviations/rxe.txt.

The second side of a test can be in three places, each of which costs as much again. One soname has two
of them, the other has one and in addition, for the suites that move data in most ways, a process each;
that one is on the older kernel alone, as what a kernel does otherwise shows through either.
"""

import collections
import functools
import os
import re

import kernels
import suite
from case import DEVICE, PATIENCE, Case, expect, pair

SECONDS_PER_CASE = 40
SECONDS = 540
SCALE = "0.1"  # of the repetitions: each costs what a hundred cost outside of an emulator

IN_TWO_PROCESSES = r"^Rc/(RcData|Ud|Uc|SharedReceives|Atomic)\..*/TwoProcesses$"

# Nothing to see there that smaller cases do not show, for the time of fifty of them.
TOO_DEAR = re.compile(r"^(StoppedPeer|Crowd|LastWrite|Processes/BoundaryOfOneUser)\.|_8388605$")


def is_wanted(name, places):
    """Cases that have no place, and those of `places`, a regular expression."""
    has_place = re.search(r"/(OneContext|TwoContexts|TwoProcesses)(_|$)", name)
    return not TOO_DEAR.search(name) and (not has_place or bool(re.search(places, name)))


def conforms(build, program, places, least=2):
    """`least` times as many cases as are skipped have to pass."""
    environment = {**os.environ, "VERBS_BUILD": str(build), "VERBS_TEST_DEVICE": DEVICE,
                   "VERBS_TEST_SCALE": SCALE}
    command = [pair.VERBS_RUN, build / "bin" / program]
    names = [name for name in suite.names_of(command, environment) if is_wanted(name, places)]
    results = suite.run_all(command, names, environment, SECONDS_PER_CASE * PATIENCE,
                            SECONDS * PATIENCE)
    count = collections.Counter(result.mark for result in results.values())
    print(f"{program}: {count[suite.OK]} passed, {count[suite.SKIPPED]} skipped, "
          f"{len(names)} cases", flush=True)
    failed = [f"{name}: {results[name].mark}\n{results[name].text}" for name in names
              if results[name].mark not in (suite.OK, suite.SKIPPED)]
    expect(not failed, f"{len(failed)} cases failed:\n" + "\n".join(failed))
    expect(count[suite.OK] > least * count[suite.SKIPPED], "too few cases ran for a suite that passed")


def cases():
    found = {}
    for soname, places, on in (
            ("libverbs", r"/(OneContext|TwoContexts)(_|$)", kernels.NAMES),
            ("libibverbs", rf"/OneContext(_|$)|{IN_TWO_PROCESSES}", ("6.1",))):
        found[f"the conformance suite on {DEVICE} through {soname}.so.1"] = Case(
            functools.partial(conforms, program=f"conformance_{soname}", places=places),
            seconds=SECONDS + 60, kernels=on)
    for program in ("extended_libverbs", "extended_libibverbs"):
        found[f"the suite of experimental verbs on {DEVICE}, {program}"] = Case(
            # Of the optional verbs the driver has few.
            functools.partial(conforms, program=program, places=".", least=0.25), seconds=120)
    return found
