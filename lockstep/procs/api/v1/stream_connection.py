"""One client of `/v1/stream`: who it is, its channels, and its place in what its account is told.

It is told event by event from the memory of them, as fast as it reads: nothing waits for it but a few messages.
"""

from __future__ import annotations

import traceback
from collections import deque
from collections.abc import Iterator
from typing import Any, Protocol

from lockstep.core.diagnostics.log_lines import log
from lockstep.core.rules.roles import READERS
from lockstep.procs.api.errors import DeclinedError
from lockstep.procs.api.login.registry import NotSentError
from lockstep.procs.api.login.sessions import Hold, SessionEndedError, SessionsAwayError
from lockstep.procs.api.login.tokens import TokenError
from lockstep.procs.api.outbox import POLICY_VIOLATION, Outbox
from lockstep.procs.api.recent_events import OPERATORS, Ahead, Cursor, TooOld
from lockstep.procs.api.v1 import stream_messages as messages
from lockstep.procs.api.v1 import stream_requests as requests
from lockstep.procs.api.v1.caller import Services
from lockstep.procs.api.v1.problems import sentence
from lockstep.procs.api.v1.stream_requests import RequestError

MOST_WAITING = 64  # messages to a client that are not sent
FEW_WAITING = 16  # with so many it is told more
TURN = 32  # events, or pages of images
MOST_REQUESTS = 20  # in a second
RESUME_WEIGHT = 20  # of a position: to find it takes some milliseconds
LOGIN_S = 10.0  # to log in, and to log in again where a session has ended
MOST_OF_ACCOUNT = 16  # connections
MS = 1000

# Why the venue closes a connection, beside those of every WebSocket.
NOT_LOGGED_IN = 4001
TOO_OLD = 4002

BEGIN_ANEW = "Subscribe without a position: images tell all there is, and events go on behind them."


def sessions_away() -> RequestError:
    return RequestError("SESSIONS_AWAY", "The database, which has people's sessions, is away: try it again.")


class Room(Protocol):
    """What a connection needs of those that serve all."""

    def enter(self, connection: Connection, account: int) -> bool:
        """Have it told when an account has news; False where too many are."""

    def leave(self, connection: Connection, account: int) -> None: ...

    def due(self, connection: Connection) -> None:
        """Call its `tell` soon."""


class Connection:
    """A client; `messages` write what it is told."""

    def __init__(
        self, services: Services, room: Room, written: messages.Messages, outbox: Outbox, address: str
    ) -> None:
        self._services = services
        self._recent = services.desk.recent
        self._room = room
        self._messages = written
        self._address = address
        self._outbox = outbox
        self._account: int | None = None
        self._session = ""
        self._hold: Hold | None = None  # of the session
        self._rights = 0  # of the account, when it logged in
        self._expires = 0
        self._is_live = False  # whether its session lives: it is told nothing else
        self._since_s = self._level_s = services.monotonic()  # since when it is not; when it had been told all, last
        self._channels: set[str] = set()
        self._wanted: list[str] = []  # channels that begin with an image, once what was before is told
        self._cursor: Cursor | None = None
        self._images: deque[Iterator[bytes]] = deque()
        self._second = 0.0
        self._requests = 0

    def close(self) -> None:
        """The connection is gone."""
        if self._account is not None:
            self._room.leave(self, self._account)
        self._room.leave(self, OPERATORS)

    async def take(self, message: bytes) -> None:
        """Carry out a request."""
        now_s = self._services.monotonic()
        if now_s - self._second >= 1:
            self._second, self._requests = now_s, 0
        self._requests += 1
        if self._requests > MOST_REQUESTS:
            self.end(POLICY_VIOLATION, f"more than {MOST_REQUESTS} requests in a second")
            return
        try:
            self._services.limits.weights.take(self._address, 1, now_s)
            request = requests.read(message)
            answer = requests.answer(request.id, await self._result(request))
        except RequestError as error:
            answer = requests.refusal(requests.id_of(message), error)
        except DeclinedError as error:
            answer = requests.refusal(requests.id_of(message), RequestError("TOO_MANY_REQUESTS", sentence(str(error))))
        except Exception:
            log.error("request_failed", route="/v1/stream", trace=traceback.format_exc())
            what = RequestError("INTERNAL", "Something is wrong inside the venue; its log says what.")
            answer = requests.refusal(requests.id_of(message), what)
        self._outbox.put(answer)
        self._room.due(self)

    def end(self, code: int, reason: str) -> None:
        """Close it, behind what waits."""
        self._is_live = False
        self._outbox.ending = (code, reason)
        self._outbox.is_over.set()

    # Requests.

    async def _result(self, request: requests.Request) -> dict[str, Any]:
        match request:
            case requests.Login():
                return await self._login(request.token)
            case requests.Subscribe():
                return await self._subscribe(request)
            case requests.Unsubscribe():
                self._leave(request.channels)
                return {"channels": self._subscribed()}
            case requests.Ping():
                return {"time": int(self._services.clock() * MS)}

    async def _login(self, token: str) -> dict[str, Any]:
        try:
            session, expires = self._services.tokens.read(token, int(self._services.clock()))
            hold = self._services.sessions.hold(session)
            account = (await self._services.sessions.living(session)).account
        except NotSentError:
            raise RequestError("VENUE_BUSY", "The venue is just starting: try it again.") from None
        except (TokenError, SessionEndedError):
            raise RequestError("SESSION_ENDED", "The session has ended, or its token has expired.") from None
        except SessionsAwayError:
            raise sessions_away() from None
        if self._account not in (None, account):
            raise RequestError("NOT_ALLOWED", "This connection is another account's: make a new one.")
        if self._account is None and not self._room.enter(self, account):
            raise RequestError("TOO_MANY_CONNECTIONS", f"An account has {MOST_OF_ACCOUNT} connections at most.")
        self._account, self._session, self._expires, self._is_live = account, session, expires, True
        self._hold = hold
        self._rights = self._services.desk.accounts.rights_of(account)
        people = self._services.desk.people
        if messages.OPERATIONS in self._subscribed() and not self._may_look():
            self._lose_operations()
        return {
            "account": people.name_of(account),
            "role": people.role_of(account).name.lower(),
            "expires": expires * MS,
        }

    async def _subscribe(self, request: requests.Subscribe) -> dict[str, Any]:
        if self._account is None or not self._is_live:
            raise RequestError("NOT_AUTHENTICATED", "Log in first: send an access token.")
        names = dict.fromkeys(request.channels)
        unknown = [name for name in names if name not in messages.CHANNELS]
        new = [name for name in names if name not in unknown and name not in self._subscribed()]
        if messages.OPERATIONS in new and not self._may_look():
            raise RequestError("NOT_ALLOWED", "What operators are told is for operators, admins and auditors.")
        if messages.OPERATIONS in new:
            await self._note(self._account)
        if request.resume is not None:
            self._resume(request.resume, new)
        else:
            self._wanted += new
        if messages.OPERATIONS in new:
            self._room.enter(self, OPERATORS)
        return {"channels": self._subscribed(), **({"unknown": unknown} if unknown else {})}

    async def _note(self, account: int) -> None:
        """Somebody looks at what is others'."""
        try:
            await self._services.sessions.audit(account, "looked at operations", "", self._address)
        except SessionsAwayError:
            raise sessions_away() from None

    def _resume(self, position: str, new: list[str]) -> None:
        """Go on behind a position, instead of beginning with images."""
        if self._subscribed():
            raise RequestError("INVALID", "A position is for the first channels of a connection.")
        self._services.limits.weights.take(self._address, RESUME_WEIGHT, self._services.monotonic())
        try:
            self._cursor = Cursor(self._recent, self._accounts(new), position)
        except ValueError:
            raise RequestError("INVALID", "This is no position: it has 32 hexadecimal digits.") from None
        except TooOld as error:
            raise RequestError("TOO_OLD", f"Memory goes back to `oldest`. {BEGIN_ANEW}", oldest=error.args[0]) from None
        except Ahead:
            raise RequestError("AHEAD", f"The log has not come to this position. {BEGIN_ANEW}") from None
        self._channels.update(new)

    def _leave(self, channels: list[str]) -> None:
        self._channels.difference_update(channels)
        self._wanted = [each for each in self._wanted if each not in channels]
        if messages.OPERATIONS in channels:
            self._room.leave(self, OPERATORS)

    def _subscribed(self) -> list[str]:
        return [name for name in messages.CHANNELS if name in self._channels or name in self._wanted]

    def _accounts(self, new: list[str] | None = None) -> list[int]:
        """Whose events it is told: the account's and, in their channel, operators'."""
        if self._account is None:
            return []
        looks = messages.OPERATIONS in (*self._subscribed(), *(new or ()))
        return [self._account, OPERATORS] if looks else [self._account]

    def _may_look(self) -> bool:
        return self._account is not None and self._services.desk.people.role_of(self._account) in READERS

    # What it is told.

    def tell(self) -> bool:
        """Tell what is next; False where there is more, or soon will be."""
        try:
            for _ in range(TURN):
                if self._is_live and not self._has_rights():
                    self._end_session()
                if not self._is_live or len(self._outbox) >= MOST_WAITING:
                    return True  # a request, or what is sent, goes on
                if self._images:
                    self._tell_image()
                elif self._cursor is not None and self._cursor.next():
                    self._tell_event(self._cursor)
                elif not self._wanted:
                    self._level_s = self._services.monotonic()
                    return self._cursor is None or not self._cursor.is_early
                elif not self._begin():
                    return False
        except TooOld:
            self.end(TOO_OLD, "TOO_OLD: it was read too slowly")
        return not self._is_live

    def _tell_image(self) -> None:
        message = next(self._images[0], None)
        if message is None:
            self._images.popleft()
        else:
            self._put(message)

    def _tell_event(self, cursor: Cursor) -> None:
        channel = self._messages.channel_of(cursor)
        if channel in self._channels:
            message = self._messages.event(cursor)
            if message is not None:
                self._put(message)

    def _begin(self) -> bool:
        """Begin the channels that are wanted, with images of now; False where more is known than may be told."""
        accounts = self._accounts()
        if self._account is None or not all(self._recent.is_settled(account) for account in accounts):
            return False
        self._cursor = Cursor(self._recent, accounts)
        for channel in self._wanted:
            self._images.append(self._messages.image(channel, self._account, self._cursor.text, self._cursor.seq))
        self._channels.update(self._wanted)
        self._wanted = []
        return True

    def _put(self, message: bytes) -> None:
        self._outbox.put(message, self._sent)

    def _sent(self) -> None:
        if len(self._outbox) == FEW_WAITING:
            self._room.due(self)

    # Each second.

    def beat(self) -> None:
        """Say how far it has been told, once it is told anything: what nobody was told can't be gone on behind."""
        if not self.tell():
            self._room.due(self)
        cursor = self._cursor if self._is_live else None
        if cursor is None or self._images or self._outbox.is_over.is_set() or len(self._outbox) >= MOST_WAITING:
            return
        desk = self._services.desk
        behind_s = (desk.now_ns - desk.level_ns) / 10**9 + self._services.monotonic() - self._level_s
        now_ms = int(self._services.clock() * MS)
        self._put(messages.heartbeat(cursor.text, cursor.seq, desk.committed, int(behind_s * MS), now_ms))

    async def check(self) -> None:
        """End its session here if that has ended, or if its token has expired."""
        if not self._is_live:
            if self._services.monotonic() - self._since_s > LOGIN_S:
                self.end(NOT_LOGGED_IN, "NOT_AUTHENTICATED: log in on this connection, within 10 seconds")
            return
        if self._services.clock() >= self._expires:
            self._stand_still("TOKEN_EXPIRED", "The access token has expired: send a new one within 10 seconds.")
            return
        try:
            await self._services.sessions.living(self._session)
        except SessionEndedError:
            self._end_session()
        except SessionsAwayError:
            return  # as for requests: the token's end is near

    def _has_rights(self) -> bool:
        """Whether no log-out, other password or role, and no lock has ended the rights that it has logged in with."""
        if self._hold is not None and self._hold.is_ended:
            return False
        return self._account is None or self._services.desk.accounts.rights_of(self._account) == self._rights

    def _end_session(self) -> None:
        self._stand_still("SESSION_ENDED", "The session has ended: log in within 10 seconds.")

    def _stand_still(self, code: str, detail: str) -> None:
        self._is_live = False
        self._since_s = self._services.monotonic()
        self._put(messages.ended("session", code, detail))

    def _lose_operations(self) -> None:
        self._leave([messages.OPERATIONS])
        self._put(messages.ended(messages.OPERATIONS, "NOT_ALLOWED", "The account's role does not allow it any more."))
