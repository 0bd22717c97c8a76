"""The venue itself, for operators: how it is, what it was at any moment, who may register, and who is connected."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from litestar import Controller, get, post
from litestar.params import Parameter
from msgspec import Meta, Struct

from lockstep.core.operations.moments import Moment
from lockstep.core.operations.questions import EndConnection, Ended, HowItIs, LookBack
from lockstep.core.operations.status import Status
from lockstep.core.rules.roles import READERS
from lockstep.procs.api.v1.auth import Body
from lockstep.procs.api.v1.caller import Caller, Services
from lockstep.procs.api.v1.operators.readers import AUDITABLE, SomeName, account_of, looks, seen, shown_amount
from lockstep.procs.api.v1.orders import SomeId, SomeTime
from lockstep.procs.api.v1.problems import ProblemError, invalid

MOST_LEVELS = 1000
MS_OF_SECOND = 1000


class Reason(Body, frozen=True, kw_only=True):
    """Why: goes to the client, and into the gateway's log."""

    reason: Annotated[str, Meta(pattern=r"^[\x20-\x7e]{1,100}\Z", description="1 to 100 printable ASCII characters")]


class RegistrationShown(Struct, frozen=True):
    """Who may register, and what they are given, by asset."""

    mode: str
    welcome: dict[str, str]


class VenueController(Controller):
    """The venue as a whole."""

    path = "/v1/operator"
    tags = ["operator: venue"]  # noqa: RUF012 - Litestar's name

    @get("/status")
    async def status(self, caller: Caller, services: Services, sessions: bool = False) -> Status:
        """What the venue is doing, as `lockstep status --json` says it: processes, restarts, rings, rates, the lag of
        commits and of the database, the newest snapshot, the other node; with `sessions`, all FIX sessions too.

        A process of low priority looks, for half a second: don't ask more often than people read. Programs take the
        monitor's metrics. It is noted as a look at others where `sessions` are asked for.
        """
        if sessions:
            await looks(caller, services, "status")
        caller.is_one_of(*READERS)
        return await services.answers.ask(HowItIs(sessions), Status, caller.account)

    @get("/at")
    async def look_back(
        self, caller: Caller, services: Services, seq: SomeId = None,
        time: SomeTime = None, order: SomeId = None,
        account: SomeName = None,
        symbol: Annotated[str | None, Parameter(max_length=16, pattern=AUDITABLE)] = None,
        depth: Annotated[int, Parameter(ge=0, le=MOST_LEVELS)] = 10,
    ) -> Moment:  # fmt: skip
        """The venue just after one command, as `lockstep at` shows it: the command and what came of it, why it was
        refused, and on what figures; its instrument's book, its account's balances and open orders; those of `account`
        and the book of `symbol` too.

        The command is named by its place in the log (`seq`), as the last one until a `time` (milliseconds since 1970),
        or by the id of the `order` that it brought. It is found by a replay from the newest snapshot before, in a
        process of low priority: that may take some seconds. What takes more than a minute is answered with 503, and
        found by the command."""
        if sum(each is not None for each in (seq, time, order)) != 1:
            raise invalid("seq", "Name one command: by seq, time or order.")
        await looks(caller, services, "the past", f"{account or ''} {symbol or ''}".strip())
        when = str(seq) if seq is not None else _moment(time) if time is not None else None
        question = LookBack(when, order, None, account, symbol, depth)
        return await services.answers.ask(question, Moment, caller.account)

    @get("/registration")
    async def registration(self, caller: Caller, services: Services) -> RegistrationShown:
        """Who may register, and what they are given."""
        directory = await seen(caller, services, "registration")
        welcome = dict(shown_amount(directory, asset, units) for asset, units in directory.welcomes.items())
        return RegistrationShown(directory.registration.name.lower(), welcome)

    @post("/sessions/{name:str}/disconnect", status_code=201)
    async def disconnect(self, name: str, data: Reason, caller: Caller, services: Services) -> Ended:
        """Log a FIX session out and close its connection. Its orders stay, and it may log on again. It is no command of
        the log."""
        account_of(caller, services, name)
        done = await services.answers.ask(EndConnection(name, caller.name, data.reason), Ended, caller.account)
        if not done.was_connected:
            raise ProblemError(409, "NOT_CONNECTED", done.says)
        await services.sessions.audit(caller.account, "disconnected", name, caller.address)
        return done


def _moment(time_ms: int) -> str:
    """A time as `lockstep at` reads it."""
    seconds, ms = divmod(time_ms, MS_OF_SECOND)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{ms:03}Z"
