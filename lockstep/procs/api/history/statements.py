"""What became of an account's balances in a span of time: what it had, each movement, what it had then.

A balance is the sum of what `requests`, `trades` and `corrections` say, all of them. Positions have the sums of all
trades, so a span is reckoned back from now: what it costs are the trades since its beginning. It counts what commands
up to the watermark's `complete_seq` caused, and nothing else: an exact place of the log.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Context, Decimal
from enum import IntEnum
from typing import Any, NamedTuple

from msgspec import Struct

from lockstep.procs.api.history import queries
from lockstep.procs.api.history.intervals import time_of, us_of
from lockstep.procs.api.history.pages import MOST_ROWS
from lockstep.procs.api.history.rows import Position, Read
from lockstep.procs.api.history.tables import History, Snapshot

EXACT = Context(prec=100)  # more digits than any sum has


class Kind(IntEnum):
    """What a movement is."""

    DEPOSIT = 0
    WITHDRAWAL = 1
    ADJUSTMENT = 2
    CORRECTION = 3
    TRADE = 4


class Sums(Struct):
    """An asset's part of a statement: opening + deposits - withdrawals + adjustments + corrections + bought - sold
    - fees = closing."""

    asset: str
    opening: Decimal = Decimal(0)
    deposits: Decimal = Decimal(0)
    withdrawals: Decimal = Decimal(0)
    adjustments: Decimal = Decimal(0)
    corrections: Decimal = Decimal(0)
    bought: Decimal = Decimal(0)
    sold: Decimal = Decimal(0)
    fees: Decimal = Decimal(0)
    closing: Decimal = Decimal(0)

    @property
    def moved(self) -> Decimal:
        """What the movements came to."""
        came = Decimal(0)
        for amount in (self.deposits, self.adjustments, self.corrections, self.bought):
            came = EXACT.add(came, amount)
        for amount in (self.withdrawals, self.sold, self.fees):
            came = EXACT.subtract(came, amount)
        return came


class Key(NamedTuple):
    """Where a movement is in their order; `side` tells the two of a trade with oneself apart, the purchase first."""

    time_us: int
    seq: int
    trade_id: int = 0
    side: int = 0


BEGINNING = Key(0, 0)


class Line(Struct, frozen=True):
    """What a movement did to one asset: the balance grew by `amount` - `fee`. `reference` is the client id of a
    request, or the number of a withdrawal that was paid."""

    key: Key
    kind: Kind
    asset: str
    amount: Decimal
    fee: Decimal = Decimal(0)
    symbol: str | None = None
    side: str | None = None
    price: Decimal | None = None
    quantity: Decimal | None = None
    trade_id: int | None = None
    order_id: int | None = None
    reference: str | None = None


# What moved money other than by trading. The index requests_money has these kinds.
MONEY = """
    SELECT
        CASE request WHEN 'DEPOSIT' THEN 0 WHEN 'ADJUSTMENT' THEN 2 ELSE 1 END AS kind, asset, amount, "time", seq,
        coalesce(approves::text, cl_ord_id) AS reference
    FROM requests
    WHERE target_id = %(account)s AND request IN ('DEPOSIT', 'WITHDRAWAL', 'ADJUSTMENT', 'WITHDRAWAL_DECISION')
    AND (request <> 'ADJUSTMENT' OR approves IS NOT NULL)
    AND (request <> 'WITHDRAWAL_DECISION' OR terms ->> 'step' = 'PAID') AND seq <= %(complete)s
"""
# How many of the times that cut it a row is not before; what the database does not have all of is behind them all.
PART = 'CASE WHEN seq <= %(complete)s THEN width_bucket("time", %(cuts)s) ELSE cardinality(%(cuts)s) END AS part'
MONEY_SUMS = f"SELECT asset, kind, {PART}, sum(amount) FROM ({MONEY}) AS m GROUP BY 1, 2, 3"
MAKER = """
    SELECT symbol, taker_side = 'SELL' AS is_buyer, price, quantity, price * quantity AS value, maker_fee AS fee,
        maker_order_id AS order_id, "time", seq, trade_id
    FROM trades WHERE maker_user_id = %(account)s AND "time" >= %(since)s
"""
TAKER = """
    SELECT symbol, taker_side = 'BUY' AS is_buyer, price, quantity, price * quantity AS value, taker_fee AS fee,
        taker_order_id AS order_id, "time", seq, trade_id
    FROM trades WHERE taker_user_id = %(account)s AND "time" >= %(since)s
"""
TRADE_SUMS = f"""
    SELECT symbol, is_buyer, {PART}, sum(quantity), sum(value), sum(fee) FROM ({MAKER} UNION ALL {TAKER}) AS t
    GROUP BY 1, 2, 3
"""
# Of trades that the database has: it may hear of a correction before its trade. A trade that is undone gives back its
# fees: those that it was made with, which its row has, and the request for the correction.
CORRECTIONS = """
    SELECT c.symbol, s.is_buyer, c.new_price IS NULL AS is_undone, c.price, c.new_price, c.quantity, c."time", c.seq,
        c.trade_id, CASE WHEN c.new_price IS NULL THEN coalesce(
            CASE WHEN s.is_buyer = (t.taker_side = 'BUY') THEN t.taker_fee ELSE t.maker_fee END,
            (r.terms ->> CASE WHEN s.is_buyer THEN 'buyer_fee' ELSE 'seller_fee' END)::numeric) ELSE 0 END AS fee
    FROM corrections AS c
    CROSS JOIN LATERAL (VALUES (true, c.buyer_id), (false, c.seller_id)) AS s (is_buyer, account)
    LEFT JOIN trades AS t ON t.matcher = c.matcher AND t.trade_id = c.trade_id
    LEFT JOIN requests AS r ON r.seq = c.seq
    WHERE s.account = %(account)s AND c.trade_id <= (%(numbers)s::bigint[])[c.matcher + 1]
"""
CORRECTION_SUMS = f"""
    SELECT symbol, is_buyer, is_undone, {PART}, sum(quantity), sum((price - coalesce(new_price, 0)) * quantity),
        sum(fee)
    FROM ({CORRECTIONS}) AS c GROUP BY 1, 2, 3, 4
"""
LISTED = """
    SELECT i.symbol, b.asset, q.asset FROM instruments AS i
    JOIN assets AS b ON b.id = i.base_asset
    JOIN assets AS q ON q.id = i.quote_asset
"""
SPAN = '"time" >= %(since)s AND "time" < %(until)s AND seq <= %(complete)s'
SIDE = "(CASE WHEN is_buyer THEN 0 ELSE 1 END)"
MONEY_LINES = f"""
    SELECT * FROM ({MONEY}) AS m WHERE {SPAN} AND seq > %(seq)s ORDER BY "time", seq LIMIT %(limit)s
"""
CORRECTION_LINES = f"""
    SELECT * FROM ({CORRECTIONS}) AS c WHERE {SPAN} AND (seq, trade_id, {SIDE}) > (%(seq)s, %(trade_id)s, %(side)s)
    ORDER BY "time", seq, is_buyer DESC LIMIT %(limit)s
"""
OF_SYMBOL = f"""
    (SELECT * FROM ({{}} AND symbol = s.symbol) AS t
    WHERE {SPAN} AND (seq, trade_id, {SIDE}) > (%(seq)s, %(trade_id)s, %(side)s)
    ORDER BY "time", seq, trade_id LIMIT %(limit)s)
"""
# By instrument, as the indexes of an account's trades are.
TRADE_LINES = f"""
    SELECT l.* FROM (
        SELECT symbol FROM position_states WHERE user_id = %(account)s
        UNION SELECT symbol FROM position_gaps WHERE user_id = %(account)s
    ) AS s CROSS JOIN LATERAL (
        {OF_SYMBOL.format(MAKER)} UNION ALL {OF_SYMBOL.format(TAKER)}
    ) AS l
    ORDER BY l."time", l.seq, l.trade_id, l.is_buyer DESC LIMIT %(limit)s
"""


class Movements(NamedTuple):
    """What an account has of each asset that it ever had, and what came before, between and behind some times."""

    now: dict[str, Decimal]
    parts: list[dict[str, Sums]]


async def statement(history: History, account: int, since_us: int, until_us: int) -> Read[Sums]:
    """An account's statement from a time on, before another: a row for each asset that it ever had.

    HistoryUnavailableError.
    """
    async with history.snapshot() as at:
        now, (_, within, after) = await movements(at, account, [since_us, until_us], await listed_assets(at))
        return Read([_closed(asset, now[asset], within, after) for asset in sorted(now)], at.at)


async def movements(at: Snapshot, account: int, cuts_us: list[int], listed: dict[str, tuple[str, str]]) -> Movements:
    """What moved an account's balances, in the parts of time that some times in their order make. Part 0 has no trades:
    what it costs are those since the first time. HistoryUnavailableError."""
    key = _key(at, account, cuts_us[0], cuts_us[-1]) | {"cuts": [time_of(cut) for cut in cuts_us]}
    parts: list[dict[str, Sums]] = [{} for _ in range(len(cuts_us) + 1)]
    now: dict[str, Decimal] = {}
    async for asset, kind, part, amount in at.each(_row, MONEY_SUMS, key):
        _add(now, asset, amount if kind != Kind.WITHDRAWAL else EXACT.minus(amount))
        _add_money(_of(parts[part], asset), kind, amount)
    async for row in at.each(Position, queries.POSITIONS, {"user_id": account, "symbol": None}):
        base, quote = listed[row.symbol]
        _add(now, base, Decimal(row.quantity))
        _add(now, quote, EXACT.subtract(Decimal(row.realised), Decimal(row.cost)))
    async for symbol, is_buyer, part, *sums in at.each(_row, TRADE_SUMS, key):
        of_base, of_quote = (_of(parts[part], asset) for asset in listed[symbol])
        _add_trades(of_base, of_quote, *sums, is_buyer=is_buyer)
    async for symbol, is_buyer, is_undone, part, *sums in at.each(_row, CORRECTION_SUMS, key):
        for asset, amount in zip(
            listed[symbol], _corrected(*sums, is_buyer=is_buyer, is_undone=is_undone), strict=True
        ):
            sums_of = _of(parts[part], asset)
            sums_of.corrections = EXACT.add(sums_of.corrections, amount)
    return Movements(now, parts)


async def lines(
    history: History, account: int, since_us: int, until_us: int, behind: Key = BEGINNING, limit: int = MOST_ROWS
) -> Read[Line]:
    """The lines of a statement, of at most `limit` movements, behind one: a trade has two, one for each asset.

    HistoryUnavailableError.
    """
    async with history.snapshot() as at:
        key = _key(at, account, max(since_us, behind.time_us), until_us)
        key |= {"seq": behind.seq, "trade_id": behind.trade_id, "side": behind.side, "limit": limit}
        listed = await listed_assets(at)
        moved = [_money_lines(*row) for row in await at.rows(_row, MONEY_LINES, key)]
        for symbol, *rest in await at.rows(_row, TRADE_LINES, key):
            moved.append(_trade_lines(symbol, *listed[symbol], *rest))
        for symbol, *rest in await at.rows(_row, CORRECTION_LINES, key):
            moved.append(_correction_lines(symbol, *listed[symbol], *rest))
        moved.sort(key=lambda some: some[0].key)
        return Read([line for some in moved[:limit] for line in some], at.at)


def _key(at: Snapshot, account: int, since_us: int, until_us: int) -> dict[str, Any]:
    return {
        "account": account, "since": time_of(since_us), "until": time_of(until_us), "complete": at.at.complete_seq,
        "numbers": list(at.at.numbers),
    }  # fmt: skip


async def listed_assets(at: Snapshot) -> dict[str, tuple[str, str]]:
    """Base and quote asset of each instrument."""
    return {symbol: (base, quote) for symbol, base, quote in await at.rows(_row, LISTED, {})}


def _closed(asset: str, now: Decimal, within: dict[str, Sums], after: dict[str, Sums]) -> Sums:
    """The row of an asset, reckoned back from what there is now."""
    made = _of(within, asset)
    made.closing = EXACT.subtract(now, _of(after, asset).moved)
    made.opening = EXACT.subtract(made.closing, made.moved)
    return made


def _of(part: dict[str, Sums], asset: str) -> Sums:
    return part.setdefault(asset, Sums(asset))


def _add(sums: dict[str, Decimal], asset: str, amount: Decimal) -> None:
    sums[asset] = EXACT.add(sums.get(asset, Decimal(0)), amount)


def _add_money(made: Sums, kind: int, amount: Decimal) -> None:
    if kind == Kind.DEPOSIT:
        made.deposits = EXACT.add(made.deposits, amount)
    elif kind == Kind.WITHDRAWAL:
        made.withdrawals = EXACT.add(made.withdrawals, amount)
    else:
        made.adjustments = EXACT.add(made.adjustments, amount)


def _add_trades(base: Sums, quote: Sums, quantity: Decimal, value: Decimal, fee: Decimal, *, is_buyer: bool) -> None:
    """A side's trades: what it receives is bought, and pays the fee."""
    (bought, brought), (sold, cost) = (
        ((base, quantity), (quote, value)) if is_buyer else ((quote, value), (base, quantity))
    )
    bought.bought = EXACT.add(bought.bought, brought)
    bought.fees = EXACT.add(bought.fees, fee)
    sold.sold = EXACT.add(sold.sold, cost)


def _corrected(
    quantity: Decimal, difference: Decimal, fee: Decimal, *, is_buyer: bool, is_undone: bool
) -> tuple[Decimal, Decimal]:
    """What a side gets back of base and quote asset: `difference` is what the trade was too dear by."""
    base = quantity if is_undone else Decimal(0)
    if is_buyer:
        return EXACT.subtract(fee, base), difference
    return base, EXACT.subtract(fee, difference)


def _money_lines(kind: int, asset: str, amount: Decimal, time: datetime, seq: int, reference: str | None) -> list[Line]:
    signed = -amount if kind == Kind.WITHDRAWAL else amount
    return [Line(Key(us_of(time), seq), Kind(kind), asset, signed, reference=reference)]


def _trade_lines(
    symbol: str, base: str, quote: str, is_buyer: bool, price: Decimal, quantity: Decimal, value: Decimal, fee: Decimal,
    order_id: int, time: datetime, seq: int, trade_id: int,
) -> list[Line]:  # fmt: skip
    key = Key(us_of(time), seq, trade_id, 0 if is_buyer else 1)
    of_trade = (symbol, "buy" if is_buyer else "sell", price, quantity, trade_id, order_id)
    nothing = Decimal(0)
    gets, pays = ((base, quantity), (quote, value)) if is_buyer else ((quote, value), (base, quantity))
    return [
        Line(key, Kind.TRADE, gets[0], gets[1], fee, *of_trade),
        Line(key, Kind.TRADE, pays[0], -pays[1], nothing, *of_trade),
    ]


def _correction_lines(
    symbol: str, base: str, quote: str, is_buyer: bool, is_undone: bool, price: Decimal, new_price: Decimal | None,
    quantity: Decimal, time: datetime, seq: int, trade_id: int, fee: Decimal,
) -> list[Line]:  # fmt: skip
    """`price` is the new one; none where the trade is undone."""
    key = Key(us_of(time), seq, trade_id, 0 if is_buyer else 1)
    difference = EXACT.multiply(EXACT.subtract(price, new_price or Decimal(0)), quantity)
    amounts = _corrected(quantity, difference, fee, is_buyer=is_buyer, is_undone=is_undone)
    of_trade = (Decimal(0), symbol, "buy" if is_buyer else "sell", new_price, quantity, trade_id)
    return [
        Line(key, Kind.CORRECTION, asset, amount, *of_trade)
        for asset, amount in zip((base, quote), amounts, strict=True)
        if amount
    ]


def _row(*values: Any) -> tuple[Any, ...]:
    return values
