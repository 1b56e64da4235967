#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Tests of the pair harness itself: each check of it is seen to fail. Needs no built library."""

import os
import pathlib
import socket
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, os.path.dirname(__file__))
import pair

PYTHON = sys.executable
HANGS = "import time; time.sleep(600)"
LEAVES_PROCESS = "import subprocess, sys; subprocess.Popen(['sleep', '600'], start_new_session=True)"
SERVES = """
import socket, sys, time
time.sleep(0.3)
with socket.create_server(("", int(sys.argv[1]))) as server:
    server.accept()
"""


class PairTest(unittest.TestCase):
    def session(self):
        return pair.Session(tempfile.gettempdir())

    def run_python(self, session, text, *arguments):
        return session.start(PYTHON, "-c", text, *arguments, on_verbs=False)

    def assert_fails(self, text, seconds=1):
        """Runs one Python program in a session and gives the text of the failure."""
        with self.assertRaises(pair.Failed) as caught:
            with self.session() as session:
                session.expect_success(self.run_python(session, text), seconds=seconds)
        self.assertEqual(pair.descendants(), {})
        return str(caught.exception)

    def test_a_clean_program_passes(self):
        with self.session() as session:
            session.expect_success(self.run_python(session, "print('hello')"), seconds=20)
            self.assertIn("hello", session.report())

    def test_a_program_that_hangs_is_ended_in_time(self):
        began = time.monotonic()
        self.assertIn("still runs after", self.assert_fails(HANGS))
        self.assertLess(time.monotonic() - began, 15)

    def test_a_failing_program_fails_the_session_and_shows_its_output(self):
        text = self.assert_fails("import sys; print('why not'); sys.exit(3)", seconds=20)
        self.assertIn("ended with 3", text)
        self.assertIn("why not", text)

    def test_a_process_left_behind_is_found_and_ended(self):
        text = self.assert_fails(LEAVES_PROCESS, seconds=20)
        self.assertRegex(text, r"left behind: process \d+ \(sleep\)")

    def test_a_socket_left_behind_is_found(self):
        with self.assertRaises(pair.Failed) as caught:
            with self.session() as session:
                self.run_python(
                    session, "import socket, time; s = socket.socket(socket.AF_UNIX);"
                    "s.bind('\\0verbs-soft-planted'); time.sleep(600)")
                self.assertTrue(pair.wait_until(pair.soft_sockets, 20))
        self.assertIn("left behind: abstract socket @verbs-soft-planted", str(caught.exception))

    def test_a_socket_of_somebody_else_is_not_ours(self):
        with socket.socket(socket.AF_UNIX) as planted:
            with self.session():
                planted.bind("\0verbs-soft-elsewhere")

    def test_a_file_left_in_the_temporary_folder_is_found(self):
        text = self.assert_fails("import tempfile; tempfile.mkstemp(prefix='any')", seconds=20)
        self.assertRegex(text, "left behind: file .*/any")

    def test_a_file_left_in_shared_memory_is_found(self):
        path = pathlib.Path(f"/dev/shm/verbs-planted-{os.getpid()}")
        try:
            self.assertIn(f"left behind: file {path}",
                          self.assert_fails(f"open('{path}', 'w')", seconds=20))
        finally:
            path.unlink()

    def test_a_server_that_is_slow_to_listen_is_waited_for(self):
        with self.session() as session:
            port = pair.free_port()
            server = self.run_python(session, SERVES, port)
            self.assertFalse(pair.is_listening(port))
            session.wait_listening(server, port)
            socket.create_connection(("127.0.0.1", port)).close()
            session.expect_success(server, seconds=20)

    def test_a_server_that_ends_early_is_not_waited_for(self):
        began = time.monotonic()
        with self.assertRaises(pair.Failed) as caught:
            with self.session() as session:
                server = self.run_python(session, "raise SystemExit(5)")
                session.wait_listening(server, pair.free_port())
        self.assertIn("ended with 5 before it listened", str(caught.exception))
        self.assertLess(time.monotonic() - began, 15)

    def test_programs_die_with_a_test_that_is_killed(self):
        with tempfile.TemporaryDirectory() as scratch:
            child = subprocess.Popen(
                [PYTHON, "-c", "import sys; sys.path.insert(0, sys.argv[1]); import pair\n"
                 "with pair.Session('/') as session:\n"
                 " print(session.start('sleep', '600', on_verbs=False).pid, flush=True)\n"
                 " import time; time.sleep(600)", os.path.dirname(pair.__file__)],
                stdout=subprocess.PIPE, text=True, env={**os.environ, "TMPDIR": scratch})
            pid = int(child.stdout.readline())
            self.assertIn(pid, pair.descendants())
            child.kill()
            child.wait()
            child.stdout.close()
            self.assertTrue(pair.wait_until(lambda: pid not in pair.descendants(), 20))


if __name__ == "__main__":
    unittest.main()
