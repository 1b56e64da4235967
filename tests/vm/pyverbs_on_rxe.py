# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""rdma-core's Python tests on our rxe0: whatever passes on Debian's library passes on ours.

All of them run on ours, then on Debian's in the same boot those that did not pass.
"""

import fnmatch
import functools
import pathlib
import sys

from case import DEVICE, IPV4_GID, Case, expect

sys.path.insert(1, str(pathlib.Path(__file__).resolve().parents[1] / "interop"))
import pyverbs

ARGUMENTS = ("--dev", DEVICE, "--gid", IPV4_GID)
# What stable verbs are about: if nothing passes there, the comparison says nothing.
CORE = {"test_addr", "test_atomic", "test_cq", "test_cq_events", "test_device", "test_mr",
        "test_pd", "test_qp"}
EXTENDED_CQ = "extended completion queues (ibv_create_cq_ex) are not built yet"
EXTENDED_QP = "extended queue pairs (ibv_create_qp_ex, ibv_wr_*) are not built yet"
# Tests that pass on Debian's library and skip on ours: pattern, reason.
NOT_YET = {
    "tests.test_cqex.*": EXTENDED_CQ,
    "tests.test_qpex.*": EXTENDED_QP,
    "tests.test_qp.QPTest.test_create_*_qp_ex_*": EXTENDED_QP,
    # These draw, the same in each run, whether to create the queue pair by the extended call.
    "tests.test_qp.QPTest.test_modify_ud_qp": EXTENDED_QP,
    "tests.test_qp.QPTest.test_query_*_qp": EXTENDED_QP,
}
ODP = "on-demand paging is told by ibv_query_device_ex, which is not built yet"
NOT_YET_ON = {"6.1": NOT_YET, "newest": {**NOT_YET, "tests.test_odp.*": ODP}}


def is_not_yet(test, outcome, not_yet):
    return outcome == "skip" and any(fnmatch.fnmatchcase(test, pattern) for pattern in not_yet)


def passes_like_debians(build, not_yet):
    ours = pyverbs.outcomes(build, ARGUMENTS)
    passed = {test for test, (outcome, _) in ours.items() if outcome == "ok"}
    theirs = pyverbs.outcomes(build, ARGUMENTS, on_verbs=False, leave_out=passed)
    missing = {test: ours.get(test, ("did not run", "")) for test, (outcome, _) in theirs.items()
               if outcome == "ok"}
    print(f"pyverbs: {len(passed)} of {len(ours)} pass on ours; {len(missing)} more on Debian's")
    modules = {test.split(".")[1] for test in passed}
    expect(CORE <= modules, f"nothing passes in {CORE - modules}")
    failed = [f"{test}: {outcome} {reason}" for test, (outcome, reason) in missing.items()
              if not is_not_yet(test, outcome, not_yet)]
    expect(not failed, f"{len(failed)} tests pass on Debian's library, and not on ours:\n"
           + "\n".join(failed))
    stale = [pattern for pattern in not_yet if not fnmatch.filter(missing, pattern)]
    expect(not stale, f"NOT_YET_ON names what is there: {stale}")


def cases():
    return {
        f"pyverbs - what passes on Debian's library passes on ours, as listed for {kernel}":
            Case(functools.partial(passes_like_debians, not_yet=not_yet), seconds=500,
                 kernels=(kernel,))
        for kernel, not_yet in NOT_YET_ON.items()
    }
