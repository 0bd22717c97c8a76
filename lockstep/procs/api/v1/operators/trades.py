"""Views of trading for operators: trades, corrections that wait, and the commands that were given."""

from __future__ import annotations

from typing import Annotated

from litestar import Controller, get
from litestar.params import Parameter
from msgspec import Struct

from lockstep.core.operations.amounts import price_text, quantity_text, step_text
from lockstep.core.operations.directory import Directory
from lockstep.core.operations.questions import CommandGiven, LastCommands, LastTrades, TradeMade
from lockstep.core.schema.records import CorrectionProposal
from lockstep.procs.api.v1.caller import Caller, Services
from lockstep.procs.api.v1.operators.readers import AUDITABLE, After, SomeName, looked_at, looks, seen
from lockstep.procs.api.v1.orders import SomeTime
from lockstep.procs.api.v1.shown import MS

Rows = Annotated[int, Parameter(ge=1, le=1000)]
SymbolAsked = Annotated[str, Parameter(max_length=16, pattern=AUDITABLE)]


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
