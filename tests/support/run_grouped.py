#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Runs the googletest cases behind some ctest labels in few processes, also under valgrind.

ctest starts a process per test case; with a sanitizer that costs half a second each time, under
valgrind several. So the cases are gathered by binary, arguments and environment, and each such group
becomes one process, or a few of them.

    run_grouped.py --build DIR [--valgrind] [--others] [--skip NAMES] [--seconds N] LABEL...
"""

import argparse
import concurrent.futures
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import time

SUPPRESSIONS = pathlib.Path(__file__).with_name("valgrind.supp")
CASES_PER_PROCESS = 200  # keeps all processors busy, and command lines within what the kernel takes
VALGRIND = [
    "valgrind", "-q", "--tool=memcheck", "--error-exitcode=99", "--leak-check=full",
    "--show-leak-kinds=definite,indirect", "--errors-for-leak-kinds=definite,indirect",
    # Two threads that wait for each other by spinning starve without it.
    "--fair-sched=yes", "--num-callers=30", f"--suppressions={SUPPRESSIONS}",
]


def ctest_cases(build, labels, skip):
    """The tests that carry one of `labels`, as ctest describes them, but for those named `skip`."""
    text = subprocess.run(
        ["ctest", "--test-dir", build, "--show-only=json-v1", "-L", f"^({'|'.join(labels)})$"],
        check=True, capture_output=True, text=True).stdout
    tests = json.loads(text)["tests"]
    return [test for test in tests if not (skip and re.search(skip, test["name"]))]


def groups_of(cases, under_valgrind):
    """{(binary, other arguments, environment, folder): [googletest filter]}"""
    groups, odd = {}, []
    for case in cases:
        properties = {entry["name"]: entry["value"] for entry in case.get("properties", [])}
        command = case.get("command", [])
        filters = [word.split("=", 1)[1] for word in command if word.startswith("--gtest_filter=")]
        if not filters:
            odd.append(case["name"])
            continue
        rest = [word for word in command[1:]
                if not word.startswith(("--gtest_filter=", "--gtest_also_run_disabled_tests",
                                        "--gtest_brief"))]
        environment = [*properties.get("ENVIRONMENT", []),
                       *(change.replace("=set:", "=", 1)
                         for change in properties.get("ENVIRONMENT_MODIFICATION", []))]
        key = (command[0], tuple(rest), tuple(environment), properties.get("WORKING_DIRECTORY", "."))
        # A forked child ends with all that its parent had: memcheck calls that lost, rightly and
        # uselessly. Sanitizers and the plain run cover these.
        if under_valgrind and any("/Fork." in name for name in filters):
            continue
        groups.setdefault(key, []).extend(filters)
    return groups, odd


def results(report):
    """(passed, failed) of a googletest report; what was skipped is neither."""
    cases = [case for suite in report["testsuites"] for case in suite["testsuite"]]
    failed = sum("failures" in case for case in cases)
    return sum(case["result"] == "COMPLETED" for case in cases) - failed, failed


def skipped(text):
    """["name: reason"] of what googletest printed."""
    found = re.findall(r"^\S+: Skipped\n(.*?)^\[  SKIPPED \] (\S+) \(", text, re.MULTILINE | re.DOTALL)
    return [f"{name}: {' '.join(reason.split())}" for reason, name in found]


def without_progress(text):
    """What googletest printed, but for the cases that went well."""
    return re.sub(r"^\[ RUN      \] (.*)\n\[       OK \] \1 .*\n", "", text, flags=re.MULTILINE)


def chunks_of(groups):
    for key, filters in groups.items():
        for at in range(0, len(filters), CASES_PER_PROCESS):
            yield key, filters[at:at + CASES_PER_PROCESS]


def run_group(key, filters, seconds, launcher):
    """Returns (title, passed cases, failed cases, those skipped, seconds it took, text to show)."""
    binary, arguments, environment, folder = key
    title = " ".join([pathlib.Path(binary).name, *environment])
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as scratch:
        report = pathlib.Path(scratch) / "report.json"
        command = [*launcher, binary, *arguments, f"--gtest_filter={':'.join(filters)}",
                   f"--gtest_output=json:{report}"]
        child = subprocess.Popen(
            command, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, errors="replace", start_new_session=True,
            env={**os.environ, **dict(pair.split("=", 1) for pair in environment)})
        try:
            text, _ = child.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            os.killpg(child.pid, signal.SIGKILL)  # its own session: its own children only
            try:
                text, _ = child.communicate(timeout=20)
            except subprocess.TimeoutExpired as stuck:  # something else holds its output open
                text = str(stuck.stdout)
            text += f"\nkilled after {seconds} s"
        passed, failed = 0, len(filters)
        if report.exists():  # else it did not come to its end
            passed, failed = results(json.loads(report.read_text()))
    left_out = skipped(text)
    # A filter may match nothing, or everything be skipped without a word.
    if child.returncode != 0 or passed + failed + len(left_out) == 0:
        failed = max(failed, 1)
    return title, passed, failed, left_out, time.monotonic() - began, text


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", required=True)
    parser.add_argument("--seconds", type=float, default=600, help="bound of each process")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--skip", metavar="NAMES", help="regular expression of cases to leave out")
    parser.add_argument("--valgrind", action="store_true", help="look for memory errors and leaks")
    parser.add_argument("--others", action="store_true",
                        help="run what is not googletest too, by ctest")
    parser.add_argument("labels", nargs="+")
    options = parser.parse_args()

    groups, odd = groups_of(ctest_cases(options.build, options.labels, options.skip), options.valgrind)
    others = 0
    if odd and options.others:
        names = "|".join(map(re.escape, odd))
        others = subprocess.run(["ctest", "--test-dir", options.build, "--output-on-failure",
                                 "--no-tests=error", "-j", str(options.jobs), "-R", f"^({names})$"],
                                check=False).returncode
    elif odd:
        print(f"not googletest, not run here: {', '.join(odd)}")
    if not groups:
        print("no test binaries found")
        return 1
    passed = failures = left_out = 0
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        launcher = VALGRIND if options.valgrind else []
        jobs = [pool.submit(run_group, key, filters, options.seconds, launcher)
                for key, filters in chunks_of(groups)]
        for job in concurrent.futures.as_completed(jobs):
            title, good, failed, without, took, text = job.result()
            print(f"{title}: {good} passed, {failed} failed, {took:.0f} s", flush=True)
            for line in without:
                print(f"  skipped {line}")
            if failed or re.search(r"^==\d+==", text, re.MULTILINE):
                print(without_progress(text))
            passed, failures, left_out = passed + good, failures + failed, left_out + len(without)
    print(f"{passed} passed, {failures} failed, {left_out} skipped")
    return 1 if failures or others else 0


if __name__ == "__main__":
    sys.exit(main())
