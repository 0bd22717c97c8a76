"""`lockstep trades`: an instrument's trades with the numbers by which they are busted or corrected, from PostgreSQL."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import psycopg
from cyclopts import Parameter, validators
from psycopg.rows import args_row

from lockstep.cli.terminal import DEFAULT_CONFIG, EXIT_OK, ConfigPath, Json, console, fail, load, print_json, table
from lockstep.config.schema import Config
from lockstep.core.operations.questions import LastTrades, TradeMade
from lockstep.procs.batcher import database

MAX_ROWS = 1000
STATEMENT_S = 20
TRADES = """
    SELECT t.matcher, t.trade_id, (extract(epoch FROM t."time") * 1000)::bigint, t.symbol,
        coalesce(c.new_price, t.price)::text, t.quantity::text, buyer.username, seller.username, lower(t.taker_side),
        CASE WHEN c.trade_id IS NULL THEN 'standing' WHEN c.new_price IS NULL THEN 'busted' ELSE 'corrected' END, t.seq
    FROM trades AS t
    LEFT JOIN corrections AS c ON c.matcher = t.matcher AND c.trade_id = t.trade_id
    JOIN users AS buyer ON buyer.id = CASE t.taker_side WHEN 'BUY' THEN t.taker_user_id ELSE t.maker_user_id END
    JOIN users AS seller ON seller.id = CASE t.taker_side WHEN 'BUY' THEN t.maker_user_id ELSE t.taker_user_id END
    WHERE t.symbol = %(symbol)s AND (%(until)s::timestamptz IS NULL OR t."time" <= %(until)s)
    AND (%(account)s = '' OR %(account)s IN (buyer.username, seller.username))
    ORDER BY t."time" DESC, t.seq DESC, t.trade_id DESC LIMIT %(limit)s
"""


def trades(
    symbol: Annotated[str, Parameter(help="The instrument.")],
    config: ConfigPath = DEFAULT_CONFIG,
    *,
    account: Annotated[str, Parameter(help="Only those of this account.")] = "",
    until: Annotated[str, Parameter(help="Only those up to this time (UTC), as 2026-11-23T18:40.")] = "",
    limit: Annotated[int, Parameter(validator=validators.Number(gte=1, lte=MAX_ROWS), help="How many at most.")] = 50,
    json: Json = False,
) -> int:
    """Show an instrument's trades, the newest first, with the numbers that bust and correct take.

    They come from PostgreSQL, which may be a moment behind.

    Examples: lockstep trades BTCUSDT; lockstep trades BTCUSDT --account TRADER1 --until 2026-11-23T18:40 --json

    Exit codes: 0 shown; 1 the database can't be asked; 2 the command line or the configuration is wrong.
    """
    from lockstep.cli.export import time_of

    loaded = load(config, secrets=False)
    until_ms = int(time_of(until).timestamp() * 1000) if until else None
    try:
        found = last_trades(loaded, LastTrades(symbol, account, until_ms, limit))
    except (database.UnavailableError, psycopg.Error) as error:
        return fail(f"database: {str(error).strip()}", json=json)
    if json:
        print_json(found)
        return EXIT_OK
    shown = table("", "trade>", "matcher>", "time (UTC)", "price>", "quantity>", "buyer", "seller", "state", "record>")
    for each in found:
        when = datetime.fromtimestamp(each.when / 1000, UTC)
        shown.add_row(
            str(each.trade), str(each.matcher), f"{when:%Y-%m-%d %H:%M:%S}.{each.when % 1000:03}", each.price,
            each.quantity, each.buyer, each.seller, each.state, str(each.record),
        )  # fmt: skip
    console().print(shown)
    return EXIT_OK


def last_trades(config: Config, wanted: LastTrades) -> list[TradeMade]:
    """The newest trades that are wanted. UnavailableError, psycopg.Error."""
    until = None if wanted.until is None else datetime.fromtimestamp(wanted.until / 1000, UTC)
    given = {"symbol": wanted.symbol, "account": wanted.account, "until": until, "limit": wanted.limit}
    with (
        database.started(config) as url,
        psycopg.connect(url, connect_timeout=database.CONNECT_TIMEOUT_S) as connection,
        connection.cursor(row_factory=args_row(TradeMade)) as cursor,
    ):
        connection.execute(f"SET statement_timeout = '{STATEMENT_S}s'".encode())
        return cursor.execute(TRADES.encode(), given).fetchall()
