#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Prints what a verbs library answers about the tables of a port: GIDs with their types, partition
keys, link addresses. Run by control.py inside the machine.

    query_tables.py LIBRARY DEVICE NEIGHBOUR

NEIGHBOUR is an IPv4 address that the kernel has a link address for. Functions that the library does
not have are passed over.
"""

import ctypes
import ipaddress
import os
import sys

PORT = 1
BEYOND = 5000  # an index that no table has
ROOM = 64


class GidEntry(ctypes.Structure):
    _fields_ = [("gid", ctypes.c_ubyte * 16), ("index", ctypes.c_uint32),
                ("port", ctypes.c_uint32), ("type", ctypes.c_uint32), ("ifindex", ctypes.c_uint32)]

    def __str__(self):
        return (f"{ipaddress.IPv6Address(bytes(self.gid))} index {self.index} port {self.port} "
                f"type {self.type} interface {self.ifindex}")


class AhAttr(ctypes.Structure):
    _fields_ = [("dgid", ctypes.c_ubyte * 16), ("flow_label", ctypes.c_uint32),
                ("sgid_index", ctypes.c_uint8), ("hop_limit", ctypes.c_uint8),
                ("traffic_class", ctypes.c_uint8), ("dlid", ctypes.c_uint16),
                ("sl", ctypes.c_uint8), ("src_path_bits", ctypes.c_uint8),
                ("static_rate", ctypes.c_uint8), ("is_global", ctypes.c_uint8),
                ("port_num", ctypes.c_uint8)]


def failed(what, result, number=None):
    number = ctypes.get_errno() if number is None else number
    print(f"{what}: {'fails' if result < 0 else result} {os.strerror(number)}")


def open_device(verbs, name):
    found = verbs.ibv_get_device_list(None)
    for device in found:
        if not device:
            break
        if verbs.ibv_get_device_name(device) == name.encode():
            return verbs.ibv_open_device(device)
    sys.exit(f"{name} is not there")


def show_gids(verbs, context):
    for index in (*range(8), 255, BEYOND, -1):
        gid = (ctypes.c_ubyte * 16)()
        ctypes.set_errno(0)
        result = verbs.ibv_query_gid(context, PORT, index, gid)
        if result:
            failed(f"gid {index}", result)
        else:
            print(f"gid {index}: {ipaddress.IPv6Address(bytes(gid))}")


def show_entries(verbs, context):
    entry = GidEntry()
    for port, index in (*((PORT, index) for index in range(4)), (PORT, BEYOND), (PORT + 1, 0)):
        result = verbs._ibv_query_gid_ex(context, port, index, ctypes.byref(entry), 0,
                                         ctypes.sizeof(entry))
        if result:
            failed(f"entry {port} {index}", result, result)
        else:
            print(f"entry {port} {index}: {entry}")
    entries = (GidEntry * ROOM)()
    for room in (ROOM, 1):
        count = verbs._ibv_query_gid_table(context, entries, room, 0, ctypes.sizeof(GidEntry))
        print(f"table for {room}: {count}")
        for entry in entries[:max(count, 0)]:
            print(f"    {entry}")


def show_types(verbs, context):
    for index in (0, 1, 2, BEYOND):
        kind = ctypes.c_int(-1)
        ctypes.set_errno(0)
        result = verbs.ibv_query_gid_type(context, PORT, index, ctypes.byref(kind))
        if result:
            failed(f"type {index}", result)
        else:
            print(f"type {index}: {kind.value}")


def show_pkeys(verbs, context):
    key = ctypes.c_uint16()
    for index in (0, 1, BEYOND):
        ctypes.set_errno(0)
        result = verbs.ibv_query_pkey(context, PORT, index, ctypes.byref(key))
        print(f"pkey {index}: {'fails' if result else hex(key.value)}")
    for wanted in (0xffff, 0xff7f, 0x1234):
        print(f"index of pkey {wanted:#x}: {verbs.ibv_get_pkey_index(context, PORT, wanted)}")


def show_link_address(verbs, context, neighbour):
    attr = AhAttr(sgid_index=1, is_global=1, port_num=PORT, hop_limit=1)
    attr.dgid[:] = ipaddress.IPv6Address(f"::ffff:{neighbour}").packed
    address = (ctypes.c_ubyte * 6)()
    vlan = ctypes.c_uint16(0)
    result = verbs.ibv_resolve_eth_l2_from_gid(context, ctypes.byref(attr), address,
                                               ctypes.byref(vlan))
    print(f"link address of {neighbour}: {result} {bytes(address).hex(':')} vlan {vlan.value:#x}")
    attr.is_global = 0
    result = verbs.ibv_resolve_eth_l2_from_gid(context, ctypes.byref(attr), address,
                                               ctypes.byref(vlan))
    print(f"link address without a GID: {'fails' if result else 'succeeds'}")


def main():
    library, device, neighbour = sys.argv[1:]
    verbs = ctypes.CDLL(library, use_errno=True)
    verbs.ibv_get_device_list.restype = ctypes.POINTER(ctypes.c_void_p)
    verbs.ibv_get_device_name.restype = ctypes.c_char_p
    verbs.ibv_get_device_name.argtypes = [ctypes.c_void_p]
    verbs.ibv_open_device.restype = ctypes.c_void_p
    verbs.ibv_open_device.argtypes = [ctypes.c_void_p]
    context = ctypes.c_void_p(open_device(verbs, device))
    if not context:
        failed("open", -1)
        return
    show_gids(verbs, context)
    show_pkeys(verbs, context)
    if hasattr(verbs, "_ibv_query_gid_table"):
        verbs._ibv_query_gid_table.restype = ctypes.c_ssize_t
        verbs._ibv_query_gid_table.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t,
                                               ctypes.c_uint32, ctypes.c_size_t]
        verbs._ibv_query_gid_ex.argtypes = [ctypes.c_void_p, ctypes.c_uint32, ctypes.c_uint32,
                                            ctypes.c_void_p, ctypes.c_uint32, ctypes.c_size_t]
        show_entries(verbs, context)
        show_types(verbs, context)
        show_link_address(verbs, context, neighbour)


main()
