"""The invariants of a whole venue (I1 to I8), checked on what it left: its log, its messages, its database.

It repeats the log with the venue's own core and holds the result against independent models: a slow ledger, simple
books, rows worked out again. The simulation and the tests with real processes use the same checks.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

from msgspec import structs

from lockstep.config.schema import Config, RingsSection
from lockstep.core.schema.layout import unpack_command, unpack_event
from lockstep.core.schema.records import (
    API_SESSION,
    Accepted,
    Adjustment,
    Cancelled,
    Code,
    Command,
    Corrected,
    Deposit,
    DepositFlag,
    Event,
    EventFlag,
    InstrumentDefined,
    Marker,
    NewOrder,
    Phase,
    Rejected,
    Replaced,
    Restated,
    Traded,
    Triggered,
    Withdrawal,
    WithdrawalDecision,
    WithdrawalStep,
)
from lockstep.core.venue.topology import derive
from lockstep.core.venue.venue import Venue
from lockstep.procs.batcher.expected_requests import COMMANDS
from lockstep.procs.batcher.expected_rows import Expected
from lockstep.procs.batcher.expected_tables import TABLES
from lockstep.procs.matcher.matcher import Matcher
from lockstep.procs.router.log_source import RecordList
from lockstep.procs.router.origin import Origin, Rings
from lockstep.procs.router.router import Router
from lockstep.shm.board import Word
from tests.broken import require
from tests.consumer.money import Money
from tests.models import derived_rows
from tests.models.journal import crc32c
from tests.models.ledger import LedgerModel

READER = "reader"
CONFIGURING = 4  # the router's state once it has repeated the whole log
MOST_ROUNDS = 200_000
DAY_NS = 86_400 * 10**9
SLOW = 400  # records beyond which the slow ledger is not asked: its time grows with the square of open orders


class ReportContent(NamedTuple):
    """The part of an execution report that can't change, however often it is sent."""

    exec_id: str
    order_id: str
    cl_ord_id: str
    exec_type: str
    leaves: str
    last_quantity: str
    last_price: str


class Repeat:
    """A log, repeated by a core of its own: `events[ring]`, and router and matchers as they are at its end."""

    def __init__(self, config: Config, records: Sequence[bytes]) -> None:
        rings = RingsSection(ingress=64, log=1024, events=16384)
        topology = derive(structs.replace(config, rings=rings))
        readers = tuple(
            structs.replace(ring, consumers=tuple(c for c in ring.consumers if c == "router" or "matcher" in c))
            for ring in topology.rings
        )
        watched = tuple(
            structs.replace(ring, consumers=(*ring.consumers, READER)) if "ingress" not in ring.name else ring
            for ring in readers
        )
        venue = Venue.private(structs.replace(topology, rings=watched), config, Path("/nonexistent"))
        venue.board.set(Word.DURABLE_SEQ, len(records))
        venue.board.set(Word.JOURNAL_READY, 1)
        self.matchers = {
            number: Matcher(
                number, venue.consumer("log", f"matcher.{number}"), venue.producer(f"events.matcher.{number}"),
                venue.board, venue.images,
            )
            for number in venue.matchers
        }  # fmt: skip
        ingress = {number: venue.consumer(f"ingress.gateway.{number}", "router") for number in venue.gateways}
        ends = Rings(
            venue.producer("log"), venue.producer("events.router"), ingress,
            {number: venue.consumer(f"events.matcher.{number}", "router") for number in venue.matchers},
        )  # fmt: skip
        origin = Origin(RecordList(list(records)), lambda _core: iter(()), bytes(16))
        self.router = Router(ends, venue.board, origin)
        self.events: dict[int, list[bytes]] = {0: [], **{number: [] for number in venue.matchers}}
        taps = {0: venue.consumer("events.router", READER)}
        taps |= {number: venue.consumer(f"events.matcher.{number}", READER) for number in venue.matchers}
        log = venue.consumer("log", READER)
        for _ in range(MOST_ROUNDS):
            self.router.step(0)
            for matcher in self.matchers.values():
                matcher.step(0)
            log.take()
            for ring, tap in taps.items():
                self.events[ring] += tap.take()
            if self.router.state >= CONFIGURING:
                break
        require(self.router.state >= CONFIGURING, "the log's repeat comes to no end")
        require(self.router.core.last_seq == len(records), "the log does not end settled")

    def ordered(self) -> list[tuple[int, Event]]:
        """All events with their rings, by cause, the router's first."""
        found = [(ring, unpack_event(event)) for ring, events in self.events.items() for event in events]
        return sorted(found, key=lambda row: (row[1].cause, row[0], row[1].number))


def check_log(records: Sequence[bytes]) -> list[Command]:
    """Sequences without a gap, true checksums, and a time that only goes on."""
    commands = [unpack_command(record) for record in records]
    time_ns = epoch = 0
    for place, (command, record) in enumerate(zip(commands, records, strict=True), 1):
        require(command.seq == place, f"I2: record {command.seq} of the log is at place {place}")
        require(command.crc == crc32c(record[4:]), f"I2: record {place} has a wrong checksum")
        require(command.time_ns > time_ns, f"I6: the time goes back at record {place}")
        require(command.epoch >= epoch, f"I6: the epoch goes back at record {place}")
        time_ns, epoch = command.time_ns, command.epoch
    return commands


def check_money(commands: Sequence[Command], repeat: Repeat, events: Sequence[tuple[int, Event]]) -> None:
    """I1, by a consumer of events, and by the slow ledger where the log is short."""
    money = Money()
    inflow: Counter[int] = Counter()
    proposed: dict[int, Adjustment] = {}
    for command in commands:
        if getattr(command, "verdict", Code.OK) != Code.OK:
            continue
        match command:
            case Deposit(flags=DepositFlag.PROPOSAL):
                pass
            case WithdrawalDecision(step=WithdrawalStep.PAID):
                inflow[command.asset] -= command.amount
            case Deposit():
                money.deposit(command.owner, command.asset, command.amount)
                inflow[command.asset] += command.amount
            case Withdrawal():
                inflow[command.asset] -= command.amount
            case Adjustment(proposal=0):
                proposed[command.seq] = command
            case Adjustment():
                inflow[proposed[command.proposal].asset] += proposed[command.proposal].amount
    for ring, event in events:
        money.apply(ring, event)
    money.settle()
    held, sums = money.held(), Counter[int]()
    ledger = repeat.router.core.ledger
    for account in range(len(repeat.router.core.accounts) + 1):
        for asset in range(1, len(repeat.router.core.assets) + 1):
            free, kept = ledger.balance(account, asset) or (0, 0)
            key = (account, asset)
            sums[asset] += free + kept
            require(free >= 0 and kept >= 0, f"I1: {key} has {free} free and {kept} held")
            require(money.totals[key] == free + kept, f"I1: {key} has {free + kept}, movements say {money.totals[key]}")
            require(held[key] == kept, f"I1: {key} holds {kept}, open orders and withdrawals {held[key]}")
            require(money.told.get(key, (0, 0)) == (free, kept), f"I1: {key} was told as {money.told.get(key)}")
    for asset, total in sums.items():
        require(total == inflow[asset], f"I1: asset {asset}: {total} in all, {inflow[asset]} came in")
    if len(commands) <= SLOW:
        check_ledger(commands, repeat)


def check_ledger(commands: Sequence[Command], repeat: Repeat) -> None:
    """The same by the slow ledger, which also says which refusals were right."""
    model = LedgerModel()
    events = {ring: [unpack_event(event) for event in repeat.events[ring]] for ring in repeat.matchers}
    done = dict.fromkeys(events, 0)
    for command in commands:
        if isinstance(command, Marker):
            for ring, known in events.items():
                for event in known[done[ring] : command.event_numbers[ring - 1]]:
                    model.event(event)
                done[ring] = max(done[ring], command.event_numbers[ring - 1])
        model.command(command)
    for ring, known in events.items():
        for event in known[done[ring] :]:
            model.event(event)
    for account in range(len(repeat.router.core.accounts) + 1):
        for asset in range(1, len(repeat.router.core.assets) + 1):
            told = repeat.router.core.ledger.balance(account, asset) or (0, 0)
            require(model.balance(account, asset) == told, f"I1: {(account, asset)} is {told}, the slow ledger differs")


def check_once(commands: Sequence[Command], events: Sequence[tuple[int, Event]]) -> None:
    """I3: an account's client id is accepted at most once, and an order of the log is reported once."""
    accepted: Counter[tuple[int, bytes]] = Counter()
    orders: Counter[int] = Counter()
    for _, event in events:
        if isinstance(event, Accepted):
            accepted[event.account, event.cl_ord_id] += 1
            orders[event.order_id] += 1
    require(not (twice := [key for key, count in accepted.items() if count > 1]), f"I3: accepted twice: {twice}")
    require(not (twice_told := [key for key, count in orders.items() if count > 1]), f"I3: told twice: {twice_told}")
    taken = Counter(
        (command.account, command.cl_ord_id)
        for command in commands
        if isinstance(command, NewOrder) and command.verdict == Code.OK
    )
    require(all(count == 1 for count in taken.values()), f"I3: sequenced twice: {taken.most_common(1)}")


def check_books(repeat: Repeat, events: Sequence[tuple[int, Event]]) -> None:
    """I4: books are whole, not crossed while they trade, and what their events say."""
    money = Money()
    for ring, event in events:
        money.apply(ring, event)
    money.settle()
    for number, matcher in repeat.matchers.items():
        matcher.book.check()
        consumer = money.orders.get(number)
        for instrument, terms in money.instruments.items():
            if terms.matcher != number:
                continue
            bids, asks = (matcher.book.shown(instrument, side) for side in (1, 2))
            if consumer is not None:
                require((bids, asks) == tuple(consumer.shown(instrument, side) for side in (1, 2)), "I4: other levels")
                trades = consumer.phases.get(instrument, Phase.CONTINUOUS) == Phase.CONTINUOUS
                require(not trades or not bids or not asks or bids[0][0] < asks[0][0], "I4: a book is crossed")


class Rows(Expected):
    """The rows that events should have left, in memory."""

    def __post_init__(self) -> None:
        self.all: dict[str, list[dict[str, Any]]] = {name: [] for name in TABLES}

    def send(self, name: str) -> None:
        self.all[name] += [dict(row) for row in self.rows[name]]
        self.rows[name].clear()

    def derive(self) -> None:
        trades = derived_rows.standing(self.all["trades"], self.all["corrections"])
        self.all["candles"] += derived_rows.candles(trades)
        scale_of = {number: row["scale"] for number, row in self.assets.items()}
        scales = {
            row["symbol"]: (scale_of[row["base_asset"]], scale_of[row["quote_asset"]])
            for row in self.instruments.values()
        }
        self.all["position_states"] += derived_rows.positions(trades, scales)


def rows_of(events: Iterable[tuple[int, Event]], commands: Iterable[Command] = ()) -> Rows:
    """The rows that these leave."""
    asked = (command for command in commands if command.type in COMMANDS)
    expected = Rows(None, asked, requests_seq=0)  # type: ignore[arg-type]
    for ring, event in events:
        expected.apply(ring, event)
    expected.finish()
    return expected


def check_database(
    tables: Mapping[str, Iterable[dict[str, Any]]],
    numbers: Sequence[int],
    events: Sequence[tuple[int, Event]],
    commands: Iterable[Command],
) -> None:
    """I5: each table has exactly the rows that the log's commands and events leave, up to the watermark."""
    expected = rows_of(((ring, event) for ring, event in events if event.number <= numbers[ring]), commands)
    for name, (key_size, columns) in TABLES.items():
        wanted = keyed(expected.all[name], key_size, columns)
        actual = keyed(tables[name], key_size, columns)
        for key in {*wanted, *actual}:
            require(wanted.get(key) == actual.get(key), f"I5: {name} {key}: {actual.get(key)}, not {wanted.get(key)}")


def keyed(rows: Iterable[dict[str, Any]], key_size: int, columns: Sequence[str]) -> dict[Any, dict[str, Any]]:
    return {tuple(row[column] for column in columns[:key_size]): {c: row[c] for c in columns} for row in rows}


def check_told(number: int, told: Mapping[str, ReportContent], repeat: Repeat, *, whole: bool) -> None:
    """I2, I7, I8: each report is of an event of the log, and says what that does; with `whole`, none is missing."""
    listed = {e.instrument: e for e in map(unpack_event, repeat.events[0]) if isinstance(e, InstrumentDefined)}
    owed = owed_to(number, repeat)
    for exec_id, report in told.items():
        if not exec_id[0].isdigit():  # a refusal by the gateway itself
            continue
        event = owed.get(exec_id)
        require(event is not None, f"I2: account {number} was told {report}, of which the log knows nothing")
        assert event is not None
        require(agrees(report, event, listed), f"I2: account {number} was told {report}, and the log has {event}")
    missing = [exec_id for exec_id in owed if exec_id not in told]
    require(not whole or not missing, f"I7: account {number} was never told {[owed[m] for m in missing[:3]]}")


def owed_to(number: int, repeat: Repeat) -> dict[str, Event]:
    """The reports that session `number` must get, by ExecID; of the api's orders, only what it asks for (LOG-31)."""
    found: dict[str, Event] = {}
    sides = {1: "B", 2: "S"}
    owner: dict[int, tuple[int, int, int]] = {}  # account, the session that is told, side
    for ring, event in repeat.ordered():
        match event:
            case Accepted():
                told = API_SESSION if event.session >= API_SESSION else event.account
                owner[event.order_id] = (event.account, told, event.side)
                if event.session == number:
                    found[f"{ring}-{event.number}-{sides[event.side]}"] = event
            case Traded():
                for order_id in (event.maker_order_id, event.taker_order_id):
                    _, told, side = owner[order_id]
                    if told == number:
                        found[f"{ring}-{event.number}-{sides[side]}"] = event
            case Cancelled() | Replaced() | Triggered() | Restated():
                account, told, side = owner[event.order_id]
                if isinstance(event, Replaced) and not event.header_flags & EventFlag.API:
                    told = account
                if isinstance(event, Cancelled) and 0 < event.session < API_SESSION:
                    told = event.session
                if told == number:
                    found[f"{ring}-{event.number}-{sides[side]}"] = event
            case Rejected(command=1 | 67) if event.session == number:
                found[f"{ring}-{event.number}-{sides[event.side]}"] = event
    return found


def agrees(report: ReportContent, event: Event, listed: Mapping[int, InstrumentDefined]) -> bool:
    match event:
        case Accepted():
            return (report.exec_type, report.order_id) == ("0", str(event.order_id)) and report.cl_ord_id.encode() == (
                event.cl_ord_id
            )
        case Traded():
            terms = listed[event.instrument]
            price = Decimal(event.price_ticks * terms.tick_mantissa).scaleb(-terms.price_scale)
            quantity = Decimal(event.quantity_lots * terms.lot_mantissa).scaleb(-terms.quantity_scale)
            orders = (str(event.maker_order_id), str(event.taker_order_id))
            return (
                report.exec_type in "F12" and report.order_id in orders
                and (Decimal(report.last_price), Decimal(report.last_quantity)) == (price, quantity)
            )  # fmt: skip
        case Cancelled():
            return report.exec_type in "4C" and report.order_id == str(event.order_id)
        case Replaced():
            return report.exec_type == "5" and report.cl_ord_id.encode() == event.cl_ord_id
        case Rejected():
            return report.exec_type == "8" and report.cl_ord_id.encode() == event.cl_ord_id
        case _:
            return report.exec_type == "D"


def check_market(trades: Mapping[tuple[int, int], tuple[str, str]], repeat: Repeat) -> None:
    """I8: each trade that was published is in the log, at that price."""
    events = repeat.ordered()
    listed = {event.instrument: event for _, event in events if isinstance(event, InstrumentDefined)}
    made = {(event.instrument, event.number): event for _, event in events if isinstance(event, Traded)}
    for key, (price, quantity) in trades.items():
        require(key in made, f"I8: trade {key} was told, and the log has none such")
        terms = listed[key[0]]
        right = (
            Decimal(made[key].price_ticks * terms.tick_mantissa).scaleb(-terms.price_scale),
            Decimal(made[key].quantity_lots * terms.lot_mantissa).scaleb(-terms.quantity_scale),
        )
        require((Decimal(price), Decimal(quantity)) == right, f"I8: trade {key} was told as {price}, {quantity}")


def check_state(router: Router, matchers: Mapping[int, Matcher], repeat: Repeat) -> None:
    """I6: who lives and who repeated the log have one state: ledger, ids, positions, and every queue of every book."""
    require(router.core.last_seq == repeat.router.core.last_seq, "I6: they are not at one sequence")
    require(router.core.state_hash() == repeat.router.core.state_hash(), "I6: the routers' states differ")
    for number, matcher in matchers.items():
        other = repeat.matchers[number].book
        due = {matcher.book.due_ns, other.due_ns}
        # Who has not looked again since the last order of a day has gone wants a tick that changes nothing.
        is_stale = min(due - {0}, default=1) % DAY_NS == 0
        require(len(due) == 1 or is_stale, f"I6: matcher {number} has something else due: {due}")
        for instrument in range(1, len(router.core.instruments) + 1):
            for side in (1, 2):
                mine, theirs = matcher.book.depth(instrument, side), other.depth(instrument, side)
                require(mine == theirs, f"I6: matcher {number}, instrument {instrument}: {mine}, repeated {theirs}")
                for price, _, _ in mine:
                    queues = (matcher.book.queue(instrument, side, price), other.queue(instrument, side, price))
                    require(queues[0] == queues[1], f"I6: matcher {number}: another queue at {price}")


__all__ = ["Corrected", "Repeat", "ReportContent"]
