# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""MPI jobs on the software device: mpi_data.c, built by each of Debian's MPIs and run by it."""

import os
import pathlib

from dev_infiniband import folder
from registry import DEVICE, Case, expect_lines, pair

SOURCE = pathlib.Path(__file__).resolve().with_name("mpi_data.c")
SECONDS = 100  # ranks that spin share the processors
UCX = {
    "UCX_NET_DEVICES": f"{DEVICE}:1",
    "UCX_TLS": "self,rc_v,ud_v",  # nothing else, so what arrives came through the device
    "UCX_LOG_LEVEL": "info",
}
UCX_TELLS = rf"ep_cfg\[\d+\]: .*rc_verbs/{DEVICE}:1"
OPEN_MPI = ("mpirun.openmpi", "--oversubscribe")
# Open MPI wants to be told twice that root means it.
OPEN_MPI_ENVIRONMENT = {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}
# On libfabric 1.17's ofi_rxd messages of many packets that arrive unexpected may never be received, so
# receives are posted first. Open MPI's btl ofi would take TCP, on which a put misses its fence, so
# one-sided access takes messages. Both are libfabric's own: docs/tested-programs.md.
LIBFABRIC = ("--mca", "pml", "cm", "--mca", "mtl", "ofi", "--mca", "btl", "^openib,ofi",
             "--mca", "mtl_ofi_provider_include", "verbs;ofi_rxd",
             "--mca", "mtl_base_verbose", "10")


def job(compiler, launch, environment, tells, *arguments):
    """`launch` runs the program that `compiler` made; a line like `tells` says over what."""

    def run(build):
        with folder() as first, pair.Session(build, environment) as session:
            program = session.scratch / "mpi_data"
            compiled = session.start(compiler, "-std=c11", "-O2", "-Wall", "-Wextra", "-Werror",
                                     SOURCE, "-o", program, on_verbs=False)
            session.expect_success(compiled, seconds=60)
            started = session.start(*first, *launch, program, *arguments)
            session.expect_success(started, seconds=SECONDS)
            expect_lines(started.text(), r"^mpi_data: \d ranks, all right$", tells)
    return run


def ways(ranks):
    """{words: arguments of job}"""
    open_mpi = (*OPEN_MPI, "-np", ranks)
    return {
        "Open MPI over UCX": (
            "mpicc.openmpi", (*open_mpi, "--mca", "btl", "^openib", "--mca", "pml", "ucx",
                              "--mca", "osc", "ucx"),
            {**OPEN_MPI_ENVIRONMENT, **UCX}, UCX_TELLS),
        "Open MPI over libfabric": (
            "mpicc.openmpi", (*open_mpi, *LIBFABRIC), OPEN_MPI_ENVIRONMENT,
            r"mtl:ofi:provider: soft_\S+-dgram$", "posted"),
        "MPICH over UCX": (
            "mpicc.mpich", ("mpiexec.hydra", "-launcher", "fork", "-n", ranks), UCX, UCX_TELLS),
    }


def cases():
    table = {}
    for ranks in (2, 4):
        for words, (compiler, launch, *more) in ways(ranks).items():
            table[f"{words} moves every byte right between {ranks} processes"] = Case(
                (compiler, launch[0]), job(compiler, launch, *more))
    return table
