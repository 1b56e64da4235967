#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Installs libverbs into a prefix of its own and uses it from there; one action is one ctest test.

    install.py --work DIR --cc CC --cxx CXX ACTION

The first action, `install`, makes DIR/prefix; the others need it. The environment of everything that
runs from the prefix is swept of our variables, so that only compiled-in paths can work.
"""

import argparse
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "support"))
import experimental
import pair
from pair import Failed

SKIPPED = 77
OURS = ("VERBS_", "LD_LIBRARY_PATH", "PKG_CONFIG", "CPATH", "LIBRARY_PATH", "DESTDIR")


class Install:
    def __init__(self, options):
        self.root = ROOT
        self.work = options.work
        self.cc, self.cxx = options.cc, options.cxx
        self.build = self.work / "build"
        self.prefix = self.work / "prefix"
        self.examples = self.work / "examples"
        self.environment = {name: value for name, value in os.environ.items()
                            if not name.startswith(OURS)}
        found = list(self.prefix.rglob("libverbs.pc"))
        if found:
            self.libdir = found[0].parents[1]

    # --- helpers ---------------------------------------------------------------------------------

    def run(self, *command, seconds=60, **environment):
        """Runs one command to its end; its text, or a failure that shows it."""
        done = subprocess.run(
            [str(word) for word in command], env={**self.environment, **environment},
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            errors="replace", timeout=seconds, check=False)
        if done.returncode != 0:
            raise Failed(f"{' '.join(map(str, command))}\nended with {done.returncode}:\n"
                         f"{done.stdout}")
        return done.stdout

    def pkg_config(self, *arguments):
        # _LIBDIR instead of _PATH: what the system has cannot answer in our place.
        return self.run("pkg-config", *arguments,
                        PKG_CONFIG_LIBDIR=str(self.libdir / "pkgconfig")).split()

    def installed(self):
        text = (self.build / "install_manifest.txt").read_text()
        return [pathlib.Path(line) for line in text.splitlines()]

    def session(self, **environment):
        """A session of programs that stand on the prefix alone."""
        session = pair.Session(self.build)
        session.environment = {**self.environment, "VERBS_SOFT": "1", **environment}
        return session

    def run_example(self, *command, **environment):
        with self.session(**environment) as session:
            program = session.start(*command, on_verbs=False)
            session.expect_success(program, seconds=30)
            return program.text()

    # --- actions ---------------------------------------------------------------------------------

    def install(self):
        shutil.rmtree(self.prefix, ignore_errors=True)
        self.work.mkdir(parents=True, exist_ok=True)
        (self.work / "stamp").touch()
        # Built in a hurry: what is tested is what goes where.
        self.run("cmake", "-S", ROOT, "-B", self.build, "-G", "Ninja",
                 f"-DCMAKE_INSTALL_PREFIX={self.prefix}", "-DCMAKE_BUILD_TYPE=Debug",
                 "-DCMAKE_CXX_FLAGS_DEBUG=-O0", "-DCMAKE_C_FLAGS_DEBUG=-O0",
                 f"-DCMAKE_C_COMPILER={self.cc}", f"-DCMAKE_CXX_COMPILER={self.cxx}",
                 "-DVERBS_TESTS=OFF", "-DVERBS_BENCH=OFF", "-DVERBS_EXPERIMENTAL=ON", seconds=120)
        self.run("cmake", "--build", self.build, "-j", os.cpu_count(), seconds=450)
        self.run("cmake", "--install", self.build)

    def inside(self):
        outside = [path for path in self.installed() if self.prefix not in path.parents]
        if outside:
            raise Failed(f"installed outside {self.prefix}: {outside}")
        missing = [path for path in self.installed() if not path.exists()]
        if missing:
            raise Failed(f"not there: {missing}")
        places = [place for place in ("/usr", "/etc", "/var/lib", "/opt") if os.path.isdir(place)]
        new = self.run("find", *places, "-xdev", "-newer", self.work / "stamp", "-iname",
                       "*verbs*", "-not", "-path", f"{self.work}/*", "-type", "f")
        if new:
            raise Failed(f"written outside the prefix:\n{new}")

    def staged(self):
        stage = self.work / "stage"
        shutil.rmtree(stage, ignore_errors=True)
        before = self.installed()
        self.run("cmake", "--install", self.build, DESTDIR=str(stage))
        # The manifest of this second install names the same files: where they will be, not where
        # they were staged.
        staged = sorted(path for path in stage.rglob("*") if not path.is_dir())
        wanted = sorted(stage / path.relative_to("/") for path in before)
        if staged != wanted:
            raise Failed(f"staged {staged}\nbut the prefix has {wanted}")
        shutil.rmtree(stage)

    def header(self):
        source = self.work / "includes.c"
        source.write_text("#include <infiniband/verbs.h>\n")
        cflags = self.pkg_config("--cflags", "libverbs")
        text = self.run(self.cc, "-M", *cflags, source)
        used = [path for path in re.findall(r"\S+infiniband/\S+\.h", text)]
        wrong = [path for path in used if not path.startswith(f"{self.prefix}/include/libverbs/")]
        if not used or wrong:
            raise Failed(f"#include <infiniband/verbs.h> gave {wrong or 'nothing'} with {cflags}")
        if (self.prefix / "include" / "infiniband").exists():
            raise Failed("a header lies where another stack has its own")

    def build_examples(self):
        shutil.rmtree(self.examples, ignore_errors=True)
        shutil.copytree(ROOT / "examples", self.examples / "source")
        self.run("cmake", "-S", self.examples / "source", "-B", self.examples, "-G", "Ninja",
                 f"-DCMAKE_C_COMPILER={self.cc}",
                 PKG_CONFIG_LIBDIR=str(self.libdir / "pkgconfig"))
        self.run("cmake", "--build", self.examples)

    def provider(self):
        folder = self.work / "provider"
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(ROOT / "providers" / "null", folder)
        sources = sorted(folder.glob("*.cpp"))
        cflags = self.pkg_config("--cflags", "libverbs-provider")
        library = folder / "verbs-outside.so"
        # Copied, and renamed as its author would.
        for source in sources:
            text = re.sub(r'(kName\s*=\s*)"null"', r'\1"outside"', source.read_text())
            source.write_text(text.replace('"null0"', '"outside0"'))
        self.run(self.cxx, "-std=c++20", "-shared", "-fPIC", "-fvisibility=hidden", "-D_GNU_SOURCE",
                 *cflags, *sources, "-o", library, seconds=120)
        manifests = folder / "manifests"
        manifests.mkdir()
        (manifests / "50-outside.json").write_text(json.dumps({
            "manifest": 1, "name": "outside", "library": str(library),
            "contract": {"oldest": 2, "newest": 2}, "enumerates": True, "class": "stable"}))
        text = self.run_example(self.examples / "devinfo", "outside0", VERBS_NULL="1",
                                VERBS_PROVIDERS_EXTRA=str(manifests))
        if "outside0: " not in text:
            raise Failed(f"its device is not shown:\n{text}")

    def devinfo(self):
        text = self.run_example(self.examples / "devinfo", "soft_lo")
        for wanted in ("soft_lo: ", "port 1: ", "gid 0 "):
            if wanted not in text:
                raise Failed(f"no '{wanted}' in:\n{text}")

    def pingpong(self):
        with self.session() as session:
            port = pair.free_port()
            command = [self.examples / "rc_pingpong", "-d", "soft_lo", "-n", "2000", port]
            server = session.start(*command, on_verbs=False)
            session.wait_listening(server, port)
            client = session.start(*command, "127.0.0.1", on_verbs=False)
            session.expect_success(client, server, seconds=40)
            for program in (server, client):
                if "2000 rounds of 4096 bytes, every byte checked" not in program.text():
                    raise Failed("a side has no result")

    def exp_examples(self):
        for command, wanted in (
                (["xrc_pingpong", "soft_lo", "500"], "500 rounds of 64 bytes, every byte checked"),
                (["wr_batch", "soft_lo"], 'message "look", memory "written without a struct"')):
            text = self.run_example(self.examples / command[0], *command[1:])
            if wanted not in text:
                raise Failed(f"no '{wanted}' in:\n{text}")

    def debian(self):
        if shutil.which("ibv_devinfo") is None:
            print("skipped: ibv_devinfo is not installed (tools/setup installs it)")
            sys.exit(SKIPPED)
        text = self.run_example("ibv_devinfo", "-d", "soft_lo", LD_LIBRARY_PATH=str(self.libdir))
        if "PORT_ACTIVE" not in text:
            raise Failed(f"no active port in:\n{text}")


ACTIONS = {"install": Install.install, "inside": Install.inside, "staged": Install.staged,
           "header": Install.header, "examples": Install.build_examples,
           "provider": Install.provider, "devinfo": Install.devinfo,
           "pingpong": Install.pingpong, "exp-examples": Install.exp_examples, "debian": Install.debian, **experimental.ACTIONS}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--work", required=True, type=pathlib.Path)
    parser.add_argument("--cc", default="gcc")
    parser.add_argument("--cxx", default="g++")
    parser.add_argument("action", choices=ACTIONS)
    options = parser.parse_args()
    options.work = options.work.resolve()
    try:
        ACTIONS[options.action](Install(options))
    except Failed as failure:
        print(f"FAIL: {options.action}: {failure}")
        return 1
    except subprocess.TimeoutExpired as late:
        print(f"FAIL: {options.action}: {late}\n{late.stdout}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
