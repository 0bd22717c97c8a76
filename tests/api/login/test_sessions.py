"""People's sessions in a real PostgreSQL: how they begin, go on and end."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import psycopg
import pytest

from procs.api.login.sessions import (
    IDLE_S,
    LONGEST_S,
    MOST_OF_ACCOUNT,
    STEP_UP_S,
    SessionEndedError,
    Sessions,
    SessionsAwayError,
)
from procs.edge.authentication import Credential
from tests.batcher.conftest import data, empty_database, server  # noqa: F401

T = TypeVar("T")
FIRST = Credential(b"s" * 16, b"h" * 32, 8, 1, 1)
START_S = 1_800_000_000.0


class Venue:
    """A clock that stands, and passwords of accounts."""

    def __init__(self, url: str) -> None:
        self.now_s = START_S
        self.credentials = {1: FIRST, 2: FIRST}
        self.sessions = Sessions(url, lambda: self.now_s, self.credentials.get)


def run(url: str, what: Callable[[Venue], Awaitable[T]]) -> T:
    async def ran() -> T:
        venue = Venue(url)
        try:
            return await what(venue)
        finally:
            await venue.sessions.close()

    return asyncio.run(ran())


def test_a_session_goes_on_by_its_refresh_token_and_after_a_restart(empty_database: str) -> None:  # noqa: F811
    async def first(venue: Venue) -> tuple[str, str]:
        session, token = await venue.sessions.begin(1, "127.0.0.1", "x" * 500, proved=False)
        assert (await venue.sessions.living(session.id)).account == 1
        assert len(session.agent) == 200
        return session.id, token

    id, token = run(empty_database, first)

    async def later(venue: Venue) -> None:
        assert (await venue.sessions.living(id)).account == 1
        session, fresh = await venue.sessions.refresh(token)
        assert session.id == id
        assert (await venue.sessions.refresh(fresh))[0].id == id

    run(empty_database, later)


def test_a_refresh_token_that_comes_again_ends_the_session(empty_database: str) -> None:  # noqa: F811
    async def what(venue: Venue) -> None:
        session, stolen = await venue.sessions.begin(1, "", "", proved=False)
        _, fresh = await venue.sessions.refresh(stolen)
        with pytest.raises(SessionEndedError):
            await venue.sessions.refresh(stolen)
        with pytest.raises(SessionEndedError):
            await venue.sessions.refresh(fresh)
        with pytest.raises(SessionEndedError):
            await venue.sessions.living(session.id)
        for odd in ("", ".", "a.b", session.id, session.id + ".", "\0.\0", "'; --.x"):
            with pytest.raises(SessionEndedError):
                await venue.sessions.refresh(odd)

    run(empty_database, what)


def test_another_password_ends_every_session_that_began_with_the_one_before(empty_database: str) -> None:  # noqa: F811
    async def what(venue: Venue) -> None:
        session, token = await venue.sessions.begin(1, "", "", proved=False)
        other, _ = await venue.sessions.begin(2, "", "", proved=False)
        venue.credentials[1] = FIRST._replace(hash=b"n" * 32)
        with pytest.raises(SessionEndedError):
            await venue.sessions.living(session.id)
        with pytest.raises(SessionEndedError):
            await venue.sessions.refresh(token)
        assert await venue.sessions.of(1) == []
        assert (await venue.sessions.living(other.id)).id == other.id

    run(empty_database, what)


def test_a_proof_gives_another_id_and_lasts_five_minutes(empty_database: str) -> None:  # noqa: F811
    async def what(venue: Venue) -> None:
        session, token = await venue.sessions.begin(1, "", "", proved=False)
        assert not session.is_proved(venue.now_s)
        renewed, _ = await venue.sessions.step_up(session)
        assert renewed.id != session.id
        assert renewed.is_proved(venue.now_s + STEP_UP_S - 1)
        assert not renewed.is_proved(venue.now_s + STEP_UP_S)
        with pytest.raises(SessionEndedError):
            await venue.sessions.living(session.id)
        with pytest.raises(SessionEndedError):
            await venue.sessions.step_up(session)
        with pytest.raises(SessionEndedError):
            await venue.sessions.refresh(token)

    run(empty_database, what)


@pytest.mark.parametrize(("after_s", "uses"), [(IDLE_S + 1, 1), (LONGEST_S + 1, 10)])
def test_a_session_ends_by_itself(empty_database: str, after_s: float, uses: int) -> None:  # noqa: F811
    async def what(venue: Venue) -> None:
        session, token = await venue.sessions.begin(1, "", "", proved=False)
        for _ in range(uses - 1):
            venue.now_s += after_s / uses
            session, token = await venue.sessions.refresh(token)
        venue.now_s += after_s / uses
        with pytest.raises(SessionEndedError):
            await venue.sessions.living(session.id)

    run(empty_database, what)


def test_an_account_has_so_many_sessions_and_a_new_one_ends_the_oldest(empty_database: str) -> None:  # noqa: F811
    async def what(venue: Venue) -> None:
        began = []
        for _ in range(MOST_OF_ACCOUNT + 2):
            venue.now_s += 1
            began.append((await venue.sessions.begin(1, "", "", proved=False))[0].id)
        assert [session.id for session in await venue.sessions.of(1)] == began[:1:-1]
        with pytest.raises(SessionEndedError):
            await venue.sessions.living(began[0])

    run(empty_database, what)


def test_only_its_owner_ends_a_session_and_all_of_them_at_once(empty_database: str) -> None:  # noqa: F811
    run(empty_database, ends_at_once)


def test_a_session_that_outlives_its_end_is_found(empty_database: str, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    """Planted: the row is gone, and who is in memory goes on."""
    end = Sessions.end

    async def half_ended(sessions: Sessions, id: str, why: str, account: int | None = None) -> bool:
        living = dict(sessions._living)
        is_done = await end(sessions, id, why, account)
        sessions._living.update(living)
        return is_done

    monkeypatch.setattr(Sessions, "end", half_ended)
    with pytest.raises(pytest.fail.Exception, match="DID NOT RAISE"):
        run(empty_database, ends_at_once)


async def ends_at_once(venue: Venue) -> None:
    """What its owner ends is no session for the next request."""
    sessions = [(await venue.sessions.begin(1, "", "", proved=False))[0] for _ in range(3)]
    assert not await venue.sessions.end(sessions[0].id, "x", account=2)
    assert (await venue.sessions.living(sessions[0].id)).account == 1
    assert await venue.sessions.end(sessions[0].id, "x", account=1)
    with pytest.raises(SessionEndedError):
        await venue.sessions.living(sessions[0].id)
    assert await venue.sessions.end_all(1, "x") == 2
    with pytest.raises(SessionEndedError):
        await venue.sessions.living(sessions[2].id)


def test_what_is_old_is_forgotten(empty_database: str) -> None:  # noqa: F811
    async def what(venue: Venue) -> None:
        await venue.sessions.begin(1, "", "", proved=False)
        await venue.sessions.audit(1, "login", "", "127.0.0.1")
        assert [row.action for row in await venue.sessions.audited(1, None, 10)] == ["login"]
        assert await venue.sessions.audited(2, None, 10) == []
        venue.now_s += 401 * 86_400
        await venue.sessions.begin(2, "", "", proved=False)
        assert await venue.sessions.audited(None, None, 10) == []

    run(empty_database, what)
    with psycopg.connect(empty_database) as connection:
        assert connection.execute("SELECT account FROM identity.sessions").fetchall() == [(2,)]


def test_without_its_database_a_session_that_is_in_memory_goes_on(empty_database: str) -> None:  # noqa: F811
    async def what(venue: Venue) -> None:
        session, token = await venue.sessions.begin(1, "", "", proved=False)
        await venue.sessions.close()
        assert (await venue.sessions.living(session.id)).account == 1
        with pytest.raises(SessionsAwayError):
            await venue.sessions.refresh(token)

    run(empty_database, what)

    async def away(venue: Venue) -> None:
        with pytest.raises(SessionsAwayError):
            await venue.sessions.living("unknown")

    run("postgresql://nobody@127.0.0.1:1/nothing", away)
