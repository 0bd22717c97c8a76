"""The edge of a node that has a peer: it ships the log of a primary, and fills the log ring of a secondary.

It joins sockets, rings and the event loop; what goes over a link is decided in `shipper` and `receiver`.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable

from lockstep.core.diagnostics.log_lines import log
from lockstep.core.venue.edge import Edge
from lockstep.core.venue.venue import Venue
from lockstep.procs.replicator import link_report
from lockstep.procs.replicator.copying import Copying
from lockstep.procs.replicator.filling import Filling
from lockstep.procs.replicator.handshake import LinkState
from lockstep.procs.replicator.link_report import LinkReport
from lockstep.procs.replicator.shipping import Shipping
from lockstep.procs.replicator.transport import Acceptor, Connection, Dialer
from lockstep.shm.bell import Reason
from lockstep.shm.board import Word

ROOM_S = 0.001  # in which the log's readers make room for some hundred records


class Replicator(Edge):
    """The edge that a host runs. On a secondary it fills the ring; in both roles it answers who asks for the log."""

    rest_s = 0.0  # orders wait for its acknowledgement,
    spins = False  # and for the core and the other node, which need the processors before it has work again

    def __init__(self, venue: Venue, acceptor: Acceptor, dialer: Dialer | None) -> None:
        self._venue = venue
        self._board = venue.board
        self._said: tuple[LinkState, LinkReport] | None = None
        self._link = Watched(self._come)
        self._copy = Watched(self._come)
        self._shipping = Shipping(venue, acceptor, self._tell_of_shipping)
        self._filling = Filling(venue, dialer, self._tell) if dialer else None

    async def start(self) -> None:
        """Nothing to prepare: sockets are waited for as they come."""

    async def stop(self) -> None:
        """Hang up, and listen no more."""
        self._link.look_at(None)
        self._copy.look_at(None)
        if self._filling is not None:
            self._filling.close()
        self._shipping.close()

    def attach(self, _consumers: object, _board: object) -> None:
        """The core has started again, in rings of another generation."""
        self._shipping.attach()

    def poll(self, now_ns: int) -> int:
        """One duty cycle. JournalError, OSError: the process ends."""
        work = self._shipping.poll(now_ns)
        if self._filling is not None:
            work += self._filling.poll(now_ns)
            if self._filling.is_over:
                self._shipping.peer, self._filling = self._filling.peer, None
                self._tell(LinkState.ALONE, "this node has just begun to lead")
        self._link.look_at(self._shipping.connection if self._filling is None else self._filling.connection)
        if self._filling is not None and self._filling.is_stalled:
            self._link.rest(ROOM_S)
        copying = self._shipping.copying
        self._copy.look_at(copying if copying is not None and copying.waits else None)
        return work

    def wants(self) -> Reason:
        """What to be woken for besides sockets: records to ship, or the sync that lets them be acknowledged."""
        return Reason.EVENTS if self._filling is None else Reason.EVENTS | Reason.COMMIT

    def _come(self) -> None:
        self.kick()

    def _tell_of_shipping(self, state: LinkState, why: str) -> None:
        if self._filling is None:
            self._tell(state, why)

    def _tell(self, state: LinkState, why: str) -> None:
        side = self._shipping if self._filling is None else self._filling
        rules = self._shipping.peer_rules if self._filling is None else 0
        report = LinkReport(state.name.lower(), why, side.peer, side.epoch, rules)
        said = (state, report)
        if said == self._said:
            return
        if self._said is None or state is not self._said[0]:
            (log.warning if state is LinkState.REFUSED else log.info)("link", state=report.state, why=why)
        self._said = said
        link_report.write(self._venue.data, report)
        self._board.set(Word.LINK, state)


class Watched:
    """What the event loop looks at for bytes that come: by a descriptor of its own, since what it is of ends by itself.

    `come` is called again and again while there are any.
    """

    def __init__(self, come: Callable[[], None]) -> None:
        self._come = come
        self._source: Connection | Copying | None = None
        self._fd = -1
        self._rest: asyncio.TimerHandle | None = None  # it is not looked at until then

    def look_at(self, source: Connection | Copying | None) -> None:
        """Look at this from now on, and at nothing else."""
        if source is self._source:
            return
        loop = asyncio.get_running_loop()
        if self._rest is not None:
            self._rest.cancel()
            self._rest = None
        if self._fd >= 0:
            loop.remove_reader(self._fd)
            os.close(self._fd)
        self._source, self._fd = source, -1
        if source is not None:
            self._fd = os.dup(source.fileno())
            loop.add_reader(self._fd, self._come)

    def rest(self, duration_s: float) -> None:
        """What has come and can't be taken would wake this process again and again, and keep those from it who make
        room.
        """
        if self._rest is None and self._fd >= 0:
            loop = asyncio.get_running_loop()
            loop.remove_reader(self._fd)
            self._rest = loop.call_later(duration_s, self._rested)

    def _rested(self) -> None:
        self._rest = None
        asyncio.get_running_loop().add_reader(self._fd, self._come)
        self._come()
