"""An account's orders, fills and positions, whole: what memory has, joined to what PostgreSQL has of before.

Memory has every open order, and the last that were closed; the database has all up to its watermark. Where both have a
row, memory's is the later one. As long as memory has forgotten nothing the database is not asked.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from lockstep.procs.api.errors import DeclinedError, Reason
from lockstep.procs.api.history.average_cost import AverageCost
from lockstep.procs.api.history.pages import pages
from lockstep.procs.api.history.rows import Fill, Order, Position, Read
from lockstep.procs.api.history.tables import NOTHING, TradeKey
from lockstep.procs.api.parts import parts
from lockstep.procs.api.read.pages import Page
from lockstep.procs.api.read.past import Past
from lockstep.procs.api.read.row_views import archived_fill, archived_order, archived_position
from lockstep.procs.api.read.shown import Shown
from lockstep.procs.api.read.views import FillView, OrderView, SymbolView

ROWS_A_TURN = 100  # that are made views of before others have their turn in the loop
Row = TypeVar("Row")
View = TypeVar("View")


class Archive:
    """The join."""

    def __init__(self, shown: Shown, past: Past) -> None:
        self._shown = shown
        self._past = past

    async def order(self, account: int, order_id: int, client_order_id: bytes | None) -> OrderView | None:
        """The account's order of an id, or, with 0, of a client id; None if it has none. DeclinedError."""
        found = self._shown.find(account, order_id, client_order_id)
        if found is not None or not self._shown.forgotten_seq():
            return found
        if order_id or client_order_id is None:
            read = await self._past.ask(lambda history: history.order(account, order_id, with_value=True))
        else:
            named = client_order_id.decode()
            read = await self._past.ask(lambda history: history.order_by_client_id(account, named, with_value=True))
        found = self._shown.find(account, order_id, client_order_id)
        if found is not None:
            return found
        _check(read, self._shown.forgotten_seq())
        return self._order(read.rows[0]) if read.rows else None

    async def first_of_list(self, account: int, list_id: int, name: bytes | None) -> OrderView | None:
        """The first order of the account's list of a number, or, with 0, of its newest one that is called so: by its
        client, or by the client id of an order. None if it has none. DeclinedError."""
        if list_id or name is None:
            return await self.order(account, list_id, None)
        known = self._shown.list_called(account, name)
        if known:
            return await self.order(account, known, None)
        if self._shown.forgotten_seq():
            called = name.decode()
            read = await self._past.ask(lambda history: history.order_by_list_name(account, called, with_value=True))
            _check(read, self._shown.forgotten_seq())
            if read.rows:
                return self._order(read.rows[0])
        return await self.order(account, 0, name)

    async def orders(self, account: int, symbol: SymbolView, instrument: int, page: Page) -> Sequence[OrderView]:
        """A page of the account's orders in an instrument, by id. DeclinedError."""
        views, forgotten = self._shown.orders(account, instrument, page)
        if not forgotten:
            return views
        read = await self._past.ask(
            lambda history: history.orders(
                account, symbol.symbol.decode(), first=page.first, since_us=page.since_us, until_us=page.until_us,
                limit=page.limit, with_values=True,
            )
        )  # fmt: skip
        joined = {view.order_id: view for view in await _viewed(read.rows, self._order)}
        views, forgotten = self._shown.orders(account, instrument, page)  # as they are now, and not before the question
        _check(read, forgotten)
        joined |= {view.order_id: view for view in views}
        return page.cut([joined[order_id] for order_id in sorted(joined)])

    async def fills(
        self, account: int, symbol: SymbolView, instrument: int, order_id: int, page: Page
    ) -> Sequence[FillView]:
        """A page of the account's fills in an instrument, of an order or of all (0). DeclinedError."""
        views, _, forgotten = self._shown.fills(account, instrument, order_id, page)
        if not forgotten:
            return views
        read = await self._fills(account, symbol.symbol.decode(), order_id, page)
        joined = {_key(view): view for view in await _viewed(read.rows, lambda row: archived_fill(row, symbol))}
        views, undone, forgotten = self._shown.fills(account, instrument, order_id, page)
        _check(read, forgotten)
        joined |= {_key(view): view for view in views}
        for view in undone:
            joined.pop(_key(view), None)
        return page.cut([joined[key] for key in sorted(joined)])

    async def positions(self, account: int, symbol: SymbolView | None = None) -> dict[int, AverageCost]:
        """The account's positions by instrument, in one or in all: the database's, and memory's fills behind it, added
        in their order. DeclinedError."""
        named = None if symbol is None else symbol.symbol.decode()
        return await self._past.ask_until(
            lambda history: history.positions(account, named), lambda read: self._positions(account, named, read)
        )

    def _positions(self, account: int, named: str | None, read: Read[Position]) -> dict[int, AverageCost] | None:
        fills = self._shown.fills_behind(account, read.at.numbers, read.at.complete_seq)
        if fills is None:
            return None
        found: dict[int, AverageCost] = {}
        for row in read.rows:
            instrument = self._shown.instrument(row.symbol.encode())
            if instrument:  # else the database has heard of it before we did
                found[instrument] = archived_position(row, self._shown.symbol(instrument))
        wanted = None if named is None else self._shown.instrument(named.encode())
        for instrument, quantity, money in fills:
            if wanted is None or instrument == wanted:
                found.setdefault(instrument, AverageCost()).fill(quantity, money)
        return dict(sorted(found.items()))

    async def _fills(self, account: int, symbol: str, order_id: int, page: Page) -> Read[Fill]:
        if not order_id:
            return await self._past.ask(
                lambda history: history.fills(
                    account, symbol, first=page.first, since_us=page.since_us, until_us=page.until_us,
                    limit=page.limit,
                )
            )  # fmt: skip

        async def ask(first: TradeKey, limit: int) -> Read[Fill]:
            return await self._past.ask(
                lambda history: history.fills_of_order(account, order_id, first=first, limit=limit)
            )

        reads = [read async for read in pages(ask, NOTHING, lambda row: (row.seq, row.trade_id + 1))]
        rows = [row for read in reads for row in read.rows if row.symbol == symbol and row.trade_id >= page.first]
        return Read([row for row in rows if _is_in(page, row)], reads[0].at)

    def _order(self, row: Order) -> OrderView:
        return archived_order(row, self._shown.symbol(self._shown.instrument(row.symbol.encode())))


async def _viewed(rows: Sequence[Row], made: Callable[[Row], View]) -> list[View]:
    views: list[View] = []
    async for part in parts(rows, ROWS_A_TURN):
        views += map(made, part)
    return views


def _check(read: Read[Row], forgotten: int) -> None:
    """That nothing lies between what the database had and what memory has. DeclinedError."""
    if read.at.complete_seq < forgotten:
        raise DeclinedError(Reason.HISTORY_BEHIND)


def _key(fill: FillView) -> tuple[int, int, bool, int]:
    """It is unique, and puts fills into their order; a trade with oneself has two, the buyer's first."""
    return fill.seq, fill.trade_id, not fill.is_buyer, fill.order_id


def _is_in(page: Page, row: Fill) -> bool:
    return page.begin_ns <= row.time_us * 1000 <= page.end_ns
