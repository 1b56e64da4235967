#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Leaves each experimental feature out of a build once, and looks whether everything else is there.

    without_feature.py --whole DIR --build DIR [--jobs N] [--headers | FEATURE...]

The default is all features; --headers only compiles, with the headers of few features.

DIR of --whole is a tree with every feature, whose tests are built here; --build is for the others.

Building everything anew for each feature would take hours, and most objects would be the same: headers
without a feature declare less, but for a few calls that they give another name. So once, each source is compiled with the headers of those
features alone without which CMake leaves it out of the build; it compiles then in every build that has
it. And for each feature

- CMake configures a build without it and those that need it;
- the library of that build is linked of what CMake lists, compiled anew where a source asks for a
  define, or calls what a header gives another name, and of the whole tree otherwise; its exports are
  compared with the ledger;
- so are the tests of the library, and the plugin of the software device, where one of its sources asks
  for a define of what is gone;
- the tests of that build run on both: those that lose sources or call such a thing are linked anew; the
  others are programs of the whole tree, which find them by the environment. A call to what is not there
  ends them.

Exit 1 with what failed; the last line says how many features passed and failed.
"""

import argparse
import concurrent.futures
import functools
import json
import os
import pathlib
import re
import shlex
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
FEATURES = ROOT / "tools/features"
PLUGIN = "provider_soft"
LIBRARY_TESTS = "unit_exp"
PROGRAMS = ["unit_exp", "extended_libverbs", "extended_libibverbs", "together"]
PARTS = ["together_experimental"]  # that "together" opens
TOGETHER = "tests/together/parts"
ALONE = "wr_opcode_str"  # a feature that nothing but its own file has to do with
DEVICE = "soft_lo"
BUILD_SECONDS, RUN_SECONDS = 1800, 300


class Failed(Exception):
    """What went wrong, and the end of what was printed."""


def run(what, *command, seconds=BUILD_SECONDS, folder=ROOT, **options):
    try:
        done = subprocess.run([str(word) for word in command], cwd=folder, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              errors="replace", timeout=seconds, **options)
    except subprocess.TimeoutExpired as error:
        raise Failed(f"{what}: took longer than {seconds} s") from error
    if done.returncode != 0:
        raise Failed(f"{what} ended with {done.returncode}:\n" +
                     "\n".join(done.stdout.splitlines()[-60:]))
    return done.stdout


def features(*arguments):
    return run("tools/features", FEATURES, *arguments).split()


class Tree:
    def __init__(self, folder, jobs):
        self.folder = folder.resolve()
        self.jobs = jobs

    def configure(self, choice):
        run("cmake", "cmake", "--preset", "release", "-B", self.folder, f"-DVERBS_EXPERIMENTAL={choice}")

    def build(self, *targets):
        run(f"building {' '.join(targets)}", "cmake", "--build", self.folder, "-j", self.jobs,
            "--target", *targets)

    def commands(self):
        """{(source, program or library): how it is compiled}"""
        found = {}
        for entry in json.loads((self.folder / "compile_commands.json").read_text()):
            target = re.search(r" -o \S*CMakeFiles/(\S+?)\.dir/", entry["command"])[1]
            if "cmake_pch" not in entry["file"]:
                found[(entry["file"], target)] = entry["command"]
        return found


# --- a library and a plugin without a feature ----------------------------------------------------


def text_of(source):
    return pathlib.Path(source).read_text(encoding="utf-8")


def asks_for_a_define(text):
    words = ("VERBS_HAVE_", "feature_table", "VERBS_TEST_FEATURES", "EXTENDED_HAS_")
    return any(word in text for word in words)


@functools.cache
def calls_by_another_name():
    """{a stable call that the header of a feature makes a call of its own: that feature}"""
    found, feature = {}, None
    for path in (ROOT / "exp/include/infiniband/verbs_exp").glob("*.h"):
        for line in text_of(path).splitlines():
            if begin := re.match(r"#ifdef VERBS_HAVE_(\w+)", line):
                feature = begin[1].lower()
            elif call := re.match(r"#define (ibv_\w+)\(", line):
                found[call[1]] = feature
    return found


def depends_on_features(text):
    calls = "|".join(calls_by_another_name())
    return asks_for_a_define(text) or re.search(rf"\b({calls})\(", text) is not None


def features_that_plugins_know():
    text = "".join(text_of(path) for path in (ROOT / "providers").rglob("*.[ch]pp"))
    return {name.lower() for name in re.findall(r"\bVERBS_HAVE_(\w+)", text)}


def link(target, tree, whole, all_anew=False):
    """Links a target of the tree as CMake would, of its own objects and those of the whole tree."""
    headers = [path for folder in ("exp/api", "exp/provider", "providers")
               for path in (ROOT / folder).rglob("*.h*")]
    if any(asks_for_a_define(text_of(header)) for header in headers):
        raise Failed("a header asks for a define: who includes it has to be compiled anew")
    sources = {}
    for (source, _), command in tree.commands().items():
        sources[re.search(r" -o (\S+)", command)[1]] = (source, command)
    commands = run("ninja", "ninja", "-C", tree.folder, "-t", "commands", target).splitlines()
    words = shlex.split(next(line for line in reversed(commands)
                             if re.search(rf" -o (lib|bin|{TOGETHER})/\S", line)))[2:-2]
    archives = {word: [other for line in commands if f"/ar qc {word} " in line
                       for other in shlex.split(line) if other.endswith(".o")]
                for word in words if word.endswith(".a")}
    made = []
    for word in words:
        for part in archives.get(word) or [word]:
            if part in sources and (all_anew or depends_on_features(text_of(sources[part][0]))):
                (tree.folder / part).parent.mkdir(parents=True, exist_ok=True)
                run(f"compiling {part}", *shlex.split(sources[part][1]), folder=tree.folder)
            elif part in sources or part.startswith(("lib/libverbs.so", "lib/libibverbs.so")):
                part = whole.folder / part
            made.append(part)
    output = tree.folder / made[made.index("-o") + 1]
    output.parent.mkdir(parents=True, exist_ok=True)
    run(f"linking {target}", *made, folder=tree.folder)
    return output


# --- running tests on a library without a feature ------------------------------------------------


def environment(plugins, *trees):
    path = ":".join(str(tree.folder / "lib") for tree in trees)
    return {**os.environ, "VERBS_PROVIDERS": str(plugins.folder / "providers.d"), "VERBS_SOFT": "1",
            "LD_LIBRARY_PATH": path}


def suites(sources):
    """The names of the test suites in some sources, as a filter of googletest has them."""
    names = set()
    for source in sources:
        text = text_of(source)
        names.update(re.findall(r"^TEST(?:_F|_P)?\((\w+),", text, re.MULTILINE))
        names.update(re.findall(r"^using (\w+) = ", text, re.MULTILINE))
    return ":".join(f"{name}.*:*/{name}.*" for name in sorted(names))


def cases(program, owner, plugins, tree, whole, gone):
    """Runs the cases of a program but those of sources that are gone; says how many there were."""
    text = run(program, owner.folder / "bin" / program, "--gtest_brief=1",
               f"--gtest_filter=-{suites(gone)}", seconds=RUN_SECONDS,
               env=environment(plugins, tree, whole))
    passed = re.search(r"\[  PASSED  \] (\d+) test", text)
    if passed is None or passed[1] == "0":
        raise Failed(f"{program} ran no case:\n{text}")
    skipped = re.search(r"\[  SKIPPED \] (\d+) test", text)
    return f"{program} {passed[1]}" + (f" and {skipped[1]} skipped" if skipped else "")


def every_call(plugins, *trees):
    """What the program wrote, line by line. Its header has every call, whatever the library has."""
    return run("every_call", trees[-1].folder / "bin/every_call_libibverbs", DEVICE,
               seconds=RUN_SECONDS, env=environment(plugins, *trees)).splitlines()


class Check:
    def __init__(self, whole, tree):
        self.whole, self.tree = whole, tree
        self.sources = whole.commands()
        self.needs = {source: set() for source in self.sources}  # features without which it is not there
        self.lines = every_call(whole, whole)

    def configure(self, feature):
        """A build without it: how it is chosen, what it has to compile, and what it has not."""
        choice = features("without", feature)[0]
        self.tree.configure(choice)
        here = self.tree.commands()
        gone = [source for source in self.sources if source not in here]
        for source in gone:
            self.needs[source] |= {feature}
        return choice, here, gone

    def without(self, feature):
        """Builds and runs what is there without a feature; says what ran."""
        whole, tree = self.whole, self.tree
        choice, here, gone = self.configure(feature)
        left_out = {name[1:] for name in choice.split(";")}
        library = link("verbs_exp", tree, whole)
        soname = library.with_name("libverbs-exp.so.0")
        soname.unlink(missing_ok=True)
        soname.symlink_to(library.name)
        run("exports", FEATURES, f"--select={choice}", "check", soname)
        # The tests of the library know by defines what there is.
        plugin = "tests/unit/exp/verbs_fake_experimental.so"
        if not (tree.folder / plugin).exists():
            (tree.folder / plugin).symlink_to(whole.folder / plugin)
        targets = {target for _, target in here}
        own = {LIBRARY_TESTS} | {target for _, target in gone if target in PROGRAMS} & targets
        # What is built with our headers may call, by way of any of them, what has another name in the
        # whole.
        anew = set()
        if set(calls_by_another_name().values()) & left_out:
            anew = {target for (_, target), command in here.items()
                    if target in (*PROGRAMS, *PARTS) and "/exp/include" in command}
        if anew & set(PARTS):
            anew.add("together")
            parts = tree.folder / TOGETHER
            parts.mkdir(parents=True, exist_ok=True)
            for part in (whole.folder / TOGETHER).iterdir():
                (parts / part.name).unlink(missing_ok=True)
                if part.stem not in anew:
                    (parts / part.name).symlink_to(part.resolve())
        for target in sorted(own | anew):
            link(target, tree, whole, all_anew=target in anew)
        own |= anew
        plugins = whole
        if features_that_plugins_know() & left_out:
            plugins = tree
            link(PLUGIN, tree, whole)
        told = [cases(program, tree if program in own else whole, plugins, tree, whole,
                      [source for source, target in gone if target == program])
                for program in PROGRAMS if program in targets]
        lines = every_call(plugins, tree, whole)
        other = sum(line not in self.lines for line in lines)
        return f"without {' '.join(sorted(left_out))}: " + \
            ("a plugin of its own, " if plugins is tree else "") + \
            ", ".join([*told, f"every_call {len(lines)} lines, {other} other than with all"])


# --- compiling each source with headers that have what it needs alone ----------------------------


def compile_alone(command, folder, headers, needs):
    words = shlex.split(command)
    output = words.index("-o")
    words[output:output + 2] = ["-fsyntax-only"]
    whole = f"{folder}/exp/include"
    words = [word.replace(whole, str(headers)) for word in words if word != "-c"]
    # What CMake says of a feature it says where that is there.
    words = [word for word in words if not word.startswith("-DEXTENDED_HAS_") or
             word.removeprefix("-DEXTENDED_HAS_").lower() in needs.split(",")]
    run(f"compiling {words[-1]} with {needs} alone", *words, folder=folder)


def compile_all(check, jobs):
    """How many sources there are, and those that do not compile with what they need alone."""
    whole, failed, jobs_left = check.whole, [], []
    folders = {}  # of the headers of some features
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        for source, command in check.sources.items():
            if "/exp/include" not in command:
                continue
            needs = ",".join(sorted(check.needs[source])) or ALONE
            if needs not in folders:
                folders[needs] = check.tree.folder / "headers" / str(len(folders))
                features("--select", needs, "--output",
                         folders[needs] / "infiniband/verbs_exp/features.h", "header")
            jobs_left.append(pool.submit(compile_alone, command, whole.folder, folders[needs], needs))
        for job in jobs_left:
            try:
                job.result()
            except Failed as failure:
                failed.append(failure)
    return len(jobs_left), failed


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--whole", type=pathlib.Path, required=True)
    parser.add_argument("--build", type=pathlib.Path, required=True)
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--headers", action="store_true")
    parser.add_argument("features", nargs="*", metavar="FEATURE")
    arguments = parser.parse_args()
    whole = Tree(arguments.whole, arguments.jobs)
    whole.build("provider_soft", "every_call_libibverbs", *PROGRAMS)
    check = Check(whole, Tree(arguments.build, arguments.jobs))
    every = features("names")
    chosen, failed = [] if arguments.headers else arguments.features or every, []
    if arguments.headers:
        for feature in every:
            check.configure(feature)
    for feature in chosen:
        began = time.monotonic()
        try:
            told = check.without(feature)
        except Failed as failure:
            failed.append(feature)
            told = f"without {feature}: FAILED, {failure}"
        print(f"{told}; {time.monotonic() - began:.0f} s", flush=True)
    ran = len(chosen)
    if not arguments.features:  # what sources need is known of all features or none
        compiled, faults = compile_all(check, arguments.jobs)
        ran += 1  # all of that as one
        print(f"{compiled - len(faults)} of {compiled} sources compile with what they need alone")
        for fault in faults:
            print(fault)
        failed += ["compiling"] if faults else []
    print(f"{ran - len(failed)} passed, {len(failed)} failed, 0 skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Failed as failure:
        print(failure)
        sys.exit(1)
