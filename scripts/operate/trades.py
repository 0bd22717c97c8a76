"""`lockstep bust` and `lockstep correct`: what undoes a trade, or changes its price.

The trade is taken from PostgreSQL, and repeated in the record: the log keeps no list of trades that could be asked.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import psycopg
from cyclopts import Parameter
from psycopg.rows import dict_row

from config.schema import Config
from procs.batcher import database
from scripts.operate.amounts import lots_of, price_text, ticks_of, units_of
from scripts.operate.channel import Outcome
from scripts.operate.command import Context, Options, Request, Said, Symbol, carry_out
from scripts.terminal import DEMO, ConfigPath, UsageError, load
from shm.board import Word
from shm.records import MAX_MATCHERS, Correction

CONNECT_TIMEOUT_S = 10
QUERY = """
    SELECT matcher::text, trim_scale(original_price)::text AS price, trim_scale(quantity)::text AS quantity,
           buyer_id, seller_id, trim_scale(buyer_fee)::text AS buyer_fee, trim_scale(seller_fee)::text AS seller_fee
    FROM settled_trades WHERE matcher = ANY(%s) AND trade_id = %s AND symbol = %s
"""

Matcher = Annotated[
    int | None, Parameter(help="Which matcher's trade, where an instrument has moved and two have such a number.")
]
Trade = Annotated[int, Parameter(help="The trade's number, as market data and PostgreSQL have it.")]


def bust(symbol: Symbol, trade: Trade, config: ConfigPath = DEMO, *, matcher: Matcher = None, options: Options) -> int:
    """Undo a trade: both sides get back what they gave, fees included. Possible once.

    Refused where the account of one of them no longer has what it would have to give back.

    Example: lockstep bust BTCUSDT 4711 --operator OPERATOR1

    Exit codes: 0 done; 1 refused, nothing changed; 2 the command line is wrong; 3 sent, and the outcome is unknown.
    """
    return carry_out(config, options, lambda context: _request(context, config, symbol, (trade, matcher), None))


def correct(
    symbol: Symbol,
    trade: Trade,
    config: ConfigPath = DEMO,
    *,
    price: Annotated[str, Parameter(help="The price that it should have had.")],
    matcher: Matcher = None,
    options: Options,
) -> int:
    """Change the price of a trade: the difference goes from one side to the other, and fees stay. Possible once.

    Example: lockstep correct BTCUSDT 4711 --price 60100.50 --operator OPERATOR1

    Exit codes: 0 done; 1 refused, nothing changed; 2 the command line is wrong; 3 sent, and the outcome is unknown.
    """
    return carry_out(config, options, lambda context: _request(context, config, symbol, (trade, matcher), price))


def _request(context: Context, config: Path, symbol: str, named: tuple[int, int | None], price: str | None) -> Request:
    instrument = context.directory.instrument(symbol)
    new_price_ticks = 0 if price is None else ticks_of(instrument, price)
    if price is not None and new_price_ticks <= 0:
        raise UsageError(f"{price} is not above zero")
    trade, matcher = named
    row = _trade(context, load(config), symbol, trade, matcher)
    base, quote = (
        context.directory.name_of_asset(asset)[0] for asset in (instrument.base_asset, instrument.quote_asset)
    )
    command = Correction(
        instrument=instrument.instrument,
        buyer=int(row["buyer_id"]),
        seller=int(row["seller_id"]),
        matcher=int(row["matcher"]),
        trade_id=trade,
        price_ticks=ticks_of(instrument, row["price"]),
        quantity_lots=lots_of(instrument, row["quantity"]),
        new_price_ticks=new_price_ticks,
        buyer_fee=units_of(context.directory, base, row["buyer_fee"]),
        seller_fee=units_of(context.directory, quote, row["seller_fee"]),
    )
    sides = (
        f"{context.directory.name_of_account(command.buyer)} from {context.directory.name_of_account(command.seller)}"
    )
    what = f"trade {trade} of {symbol}, {row['quantity']} at {row['price']}, bought by {sides}"
    details: dict[str, object] = {"symbol": symbol, "trade": trade, "matcher": command.matcher}
    if new_price_ticks:
        details["price"] = price_text(instrument, new_price_ticks)

    def said(outcomes: Sequence[Outcome]) -> Said:
        done = f"has the price {details['price']}" if new_price_ticks else "is undone"
        return Said(f"{what}, {done}; log record {outcomes[0].seq}", details)

    fees = f"fees {row['buyer_fee']} {base} and {row['seller_fee']} {quote}"
    question = f"Give {what} the price {price}?" if price else f"Undo {what}, {fees}?"
    return Request([command], said, question)


def _trade(context: Context, config: Config, symbol: str, trade: int, matcher: int | None) -> dict[str, str]:
    """The trade's row. UsageError where PostgreSQL has none such, or can't be asked."""
    url = database.url(config, Path(config.venue.data))
    matchers = list(range(1, MAX_MATCHERS + 1)) if matcher is None else [matcher]
    try:
        with psycopg.connect(url, connect_timeout=CONNECT_TIMEOUT_S, row_factory=dict_row) as connection:
            rows = connection.execute(QUERY, [matchers, trade, symbol]).fetchall()
    except psycopg.Error as error:
        raise UsageError(f"the trade can't be looked up in PostgreSQL: {error}") from None
    if not rows:
        board = context.venue.board
        has, end = board.get(Word.DATABASE_SEQ), board.get(Word.DURABLE_SEQ)
        raise UsageError(
            f"PostgreSQL has no trade {trade} of {symbol}; it has what log records up to {has:,} of {end:,} caused"
        )
    if len(rows) > 1:
        found = ", ".join(row["matcher"] for row in rows)
        raise UsageError(f"matchers {found} each have a trade {trade} of {symbol}: say which with --matcher")
    return rows[0]
