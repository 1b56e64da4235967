#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Debian's kernels, unpacked into a cache. Fetches what is missing; never touches apt's own state.

    kernels.py [--refresh] [NAME]...      fetches those that are missing; --refresh: all of them

NAME is "6.1" (what Debian 12 has) or "newest" (what sid has). The cache is build/kernels, or what
VERBS_KERNELS names. Of a kernel's 400 MB it keeps the modules that a machine of tests can need.
"""

import argparse
import contextlib
import fcntl
import lzma
import os
import pathlib
import re
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
CACHE = pathlib.Path(os.environ.get("VERBS_KERNELS") or ROOT / "build/kernels").resolve()
MIRROR = os.environ.get("VERBS_DEBIAN_MIRROR", "").rstrip("/")  # "": where apt gets its packages
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
SUITES = {  # name: lines of (archive, suite)
    "6.1": (("debian", "bookworm"), ("debian-security", "bookworm-security")),
    "newest": (("debian", "sid"),),
}
NAMES = tuple(SUITES)
META_PACKAGE = "linux-image-amd64"
# Newer releases cut a kernel into several packages; all of them carry its number.
PARTS = re.compile(r"linux-(image|binary|modules|base)-\d\S*")
FETCH_SECONDS = 600
SYSTEM_FOLDERS = ("/run", "/proc", "/sys", "/dev")  # a machine has its own of these

# Kept with all that they depend on, where the kernel has them as modules.
BOOT_MODULES = ("virtio_pci", "virtio_console", "9pnet_virtio", "9p", "overlay")
KEPT_MODULES = BOOT_MODULES + (
    "rdma_rxe", "siw", "ib_uverbs", "rdma_ucm", "ib_umad", "ib_ipoib",
    # What rxe and others ask the crypto layer for, by other names.
    "crc32_generic", "crc32_pclmul", "crc32c_generic", "crc32c_intel", "libcrc32c",
    "crc32_cryptoapi", "crc32c_cryptoapi",
    # Networks to put rxe on, and to disturb.
    "dummy", "veth", "tun", "bonding", "macvlan", "vrf", "8021q", "bridge", "ipv6",
    "sch_netem", "sch_tbf", "sch_prio", "cls_u32", "cls_basic", "act_mirred", "udp_diag",
    "unix_diag",
)


class Failed(Exception):
    """No such kernel here, and why."""


class Kernel:
    """One unpacked kernel."""

    def __init__(self, name):
        self.name = name
        self.folder = CACHE / name

    def is_there(self):
        return (self.folder / "release").exists()

    @property
    def release(self):
        return (self.folder / "release").read_text().strip()

    @property
    def image(self):
        return self.folder / "vmlinuz"

    @property
    def modules(self):
        return self.folder / "lib/modules" / self.release

    def boot_modules(self):
        """The files of BOOT_MODULES and what they need, in the order to load them."""
        return closure(module_files(self.modules), BOOT_MODULES)


def get(name):
    """The kernel `name`, fetched when it is not there yet."""
    if name not in SUITES:
        raise Failed(f"no kernel called '{name}': there are {' and '.join(NAMES)}")
    if any(CACHE.is_relative_to(folder) for folder in SYSTEM_FOLDERS):
        raise Failed(f"{CACHE}: kernels cannot be kept there, set VERBS_KERNELS to another folder")
    kernel = Kernel(name)
    if not kernel.is_there():
        fetch(kernel)
    return kernel


# --- modules -------------------------------------------------------------------------------------


def module_name(path):
    return path.name.split(".ko")[0].replace("-", "_")


def module_files(folder):
    return {module_name(path): path for path in sorted(folder.rglob("*.ko*"))}


def module_bytes(path):
    return lzma.decompress(path.read_bytes()) if path.suffix == ".xz" else path.read_bytes()


def needs(path):
    """The modules that have to be loaded before this one."""
    found = re.search(rb"\0depends=([^\0]*)\0", module_bytes(path))
    names = found.group(1).decode().split(",") if found else []
    return [name.replace("-", "_") for name in names if name]


def closure(files, wanted):
    """The files of `wanted` and all they need; what others need comes first."""
    done = {}

    def add(name):
        # A name without a file is built into this kernel, or it does not have it.
        if name in files and name not in done:
            for needed in needs(files[name]):
                add(needed)
            done[name] = files[name]

    for name in wanted:
        add(name)
    return list(done.values())


# --- fetching ------------------------------------------------------------------------------------


def run(what, *command, **options):
    """Runs one command, in bounded time; Failed says what it was for."""
    try:
        done = subprocess.run([str(word) for word in command], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              timeout=FETCH_SECONDS, **options)
    except FileNotFoundError as error:
        raise Failed(f"{what}: {command[0]} is not installed (tools/setup vm installs it)") from error
    except subprocess.TimeoutExpired as error:
        raise Failed(f"{what}: took longer than {FETCH_SECONDS} s") from error
    if done.returncode != 0:
        errors = re.findall(r"^E: .*$", done.stdout, re.MULTILINE) or [done.stdout.rstrip()]
        raise Failed("\n".join([f"{what}:", *errors]))
    return done.stdout


def place_of(archive):
    """The address of an archive of Debian."""
    if MIRROR:
        return f"{MIRROR}/{archive}"
    for site in run("the sources of apt", "apt-get", "indextargets", "--format", "$(SITE)").split():
        if site.rstrip("/").endswith(f"/{archive}"):
            return site.rstrip("/")
    raise Failed(f"apt has no source of the archive '{archive}' here: set VERBS_DEBIAN_MIRROR to "
                 "the address of a mirror")


class Apt:
    """An apt of its own: sources, lists, state and archives are all below one folder."""

    def __init__(self, name):
        self.folder = CACHE / f"apt-{name}"
        self.places = [(place_of(archive), suite) for archive, suite in SUITES[name]]
        for part in ("state/lists/partial", "cache/archives/partial"):
            (self.folder / part).mkdir(parents=True, exist_ok=True)
        sources = self.folder / "sources.list"
        sources.write_text("".join(
            f"deb [arch=amd64 signed-by={KEYRING}] {place} {suite} main\n"
            for place, suite in self.places))
        self.config = self.folder / "apt.conf"
        # The machine's own configuration still counts: it may name a proxy. Its hooks must not run,
        # and its pins are not for these suites.
        self.config.write_text(f"""\
Dir::State "{self.folder}/state";
Dir::State::status "/dev/null";
Dir::Cache "{self.folder}/cache";
Dir::Etc::sourcelist "{sources}";
Dir::Etc::sourceparts "/dev/null";
Dir::Etc::preferences "/dev/null";
Dir::Etc::preferencesparts "/dev/null";
Acquire::Languages "none";
Acquire::Retries "3";
APT::Architecture "amd64";
APT::Sandbox::User "";
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
#clear DPkg::Post-Invoke;
""")

    def update(self):
        # apt-get says by its exit code only when every list failed, unless told so.
        run(f"the package lists of {self.places[0][0]} cannot be fetched (is this machine offline?)",
            "apt-get", "-c", self.config, "-q", "-o", "APT::Update::Error-Mode=any", "update")

    def parts(self):
        """The packages of the newest kernel of these suites."""
        found, todo = [], [META_PACKAGE]
        while todo:
            lines = run("apt-cache", "apt-cache", "-c", self.config, "depends", todo.pop())
            for package in re.findall(r"(?:Pre)?Depends: (\S+)", lines):
                if PARTS.fullmatch(package) and package not in found:
                    found.append(package)
                    todo.append(package)
        if not found:
            raise Failed(f"{META_PACKAGE} of {self.places[0][0]} names no kernel")
        return found

    def download(self, packages, folder):
        run("the kernel's packages cannot be fetched", "apt-get", "-c", self.config, "-q",
            "download", *packages, cwd=folder)
        return sorted(folder.glob("*.deb"))


@contextlib.contextmanager
def locked_cache():
    """Two at a time would fetch the same, and meet in one folder."""
    CACHE.mkdir(parents=True, exist_ok=True)
    with open(CACHE / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def fetch(kernel):
    """Downloads and unpacks a kernel; another one of that name stays until this one is complete."""
    was_there = kernel.is_there()
    with locked_cache():
        if kernel.is_there() and not was_there:  # somebody else was quicker
            return
        print(f"kernels: fetching Debian's kernel '{kernel.name}'", file=sys.stderr, flush=True)
        scratch = CACHE / f"{kernel.name}.part"
        shutil.rmtree(scratch, ignore_errors=True)
        scratch.mkdir()
        try:
            apt = Apt(kernel.name)
            apt.update()
            debs = apt.download(apt.parts(), scratch)
            unpack(debs, scratch / "whole", scratch / "kept")
            shutil.rmtree(kernel.folder, ignore_errors=True)
            (scratch / "kept").rename(kernel.folder)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
            shutil.rmtree(CACHE / f"apt-{kernel.name}", ignore_errors=True)
        print(f"kernels: {kernel.release} is in {kernel.folder}", file=sys.stderr, flush=True)


def only(paths, what):
    paths = list(paths)
    if len(paths) != 1:
        raise Failed(f"the kernel's packages have {len(paths)} {what}, not one")
    return paths[0]


def unpack(debs, whole, kept):
    """Makes the folder `kept` of a kernel from its packages; `whole` is for them in between."""
    for deb in debs:
        run(f"{deb.name} cannot be unpacked", "dpkg-deb", "-x", deb, whole)
    folder = only([path.parent for path in whole.glob("**/lib/modules/*/kernel")], "module folders")
    release = folder.name
    modules = kept / "lib/modules" / release
    modules.mkdir(parents=True)
    images = [*whole.glob("boot/vmlinuz*"), *folder.glob("vmlinuz")]
    shutil.copy(only(images, "images"), kept / "vmlinuz")
    for path in closure(module_files(folder), KEPT_MODULES):
        (modules / f"{module_name(path)}.ko").write_bytes(module_bytes(path))
    for path in folder.glob("modules.builtin*"):
        shutil.copy(path, modules)
    run("modules.dep cannot be made", "busybox", "depmod", "-b", kept, release)
    (kept / "release").write_text(release + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--refresh", action="store_true", help="fetch them again")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"default: {' '.join(NAMES)}")
    options = parser.parse_args()
    try:
        for name in options.names or NAMES:
            if options.refresh and name in SUITES:
                fetch(Kernel(name))
            get(name)
    except Failed as failure:
        print(f"kernels: {failure}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
