# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""ibv_devices and ibv_devinfo: what programs see of the software device."""

import re

from registry import DEVICE, IB_DEVICE, IB_ENVIRONMENT, Case, expect, expect_lines, output_of


def listing(build):
    expect_lines(output_of(build, "ibv_devices"), rf"^\s+{DEVICE}\s+[0-9a-f]{{16}}$")


def section(build, device, *options, environment=None):
    """What ibv_devinfo prints of a device, with the lines that every software device has."""
    text = output_of(build, "ibv_devinfo", "-d", device, *options, environment=environment)
    expect_lines(text, rf"^hca_id:\s+{device}$", r"transport:\s+InfiniBand \(0\)$",
                 r"phys_port_cnt:\s+1$", r"port:\s+1$", r"state:\s+PORT_ACTIVE \(4\)$",
                 r"node_guid:\s+[0-9a-f:]{19}$")
    return text


def ethernet_port(build):
    expect_lines(section(build, DEVICE), r"link_layer:\s+Ethernet$")


def infiniband_port(build):
    text = section(build, IB_DEVICE, "-v", environment=IB_ENVIRONMENT)
    expect_lines(text, r"link_layer:\s+InfiniBand$", r"port_lid:\s+[1-9]\d*$",
                 r"GID\[\s*0\]:\s+fe80:")


def limits(build):
    expect_lines(section(build, DEVICE, "-v"),
                 r"max_qp:\s+[1-9]\d*$", r"max_cqe:\s+[1-9]\d*$", r"active_mtu:\s+4096 \(5\)$",
                 r"GID\[\s*0\]:\s+\S+", r"GID\[\s*\d+\]:\s+::ffff:127\.0\.0\.1, RoCE v2$")


def every_device(build):
    text = output_of(build, "ibv_devinfo", "-l")
    names = re.findall(r"^\s+(soft_\S+)$", text, re.MULTILINE)
    expect(DEVICE in names, f"no {DEVICE} in:\n{text}")
    for name in names:
        section(build, name)


def cases():
    devinfo = ("ibv_devinfo",)
    return {
        "ibv_devices lists the loopback device": Case(("ibv_devices",), listing),
        "ibv_devinfo shows an active Ethernet port": Case(devinfo, ethernet_port),
        "ibv_devinfo -v shows limits and GIDs": Case(devinfo, limits),
        "ibv_devinfo opens every software device": Case(devinfo, every_device),
        "ibv_devinfo shows an active InfiniBand port with a LID": Case(devinfo, infiniband_port),
    }
