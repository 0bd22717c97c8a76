"""`lockstep at`: a venue as it was just after one command, and why that was refused, from its snapshots and journal.

It replays in this process; a running venue is unaffected.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter, validators

from lockstep.cli.at import moment, refused_at_gateway, why
from lockstep.cli.at.moment import Request, Retained
from lockstep.cli.at.refused_at_gateway import TurnedAway
from lockstep.cli.errors import UsageError
from lockstep.cli.progress import Progress
from lockstep.cli.state import listing_of
from lockstep.cli.terminal import DEFAULT_CONFIG, EXIT_OK, Json, console, fail, load, print_json, table
from lockstep.config.schema import Config
from lockstep.core.diagnostics.counts import counted
from lockstep.core.intake.codes import TABLE
from lockstep.core.journal.journal import JournalError
from lockstep.core.operations.formatting import Names, of_command, of_event, time_text
from lockstep.core.operations.moments import (
    BalanceThen,
    BookThen,
    CommandThen,
    LevelThen,
    Moment,
    OrderThen,
    RefusalThen,
)
from lockstep.core.operations.questions import LookBack
from lockstep.core.recovery import inspection
from lockstep.core.recovery.replay import CoreReplayError, ReplayedCore
from lockstep.core.recovery.snapshot_catalog import choose
from lockstep.core.schema.alphabet import shown
from lockstep.core.schema.layout import unpack_event
from lockstep.core.schema.records import Code, Command, CommandType, Event, OrderType, Phase, Rejected, Side
from lockstep.core.venue.topology import derive
from lockstep.procs.gateway.store_reader import StoreCorrupt


def at(
    when: Annotated[
        str | None, Parameter(help="A sequence of the log, or a time (UTC): 2026-01-31T12:00:00.5Z.")
    ] = None,
    config: Annotated[
        Path | None, Parameter(help=f"The venue's configuration file; {DEFAULT_CONFIG} if left out.")
    ] = None,
    *,
    order: Annotated[int | None, Parameter(help="Just after this order came in, by its order id.")] = None,
    client_id: Annotated[
        tuple[str, str] | None,
        Parameter(help="Just after this account sent this client order id: --client-id TRADER1 abc."),
    ] = None,
    account: Annotated[str | None, Parameter(help="Show this account's balances and open orders too.")] = None,
    symbol: Annotated[str | None, Parameter(help="Show this instrument's book too.")] = None,
    depth: Annotated[int, Parameter(validator=validators.Number(gte=0), help="Levels of a book's side.")] = 10,
    json: Json = False,
) -> int:
    """Show the venue just after one command: the command, its outcome, why it was refused, the book of its instrument,
    its account's balances and open orders.

    A time means the last command until then. Balances include everything that the command led to; the figures behind a
    refusal are those the router knew when it decided. A client order id that is not in the log is looked up among what
    the gateways refused themselves.

    Examples: lockstep at 4711; lockstep at 2026-01-31T12:00:00Z; lockstep at --client-id TRADER1 my-order-7

    Exit codes: 0 it is shown; 1 the journal can't be read or replayed; 2 there is no such command, or the command line
    or the configuration is wrong.
    """
    if (order is not None or client_id is not None) and when is not None and config is None:
        config, when = Path(when), None
    if (when is not None) + (order is not None) + (client_id is not None) != 1:
        raise UsageError("name one command: a sequence, a time, --order ID or --client-id ACCOUNT ID")
    loaded = load(config or DEFAULT_CONFIG, secrets=False)
    asked = LookBack(when, order, client_id, account, symbol, depth)
    try:
        found = look_back(loaded, Path(loaded.venue.data), asked)
    except (JournalError, CoreReplayError, StoreCorrupt, OSError) as error:
        return fail(str(error), json=json)
    if json:
        print_json(found)
    elif isinstance(found, TurnedAway):
        refused_at_gateway.show(found)
    else:
        _print(found)
    return EXIT_OK


def look_back(config: Config, data: Path, asked: LookBack) -> Moment | TurnedAway:
    """What `asked` is about: the venue just after a command, or what a gateway refused itself.

    UsageError, JournalError, CoreReplayError, StoreCorrupt, OSError.
    """
    notes: list[str] = []
    kept = moment.retained(data)
    if asked.client_id is not None:
        number = moment.account_number(config, data, asked.client_id[0], kept)
        try:
            seq, others = moment.of_client_id(number, *asked.client_id, kept)
        except UsageError:
            refused = refused_at_gateway.turned_away(data, *asked.client_id)
            if refused is None:
                raise
            return refused
        notes += [f"the same client order id is in record {other}, too" for other in others]
    else:
        seq = moment.of_text(asked.when or "", kept) if asked.order is None else moment.of_order(asked.order, kept)
    return look_at(config, data, kept, seq, (asked.account, asked.symbol), asked.depth, notes)


def look_at(
    config: Config, data: Path, kept: Retained, seq: int, also: tuple[str | None, str | None], depth: int,
    notes: list[str],
) -> Moment:  # fmt: skip
    """The venue just after the request that record `seq` belongs to. UsageError, JournalError, CoreReplayError."""
    request = moment.request_at(seq, kept)
    command = request.command
    if command.seq != seq:
        notes.append(f"record {seq} is an extension of record {command.seq}, which is shown")
    chosen = choose(data, derive(config).core_agents, request.first - 1)
    notes += chosen.passed_over
    if chosen.start.seq + 1 < kept.first:
        oldest = moment.oldest_reachable(data, kept)
        raise UsageError(f"record {seq:,} lies before what is retained: the state can be known from {oldest:,} on")
    replay = ReplayedCore(config, data, chosen.start, command.seq)
    skim = inspection.Skim(replay.consumers.values(), request.first)
    with Progress("replaying", command.seq - chosen.start.seq, "records") as progress:
        while replay.position < command.seq:
            replay.step()
            skim.step()
            progress.show(replay.position - chosen.start.seq)
    case = why.Case(command, request.extensions, replay.router.core, Names.of_state(replay.router.core))
    refused = _refusal_of_router(case)
    while not replay.is_complete or skim.step():
        replay.step()
    events = [event for record in skim.events if _belongs(event := unpack_event(record), request)]
    return Moment(
        _asked(command, request, case.names),
        [f"{of_event(event, case.names)} (event {event.number})" for event in events],
        refused or _refusal_of_matcher(case, events, replay),
        _books(command, also[1], replay, case.names, depth),
        _balances(command, also[0], replay, case.names),
        _orders(command, also[0], replay, case.names),
        notes,
        chosen.start.seq,
        command.seq - chosen.start.seq,
    )


def _belongs(event: Event, request: Request) -> bool:
    return request.first <= event.cause <= request.command.seq


def _asked(command: Command, request: Request, names: Names) -> CommandThen:
    return CommandThen(
        command.seq,
        CommandType(command.type).name,
        time_text(command.time_ns),
        command.epoch,
        of_command(command, request.extensions, names),
        Code(getattr(command, "verdict", Code.OK)).name,
    )


def _refusal_of_router(case: why.Case) -> RefusalThen | None:
    code = Code(getattr(case.command, "verdict", Code.OK))
    if code == Code.OK:
        return None
    return _refusal("the router", code, why.figures(code, case))


def _refusal_of_matcher(case: why.Case, events: list[Event], replay: ReplayedCore) -> RefusalThen | None:
    found = next((event for event in events if isinstance(event, Rejected)), None)
    if found is None:
        return None
    code, instrument = Code(found.code), found.instrument
    if code in (Code.ORDER_CLOSED, Code.QUANTITY_BELOW_FILLED):
        return _refusal("the matcher", code, why.figures(Code.ORDER_CLOSED, case))
    matcher = case.names.instruments[instrument].matcher
    book = replay.matchers[matcher].book
    best = {}
    for side, label in ((Side.BUY, "best bid"), (Side.SELL, "best ask")):
        levels = book.depth(instrument, side)
        best[label] = case.names.price(instrument, levels[0][0]) if levels else "none"
    listing = inspection.listing_of(book, instrument)
    return _refusal(f"matcher {matcher}", code, why.of_matcher(code, case.command, listing, case.names, best))


def _refusal(by: str, code: Code, figures: dict[str, str]) -> RefusalThen:
    row = TABLE[code]
    return RefusalThen(by, code.name, int(code), row.meaning, row.remedy, figures)


def _books(command: Command, symbol: str | None, replay: ReplayedCore, names: Names, depth: int) -> list[BookThen]:
    numbers = [int(getattr(command, "instrument", 0))]
    if symbol is not None:
        known = {listed.symbol: number for number, listed in names.instruments.items()}
        if symbol not in known:
            raise UsageError(f"there was no instrument {symbol} then; there were {', '.join(known) or 'none'}")
        numbers.append(known[symbol])
    return [_book(number, replay, names, depth) for number in dict.fromkeys(numbers) if number in names.instruments]


def _book(instrument: int, replay: ReplayedCore, names: Names, depth: int) -> BookThen:
    owner, listing = listing_of(replay, instrument)
    if not listing:
        return BookThen(names.symbol(instrument), "not listed yet", 0, "", "", [], [])
    book = replay.matchers[owner].book
    sides = []
    for side in (Side.BUY, Side.SELL):
        shown = dict(book.shown(instrument, side)) if depth else {}
        sides.append(
            [
                LevelThen(names.price(instrument, price), names.quantity(instrument, lots),
                      names.quantity(instrument, shown[price]), orders)
                for price, lots, orders in book.depth(instrument, side)[:depth]
            ]
        )  # fmt: skip
    last, reference = (listing[name] for name in ("last_ticks", "reference_ticks"))
    return BookThen(
        names.symbol(instrument), Phase(listing["phase"]).name, owner,
        names.price(instrument, last) if last else "", names.price(instrument, reference) if reference else "", *sides,
    )  # fmt: skip


def _accounts(command: Command, also: str | None, names: Names) -> list[int]:
    numbers = [command.account, int(getattr(command, "target", 0)), getattr(command, "buyer", 0),
               getattr(command, "seller", 0)]  # fmt: skip
    if also is not None:
        known = {name: number for number, name in names.accounts.items()}
        if also not in known:
            raise UsageError(f"there was no account {also} then")
        numbers.append(known[also])
    return [number for number in dict.fromkeys(numbers) if number in names.accounts]


def _balances(command: Command, also: str | None, replay: ReplayedCore, names: Names) -> list[BalanceThen]:
    found = []
    for account in _accounts(command, also, names):
        for asset, (name, _) in names.assets.items():
            balance = replay.router.core.ledger.balance(account, asset)
            if balance is not None:
                free, held = (names.units(asset, units) for units in balance)
                found.append(BalanceThen(names.account(account), name, free, held))
    return found


def _orders(command: Command, also: str | None, replay: ReplayedCore, names: Names) -> list[OrderThen]:
    found = inspection.orders_of(replay.router.core.ledger, _accounts(command, also, names))
    return [_order(order, names) for order in found]


def _order(order: dict[str, Any], names: Names) -> OrderThen:
    instrument = order["instrument"]
    quantity, leaves = (names.quantity(instrument, order[name]) for name in ("quantity", "leaves"))
    if order["is_budget"]:
        quote = names.instruments[instrument].quote
        quantity, leaves = (names.amount(quote, order[name]) for name in ("quantity", "leaves"))
    return OrderThen(
        order["order_id"], shown(order["cl_ord_id"]), names.account(order["account"]), names.symbol(instrument),
        Side(order["side"]).name, OrderType(order["ord_type"]).name, names.price(instrument, order["price_ticks"]),
        quantity, leaves, order["is_idle"],
    )  # fmt: skip


def _print(view: Moment) -> None:
    out = console()
    asked = view.command
    out.print(f"record {asked.seq:,} at {asked.time}, epoch {asked.epoch}", markup=False)
    out.print(f"  {asked.words}", markup=False, soft_wrap=True)
    for event in view.events:
        out.print(f"  {event}", markup=False, soft_wrap=True)
    if view.refusal:
        refusal = view.refusal
        out.print(f"\nrefused by {refusal.by}: {refusal.code} ({refusal.number}): {refusal.meaning}; {refusal.remedy}",
                  style="red", markup=False, soft_wrap=True)  # fmt: skip
        for name, value in refusal.figures.items():
            out.print(f"  {name}: {value}", markup=False, soft_wrap=True)
    for book in view.books:
        last = f", last trade at {book.last_price}" if book.last_price else ""
        rows = table(
            f"\n{book.symbol}: {book.phase}{last}", "orders>", "quantity>", "bid>", "ask", "quantity>", "orders>"
        )
        for number in range(max(len(book.bids), len(book.asks))):
            bid = book.bids[number] if number < len(book.bids) else None
            ask = book.asks[number] if number < len(book.asks) else None
            left = (str(bid.orders), _quantity(bid), bid.price) if bid else ("", "", "")
            right = (ask.price, _quantity(ask), str(ask.orders)) if ask else ("", "", "")
            rows.add_row(*left, *right)
        out.print(rows)
    if view.balances:
        rows = table("\nbalances", "account", "asset", "free>", "held>")
        for each in view.balances:
            rows.add_row(each.account, each.asset, each.free, each.held)
        out.print(rows)
    if view.orders:
        rows = table("\nopen orders", "order>", "client id", "account", "instrument", "side", "type", "price>",
                     "quantity>", "open>")  # fmt: skip
        for order in view.orders:
            kind = f"{order.type}, waits" if order.waits else order.type
            rows.add_row(str(order.order_id), order.cl_ord_id, order.account, order.symbol, order.side, kind,
                         order.price, order.quantity, order.open)  # fmt: skip
        out.print(rows)
    for note in view.notes:
        out.print(f"note: {note}", markup=False, soft_wrap=True)
    begun = f"the snapshot at {view.snapshot:,}" if view.snapshot else "the journal's beginning"
    out.print(f"\nfrom {begun} and {counted(view.replayed, 'record')} behind it")


def _quantity(level: LevelThen) -> str:
    return level.quantity if level.shown == level.quantity else f"{level.quantity} ({level.shown} shown)"
