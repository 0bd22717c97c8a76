"""`/v1/statements`: what became of balances in a span of time, exact to the smallest unit; JSON and CSV."""

from __future__ import annotations

import re
from collections.abc import Iterable
from decimal import Decimal
from typing import Annotated, Any

from litestar import Controller, Request, Response, get
from litestar.params import Parameter
from msgspec import Struct, structs

from lockstep.core.schema.decimals import decimal
from lockstep.procs.api.history import csv
from lockstep.procs.api.history.pages import pages
from lockstep.procs.api.history.rows import Read
from lockstep.procs.api.history.statements import BEGINNING, EXACT, Key, Line, Sums, lines, statement
from lockstep.procs.api.moments import LATEST_MS
from lockstep.procs.api.v1.caller import Caller, Services, address_of
from lockstep.procs.api.v1.downloads import CSV
from lockstep.procs.api.v1.orders import Limit
from lockstep.procs.api.v1.problems import invalid

US = 1000  # of a millisecond
CURSOR = re.compile(r"([0-9]{1,16})\.([0-9]{1,19})\.([0-9]{1,19})\.([01])")

Since = Annotated[int, Parameter(query="from", ge=0, le=LATEST_MS, description="milliseconds since 1970")]
Until = Annotated[int | None, Parameter(query="to", ge=0, le=LATEST_MS, description="before this; left out: now")]
Cursor = Annotated[str | None, Parameter(max_length=64, description="`next` of the page before")]


class AssetSums(Struct, frozen=True):
    """opening + deposits - withdrawals + adjustments + corrections + bought - sold - fees = closing."""

    asset: str
    opening: str
    deposits: str
    withdrawals: str
    adjustments: str
    corrections: str
    bought: str
    sold: str
    fees: str
    closing: str


class Statement(Struct, frozen=True, rename={"since": "from", "until": "to"}):
    """From a time on, before another; it counts what commands up to `seq` of the log have caused."""

    account: str
    since: int
    until: int
    seq: int
    assets: list[AssetSums]


class LineShown(Struct, frozen=True):
    """What a movement did to one asset: its balance grew by `amount` - `fee`. A trade has two lines."""

    time: int
    seq: int
    kind: str
    asset: str
    amount: str
    fee: str
    symbol: str | None
    side: str | None
    price: str | None
    quantity: str | None
    trade_id: int | None
    order_id: int | None
    reference: str | None


class Lines(Struct, frozen=True):
    """A page; `next` asks for the one behind it, null on the last."""

    seq: int
    lines: list[LineShown]
    next: str | None


class StatementsController(Controller):
    """One's own statements."""

    path = "/v1"
    tags = ["account"]  # noqa: RUF012 - Litestar's name

    @get("/statements")
    async def statement(self, caller: Caller, services: Services, since: Since, until: Until = None) -> Statement:
        """What each balance was, what moved it, and what it was then."""
        return await statement_of(services, caller.account, since, until)

    @get("/statements.csv", media_type=CSV)
    async def statement_csv(
        self, caller: Caller, services: Services, since: Since, until: Until = None
    ) -> Response[bytes]:
        """The same as CSV."""
        made = await statement_of(services, caller.account, since, until)
        rows = [AssetSums.__struct_fields__, *map(structs.astuple, made.assets)]
        headers = {"content-disposition": f'attachment; filename="statement-{made.since}-{made.until}.csv"'}
        return Response(csv.lines(rows), media_type=CSV, headers=headers)

    @get("/statements/lines")
    async def lines(
        self, caller: Caller, services: Services, since: Since, until: Until = None, after: Cursor = None,
        limit: Limit = 100,
    ) -> Lines:  # fmt: skip
        """Each movement behind it, in the order of the log."""
        return await lines_of(services, caller.account, since, until, after, limit)

    @get("/statements/lines.csv", media_type=CSV)
    async def lines_csv(
        self, request: Request[Any, Any, Any], caller: Caller, services: Services, since: Since, until: Until = None
    ) -> Response[Any]:
        """All of them as CSV."""
        end = _end(services, since, until)
        await services.caught_up()
        reads = pages(
            lambda behind, limit: _lines(services, caller.account, since, end, behind, limit),
            BEGINNING,
            lambda line: line.key,
        )
        chunks = csv.file(LineShown.__struct_fields__, reads, lambda line: _cells(services, line))
        return await services.downloads.begin(address_of(request), chunks, f"lines-{since}-{end}.csv")


async def statement_of(services: Services, account: int, since: int, until: int | None) -> Statement:
    """An account's statement, with all that was told before. ProblemError, DeclinedError."""
    end = _end(services, since, until)
    await services.caught_up()
    read = await services.slow.ask(lambda history: statement(history, account, since * US, end * US))
    name = services.desk.people.name_of(account)
    return Statement(name, since, end, read.at.complete_seq, [_sums(services, row) for row in read.rows])


async def lines_of(
    services: Services, account: int, since: int, until: int | None, after: str | None, limit: int
) -> Lines:
    """A page of its lines. ProblemError, DeclinedError."""
    end = _end(services, since, until)
    behind = _key(after)
    await services.caught_up()
    read = await _lines(services, account, since, end, behind, limit)
    is_full = len({line.key for line in read.rows}) == limit
    last = ".".join(str(int(part)) for part in read.rows[-1].key) if is_full else None
    return Lines(read.at.complete_seq, [_line(services, line) for line in read.rows], last)


async def _lines(services: Services, account: int, since: int, end: int, behind: Key, limit: int) -> Read[Line]:
    return await services.slow.ask(lambda history: lines(history, account, since * US, end * US, behind, limit))


def _end(services: Services, since: int, until: int | None) -> int:
    end = int(1000 * services.clock()) if until is None else until
    if end < since:
        raise invalid("to", "A statement does not end before it begins.")
    return end


def _key(after: str | None) -> Key:
    found = CURSOR.fullmatch(after or "0.0.0.0")
    if found is None or max(map(int, found.groups())) >= 2**63:
        raise invalid("after", "This is not the `next` of a page.")
    return Key(*map(int, found.groups()))


def _sums(services: Services, row: Sums) -> AssetSums:
    scale = services.asset(row.asset)[1]
    asset, *sums = structs.astuple(row)
    return AssetSums(asset, *(amount_text(each, scale) for each in sums))


def _line(services: Services, line: Line) -> LineShown:
    scale = services.asset(line.asset)[1]
    return LineShown(
        time=line.key.time_us // US, seq=line.key.seq, kind=line.kind.name.lower(), asset=line.asset,
        amount=amount_text(line.amount, scale), fee=amount_text(line.fee, scale), symbol=line.symbol, side=line.side,
        price=None if line.price is None else f"{line.price:f}",
        quantity=None if line.quantity is None else f"{line.quantity:f}", trade_id=line.trade_id,
        order_id=line.order_id, reference=line.reference,
    )  # fmt: skip


def _cells(services: Services, line: Line) -> Iterable[object]:
    _, *rest, reference = structs.astuple(_line(services, line))
    return csv.time_text(line.key.time_us), *rest, csv.harmless(reference)


def amount_text(amount: Decimal, scale: int) -> str:
    """An exact amount, with all decimals of its asset."""
    return decimal(int(amount.scaleb(scale, EXACT)), scale, 0)
