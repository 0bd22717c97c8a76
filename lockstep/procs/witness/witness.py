"""The edge of a node whose venue has a witness: it watches the core, and has its turns with etcd beside that.

No order passes it. If it ends or hangs, the lease ends, and nothing is released.
"""

from __future__ import annotations

import asyncio
import time

from lockstep.core.venue.edge import Edge
from lockstep.procs.witness.etcd import Etcd
from lockstep.procs.witness.leadership import Leadership
from lockstep.procs.witness.life import Life
from lockstep.shm.bell import Reason

TURNS = 5  # in the time of a lease, of a node that has it
LOOK_S = 0.1  # between two turns of a node that has not


class Witness(Edge):
    """The edge that a host runs; the lease lasts `lease_s`."""

    rest_s = 0.01
    spins = False  # it waits for etcd and for time

    def __init__(self, leadership: Leadership, life: Life, etcd: Etcd, lease_s: float) -> None:
        self._leadership = leadership
        self._life = life
        self._etcd = etcd
        self._lease_s = lease_s
        self._turns: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self._turns = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Ask etcd nothing more. The lease stays: the next process of this node takes it over, or it ends."""
        if self._turns is not None:
            self._turns.cancel()
            await asyncio.wait({self._turns})
        self._etcd.close()

    def attach(self, _consumers: object, _board: object) -> None:
        """The core has started again: its figures are read where the venue has them."""

    def poll(self, _now_ns: int) -> int:
        """Look at the core. Whatever has ended the turns ends the process."""
        self._life.look(time.monotonic_ns())
        if self._turns is not None and self._turns.done():
            self._turns.result()
        return 0

    def wants(self) -> Reason:
        return Reason(0)

    async def _run(self) -> None:
        while True:
            begun_s = time.monotonic()
            await self._leadership.turn()
            pause_s = self._lease_s / TURNS if self._leadership.holds else LOOK_S
            await asyncio.sleep(max(0.0, begun_s + pause_s - time.monotonic()))
