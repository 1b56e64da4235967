# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""All cases that run inside a machine. A new file of cases is one more word in FAMILIES."""

<<<<<<< HEAD
import conformance
import control
import discovery
import distribution
import faults
import planted
import rxe
import software

FAMILIES = (distribution, discovery, software, rxe, conformance, control, faults)


def all_cases(of_faults=False):
    families = (planted,) if of_faults else FAMILIES
    return {name: case for family in families for name, case in family.cases().items()}
