#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Debian's own verbs programs, unchanged, on the software device. One case is one ctest test.

    interop.py --list                   the names of all cases
    interop.py --build DIR --case NAME  runs one

Ends with 77 where a program that the case needs is not installed.
"""

import argparse
import pathlib
import re
import shutil
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import pair
from pair import Failed

DEVICE = "soft_lo"
SKIPPED = 77
SURVIVOR_SECONDS = 10

# The matrix. A pingpong's -e sleeps on completion events; without it, it polls.
WAYS = {"polling": [], "on events": ["-e"]}
RC_SIZES = [1, 2, 64, 1024, 4096, 65536, 1048576]
UD_SIZES = [1, 2, 64, 1024, 2048, 4096]  # up to the port's MTU
PERFTESTS = {  # iterations per size: enough to fill the queues, few enough for 8 MiB messages
    "ib_send_lat": 20, "ib_send_bw": 50, "ib_write_lat": 20, "ib_write_bw": 50,
    "ib_read_lat": 20, "ib_read_bw": 50,
}
GIDS = {"GID 0": ["-x", "0"], "the GID that it finds": []}
PERFTEST_SIZES = [2**exponent for exponent in range(1, 24)]


def expect(claim, text):
    if not claim:
        raise Failed(text)


def run_alone(build, *command):
    with pair.Session(build) as session:
        program = session.start(*command)
        session.expect_success(program, seconds=30)
        return program.text()


# --- what the cases check ------------------------------------------------------------------------


def devices(build):
    text = run_alone(build, "ibv_devices")
    expect(re.search(rf"^\s+{DEVICE}\s+[0-9a-f]{{16}}$", text, re.MULTILINE),
           f"no line with {DEVICE} and a GUID in:\n{text}")


def device_section(build, *options):
    text = run_alone(build, "ibv_devinfo", "-d", DEVICE, *options)
    for pattern in (rf"^hca_id:\s+{DEVICE}$", r"transport:\s+InfiniBand \(0\)$",
                    r"phys_port_cnt:\s+1$", r"port:\s+1$", r"state:\s+PORT_ACTIVE \(4\)$",
                    r"link_layer:\s+Ethernet$", r"node_guid:\s+[0-9a-f:]{19}$"):
        expect(re.search(pattern, text, re.MULTILINE), f"no line like '{pattern}' in:\n{text}")
    return text


def devinfo(build):
    device_section(build)


def devinfo_verbose(build):
    text = device_section(build, "-v")
    for pattern in (r"max_qp:\s+[1-9]\d*$", r"max_cqe:\s+[1-9]\d*$", r"active_mtu:\s+4096 \(5\)$",
                    r"GID\[\s*0\]:\s+\S+", r"GID\[\s*\d+\]:\s+::ffff:127\.0\.0\.1, RoCE v2$"):
        expect(re.search(pattern, text, re.MULTILINE), f"no line like '{pattern}' in:\n{text}")


def every_device(build):
    text = run_alone(build, "ibv_devinfo", "-l")
    names = re.findall(r"^\s+(soft_\S+)$", text, re.MULTILINE)
    expect(DEVICE in names, f"no {DEVICE} in:\n{text}")
    for name in names:
        run_alone(build, "ibv_devinfo", "-d", name)


def pingpong(program, size, options, iterations=1000):
    def run(build):
        arguments = ["-d", DEVICE, "-g", "0", "-c", "-s", size, "-n", iterations, *options]
        for text in pair.run_pair(build, program, arguments, seconds=60):
            expect(f"{iterations} iters in" in text, f"no figure in:\n{text}")
            expect("invalid data" not in text, f"wrong data:\n{text}")
    return run


def perftest(program, options):
    def run(build):
        arguments = ["-d", DEVICE, "-F", "-a", "-n", PERFTESTS[program], *options]
        _, text = pair.run_pair(build, program, arguments, seconds=100)
        rows = [int(size) for size in re.findall(r"^ *(\d+) +\d+ +[\d.]+", text, re.MULTILINE)]
        expect(rows == PERFTEST_SIZES, f"rows for {rows}, not for 2 to 8388608, in:\n{text}")
    return run


def no_file_created(build):
    """A whole pingpong under strace: no file, no folder and no named socket appears anywhere."""
    creates = re.compile(
        r"\b(?:open(?:at)?\(.*O_CREAT|creat\(|mkdir(?:at)?\(|mknod(?:at)?\(|symlink(?:at)?\(|"
        r"link(?:at)?\(|rename(?:at2?)?\(|bind\(.*sun_path=\"[^@])")
    wrap = ["strace", "-f", "-qq", "-e", "trace=%file,bind"]
    arguments = ["-d", DEVICE, "-g", "0", "-c", "-n", "20", "-e"]
    texts = pair.run_pair(build, "ibv_rc_pingpong", arguments, seconds=60, wrap=wrap)
    for text in texts:
        expect("libverbs.so.1" in text, f"strace saw no libverbs:\n{text}")
        made = [line for line in text.splitlines() if creates.search(line) and "= -1" not in line]
        expect(not made, "it created something:\n" + "\n".join(made))


def is_mid_run(program):
    """A claim that becomes true when `program` has sent messages for a while from now on."""
    ticks, switches = program.cpu_ticks(), program.switches()
    return lambda: program.code is None and (
        program.cpu_ticks() >= ticks + 20 or program.switches() >= switches + 2000)


def peer_killed(victim_is_server, options):
    def run(build):
        with pair.Session(build) as session:
            port = pair.free_port()
            # stdbuf: the line with the remote address shows at once that both are connected.
            command = ["stdbuf", "-oL", "ibv_rc_pingpong", "-p", port, "-d", DEVICE, "-g", "0",
                       "-n", "2000000000", *options]
            server = session.start(*command)
            session.wait_listening(server, port)
            client = session.start(*command, "127.0.0.1")
            for program in (server, client):
                pair.wait_until(lambda: "remote address" in program.text() or program.code, 20)
                expect("remote address" in program.text(), f"{program}: not connected")
                expect(pair.wait_until(is_mid_run(program), 20), f"{program}: does not move")

            victim, survivor = (server, client) if victim_is_server else (client, server)
            expect(survivor.code is None, f"{survivor}: ended too early")
            victim.process.kill()
            session.wait_end(victim, 5)
            code = session.wait_end(survivor, SURVIVOR_SECONDS)
            text = survivor.text()
            expect(code > 0, f"{survivor}: ended with {code}, not with an error code of its own")
            expect(re.search(r"Failed status .+ \(\d+\) for wr_id \d", text),
                   f"{survivor}: no completion with an error in:\n{text}")
    return run


def cases():
    """{name: (programs it needs, what to run)}"""
    table = {
        "ibv_devices lists the loopback device": (["ibv_devices"], devices),
        "ibv_devinfo shows an active Ethernet port": (["ibv_devinfo"], devinfo),
        "ibv_devinfo -v shows limits and GIDs": (["ibv_devinfo"], devinfo_verbose),
        "ibv_devinfo opens every software device": (["ibv_devinfo"], every_device),
        "ibv_rc_pingpong creates no file": (["ibv_rc_pingpong", "strace"], no_file_created),
    }
    for way, options in WAYS.items():
        for program, sizes in (("ibv_rc_pingpong", RC_SIZES), ("ibv_ud_pingpong", UD_SIZES)):
            for size in sizes:
                name = f"{program} {way} moves {size}-byte messages intact"
                table[name] = ([program], pingpong(program, size, options))
        for victim_is_server, survivor in ((True, "client"), (False, "server")):
            name = f"ibv_rc_pingpong {way} - the {survivor} ends with an error when its peer is killed"
            table[name] = (["ibv_rc_pingpong"], peer_killed(victim_is_server, options))
    table["ibv_ud_pingpong loses nothing in 20000 exchanges"] = (
        ["ibv_ud_pingpong"], pingpong("ibv_ud_pingpong", 1024, [], iterations=20000))
    for program in PERFTESTS:
        for gid, options in GIDS.items():
            name = f"{program} measures every size over {gid}"
            table[name] = ([program], perftest(program, options))
    return table


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--build", type=pathlib.Path, default=pair.ROOT / "build/release")
    parser.add_argument("--case")
    options = parser.parse_args()
    table = cases()
    if options.list:
        print("\n".join(table))
        return 0
    if options.case not in table:
        parser.error(f"no case '{options.case}'; see --list")
    programs, run = table[options.case]
    missing = [program for program in programs if shutil.which(program) is None]
    if missing:
        print(f"skipped: {', '.join(missing)} not installed (tools/setup installs it)")
        return SKIPPED
    try:
        run(options.build)
    except Failed as failure:
        print(f"FAIL: {options.case}\n{failure}")
        return 1
    print(f"PASS: {options.case}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
