"""What the released events of a simulated venue have said of orders so far: what its api may tell of them."""

from __future__ import annotations

from collections import Counter
from typing import Any

from lockstep.core.schema.layout import unpack_event
from lockstep.core.schema.records import Accepted, Cancelled, Rejected, Replaced, Traded
from tests.simulation.audit import Audit
from tests.simulation.traffic import SYMBOLS


class Heard:
    """Read on from what an audit knows. Events are named by their rings; under 0 is their command."""

    def __init__(self, audit: Audit) -> None:
        self.accepted: dict[tuple[int, bytes], tuple[int, int]] = {}  # by account and client id: order, and command
        self.traded: dict[int, dict[int, int]] = {}  # by command: its last trade in each ring
        self.cancelled: dict[int, dict[int, int]] = {}  # by order
        self.symbols: dict[int, str] = {}
        self.renamed: set[int] = set()
        self._used: set[tuple[int, bytes]] = set()  # client ids of all that was taken or refused
        self._owners: dict[int, int] = {}
        self._audit = audit
        self._read: Counter[int] = Counter()

    def read_on(self) -> None:
        """Take what was released since."""
        self._audit.step()
        for ring, known in self._audit.events.items():
            while (number := self._read[ring] + 1) in known:
                self._read[ring] = number
                self._note(ring, unpack_event(known[number]))

    def has(self, account: int, client_id: str | None) -> bool:
        """Whether a client id was ever used; None is one that the venue gave."""
        return client_id is None or (account, client_id.encode()) in self._used

    def _note(self, ring: int, event: Any) -> None:
        at = {ring: event.number}
        match event:
            case Accepted():
                self.accepted[event.account, event.cl_ord_id] = (event.order_id, event.cause)
                self.symbols[event.order_id] = SYMBOLS[event.instrument - 1]
                self._owners[event.order_id] = event.account
                self._used.add((event.account, event.cl_ord_id))
            case Rejected():
                self._used.add((event.account, event.cl_ord_id))
            case Replaced():
                self.renamed.add(event.order_id)
                self._used.add((self._owners[event.order_id], event.cl_ord_id))
            case Traded():
                self.traded.setdefault(event.cause, {}).update(at)
            case Cancelled():
                self.cancelled[event.order_id] = at
                self._used.add((event.account, event.cl_ord_id))
