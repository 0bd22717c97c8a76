"""`/v1/auth`: registering, logging in and out, sessions, proofs, passwords and second factors."""

from __future__ import annotations

from base64 import b64decode, b64encode
from typing import Annotated, Any

from litestar import Controller, Request, Response, delete, get, post
from litestar.datastructures import Cookie
from msgspec import Meta, Struct

from lockstep.config.schema import ApiSection
from lockstep.core.diagnostics.log_lines import log
from lockstep.core.schema.records import Code, RegistrationMode
from lockstep.core.venue.venue_key import VenueKeyError
from lockstep.procs.api.asgi import has_tls
from lockstep.procs.api.login import codes
from lockstep.procs.api.login.allowance import Allowance
from lockstep.procs.api.login.codes import Match
from lockstep.procs.api.login.registry import NO_TICKET, NotSentError, RefusedError
from lockstep.procs.api.login.sessions import IDLE_S, Session
from lockstep.procs.api.login.tokens import LIFETIME_S
from lockstep.procs.api.v1.caller import Caller, Services, address_of
from lockstep.procs.api.v1.problems import ProblemError, invalid, not_found, refused

COOKIE = "lockstep_refresh"
PATH = "/v1/auth"
REGISTERED_BY_ADDRESS = 20  # in an hour
REGISTERED_BY_ALL = 1000

Name = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_.-]{1,36}\Z", description="1 to 36 letters, digits, dots, dashes")]
Secret = Annotated[str, Meta(min_length=1, max_length=1024)]
Code_ = Annotated[str, Meta(max_length=64, description="a one-time code, or one of the recovery codes")]


class Body(Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """What is sent: unknown fields are refused."""


class Registration(Body, frozen=True, kw_only=True):
    """A new account."""

    name: Name
    password: Secret


class Registered(Struct, frozen=True):
    """It is defined. `status` is open, or approval: an operator must let it trade first."""

    account: int
    name: str
    status: str


class Credentials(Body, frozen=True, kw_only=True):
    """Who logs in; `code` where the account has a second factor."""

    name: Annotated[str, Meta(max_length=256)]
    password: Secret
    code: Code_ = ""


class Access(Struct, frozen=True):
    """An access token, for `expires_in` seconds. The refresh token is in a cookie that scripts can't read."""

    access_token: str
    token_type: str
    expires_in: int
    account: int
    name: str
    role: str


class Proof(Body, frozen=True, kw_only=True):
    """A fresh code; the password, where the account has no second factor."""

    password: Annotated[str, Meta(max_length=1024)] = ""
    code: Code_ = ""


class NewPassword(Body, frozen=True, kw_only=True):
    """The password so far, and the next one."""

    current: Secret
    password: Secret


class Reset(Body, frozen=True, kw_only=True):
    """A recovery code, which is used up, and the next password."""

    name: Annotated[str, Meta(max_length=256)]
    recovery_code: Code_
    password: Secret


class SessionShown(Struct, frozen=True):
    """A session; times are milliseconds since 1970."""

    id: str
    begun: int
    used: int
    address: str
    agent: str
    is_this: bool


class Setup(Struct, frozen=True):
    """A second factor that is not in force yet: `secret` and `uri` go into an authenticator, `setup` is sent back."""

    secret: str
    uri: str
    setup: str


class Confirmation(Body, frozen=True, kw_only=True):
    """`setup` as it was answered, and a code that the authenticator shows for it."""

    setup: Annotated[str, Meta(max_length=256)]
    code: Annotated[str, Meta(max_length=16)]


class RecoveryCodes(Struct, frozen=True):
    """Shown once: each logs in once in place of a one-time code, or resets a password."""

    recovery_codes: list[str]


class AuthController(Controller):
    """Logging in, and what belongs to it."""

    path = PATH
    tags = ["auth"]  # noqa: RUF012 - Litestar's name
    _allowance = Allowance(REGISTERED_BY_ADDRESS, REGISTERED_BY_ALL)

    @post("/register", status_code=201)
    async def register(self, data: Registration, request: Request[Any, Any, Any], services: Services) -> Registered:
        """Define an account for oneself, where the venue lets people."""
        address = address_of(request)
        self._must_wait(self._allowance.wait_s(address, services.monotonic()))
        if services.desk.accounts.find(data.name) is not None:
            raise refused(Code.NAME_USED, "name", "This name is taken.")
        if services.desk.people.registration == RegistrationMode.CLOSED:
            raise refused(Code.REGISTRATION_CLOSED)
        credential = await services.passwords.credential(data.password, data.name, address)
        self._must_wait(self._allowance.take(address, services.monotonic()))
        try:
            account = await services.registry.register(data.name, credential)
        except (NotSentError, RefusedError):
            self._allowance.give_back(address)
            raise
        await _welcome(services, account)
        status = "approval" if services.desk.people.registration == RegistrationMode.APPROVAL else "open"
        return Registered(account, data.name, status)

    def _must_wait(self, wait_s: int) -> None:
        """ProblemError if there is something to wait for."""
        if wait_s:
            text = "Too many accounts were registered from here, or in all: try again later."
            raise ProblemError(429, "TOO_MANY_REQUESTS", text, retry_after=wait_s)

    @post("/login", status_code=200)
    async def log_in(self, data: Credentials, request: Request[Any, Any, Any], services: Services) -> Response[Access]:
        """Begin a session. Whatever is wrong has the same answer."""
        address = address_of(request)
        agent = request.headers.get("user-agent", "")
        session, token = await services.login.log_in(data.name, data.password, data.code, address, agent)
        await services.sessions.audit(session.account, "login", "", address)
        await _welcome(services, session.account)
        return _granted(services, session, token)

    @post("/refresh", status_code=200)
    async def refresh(self, request: Request[Any, Any, Any], services: Services) -> Response[Access]:
        """Go on with a session, by its cookie. One that comes again ends the session: somebody has stolen it; but the
        one before is taken again for a minute, as its answer may have got lost."""
        session, token = await services.sessions.refresh(_sent(request, services))
        return _granted(services, session, token)

    @post("/step-up", status_code=200)
    async def step_up(
        self, data: Proof, caller: Caller, request: Request[Any, Any, Any], services: Services
    ) -> Response[Access]:
        """Prove again who you are: for five minutes keys, second factors and money may be changed."""
        sent = _sent(request, services)
        session, token = await services.login.step_up(caller.session, sent, data.password, data.code, caller.address)
        return _granted(services, session, token)

    @post("/logout", status_code=204)
    async def log_out(self, caller: Caller, services: Services) -> Response[None]:
        """End this session, at once."""
        await services.sessions.end(caller.session.id, "logged out")
        return Response(None, status_code=204, cookies=[refresh_cookie(services.config.api, "", 0)])

    @get("/sessions")
    async def sessions(self, caller: Caller, services: Services) -> list[SessionShown]:
        """The account's sessions."""
        return [
            SessionShown(
                each.id, int(1000 * each.begun_s), int(1000 * each.used_s), each.address, each.agent,
                each.id == caller.session.id,
            )
            for each in await services.sessions.of(caller.account)
        ]  # fmt: skip

    @delete("/sessions/{id:str}", status_code=204)
    async def end_session(self, id: str, caller: Caller, services: Services) -> None:
        """End one of the account's sessions, at once."""
        if not await services.sessions.end(id, "ended by its owner", caller.account):
            raise not_found("The account has no such session.", "id")

    @post("/password", status_code=200)
    async def change_password(
        self, data: NewPassword, caller: Caller, request: Request[Any, Any, Any], services: Services
    ) -> Response[Access]:
        """Take another password. All of the account's sessions end, and a new one begins."""
        if not await services.login.is_password(caller.account, data.current, caller.address):
            raise ProblemError(403, "LOGIN_FAILED", "This is not the account's password.", field="current")
        credential = await services.passwords.credential(data.password, caller.name, caller.address)
        rights = await services.registry.set_password(caller.account, caller.ticket, credential)
        await services.sessions.end_all(caller.account, "another password")
        agent = request.headers.get("user-agent", "")
        session, token = await services.sessions.begin(caller.account, rights, caller.address, agent, proved=True)
        return _granted(services, session, token)

    @post("/reset", status_code=204)
    async def reset(self, data: Reset, request: Request[Any, Any, Any], services: Services) -> None:
        """Take another password by a recovery code, which is used up. All of the account's sessions end."""
        address = address_of(request)
        recovery = await services.login.recovery(data.name, data.recovery_code, address)
        credential = await services.passwords.credential(data.password, data.name, address)
        account = await services.login.use_recovery(recovery)
        await services.registry.set_password(account, NO_TICKET, credential)
        await services.sessions.end_all(account, "another password")

    @post("/mfa", status_code=200)
    async def set_up(self, caller: Caller, services: Services) -> Setup:
        """Begin to get a second factor. Nothing changes before it is confirmed."""
        caller.has_proved()
        secret = codes.new_secret()
        sealed = services.registry.key.seal_factor(caller.name, secret)
        uri = codes.uri_of(secret, caller.name, services.config.venue.name)
        return Setup(codes.text_of(secret), uri, b64encode(sealed).decode())

    @post("/mfa/confirm", status_code=200)
    async def confirm(self, data: Confirmation, caller: Caller, services: Services) -> RecoveryCodes:
        """The authenticator shows right codes: the second factor is in force, in place of what there was."""
        caller.has_proved()
        try:
            secret = services.registry.key.open_factor(caller.name, b64decode(data.setup, validate=True))
        except (ValueError, VenueKeyError):
            raise invalid("setup", "This is not what /v1/auth/mfa has answered to this account.") from None
        step = codes.step_of(secret, data.code.strip(), int(services.clock()))
        if not step:
            raise invalid("code", "This is not what the authenticator shows now: is its clock right?")
        shown = await services.registry.set_factor(caller.account, caller.ticket, secret)
        await services.registry.use(caller.account, Match(step, 0))
        return RecoveryCodes(shown)

    @delete("/mfa", status_code=204)
    async def drop(self, caller: Caller, services: Services) -> None:
        """Have no second factor any more."""
        caller.has_proved()
        await services.registry.drop_factor(caller.account, caller.ticket)


def _sent(request: Request[Any, Any, Any], services: Services) -> str:
    """The refresh token that came."""
    return str(request.cookies.get(refresh_cookie(services.config.api, "").key, ""))


def _granted(services: Services, session: Session, refresh: str) -> Response[Access]:
    """What a session is used by: an access token, and a cookie that only /v1/auth gets."""
    token = services.tokens.make(session.id, session.account, int(services.clock()))
    people = services.desk.people
    name, role = people.name_of(session.account), people.role_of(session.account).name.lower()
    cookie = refresh_cookie(services.config.api, refresh)
    return Response(Access(token, "Bearer", LIFETIME_S, session.account, name, role), cookies=[cookie])


def refresh_cookie(config: ApiSection, value: str, lasts_s: int = IDLE_S) -> Cookie:
    """The cookie of a refresh token. With TLS, its name has browsers refuse one that came otherwise."""
    is_safe = has_tls(config)
    return Cookie(
        f"__Secure-{COOKIE}" if is_safe else COOKIE, path=PATH, value=value, max_age=lasts_s, httponly=True,
        samesite="strict", secure=is_safe,
    )  # fmt: skip


async def _welcome(services: Services, account: int) -> None:
    """What who registers is given, once: now, if the venue ended before it could be. Others are given nothing."""
    if services.desk.balances.of(account):
        return
    for asset, units in services.welcome():
        try:
            await services.registry.welcome(account, asset, units)
        except RefusedError as error:
            log.info("no welcome", account=account, why=error.code.name)
