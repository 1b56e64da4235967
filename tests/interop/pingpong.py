# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""ibv_{rc,uc,ud,srq,xsrq}_pingpong: every size arrives intact, a killed peer is noticed."""

import pathlib
import re

from registry import DEVICE, IB_DEVICE, IB_ENVIRONMENT, Case, expect, expect_lines, pair

SURVIVOR_SECONDS = 10
WAYS = {"polling": [], "on events": ["-e"]}  # -e sleeps on completion events
STREAM_SIZES = [1, 2, 64, 1024, 4096, 65536, 1048576]
DATAGRAM_SIZES = [1, 2, 64, 1024, 2048, 4096]  # up to the port's MTU
# program: sizes
PROGRAMS = {
    "ibv_rc_pingpong": STREAM_SIZES,
    "ibv_uc_pingpong": STREAM_SIZES,
    "ibv_ud_pingpong": DATAGRAM_SIZES,
    "ibv_srq_pingpong": STREAM_SIZES,  # 16 queue pairs that share one queue
}
ON_ETHERNET = ["-d", DEVICE, "-g", "0"]


def pingpong(program, options, iterations=1000, port=ON_ETHERNET, environment=None):
    def run(build):
        arguments = [*port, "-c", "-n", iterations, *options]
        for text in pair.run_pair(build, program, arguments, seconds=60, environment=environment):
            expect_lines(text, rf"^{iterations} iters in ")
            expect("invalid data" not in text, f"wrong data:\n{text}")
    return run


def xrc_pingpong(clients, options):
    """The program names its domain by a file that it makes, and leaves, at this place."""
    domain = pathlib.Path("/tmp/xrc_domain")

    def run(build):
        was_there = domain.exists()
        try:
            with pair.Session(build) as session:
                port = pair.free_port()
                command = ["ibv_xsrq_pingpong", "-p", port, *ON_ETHERNET, "-n", "200", *options]
                server = session.start(*command, "-c", clients)
                session.wait_listening(server, port)
                others = [session.start(*command, "127.0.0.1") for _ in range(clients)]
                session.expect_success(*others, server, seconds=60)
                for program in (server, *others):
                    expect_lines(program.text(), r"^success$")
        finally:
            if not was_there:
                domain.unlink(missing_ok=True)
    return run


def no_file_created(build):
    """A whole pingpong under strace: no file, no folder and no named socket appears anywhere."""
    creates = re.compile(
        r"\b(?:open(?:at)?\(.*O_CREAT|creat\(|mkdir(?:at)?\(|mknod(?:at)?\(|symlink(?:at)?\(|"
        r"link(?:at)?\(|rename(?:at2?)?\(|bind\(.*sun_path=\"[^@])")
    wrap = ["strace", "-f", "-qq", "-e", "trace=%file,bind"]
    arguments = [*ON_ETHERNET, "-c", "-n", "20", "-e"]
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
            command = ["stdbuf", "-oL", "ibv_rc_pingpong", "-p", port, *ON_ETHERNET,
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
    table = {
        "ibv_rc_pingpong creates no file": Case(("ibv_rc_pingpong", "strace"), no_file_created),
        "ibv_ud_pingpong loses nothing in 20000 exchanges": Case(
            ("ibv_ud_pingpong",), pingpong("ibv_ud_pingpong", ["-s", 1024], iterations=20000)),
    }
    for way, options in WAYS.items():
        for program, sizes in PROGRAMS.items():
            for size in sizes:
                table[f"{program} {way} moves {size}-byte messages intact"] = Case(
                    (program,), pingpong(program, ["-s", size, *options]))
            table[f"{program} {way} needs no GID on an InfiniBand port"] = Case(
                (program,),
                pingpong(program, options, port=["-d", IB_DEVICE], environment=IB_ENVIRONMENT))
        for clients, words in ((1, "one client"), (3, "three clients")):
            table[f"ibv_xsrq_pingpong {way} plays with {words}"] = Case(
                ("ibv_xsrq_pingpong",), xrc_pingpong(clients, options))
        for victim_is_server, survivor in ((True, "client"), (False, "server")):
            name = f"ibv_rc_pingpong {way} - the {survivor} ends with an error when its peer is killed"
            table[name] = Case(("ibv_rc_pingpong",), peer_killed(victim_is_server, options))
    return table
