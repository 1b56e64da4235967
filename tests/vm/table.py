# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""All cases that run inside a machine. A new file of cases is one more word in FAMILIES."""

import conformance
import control
import devinfo
import discovery
import distribution
import faults
import perftest_on_rxe
import planted
import pyverbs_on_rxe
import rdmacm
import rxe
import software
import ucx

FAMILIES = (distribution, discovery, devinfo, software, rxe, perftest_on_rxe, rdmacm, ucx,
            pyverbs_on_rxe, conformance, control, faults)


def all_cases(of_faults=False):
    families = (planted,) if of_faults else FAMILIES
    return {name: case for family in families for name, case in family.cases().items()}
