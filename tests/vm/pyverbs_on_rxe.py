# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""rdma-core's Python tests on our rxe0: whatever passes on Debian's library passes on ours.

All of them run on ours, then on Debian's in the same boot those that did not pass.
"""

import functools
import pathlib
import sys

from case import DEVICE, IPV4_GID, Case, expect

# Last: both folders have a ucx.py.
sys.path.append(str(pathlib.Path(__file__).resolve().parents[1] / "interop"))
import pyverbs

ARGUMENTS = ("--dev", DEVICE, "--gid", IPV4_GID)
# If nothing passes in one of these, the comparison says nothing.
CORE = {"test_addr", "test_atomic", "test_cq", "test_cq_events", "test_cqex", "test_device",
        "test_mr", "test_pd", "test_qp", "test_qpex"}
# Tests that end now so, now so on a kernel, with any library: test, reason.
UNSTEADY = {
    "6.1": {},
    "newest": {"tests.test_cq.CQTest.test_resize_cq":
               "it shrinks a queue without waiting for the completions that are to be in it, which a "
               "worker of the kernel brings"},
}


def passes_like_debians(build, unsteady):
    ours = pyverbs.outcomes(build, ARGUMENTS)
    passed = {test for test, (outcome, _) in ours.items() if outcome == "ok"}
    theirs = pyverbs.outcomes(build, ARGUMENTS, on_verbs=False, leave_out=passed)
    missing = {test: ours.get(test, ("did not run", "")) for test, (outcome, _) in theirs.items()
               if outcome == "ok"}
    print(f"pyverbs: {len(passed)} of {len(ours)} pass on ours; {len(missing)} more on Debian's")
    modules = {test.split(".")[1] for test in passed}
    expect(CORE <= modules, f"nothing passes in {CORE - modules}")
    failed = [f"{test}: {outcome} {reason}" for test, (outcome, reason) in missing.items()
              if test not in unsteady]
    expect(not failed, f"{len(failed)} tests pass on Debian's library, and not on ours:\n"
           + "\n".join(failed))


def cases():
    return {f"pyverbs on {kernel} - what passes on Debian's library passes on ours":
            Case(functools.partial(passes_like_debians, unsteady=unsteady), seconds=500,
                 kernels=(kernel,))
            for kernel, unsteady in UNSTEADY.items()}
