"""People's sessions: rows in PostgreSQL, of which those that are used are in memory, too; and their profiles.

A session is named by what its access tokens say, and goes on by a refresh token that is good once (`rotation`). It ends
by itself, when its account gets another password or role or is blocked by an operator, or when it is ended by a
request: at once, since this process alone serves them.
"""

from __future__ import annotations

import asyncio
import re
import secrets
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple
from weakref import WeakValueDictionary

import psycopg
from psycopg import AsyncConnection
from psycopg.rows import namedtuple_row
from psycopg_pool import AsyncConnectionPool

from lockstep.core.edge.authentication import Credential
from lockstep.procs.api.login.rotation import Rotation

IDLE_S = 7 * 86_400  # without its refresh token being used
LONGEST_S = 30 * 86_400
KEPT_S = 30 * 86_400  # rows of sessions that have ended
AUDIT_KEPT_S = 400 * 86_400
MOST_OF_ACCOUNT = 32  # living ones: a new one ends the oldest
MOST_IN_MEMORY = 65_536
STEP_UP_S = 300  # that a proof lasts
POOL_SIZE = 2
WAIT_S = 2.0
AWAY_S = 2.0  # between two tries while the database is away
STATEMENT_MS = 2_000
MOST_AGENT = 200
ID = re.compile(r"[A-Za-z0-9_-]{22}")
TOKEN = re.compile(r"[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43}")
SCHEMA = Path(__file__).with_name("schema.sql")
SCHEMA_LOCK = 0x6C6F636B69646E74
MOST_REFRESHING = 8  # of a session at once; each after the other, as they change one row
CAME_AGAIN = "its refresh token came again"

COLUMNS = (
    "id, account, credential, extract(epoch FROM begun)::float8 AS begun_s, extract(epoch FROM used)::float8 AS used_s,"
    " extract(epoch FROM stepped_up)::float8 AS stepped_up_s, address, agent, proof"
)
ROTATION = "refresh, beside, spent, extract(epoch FROM rotated)::float8 AS rotated_s"
END = """
    UPDATE identity.sessions SET ended = to_timestamp(%(now)s), why = %(why)s
    WHERE %(id)s IN (id, id_before) AND ended IS NULL AND coalesce(%(account)s, account) = account RETURNING id
"""


class SessionsAwayError(RuntimeError):
    """PostgreSQL, which has the sessions, is away or too slow."""


class SessionEndedError(Exception):
    """There is no such session now."""


class Session(NamedTuple):
    """One that lives. Times are seconds since 1970."""

    id: str
    account: int
    credential: bytes
    begun_s: float
    used_s: float
    stepped_up_s: float | None
    address: str
    agent: str
    proof: bytes | None  # a fingerprint of the second factor that the account had when the person proved who it is


class Standing(NamedTuple):
    """What an account's sessions depend on: they end when `credential` or `rights` changes, a proof when `factor` does.

    `rights` is as in `edge.authentication.Account`; `factor` is what the log has of the second factor, b"" if the
    account has none.
    """

    credential: Credential
    rights: int = 0
    factor: bytes = b""

    @property
    def fingerprint(self) -> bytes:
        """What tells these rights from later ones, and nothing of the password."""
        salted = self.credential.salt + self.credential.hash + self.rights.to_bytes(8)
        return sha256(b"lockstep session" + salted).digest()[:16]

    @property
    def proof(self) -> bytes:
        """What tells this second factor from another one, or from none."""
        return sha256(b"lockstep proof" + self.factor).digest()[:16]


class Profile(NamedTuple):
    """What a person says of itself, and how it wants to be shown things. Nothing is decided by it."""

    display_name: str = ""
    email: str = ""
    language: str = ""
    time_zone: str = ""
    theme: str = ""


class Hold:
    """A session that a request uses: `is_ended` once the session has been ended."""

    __slots__ = ("__weakref__", "is_ended")

    def __init__(self) -> None:
        self.is_ended = False


async def nothing() -> None:
    """Wait for nothing."""


class Turn:
    """Who refreshes one session now, and how many do or wait to."""

    def __init__(self) -> None:
        self.lock = asyncio.Lock()
        self.count = 0


class Sessions:
    """`clock` gives seconds since 1970; `standing_of` what an account's sessions depend on now, or None. `on_end` is
    called when some session has been ended, and `sequenced` waits until its commands that were sent are judged: none
    is accepted after `end` or `end_all` has returned.

    Every method raises SessionsAwayError where the database is needed and gives no answer.
    """

    def __init__(self, url: str, clock: Callable[[], float], standing_of: Callable[[int], Standing | None]) -> None:
        self.on_end: Callable[[], None] = lambda: None
        self.sequenced: Callable[[], Awaitable[None]] = nothing
        self._clock = clock
        self._standing_of = standing_of
        self._living: OrderedDict[str, Session] = OrderedDict()
        self._holds: WeakValueDictionary[str, Hold] = WeakValueDictionary()
        self._turns: dict[str, Turn] = {}
        self._is_made = False
        self._is_opened = False
        self._pool: AsyncConnectionPool[Any] = AsyncConnectionPool(
            url,
            min_size=0,
            max_size=POOL_SIZE,
            timeout=WAIT_S,
            max_waiting=256,
            open=False,
            kwargs={
                "connect_timeout": int(WAIT_S),
                "application_name": "lockstep identity",
                "options": f"-c statement_timeout={STATEMENT_MS}",
                "row_factory": namedtuple_row,
            },
        )

    async def prepare(self) -> None:
        """Make the tables, once there is a database: a secondary's are made like the other node's before rows come."""
        while not self._is_made:
            try:
                await self._open()
            except psycopg.Error:
                await asyncio.sleep(AWAY_S)

    async def close(self) -> None:
        """Ask no more."""
        if self._is_opened:
            await self._pool.close()

    async def begin(self, account: int, rights: int, address: str, agent: str, *, proved: bool) -> tuple[Session, str]:
        """Begin a session of an account with the rights that were proved; returns it and its refresh token.

        SessionEndedError if these rights have ended since.
        """
        now_s = self._clock()
        standing = self._standing_of(account)
        if standing is None or standing.rights != rights:
            raise SessionEndedError
        made = Session(
            new_id(), account, standing.fingerprint, now_s, now_s, now_s if proved else None, address,
            agent[:MOST_AGENT], standing.proof if proved else None,
        )  # fmt: skip
        token, hashed = _new_refresh(made.id)
        hold = self.hold(made.id)
        ended = await self._all(
            """
            WITH kept AS (
                SELECT id FROM identity.sessions WHERE account = %(account)s AND ended IS NULL
                ORDER BY begun DESC LIMIT %(kept)s
            ), made AS (
                INSERT INTO identity.sessions
                    (id, account, credential, refresh, begun, used, stepped_up, address, agent, proof)
                VALUES (%(id)s, %(account)s, %(credential)s, %(refresh)s, to_timestamp(%(now)s), to_timestamp(%(now)s),
                        to_timestamp(%(proved)s), %(address)s, %(agent)s, %(proof)s)
            ), gone AS (
                DELETE FROM identity.sessions WHERE used < to_timestamp(%(forgotten)s)
            ), old AS (
                DELETE FROM identity.audit WHERE time < to_timestamp(%(unaudited)s)
            )
            UPDATE identity.sessions SET ended = to_timestamp(%(now)s), why = 'too many sessions'
            WHERE account = %(account)s AND ended IS NULL AND id NOT IN (SELECT id FROM kept) RETURNING id
            """,
            {
                "id": made.id, "account": account, "credential": made.credential, "refresh": hashed, "now": now_s,
                "proved": made.stepped_up_s, "proof": made.proof, "address": made.address, "agent": made.agent,
                "kept": MOST_OF_ACCOUNT - 1, "forgotten": now_s - LONGEST_S - KEPT_S, "unaudited": now_s - AUDIT_KEPT_S,
            },
        )  # fmt: skip
        self._drop(ended)
        self._keep(made, hold)
        return made, token

    async def living(self, id: str) -> Session:
        """The session of an access token. SessionEndedError."""
        session = self._living.get(id)
        if session is None:
            hold = self.hold(id)
            rows = await self._all(f"SELECT {COLUMNS} FROM identity.sessions WHERE id = %s AND ended IS NULL", [id])
            if not rows:
                raise SessionEndedError
            session = Session(*rows[0])
            self._keep(session, hold)
        return self._judged(session)

    def hold(self, id: str) -> Hold:
        """Return what says whether a session has been ended by a request since."""
        found = self._holds.get(id)
        if found is None:
            found = self._holds[id] = Hold()
        return found

    async def refresh(self, token: str) -> tuple[Session, str]:
        """A session goes on, with a new refresh token. One that comes again, unless its answer may just have got lost,
        was stolen, here or there: that ends the session. SessionEndedError."""
        if not TOKEN.fullmatch(token):
            raise SessionEndedError
        id = token.partition(".")[0]
        async with self._turn(id), self._transaction() as connection:
            now_s = self._clock()
            session, rotation = await self._locked(connection, "%(id)s IN (id, id_before)", id)
            hold = self.hold(session.id)
            self._judged(session)
            fresh, hashed = _new_refresh(session.id)
            used = rotation.used(_hash(token), hashed, now_s)
            if used is None:
                await connection.execute(END, {"id": session.id, "now": now_s, "why": CAME_AGAIN, "account": None})
                self._living.pop(session.id, None)  # it may be committed without this being told
            else:
                # Who comes by a token of before may be a thief: nothing is proved now.
                proved_s = session.stepped_up_s if rotation.takes(_hash(token)) else None
                session = session._replace(used_s=now_s, stepped_up_s=proved_s)
                await _write(connection, session.id, session, used)
        if used is None:
            self._end_here(session.id)
            self.on_end()
            raise SessionEndedError
        self._keep(session, hold)
        return session, fresh

    async def step_up(self, session: Session, token: str) -> tuple[Session, str]:
        """The person has proved again who it is, from where `token` is the refresh token: the session goes on under
        another id. SessionEndedError."""
        now_s = self._clock()
        fresh, hashed = _new_refresh(new_id())
        # One hold for both ids: the end of the session ends what its earlier id has under way.
        hold = self._holds[fresh.partition(".")[0]] = self.hold(session.id)
        async with self._transaction() as connection:
            found, rotation = await self._locked(connection, "id = %(id)s", session.id)
            standing = self._standing_of(found.account)
            if standing is None:
                raise SessionEndedError
            renewed = found._replace(id=fresh.partition(".")[0], used_s=now_s, stepped_up_s=now_s, proof=standing.proof)
            await _write(connection, session.id, renewed, rotation.proved(_hash(token), hashed, now_s))
            self._living.pop(session.id, None)  # it may be committed without this being told
        self._living.pop(session.id, None)  # it may have been read before it was
        self._keep(renewed, hold)
        return renewed, fresh

    async def of(self, account: int) -> list[Session]:
        """An account's living sessions, the newest first."""
        rows = await self._all(
            f"SELECT {COLUMNS} FROM identity.sessions WHERE account = %s AND ended IS NULL ORDER BY begun DESC",
            [account],
        )
        return [session for session in (Session(*row) for row in rows) if self._why_ended(session) is None]

    async def end(self, id: str, why: str, account: int | None = None) -> bool:
        """End a session (of that account, if given), also by its id of before a proof; whether there was one."""
        if not ID.fullmatch(id):
            return False
        rows = await self._all(END, {"id": id, "now": self._clock(), "why": why, "account": account})
        self._drop(rows)
        await self.sequenced()
        return bool(rows)

    async def end_all(self, account: int, why: str) -> int:
        """End all sessions of an account; how many there were."""
        rows = await self._all(
            "UPDATE identity.sessions SET ended = to_timestamp(%s), why = %s WHERE account = %s AND ended IS NULL"
            " RETURNING id",
            [self._clock(), why, account],
        )
        self._drop(rows)
        await self.sequenced()
        return len(rows)

    async def audit(self, account: int, action: str, subject: str, address: str) -> None:
        """Note what somebody has looked at or done that the log does not have."""
        await self._all(
            "INSERT INTO identity.audit (time, account, action, subject, address)"
            " VALUES (to_timestamp(%s), %s, %s, %s, %s)",
            [self._clock(), account, action, subject, address],
        )

    async def audited(self, account: int | None, before: int | None, limit: int) -> list[Any]:
        """What was noted, of one account or of all, the latest first: id, time_s, account, action, subject, address."""
        return await self._all(
            """
            SELECT id, extract(epoch FROM time)::float8 AS time_s, account, action, subject, address
            FROM identity.audit
            WHERE account = coalesce(%s, account) AND id < coalesce(%s, 9223372036854775807)
            ORDER BY id DESC LIMIT %s
            """,
            [account, before, limit],
        )

    async def profile(self, account: int) -> Profile:
        """An account's; empty where it has none."""
        rows = await self._all(
            "SELECT display_name, email, language, time_zone, theme FROM identity.profiles WHERE account = %s",
            [account],
        )
        return Profile(*rows[0]) if rows else Profile()

    async def set_profile(self, account: int, profile: Profile) -> None:
        """Another one for an account, in place of what there was."""
        await self._all(
            """
            INSERT INTO identity.profiles (account, display_name, email, language, time_zone, theme, changed)
            VALUES (%s, %s, %s, %s, %s, %s, to_timestamp(%s))
            ON CONFLICT (account) DO UPDATE SET
                display_name = excluded.display_name, email = excluded.email, language = excluded.language,
                time_zone = excluded.time_zone, theme = excluded.theme, changed = excluded.changed
            """,
            [account, *profile, self._clock()],
        )

    def is_proved(self, session: Session) -> bool:
        """Whether the person has just proved who it is, by the second factor that the account has now."""
        standing = self._standing_of(session.account)
        if session.stepped_up_s is None or standing is None or session.proof != standing.proof:
            return False
        return self._clock() - session.stepped_up_s < STEP_UP_S

    def _drop(self, rows: list[Any]) -> None:
        """Sessions that have been ended, as rows with their ids."""
        for row in rows:
            self._end_here(row.id)
        if rows:
            self.on_end()

    def _end_here(self, id: str) -> None:
        self._living.pop(id, None)
        hold = self._holds.pop(id, None)
        if hold is not None:
            hold.is_ended = True

    def _keep(self, session: Session, hold: Hold) -> None:
        """Remember a session that was read or written. SessionEndedError if it was ended before this was known."""
        if hold.is_ended:
            raise SessionEndedError
        self._living[session.id] = session
        self._living.move_to_end(session.id)
        if len(self._living) > MOST_IN_MEMORY:
            self._living.popitem(last=False)

    def _judged(self, session: Session) -> Session:
        """A session that lives. SessionEndedError."""
        if self._why_ended(session) is not None:
            self._living.pop(session.id, None)
            raise SessionEndedError
        return session

    def _why_ended(self, session: Session) -> str | None:
        now_s = self._clock()
        standing = self._standing_of(session.account)
        if standing is None or standing.fingerprint != session.credential:
            return "another password, role or lock"
        if now_s - session.begun_s > LONGEST_S or now_s - session.used_s > IDLE_S:
            return "expired"
        return None

    async def _locked(self, connection: AsyncConnection[Any], where: str, id: str) -> tuple[Session, Rotation]:
        """A session that has not been ended, for this transaction alone. SessionEndedError."""
        query = f"SELECT {COLUMNS}, {ROTATION} FROM identity.sessions WHERE {where} AND ended IS NULL FOR UPDATE"
        row = await (await connection.execute(query.encode(), {"id": id})).fetchone()
        if row is None:
            self._living.pop(id, None)
            raise SessionEndedError
        of_session = len(Session._fields)
        return Session(*row[:of_session]), Rotation(*row[of_session:])

    async def _all(self, query: str, parameters: Any) -> list[Any]:
        async with self._transaction() as connection:
            cursor = await connection.execute(query.encode(), parameters)
            return await cursor.fetchall() if cursor.description is not None else []

    @asynccontextmanager
    async def _turn(self, id: str) -> AsyncIterator[None]:
        """One after the other, so that whoever sends one cookie very often takes one connection, and not all."""
        turn = self._turns.setdefault(id, Turn())
        if turn.count >= MOST_REFRESHING:
            raise SessionsAwayError(f"more than {MOST_REFRESHING} refreshes of one session at once")
        turn.count += 1
        try:
            async with turn.lock:
                yield
        finally:
            turn.count -= 1
            if turn.count == 0:
                del self._turns[id]

    @asynccontextmanager
    async def _transaction(self) -> AsyncIterator[AsyncConnection[Any]]:
        """Committed where it ends well."""
        try:
            await self._open()
            async with self._pool.connection() as connection:
                yield connection
        except (psycopg.OperationalError, psycopg.InterfaceError) as error:
            raise SessionsAwayError(" ".join(str(error).split())) from error

    async def _open(self) -> None:
        """Begin to connect, and make what tables are missing."""
        if not self._is_opened:
            await self._pool.open(wait=False)
            self._is_opened = True
        if not self._is_made:
            async with self._pool.connection() as connection:
                await connection.execute("SELECT pg_advisory_xact_lock(%s)", [SCHEMA_LOCK])
                await connection.execute(SCHEMA.read_bytes())
            self._is_made = True


def new_id() -> str:
    return secrets.token_urlsafe(16)


async def _write(connection: AsyncConnection[Any], id: str, session: Session, rotation: Rotation) -> None:
    """What becomes of a session that has this id so far."""
    await connection.execute(
        """
        UPDATE identity.sessions
        SET id = %(id)s, id_before = CASE WHEN id = %(id)s THEN id_before ELSE id END, used = to_timestamp(%(used_s)s),
            stepped_up = to_timestamp(%(stepped_up_s)s), proof = %(proof)s, refresh = %(refresh)s,
            beside = %(beside)s, spent = %(spent)s,
            rotated = to_timestamp(%(rotated_s)s)
        WHERE id = %(was)s
        """,
        session._asdict() | rotation._asdict() | {"was": id},
    )


def _new_refresh(id: str) -> tuple[str, bytes]:
    token = f"{id}.{secrets.token_urlsafe(32)}"
    return token, _hash(token)


def _hash(token: str) -> bytes:
    return sha256(token.encode()).digest()
