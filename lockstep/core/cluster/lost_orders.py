"""What a node's log has that the other node's lacks: order by order, in words, with whom it concerns and what they saw.

It replays the journal of a stopped venue, reads its gateways' message stores, and changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from msgspec import Struct, field

from lockstep.config.schema import Config
from lockstep.core.cluster import loss
from lockstep.core.cluster.divergence import Divergence, DivergenceError
from lockstep.core.cluster.steps import Show
from lockstep.core.journal.journal import JournalReader, segment_seqs
from lockstep.core.operations.formatting import Names, of_command, of_event
from lockstep.core.recovery import inspection, snapshot_catalog
from lockstep.core.recovery.replay import ReplayedCore
from lockstep.core.schema.alphabet import shown
from lockstep.core.schema.client_ids import own_id
from lockstep.core.schema.layout import unpack_command, unpack_event
from lockstep.core.schema.records import (
    API_SESSION,
    Accepted,
    Cancel,
    Cancelled,
    Code,
    Command,
    CommandType,
    Event,
    ExtLeg,
    NewOrder,
    Rejected,
    Replace,
    Replaced,
    Restated,
    Side,
    Traded,
    Triggered,
)
from lockstep.core.venue.snapshot_parts import Start
from lockstep.core.venue.topology import OPERATOR_INGRESS, derive
from lockstep.procs.gateway import segments

SOH = b"\x01"
ORDER_ID, CL_ORD_ID, TARGET_COMP_ID = b"37", b"11", b"56"
# What the venue itself writes, and what says nothing that anybody was told.
OWN = frozenset(
    {CommandType.MARKER, CommandType.TICK, CommandType.SNAPSHOT, CommandType.EPOCH, CommandType.SESSION,
     CommandType.ACTIVATE}
)  # fmt: skip
OF_ONE_ORDER = (Accepted, Rejected, Cancelled, Replaced, Restated, Triggered)


class LostOrder(Struct):
    """An order, or a request that is about none (`order_id` 0), of which the other node knows nothing, or less.

    `seq` is the record that brought it. `was_there`: it came before, and the other node has it as it was then. `came`
    is what this node made of it behind the cut, `told` every message about that which may have left: none was sent if
    there is none here.
    """

    seq: int
    order_id: int
    account: str
    session: str
    gateway: str
    cl_ord_id: str
    what: str
    was_there: bool = False
    came: list[str] = field(default_factory=list)
    told: list[str] = field(default_factory=list)


class LostOrders(Struct):
    """All that a cut takes back: the orders that it concerns and other requests, both in the order of the log."""

    divergence: Divergence = field(name="parting")
    orders: list[LostOrder] = []
    requests: list[LostOrder] = []

    @property
    def told(self) -> int:
        """How many of them clients may have been told of."""
        return sum(bool(each.told) for each in (*self.orders, *self.requests))


def examine(config: Config, data: Path, found: Divergence, show: Show) -> LostOrders:
    """List what the cut of the stopped venue in `data` takes back, whose state before the cut is known
    (`check_reachable`). `show` is told how many records are replayed, and of how many.

    JournalError, CoreReplayError, StoreCorrupt, OSError.
    """
    lost = LostOrders(found)
    if not found.cut:
        return lost
    before, numbers = loss.state_at(config, data, found.common)
    replay, events = _events_behind(config, data, found, show)
    listed = _Listed(before, Names.of_state(replay.router.core))
    for command, extensions in _requests(data / "journal", found):
        listed.command(command, extensions)
    for event in events:
        listed.event(event)
    for store in segments.stores(data):
        cut = loss.cut_of(store, numbers)
        for message in loss.sent(store, cut) if cut is not None else ():
            listed.message(message)
    lost.orders = sorted(listed.orders.values(), key=lambda each: each.seq)
    lost.requests = sorted(listed.requests.values(), key=lambda each: each.seq)
    return lost


def check_reachable(config: Config, data: Path, seq: int) -> None:
    """DivergenceError if neither the journal's beginning nor a snapshot leads to the state behind record `seq`."""
    first = segment_seqs(data / "journal")[0]
    if _start(config, data, seq).seq + 1 < first:
        raise DivergenceError(
            f"the journal begins with record {first:,}, and no usable snapshot leads to record {seq:,}: make this "
            "node's data folder from a backup of the other one"
        )


def _start(config: Config, data: Path, seq: int) -> Start:
    return snapshot_catalog.choose(data, derive(config).core_agents, seq).start


def _events_behind(config: Config, data: Path, found: Divergence, show: Show) -> tuple[ReplayedCore, list[Event]]:
    """The core at the end of this node's log, and all events that came of what is behind the cut."""
    start = _start(config, data, found.common)
    replay = ReplayedCore(config, data, start, found.last)
    skim = inspection.Skim(replay.consumers.values(), found.common + 1)
    while not replay.is_complete or skim.step():
        replay.step()
        skim.step()
        show(replay.position - start.seq, found.last - start.seq)
    events = [unpack_event(record) for record in skim.events]
    # What the router settles behind the last record is its own, and is in no journal.
    return replay, sorted((each for each in events if each.cause <= found.last), key=lambda each: each.cause)


def _requests(journal: Path, found: Divergence) -> Iterator[tuple[Command, list[Command]]]:
    """Each main record behind the cut, with the extensions right before it; not the venue's own."""
    reader = JournalReader(journal, found.common + 1, found.last)
    extensions: list[Command] = []
    try:
        for record in reader:
            command = unpack_command(record)
            if command.type >= CommandType.EXT_CLIENT_ID:
                extensions.append(command)
                continue
            if command.type not in OWN:
                yield command, extensions
            extensions = []
    finally:
        reader.close()


def _field(message: bytes, tag: bytes) -> bytes:
    """A field's value; empty if the message does not have it."""
    return message.partition(SOH + tag + b"=")[2].partition(SOH)[0]


class _Listed:
    """The list as it is made: first the requests, then what came of them, then what was told."""

    def __init__(self, before: ReplayedCore, names: Names) -> None:
        self.orders: dict[int, LostOrder] = {}
        self.requests: dict[int, LostOrder] = {}
        self._by_id: dict[tuple[str, str], LostOrder] = {}  # by session and client id: a refusal may name no order
        self._before = before
        self._names = names

    def command(self, command: Command, extensions: list[Command]) -> None:
        """A request; one that is about an order is what happened to that."""
        if isinstance(command, NewOrder):
            self.orders[command.seq] = self._entry(command, extensions, command.seq)
            for leg in extensions:
                if isinstance(leg, ExtLeg):
                    self.orders[leg.seq] = self._entry(leg, [], leg.seq)
        elif isinstance(command, Cancel | Replace) and command.order_id and (order := self._order(command.order_id)):
            order.came.append(
                f"record {command.seq:,}: {of_command(command, extensions, self._names)}{_refused(command)}"
            )
        else:
            self.requests[command.seq] = self._entry(command, extensions, 0)

    def event(self, event: Event) -> None:
        """What came of a request, for the orders that it is about."""
        if isinstance(event, Traded):
            concerned = {event.maker_order_id, event.taker_order_id}
        elif isinstance(event, OF_ONE_ORDER):
            concerned = {event.order_id or event.cause}
        else:
            return
        for order_id in concerned:
            about = self._order(order_id) or self.requests.get(event.cause)
            if about is not None:
                about.came.append(of_event(event, self._names))

    def message(self, message: bytes) -> None:
        """A message that may have left. Reports of requests have the record that asked as their OrderID, or none."""
        order_id = int(said) if (said := _field(message, ORDER_ID)).isdigit() else 0
        about = self._order(order_id) or self.requests.get(order_id)
        if about is None:
            about = self._by_id.get((_field(message, TARGET_COMP_ID).decode(), shown(_field(message, CL_ORD_ID))))
        if about is not None:
            about.told.append(loss.shown(message))

    def _order(self, order_id: int) -> LostOrder | None:
        """The order's entry. One from before the cut gets it when it is first named."""
        known = self.orders.get(order_id)
        if known is None and (order := inspection.order_of(self._before.router.core.ledger, order_id)) is not None:
            names, instrument = self._names, order["instrument"]
            side = Side(order["side"]).name.lower()
            what = f"{side} order of {names.symbol(instrument)} at {names.price(instrument, order['price_ticks'])}"
            account = names.account(order["account"])
            known = LostOrder(order_id, order_id, account, account, "", shown(order["cl_ord_id"]), what, was_there=True)
            self.orders[order_id] = known
        return known

    def _entry(self, command: Command, extensions: Iterable[Command], order_id: int) -> LostOrder:
        names = self._names
        said = f"{of_command(command, list(extensions), names)}{_refused(command)}"
        gateway = "" if command.ingress in (0, OPERATOR_INGRESS) else f"gateway.{command.ingress}"
        by_api = command.session >= API_SESSION
        if by_api:
            gateway = "api"
        session = names.account(command.session) if command.session and not by_api else ""
        account = names.account(command.account or command.session)
        made = LostOrder(command.seq, order_id, account, session, gateway, shown(own_id(command)), said)
        self._by_id[session, made.cl_ord_id] = made
        return made


def _refused(command: Command) -> str:
    verdict = getattr(command, "verdict", Code.OK)
    return "" if verdict == Code.OK else f": refused, {Code(verdict).name}"
