"""Who asks, and what /v1 answers by: the rooms that its handlers use, and the person whose access token came."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from litestar import Request
from msgspec import Struct

from lockstep.config.schema import Config
from lockstep.core.rules.roles import OPERATORS
from lockstep.core.schema.records import Code, Role
from lockstep.procs.api.answers import Answers
from lockstep.procs.api.desk import Desk
from lockstep.procs.api.directories import Directories
from lockstep.procs.api.limits import Limits
from lockstep.procs.api.login.login import Login
from lockstep.procs.api.login.password_resets import PasswordResets
from lockstep.procs.api.login.passwords import Passwords
from lockstep.procs.api.login.sessions import Session, SessionEndedError
from lockstep.procs.api.login.tokens import TokenError, Tokens
from lockstep.procs.api.read.archive import Archive
from lockstep.procs.api.read.market_archive import MarketArchive
from lockstep.procs.api.read.past import Past
from lockstep.procs.api.v1.downloads import Downloads
from lockstep.procs.api.v1.order_entry import OrderEntry
from lockstep.procs.api.v1.problems import invalid, not_allowed, not_authenticated, proof_needed, refused, session_ended

BEARER = "bearer "


class Reading(Struct, frozen=True):
    """What answers questions. `slow` asks the database what may take seconds; `limits` are those of all dialects."""

    market: MarketArchive
    past: Past
    slow: Past
    directories: Directories
    answers: Answers
    limits: Limits


class Services:
    """What handlers use. `clock` gives seconds since 1970, `monotonic` seconds that only grow."""

    def __init__(self, desk: Desk, config: Config, reading: Reading, login: Login) -> None:
        self.desk = desk
        self.config = config
        self.market = reading.market
        self.queries = reading.market.queries
        self.shown = reading.market.shown
        self.past = reading.past
        self.slow = reading.slow
        self.archive = Archive(self.shown, reading.past)
        self.directories = reading.directories
        self.answers = reading.answers
        self.limits = reading.limits
        self.login = login
        self.registry = login.registry
        self.sessions = login.sessions
        self.clock = login.clock
        self.monotonic = login.monotonic
        self.passwords = Passwords()
        self.resets = PasswordResets(desk, self.registry, self.passwords, self.clock, self.monotonic)
        self.entry = OrderEntry(desk.commands)
        self.downloads = Downloads(self.limits.weights, self.monotonic)

    async def caught_up(self) -> None:
        """Until the database has all that anybody was told before. DeclinedError."""
        told = self.desk.released_seq
        await self.past.ask_until(
            lambda history: history.watermark(), lambda read: read if read.at.complete_seq >= told else None
        )

    def instrument(self, symbol: str | None) -> int:
        """The number of a symbol's instrument; 0 of None, which is any. ProblemError."""
        if symbol is None:
            return 0
        found = self.shown.instrument(symbol.encode())
        if not found:
            raise refused(Code.UNKNOWN_SYMBOL, "symbol")
        return found

    def asset(self, name: str) -> tuple[int, int]:
        """The number of an asset, and how many decimals it has. ProblemError."""
        number = self.shown.asset_called(name.encode())
        if not number:
            raise invalid("asset", "There is no such asset.")
        return number, self.shown.balance(number, 0, 0).scale

    def welcome(self) -> list[tuple[int, int]]:
        """What who registers is given: assets and their units."""
        return [(asset, units) for asset, units in self.desk.people.welcome.items() if units]

    @cached_property
    def tokens(self) -> Tokens:
        """Made when they are needed first: then the venue has its key. NotSentError."""
        return Tokens(self.registry.key, self.config.venue.name)

    async def close(self) -> None:
        """End threads and connections."""
        self.login.close()
        self.passwords.close()
        self.answers.close()
        await self.sessions.close()
        await self.slow.close()


class Caller:
    """A person with a session that lived, with the account's rights, when the request came."""

    def __init__(self, services: Services, session: Session, address: str) -> None:
        self._services = services
        self._hold = services.sessions.hold(session.id)
        self._rights = services.desk.accounts.rights_of(session.account)
        self.session = session
        self.account = session.account
        self.address = address

    @property
    def ticket(self) -> int:
        """What the router judges the person's command by, as in IngressWriter, if it is sent now. ProblemError."""
        if self._hold.is_ended:
            raise session_ended()
        return self._rights + 1

    @property
    def name(self) -> str:
        return self._services.desk.people.name_of(self.account)

    @property
    def role(self) -> Role:
        """As the log has it now, not as it was when the session began."""
        return self._services.desk.people.role_of(self.account)

    def has_proved(self) -> None:
        """That the person has just proved again who it is. ProblemError."""
        if not self._services.sessions.is_proved(self.session):
            raise proof_needed()

    def is_one_of(self, *roles: Role) -> None:
        """That the person's role is one of these. ProblemError."""
        if self.role not in roles:
            raise not_allowed(f"This is for accounts that are {' or '.join(role.name.lower() for role in roles)}.")

    def may_operate(self) -> None:
        """That the person may give an operator's command, and has just proved who it is. ProblemError."""
        self.is_one_of(*OPERATORS)
        self.has_proved()


async def caller_of(request: Request[Any, Any, Any], services: Services) -> Caller:
    """The person whose access token came. ProblemError, SessionsAwayError."""
    sent = request.headers.get("authorization", "")
    if sent[: len(BEARER)].lower() != BEARER:
        raise not_authenticated()
    try:
        id = services.tokens.session_of(sent[len(BEARER) :].strip(), int(services.clock()))
        session = await services.sessions.living(id)
    except (TokenError, SessionEndedError):
        raise session_ended() from None
    return Caller(services, session, address_of(request))


def address_of(request: Request[Any, Any, Any]) -> str:
    """Where a request comes from, as the application found it."""
    return request.client.host if request.client is not None else ""
