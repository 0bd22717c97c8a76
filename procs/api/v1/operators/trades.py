"""Trading, for operators: orders that are cancelled, and trades that are undone or get another price."""

from __future__ import annotations

from typing import Annotated, Literal

from litestar import Controller, get, post
from litestar.params import Parameter
from msgspec import Meta, Struct

from procs.api.v1.auth import Body
from procs.api.v1.caller import Caller, Services
from procs.api.v1.operators.carried import (
    AccountName,
    After,
    Amount,
    Done,
    Named,
    Proposed,
    account_of,
    carried,
    known,
    looked_at,
    looks,
    seen,
)
from procs.api.v1.orders import OrderId, SomeTime, Symbol
from procs.api.v1.problems import ProblemError, refused
from procs.api.v1.shown import MS
from procs.operating import trades
from procs.operating.amounts import price_text, quantity_text, step_text
from procs.operating.directory import Directory
from procs.operating.questions import CommandGiven, Found, LastCommands, LastTrades, TradeMade, WhichTrade
from procs.operating.trades import ContradictedError
from shm.layout import unpack_event
from shm.records import Code, CorrectionProposal, MassCancel, Side, Traded

Rows = Annotated[int, Parameter(ge=1, le=1000)]
SomeName = Annotated[str | None, Parameter(max_length=36, pattern=r"^[^\x00-\x1f\x7f]*\Z")]
SymbolAsked = Annotated[str, Parameter(max_length=16, pattern=r"^[^\x00-\x1f\x7f]*\Z")]


class MassCancelWanted(Named, frozen=True, kw_only=True):
    """Which orders: of an account, of a symbol, of a side, or of any of these that are left out."""

    account: AccountName | None = None
    symbol: Symbol | None = None
    side: Literal["buy", "sell"] | None = None


class CorrectionWanted(Body, frozen=True, kw_only=True):
    """A trade that is to be undone, or to get another `price`. `matcher` is needed only where an instrument has moved
    and two matchers have made a trade of that number."""

    symbol: Symbol
    trade: Annotated[int, Meta(ge=1, le=2**63 - 1)]
    price: Amount | None = None
    matcher: Annotated[int, Meta(ge=1, le=8)] | None = None


class CancelledOrders(Struct, frozen=True):
    """How many orders were cancelled."""

    count: int
    seq: int


class CorrectionProposed(Struct, frozen=True):
    """A trade that another operator is to undo (`new_price` is null), or to give another price: as the journal has it,
    by whom it was proposed, and when (milliseconds since 1970). Fees are in the asset that each side received."""

    proposal: int
    by: str
    when: int
    symbol: str
    trade: int
    matcher: int
    price: str
    quantity: str
    buyer: str
    seller: str
    buyer_fee: str
    seller_fee: str
    new_price: str | None


class TradesController(Controller):
    """Orders and trades of others."""

    path = "/v1/operator"
    tags = ["operator: trading"]  # noqa: RUF012 - Litestar's name

    @post("/orders/cancel", status_code=200)
    async def cancel(self, data: MassCancelWanted, caller: Caller, services: Services) -> CancelledOrders:
        """Cancel orders of one account or of all."""
        caller.may_operate()
        command = MassCancel(
            cl_ord_id=data.client_id,
            instrument=services.instrument(data.symbol),
            target=account_of(caller, services, data.account) if data.account is not None else 0,
            side=Side[data.side.upper()] if data.side is not None else 0,
        )
        request = await carried(caller, services, command, adds=False)
        return CancelledOrders(len(request.orders), request.seq)

    @get("/trades")
    async def trades(
        self, caller: Caller, services: Services, symbol: SymbolAsked, account: SomeName = None, until: SomeTime = None,
        limit: Rows = 50,
    ) -> list[TradeMade]:  # fmt: skip
        """An instrument's trades, the newest first, with the numbers that a correction names: of one account, and until
        a time (milliseconds since 1970), where these are given. The database may be a moment behind."""
        await looks(caller, services, "trades", f"{symbol} {account or ''}".strip())
        services.instrument(symbol)
        if account is not None:
            looked_at(caller, services, account)
        question = LastTrades(symbol, account or "", until, limit)
        return await services.answers.ask(question, list[TradeMade], caller.account)

    @get("/commands")
    async def commands(
        self, caller: Caller, services: Services, by: SomeName = None, kind: SomeName = None, before: After = 0,
        limit: Rows = 50,
    ) -> list[CommandGiven]:  # fmt: skip
        """Operators' commands, the newest first, before record `before` where that is not 0: who gave which, when, and
        the outcome, as the journal has it. `by` names one account, `kind` one kind of command."""
        await looks(caller, services, "commands", by or "")
        if by is not None:
            looked_at(caller, services, by)
        question = LastCommands(by or "", kind or "", before, limit)
        return await services.answers.ask(question, list[CommandGiven], caller.account)

    @get("/corrections")
    async def corrections(self, caller: Caller, services: Services) -> list[CorrectionProposed]:
        """The trades whose undoing, or new price, waits for a second operator."""
        directory = await seen(caller, services, "corrections")
        return [_shown(directory, each) for each in directory.corrections.values()]

    @post("/corrections", status_code=201)
    async def propose(self, data: CorrectionWanted, caller: Caller, services: Services) -> Proposed:
        """Propose to undo a trade, or to change its price. Nothing changes before another operator approves.

        The trade is looked up in the journal, which may take some seconds. It has no `id`: of a trade the last proposal
        counts.
        """
        directory = await known(caller, services)
        listed = services.instrument(data.symbol)
        trades.new_ticks(directory, data.symbol, data.price)
        matchers = [each for each in directory.matchers[listed] if data.matcher in (None, each)]
        matcher, trade = await _recorded(caller, services, data.symbol, data.trade, matchers)
        request = await carried(caller, services, trades.proposal(directory, data.symbol, matcher, trade, data.price))
        return Proposed(request.seq, request.proposal)

    @post("/corrections/{proposal:int}/approve", status_code=201)
    async def approve(self, proposal: OrderId, caller: Caller, services: Services) -> Done:
        """Carry out what another operator has proposed, once for each trade.

        Undone, both sides get back what they gave, fees included; of a new price the difference goes from one to the
        other. The trade is looked up in the journal again: where that differs from the proposal, or a side no longer
        has what it would have to give back, nothing changes.
        """
        directory = await known(caller, services)
        waiting = directory.corrections.get(proposal)
        if waiting is None:
            raise refused(Code.UNKNOWN_PROPOSAL)
        symbol = directory.listed(waiting.instrument).symbol.decode()
        _, trade = await _recorded(caller, services, symbol, waiting.trade_id, [waiting.matcher])
        try:
            command = trades.approval(directory, waiting, trade)
        except ContradictedError as error:
            raise ProblemError(409, "CONTRADICTED", f"{error}: nothing was sent.") from None
        return Done((await carried(caller, services, command)).seq)


async def _recorded(
    caller: Caller, services: Services, symbol: str, number: int, matchers: list[int]
) -> tuple[int, Traded]:
    """The trade as the journal has it, and its matcher. WrongQuestionError, NoAnswerError."""
    found = await services.answers.ask(WhichTrade(symbol, number, matchers), Found, caller.account)
    event = unpack_event(found.event)
    assert isinstance(event, Traded)
    return found.matcher, event


def _shown(directory: Directory, known: CorrectionProposal) -> CorrectionProposed:
    instrument = directory.listed(known.instrument)
    scales = [directory.name_of_asset(asset)[1] for asset in (instrument.base_asset, instrument.quote_asset)]
    return CorrectionProposed(
        known.seq,
        directory.name_of_account(known.account),
        known.time_ns // MS,
        instrument.symbol.decode(),
        known.trade_id,
        known.matcher,
        price_text(instrument, known.price_ticks),
        quantity_text(instrument, known.quantity_lots),
        directory.name_of_account(known.buyer),
        directory.name_of_account(known.seller),
        step_text(known.buyer_fee, scales[0]),
        step_text(known.seller_fee, scales[1]),
        price_text(instrument, known.new_price_ticks) if known.new_price_ticks else None,
    )
