#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Tests of the machines themselves: each way to end is seen, with a real fault behind it.

Needs no built library. Ends with 77 where QEMU cannot run at all.
"""

import os
import pathlib
import pty
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from unittest import mock

import initramfs
import kernels
import machine

SKIPPED = 77
HERE = pathlib.Path(__file__).resolve().parent
VM_RUN = kernels.ROOT / "tools/vm-run"
SECONDS = 400  # until a run of vm-run counts as one that hangs; a busy host is slow
ODD = "a 'quoted' \"word\"\nof $HOME two\\lines*"
EVERYTHING = r"""
echo early
pwd
printf '%s|' "$@"; echo
echo "$ODD" >/dev/stdout
echo complaint >&2
id -u
echo written >"$MARK"
cat "$MARK"
rdma link
modprobe sch_netem && echo loaded a module
ip link add v0 type veth && echo the kernel loaded one
head -c 1000000 /dev/zero | tr '\0' x
echo
sleep 2
sleep infinity &
exit 7
"""


def vm_run(*arguments, environment=None):
    return subprocess.run([VM_RUN, "--no-ours", *arguments], stdin=subprocess.DEVNULL, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=SECONDS,
                          env={**os.environ, **(environment or {})})


def until(descriptor, awaited):
    """Reads until `awaited` was read; fails when nothing comes for a long time."""
    text = b""
    while awaited not in text:
        ready, _, _ = select.select([descriptor], [], [], SECONDS)
        if not ready:
            raise AssertionError(f"no {awaited} in {text}")
        text += os.read(descriptor, 4096)
    return text


class RunTest(unittest.TestCase):
    """One run that shows many things."""

    @classmethod
    def setUpClass(cls):
        cls.scratch = tempfile.TemporaryDirectory(prefix="vm test ")
        cls.mark = pathlib.Path(cls.scratch.name) / "mark"
        cls.arrivals, cls.out, cls.err = [], bytearray(), bytearray()

        def take(piece):
            cls.arrivals.append(time.monotonic())
            cls.out.extend(piece)

        job = machine.Job(["/bin/sh", "-c", EVERYTHING, "sh", ODD, "", "-x"],
                          {**os.environ, "ODD": ODD, "MARK": str(cls.mark)}, cls.scratch.name)
        # The first accelerator does not exist: so this run shows that the next one is taken.
        options = machine.Options(accelerators=("none", "tcg"))
        cls.code = machine.run(kernels.get("6.1"), job, options, out=take, err=cls.err.extend)
        cls.ended = time.monotonic()
        cls.lines = cls.out.decode().split("\n")

    @classmethod
    def tearDownClass(cls):
        cls.scratch.cleanup()

    def test_the_exit_code_is_the_programs_also_after_a_failed_accelerator(self):
        self.assertEqual(self.code, 7)

    def test_output_arrives_as_it_is_written(self):
        self.assertGreater(self.ended - self.arrivals[0], 1.5)

    def test_the_program_starts_in_the_callers_folder(self):
        self.assertEqual(self.lines[1], self.scratch.name)

    def test_arguments_and_environment_arrive_unchanged(self):
        text = self.out.decode()
        self.assertIn(f"{ODD}||-x|\n", text)
        self.assertIn(f"|\n{ODD}\n", text)

    def test_both_outputs_are_kept_apart(self):
        self.assertEqual(self.err.decode(), "complaint\n")
        self.assertNotIn("complaint", self.out.decode())

    def test_the_program_is_root(self):
        self.assertIn("0", self.lines)

    def test_what_it_writes_stays_in_the_machine(self):
        self.assertIn("written", self.lines)
        self.assertFalse(self.mark.exists())

    def test_much_output_arrives_whole(self):
        self.assertIn("x" * 1000000, self.lines)

    def test_modules_can_be_loaded_by_programs_and_by_the_kernel(self):
        self.assertIn("loaded a module", self.lines)
        self.assertIn("the kernel loaded one", self.lines)

    def test_there_is_an_rdma_device(self):
        self.assertRegex(self.out.decode(), r"(?m)^link rxe0/1 state ACTIVE ")


class EndTest(unittest.TestCase):
    """The ways to end; each with the exit code that it has."""

    def assert_fails(self, code, text, kernel=None, **options):
        with self.assertRaises(machine.Failed) as caught:
            machine.run(kernel or kernels.get("6.1"), machine.Job(["true"]),
                        machine.Options(**options))
        self.assertEqual(caught.exception.code, code, caught.exception)
        self.assertIn(text, str(caught.exception))

    def test_a_program_that_hangs_is_ended(self):
        done = vm_run("--seconds", "2", "sleep", "infinity")
        self.assertEqual(done.returncode, machine.LIMIT, done.stderr)
        self.assertIn("did not end within 2 s", done.stderr)

    def test_a_panic_is_told_with_the_kernels_words(self):
        done = vm_run("--", "sh", "-c", "echo before; echo c >/proc/sysrq-trigger")
        self.assertEqual(done.returncode, machine.PANIC, done.stderr)
        self.assertIn("panicked: not syncing: sysrq triggered crash", done.stderr)
        self.assertEqual(done.stdout, "before\n")

    def test_a_boot_that_is_stuck_is_ended(self):
        self.assert_fails(machine.STUCK, "did not come up within 5 s", boot_seconds=5,
                          append="rdinit=/bin/busybox -- sleep infinity")

    def test_a_machine_that_cannot_be_set_up_says_why(self):
        kernel = mock.Mock(wraps=kernels.get("6.1"))
        kernel.release, kernel.image = kernels.get("6.1").release, kernels.get("6.1").image
        kernel.modules = "/no/modules/here"
        self.assert_fails(machine.STUCK, "no modules at /no/modules/here", kernel)

    def test_a_machine_that_qemu_refuses_is_told(self):
        self.assert_fails(machine.NO_MACHINE, "QEMU ended with 1", memory="none")

    def test_a_shell_has_our_terminal_until_a_key_ends_it(self):
        ours, its = pty.openpty()
        with tempfile.TemporaryDirectory() as scratch:
            running = subprocess.Popen(
                [VM_RUN, "--no-ours", "--shell", "sh"], stdin=its, stdout=its, stderr=its,
                env={**os.environ, "TMPDIR": scratch})
            os.close(its)
            until(ours, b"# ")
            os.write(ours, b"tty; test -t 1 && echo $((6*7))\n")
            printed = until(ours, b"\n42\r\n")
            self.assertIn(b"/dev/hvc0", printed)
            os.write(ours, b"\x1d")
            self.assertEqual(running.wait(20), 128 + signal.SIGINT)
            os.close(ours)
            self.assertEqual(os.listdir(scratch), [])
        self.assertEqual(machine.pair.descendants(), {})

    def test_vm_run_that_is_stopped_leaves_nothing(self):
        with tempfile.TemporaryDirectory() as scratch:
            running = subprocess.Popen(
                [VM_RUN, "--no-ours", "sh", "-c", "echo up; sleep infinity"], text=True,
                stdout=subprocess.PIPE, env={**os.environ, "TMPDIR": scratch})
            with running.stdout:
                self.assertEqual(running.stdout.readline(), "up\n")
                self.assertIn("qemu-system-x86", machine.pair.descendants().values())
                running.send_signal(signal.SIGTERM)
                self.assertEqual(running.wait(20), 128 + signal.SIGTERM)
            self.assertEqual(os.listdir(scratch), [])
        self.assertEqual(machine.pair.descendants(), {})


class CasesTest(unittest.TestCase):
    def test_cases_that_fail_do_not_take_others_with_them(self):
        done = subprocess.run([HERE / "vm.py", "--kernel", "6.1", "--planted"], text=True,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, timeout=2 * SECONDS)
        self.assertEqual(done.returncode, 1, done.stdout)
        for line in (r"PASS: passes \(", r"FAIL: fails\nthe reason$", "FAIL: is wrong$",
                     "FAIL: hangs\n.*its time is up$",
                     "FAIL: resets: the machine ended, and did not say why$",
                     r"PASS: passes after a reset \(", "2 passed, 4 failed$"):
            self.assertRegex(done.stdout, f"(?m)^{line}")


class MissingTest(unittest.TestCase):
    """What is not there is told; these boot nothing."""

    def run_job(self, *words, folder="/"):
        """The job's script, without its machine."""
        script = initramfs.job_script(machine.Job(words, folder=folder))
        return subprocess.run(["busybox", "sh"], input=script, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=SECONDS)

    def test_a_program_that_is_missing_is_told(self):
        done = self.run_job("no-such-program")
        self.assertEqual(done.returncode, 127)
        self.assertIn(b"no-such-program", done.stdout)

    def test_a_folder_that_is_missing_is_told(self):
        done = self.run_job("true", folder="/no/such/folder")
        self.assertEqual(done.returncode, 127)
        self.assertIn(b"/no/such/folder: no such folder in the machine", done.stdout)

    def test_a_kernel_that_cannot_be_fetched_is_an_error_that_says_so(self):
        with tempfile.TemporaryDirectory() as scratch:
            for command in (["kernels.py", "6.1"], ["vm.py", "--ready"]):
                done = subprocess.run(
                    [HERE / command[0], *command[1:]], text=True, stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT, timeout=SECONDS, env={
                        **os.environ, "VERBS_KERNELS": f"{scratch}/kernels",
                        "VERBS_DEBIAN_MIRROR": "http://127.0.0.1:1"})
                self.assertEqual(done.returncode, 1, done.stdout)
                self.assertIn("is this machine offline?", done.stdout)

    def test_without_qemu_cases_are_skipped_and_all_that_needs_it_fails(self):
        with tempfile.TemporaryDirectory() as folder:
            os.symlink(shutil.which("python3"), f"{folder}/python3")
            os.symlink(shutil.which("env"), f"{folder}/env")
            cases = subprocess.run([HERE / "vm.py", "--kernel", "6.1"], text=True,
                                   stdout=subprocess.PIPE, timeout=SECONDS, env={"PATH": folder})
            ready = subprocess.run([HERE / "vm.py", "--ready"], text=True, stdout=subprocess.PIPE,
                                   timeout=SECONDS, env={"PATH": folder})
            done = vm_run("true", environment={"PATH": folder})
        self.assertEqual(cases.returncode, SKIPPED)
        self.assertIn("SKIP: qemu-system-x86_64 is not installed", cases.stdout)
        self.assertEqual(ready.returncode, 1)
        self.assertIn("FAIL: no real kernel can be run here: qemu-system-x86_64 is not installed",
                      ready.stdout)
        self.assertEqual(done.returncode, machine.NO_MACHINE)
        self.assertIn("qemu-system-x86_64 is not installed", done.stderr)


if __name__ == "__main__":
    machine.end_in_order()
    reason = machine.why_not()
    if reason:
        print(f"SKIP: {reason}")
        sys.exit(SKIPPED)
    unittest.main()
