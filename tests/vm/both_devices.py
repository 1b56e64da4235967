#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Sends on several devices at once in one process, through Debian's pyverbs. Run by software.py
inside the machine.

    both_devices.py DEVICE:GID_INDEX...
"""

import sys

import pyverbs.enums as e
from pyverbs.addr import AHAttr, GlobalRoute
from pyverbs.cq import CQ
from pyverbs.device import Context
from pyverbs.mr import MR
from pyverbs.pd import PD
from pyverbs.qp import QP, QPAttr, QPCap, QPInitAttr
from pyverbs.wr import SGE, RecvWR, SendWR

ROUNDS = 20
SIZE = 3000
POLLS = 1_000_000


class Loop:
    """Two queue pairs of one device, connected with each other."""

    def __init__(self, name, index):
        self.name = name
        self.context = Context(name=name)
        self.pd = PD(self.context)
        self.cq = CQ(self.context, 16)
        self.mr = MR(self.pd, 2 * SIZE, e.IBV_ACCESS_LOCAL_WRITE)
        init = QPInitAttr(qp_type=e.IBV_QPT_RC, scq=self.cq, rcq=self.cq,
                          cap=QPCap(max_send_wr=4, max_recv_wr=4))
        self.sender, self.receiver = QP(self.pd, init), QP(self.pd, init)
        for one, other in ((self.sender, self.receiver), (self.receiver, self.sender)):
            one.to_rts(self.way_to(other, index))

    def way_to(self, other, index):
        attr = QPAttr(port_num=1)
        attr.dest_qp_num = other.qp_num
        attr.path_mtu = e.IBV_MTU_1024
        attr.max_rd_atomic = attr.max_dest_rd_atomic = 1
        attr.min_rnr_timer, attr.timeout = 12, 14
        attr.retry_cnt = attr.rnr_retry = 7
        route = GlobalRoute(dgid=self.context.query_gid(1, index), sgid_index=index)
        attr.ah_attr = AHAttr(port_num=1, is_global=1, gr=route, dlid=0)
        return attr

    def post(self, data):
        self.mr.write(data, SIZE)
        self.mr.write(b"-" * SIZE, SIZE, SIZE)
        target = SGE(self.mr.buf + SIZE, SIZE, self.mr.lkey)
        source = SGE(self.mr.buf, SIZE, self.mr.lkey)
        self.receiver.post_recv(RecvWR(1, 1, [target]))
        self.sender.post_send(SendWR(2, num_sge=1, sg=[source], opcode=e.IBV_WR_SEND))

    def complete(self, data):
        left = {1, 2}
        for _ in range(POLLS):
            for wc in self.cq.poll(2)[1]:
                if wc.status != e.IBV_WC_SUCCESS:
                    sys.exit(f"{self.name}: request {wc.wr_id} ended with status {wc.status}")
                left.remove(wc.wr_id)
            if not left:
                break
        else:
            sys.exit(f"{self.name}: no completion of {left}")
        if self.mr.read(SIZE, SIZE) != data:
            sys.exit(f"{self.name}: the data is wrong")


def main():
    loops = [Loop(name, int(index)) for name, index in (word.split(":") for word in sys.argv[1:])]
    for number in range(ROUNDS):
        data = {loop: f"{number} {loop.name} ".encode().ljust(SIZE, b"x") for loop in loops}
        for loop in loops:
            loop.post(data[loop])
        for loop in loops:
            loop.complete(data[loop])
    for loop in loops:
        print(f"{loop.name}: {ROUNDS} messages arrived")


main()
