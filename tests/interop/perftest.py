# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""perftest's ib_{send,write,read,atomic}_{lat,bw}: every transport and way that each one offers.

MATRIX is what runs. One case asks the programs themselves, by their --help, whether that is all.
"""

import re

from registry import DEVICE, Case, expect, expect_lines, pair

# program: (transports, ways), as its --help has them.
MATRIX = {
    "ib_send_lat": ("RC UC UD XRC", "plain events gid inline"),
    "ib_send_bw": ("RC UC UD XRC", "plain events gid inline many both"),
    "ib_write_lat": ("RC UC XRC", "plain gid inline"),
    "ib_write_bw": ("RC UC XRC", "plain gid inline many both"),
    "ib_read_lat": ("RC XRC", "plain events gid"),
    "ib_read_bw": ("RC XRC", "plain events gid many both"),
    "ib_atomic_lat": ("RC XRC", "plain events gid"),
    "ib_atomic_bw": ("RC XRC", "plain events gid many both"),
}
INLINE = 128  # bytes
# Enough for each size to fill the queues, few enough for 8 MiB messages. Of each queue pair.
LATENCY_ITERATIONS = 20
BANDWIDTH_ITERATIONS = 50
MANY_ITERATIONS = 10
MANY = 16
# With XRC all of them share one receive queue, which is as deep as the iterations are many: with less
# than one receive for each the program waits for ever.
XRC_MANY_ITERATIONS = 20
STREAM_SIZES = [2**exponent for exponent in range(1, 24)]  # what -a runs
DATAGRAM_SIZES = [2**exponent for exponent in range(1, 13)]  # up to the port's MTU
# perftest measures the processor's clock for 0.2 s before each size, so that only the ways in which
# the sizes differ most have all of them: the others, a short one, one of a page, and a long one.
FEW_SIZES = [8, 2048, 1 << 20]


def has_all_sizes(transport, way):
    # Events are told in one way, whatever a connection is like.
    return way == "plain" or (way == "events" and transport in ("RC", "UD"))


# way: (words for a case's name, options, how it shows in the client's report)
WAYS = {
    "plain": ("", [], r"Number of qps +: [12]\b"),  # XRC has one for each way
    "events": (" on events", ["-e"], ""),
    "gid": (" over GID 0", ["-x", "0"], r"GID index +: 0$"),
    "inline": (" inline", ["-I", str(INLINE)], rf"Max inline data +: {INLINE}\[B\]$"),
    "many": (f" on {MANY} queue pairs", ["-q", str(MANY)], rf"Number of qps +: {MANY}\b"),
    "both": (" both ways", ["-b"], r"Bidirectional BW Test$"),
}
HELP_OPTIONS = {"events": "-e", "gid": "-x", "inline": "-I", "many": "-q", "both": "-b"}
TRANSPORTS = ("RC", "UC", "UD", "XRC")  # of --connection; the others need more than plain verbs

ATOMICS = ("FETCH_AND_ADD", "CMP_AND_SWAP")
COLUMNS = {"lat": 9, "bw": 5}
NUMBER = r"\d+(\.\d+)?|-?nan"  # the deviation of latencies in cycles overflows


def rows_of(text, columns):
    """[(size, iterations)] of the report's rows: lines of exactly `columns` numbers."""
    lines = (line.split() for line in text.splitlines())
    return [(int(words[0]), int(words[1])) for words in lines
            if len(words) == columns and all(re.fullmatch(NUMBER, word) for word in words)]


def measure(program, transport, way, more=()):
    kind = program.rsplit("_", 1)[1]
    many = XRC_MANY_ITERATIONS if transport == "XRC" else MANY_ITERATIONS
    iterations = (LATENCY_ITERATIONS if kind == "lat" else many if way == "many"
                  else BANDWIDTH_ITERATIONS)
    _, options, shows = WAYS[way]
    fixed = ["-d", DEVICE, "-F", "-c", transport, "-n", iterations, *more]
    # In cycles too, for which the clock need not be measured a second time.
    in_cycles = ["-C"] if "atomic" not in program and kind == "lat" else []
    every = DATAGRAM_SIZES if transport == "UD" else STREAM_SIZES
    # Each run of the program: the options for its sizes, and the sizes.
    if "atomic" in program:
        runs = [([], [8])]
    elif has_all_sizes(transport, way):
        runs = [(["-a", *in_cycles], every)]
        if in_cycles and way == "plain":
            runs.append((["-s", 8], [8]))
    else:
        runs = [(["-s", size, *in_cycles], [size]) for size in FEW_SIZES if size in every]

    def run(build):
        arguments = [*fixed, *options]
        # perftest ignores -I on a model that it does not know; see known_device.c.
        known = build.resolve() / "tests/interop/known_device.so"
        environment = {"LD_PRELOAD": str(known)} if way == "inline" else None
        expect(way != "inline" or known.exists(), f"{known} is not built")
        each = iterations * (MANY if way == "many" else 1)
        for size_options, sizes in runs:
            line = [*arguments, *size_options]
            _, text = pair.run_pair(build, program, line, seconds=100, environment=environment)
            expect_lines(text, rf"Connection type +: {transport}\b", shows)
            rows = rows_of(text, COLUMNS[kind])
            wanted = [(size, each) for size in sizes]
            expect(rows == wanted, f"{program} {' '.join(map(str, line))}:\n"
                   f"rows (size, iterations) {rows},\nnot {wanted}, in:\n{text}")
    return run


def offered(text):
    """(transports, ways) that a program's --help offers, of those that we know."""
    transports = re.search(r"--connection=<([A-Z/]+)>", text).group(1).split("/")
    ways = {way for way, option in HELP_OPTIONS.items()
            if re.search(rf"^ +{option}, ", text, re.MULTILINE)}
    return set(transports) & set(TRANSPORTS), ways


def help_of(build, program):
    with pair.Session(build) as session:
        helped = session.start(program, "--help")
        session.wait_end(helped, 20)  # with 1, although all is well
        return helped.text()


def matrix_is_complete(build):
    for program, (transports, ways) in MATRIX.items():
        found = offered(help_of(build, program))
        ours = set(transports.split()), set(ways.split()) - {"plain"}
        expect(found == ours, f"{program} offers {found}; the tests run {ours}")


def cases():
    table = {"perftest offers no combination beyond the matrix":
             Case(tuple(MATRIX), matrix_is_complete)}
    for program, (transports, ways) in MATRIX.items():
        for transport in transports.split():
            for way in ways.split():
                words = f"over {transport}{WAYS[way][0]}"
                if "atomic" not in program:
                    every = has_all_sizes(transport, way)
                    sizes = "every size" if every else "short and long"
                    table[f"{program} measures {sizes} {words}"] = Case(
                        (program,), measure(program, transport, way))
                    continue
                for kind in ATOMICS:
                    table[f"{program} measures {kind} {words}"] = Case(
                        (program,), measure(program, transport, way, ["-A", kind]))
    return table
