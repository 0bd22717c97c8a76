"""People's sessions in a real PostgreSQL: how they begin, go on and end."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import psycopg
import pytest

from lockstep.core.edge.authentication import Credential
from lockstep.procs.api.login.rotation import GRACE_S
from lockstep.procs.api.login.sessions import (
    IDLE_S,
    LONGEST_S,
    MOST_OF_ACCOUNT,
    MOST_REFRESHING,
    STEP_UP_S,
    Session,
    SessionEndedError,
    Sessions,
    SessionsAwayError,
    Standing,
)
from tests.batcher.conftest import data, empty_database, server  # noqa: F401

T = TypeVar("T")
FIRST = Credential(b"s" * 16, b"h" * 32, 8, 1, 1)
START_S = 1_800_000_000.0


class Venue:
    """A clock that stands, and passwords of accounts."""

    def __init__(self, url: str) -> None:
        self.now_s = START_S
        self.standings = {1: Standing(FIRST), 2: Standing(FIRST)}
        self.sessions = Sessions(url, lambda: self.now_s, self.standings.get)

    async def ends(self, session: Session, token: str) -> None:
        """This refresh token is refused, and the session is over with it."""
        with pytest.raises(SessionEndedError):
            await self.sessions.refresh(token)
        with pytest.raises(SessionEndedError):
            await self.sessions.living(session.id)


class Wire:
    """The way to the database: where it is cut, a commit is carried out, and its answer does not come back."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._server: asyncio.Server | None = None
        self.is_cut = False
        self.lost: list[bytes] = []  # answers to commits

    async def open(self) -> str:
        """The URL of its near end."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        port = self._server.sockets[0].getsockname()[1]
        return psycopg.conninfo.make_conninfo(self._url, host="127.0.0.1", port=port)

    async def close(self) -> None:
        assert self._server is not None
        self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        parts = psycopg.conninfo.conninfo_to_dict(self._url)
        answers, asked = await asyncio.open_unix_connection(f"{parts['host']}/.s.PGSQL.{parts.get('port', 5432)}")
        answering = asyncio.create_task(self._answer(answers, writer))
        while question := await reader.read(65_536):
            asked.write(question)
            if self.is_cut and b"COMMIT" in question:
                answering.cancel()
                await asyncio.gather(answering, return_exceptions=True)  # then nothing reads
                self.lost.append(await answers.read(65_536))
                break
        writer.close()
        asked.close()
        await asyncio.gather(answering, return_exceptions=True)

    async def _answer(self, answers: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while answer := await answers.read(65_536):
            writer.write(answer)


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
        session, token = await venue.sessions.begin(1, 0, "127.0.0.1", "x" * 500, proved=False)
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
        session, stolen = await venue.sessions.begin(1, 0, "", "", proved=False)
        _, fresh = await venue.sessions.refresh(stolen)
        venue.now_s += GRACE_S
        with pytest.raises(SessionEndedError):
            await venue.sessions.refresh(stolen)
        await venue.ends(session, fresh)
        for odd in ("", ".", "a.b", session.id, session.id + ".", "\0.\0", "'; --.x"):
            with pytest.raises(SessionEndedError):
                await venue.sessions.refresh(odd)

    run(empty_database, what)


def test_an_answer_that_got_lost_is_asked_for_again(empty_database: str) -> None:  # noqa: F811
    async def lost(venue: Venue) -> tuple[str, str]:
        session, token = await venue.sessions.begin(1, 0, "", "", proved=False)
        await venue.sessions.refresh(token)
        return session.id, token

    id, token = run(empty_database, lost)

    async def again(venue: Venue) -> None:  # after a restart
        venue.now_s += GRACE_S - 1
        session, fresh = await venue.sessions.refresh(token)
        assert session.id == id
        venue.now_s += 540
        assert (await venue.sessions.refresh(fresh))[0].id == id

    run(empty_database, again)


@pytest.mark.parametrize("kept", range(3))
def test_whichever_of_the_answers_a_browser_keeps_is_good(empty_database: str, kept: int) -> None:  # noqa: F811
    """F5, twice, while the page's first refresh is on its way."""

    async def what(venue: Venue) -> None:
        session, token = await venue.sessions.begin(1, 0, "", "", proved=False)
        answers = await asyncio.gather(*(venue.sessions.refresh(token) for _ in range(3)))
        assert {answer.id for answer, _ in answers} == {session.id}
        venue.now_s += 540
        _, fresh = await venue.sessions.refresh(answers[kept][1])
        venue.now_s += 540
        assert (await venue.sessions.refresh(fresh))[0].id == session.id

    run(empty_database, what)


def test_who_sends_one_cookie_very_often_keeps_nobody_else_waiting(empty_database: str) -> None:  # noqa: F811
    async def what(venue: Venue) -> None:
        session, token = await venue.sessions.begin(1, 0, "", "", proved=False)
        _, other = await venue.sessions.begin(2, 0, "", "", proved=False)
        much = [asyncio.create_task(venue.sessions.refresh(token)) for _ in range(500)]
        await asyncio.sleep(0)  # all of them have asked
        await venue.sessions.refresh(other)
        assert sum(task.done() for task in much) < len(much)
        answers = await asyncio.gather(*much, return_exceptions=True)
        good = [answer for answer in answers if isinstance(answer, tuple)]
        assert len(good) == MOST_REFRESHING
        assert sum(isinstance(answer, SessionsAwayError) for answer in answers) == len(much) - len(good)
        venue.now_s += 540
        assert (await venue.sessions.refresh(good[0][1]))[0].id == session.id

    run(empty_database, what)


@pytest.mark.parametrize("is_owner_first", [True, False])
def test_who_used_the_same_token_can_not_both_go_on(empty_database: str, *, is_owner_first: bool) -> None:  # noqa: F811
    async def what(venue: Venue) -> None:
        session, stolen = await venue.sessions.begin(1, 0, "", "", proved=False)
        owner, thief = [(await venue.sessions.refresh(stolen))[1] for _ in range(2)]
        first, second = (owner, thief) if is_owner_first else (thief, owner)
        await venue.sessions.refresh(first)
        await venue.ends(session, second)

    run(empty_database, what)


def test_a_token_two_back_ends_the_session_at_once(empty_database: str) -> None:  # noqa: F811
    async def what(venue: Venue) -> None:
        session, oldest = await venue.sessions.begin(1, 0, "", "", proved=False)
        _, older = await venue.sessions.refresh(oldest)
        await venue.sessions.refresh(older)
        await venue.ends(session, oldest)

    run(empty_database, what)


def test_a_token_is_not_taken_for_longer_because_it_comes_often(empty_database: str) -> None:  # noqa: F811
    async def what(venue: Venue) -> None:
        _, token = await venue.sessions.begin(1, 0, "", "", proved=False)
        for _ in range(4):
            _, last = await venue.sessions.refresh(token)
            venue.now_s += GRACE_S / 4
        with pytest.raises(SessionEndedError):
            await venue.sessions.refresh(token)
        with pytest.raises(SessionEndedError):
            await venue.sessions.refresh(last)

    run(empty_database, what)


def test_a_proof_whose_answer_got_lost_leaves_the_session_without_it(empty_database: str) -> None:  # noqa: F811
    async def what(venue: Venue) -> None:
        session, token = await venue.sessions.begin(1, 0, "", "", proved=False)
        renewed, _ = await venue.sessions.step_up(session, token)
        found, fresh = await venue.sessions.refresh(token)
        assert found.id == renewed.id == fresh.partition(".")[0]
        assert not venue.sessions.is_proved(found)  # the earlier token may be in other hands
        assert not venue.sessions.is_proved(await venue.sessions.living(found.id))
        proved, last = await venue.sessions.step_up(found, fresh)
        assert venue.sessions.is_proved(proved)
        venue.now_s += 540
        assert (await venue.sessions.refresh(last))[0].id == proved.id
        await venue.ends(proved, fresh)

    run(empty_database, what)


def test_a_log_out_that_a_proof_overtook_ends_the_session(empty_database: str) -> None:  # noqa: F811
    async def what(venue: Venue) -> None:
        session, token = await venue.sessions.begin(1, 0, "", "", proved=False)
        renewed, fresh = await venue.sessions.step_up(session, token)
        assert await venue.sessions.end(session.id, "logged out", 1)
        await venue.ends(renewed, fresh)

    run(empty_database, what)


@pytest.mark.parametrize("after_s", [0, GRACE_S])
def test_a_proof_takes_no_token_of_another_browser(empty_database: str, after_s: float) -> None:  # noqa: F811
    async def what(venue: Venue) -> None:
        session, stolen = await venue.sessions.begin(1, 0, "", "", proved=False)
        owner, thief = [(await venue.sessions.refresh(stolen))[1] for _ in range(2)]
        renewed, _ = await venue.sessions.step_up(session, owner)
        venue.now_s += after_s
        with pytest.raises(SessionEndedError):
            await venue.sessions.refresh(thief if not after_s else owner)
        with pytest.raises(SessionEndedError):
            await venue.sessions.living(renewed.id)

    run(empty_database, what)


def test_a_refresh_that_overtakes_a_proof_is_good(empty_database: str) -> None:  # noqa: F811
    """F5 while a proof is on its way: both went out with the same cookie, and the page of before hears nothing."""

    async def what(venue: Venue) -> None:
        session, token = await venue.sessions.begin(1, 0, "", "", proved=False)
        _, kept = await venue.sessions.refresh(token)
        renewed, _ = await venue.sessions.step_up(session, token)
        assert (await venue.sessions.refresh(kept))[0].id == renewed.id

    run(empty_database, what)


def test_a_commit_that_nobody_confirmed_logs_nobody_out(empty_database: str) -> None:  # noqa: F811
    async def what(wire: Wire) -> None:
        venue = Venue(await wire.open())
        session, token = await venue.sessions.begin(1, 0, "", "", proved=False)
        wire.is_cut = True
        with pytest.raises(SessionsAwayError):
            await venue.sessions.refresh(token)
        wire.is_cut = False
        _, token = await venue.sessions.refresh(token)
        wire.is_cut = True
        with pytest.raises(SessionsAwayError):
            await venue.sessions.step_up(session, token)
        wire.is_cut = False
        with pytest.raises(SessionEndedError):
            await venue.sessions.living(session.id)  # nor is it in memory
        renewed, _ = await venue.sessions.refresh(token)
        assert renewed.id != session.id
        assert len(wire.lost) == 2
        assert all(b"COMMIT" in answer for answer in wire.lost), "each was carried out before its answer was lost"
        await venue.sessions.close()

    async def ran() -> None:
        wire = Wire(empty_database)
        try:
            await what(wire)
        finally:
            await wire.close()

    asyncio.run(ran())


@pytest.mark.parametrize("changed", [Standing(FIRST._replace(hash=b"n" * 32)), Standing(FIRST, rights=7)])
def test_another_password_ends_every_session_that_began_with_the_one_before(
    empty_database: str,  # noqa: F811
    changed: Standing,
) -> None:
    """So do other rights: another role, or a lock by an operator."""

    async def what(venue: Venue) -> None:
        session, token = await venue.sessions.begin(1, 0, "", "", proved=False)
        other, _ = await venue.sessions.begin(2, 0, "", "", proved=False)
        venue.standings[1] = changed
        with pytest.raises(SessionEndedError):
            await venue.sessions.living(session.id)
        with pytest.raises(SessionEndedError):
            await venue.sessions.refresh(token)
        assert await venue.sessions.of(1) == []
        assert (await venue.sessions.living(other.id)).id == other.id

    run(empty_database, what)


@pytest.mark.parametrize(("before", "after"), [(b"", b"first"), (b"first", b"second"), (b"first", b"")])
def test_another_second_factor_ends_a_proof(empty_database: str, before: bytes, after: bytes) -> None:  # noqa: F811
    """It is turned on, replaced or turned off: the earlier proof no longer counts."""

    async def what(venue: Venue) -> None:
        venue.standings[1] = Standing(FIRST, factor=before)
        session, token = await venue.sessions.begin(1, 0, "", "", proved=False)
        renewed, _ = await venue.sessions.step_up(session, token)
        begun, _ = await venue.sessions.begin(1, 0, "", "", proved=True)
        assert venue.sessions.is_proved(renewed)
        assert venue.sessions.is_proved(begun)
        venue.standings[1] = Standing(FIRST, factor=after)
        for each in (renewed, begun):
            assert not venue.sessions.is_proved(await venue.sessions.living(each.id))
        venue.standings[1] = Standing(FIRST, factor=before)
        assert venue.sessions.is_proved(renewed)

    run(empty_database, what)


def test_a_proof_gives_another_id_and_lasts_five_minutes(empty_database: str) -> None:  # noqa: F811
    async def what(venue: Venue) -> None:
        session, token = await venue.sessions.begin(1, 0, "", "", proved=False)
        assert not venue.sessions.is_proved(session)
        renewed, _ = await venue.sessions.step_up(session, token)
        assert renewed.id != session.id
        venue.now_s += STEP_UP_S - 1
        assert venue.sessions.is_proved(renewed)
        venue.now_s += 1
        assert not venue.sessions.is_proved(renewed)
        with pytest.raises(SessionEndedError):
            await venue.sessions.living(session.id)
        with pytest.raises(SessionEndedError):
            await venue.sessions.step_up(session, token)

    run(empty_database, what)


@pytest.mark.parametrize(("after_s", "uses"), [(IDLE_S + 1, 1), (LONGEST_S + 1, 10)])
def test_a_session_ends_by_itself(empty_database: str, after_s: float, uses: int) -> None:  # noqa: F811
    async def what(venue: Venue) -> None:
        session, token = await venue.sessions.begin(1, 0, "", "", proved=False)
        for _ in range(uses - 1):
            venue.now_s += after_s / uses
            session, token = await venue.sessions.refresh(token)
        venue.now_s += after_s / uses
        await venue.ends(session, token)

    run(empty_database, what)


def test_an_account_has_so_many_sessions_and_a_new_one_ends_the_oldest(empty_database: str) -> None:  # noqa: F811
    async def what(venue: Venue) -> None:
        began = []
        for _ in range(MOST_OF_ACCOUNT + 2):
            venue.now_s += 1
            began.append((await venue.sessions.begin(1, 0, "", "", proved=False))[0].id)
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
    sessions = [(await venue.sessions.begin(1, 0, "", "", proved=False))[0] for _ in range(3)]
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
        await venue.sessions.begin(1, 0, "", "", proved=False)
        await venue.sessions.audit(1, "login", "", "127.0.0.1")
        assert [row.action for row in await venue.sessions.audited(1, None, 10)] == ["login"]
        assert await venue.sessions.audited(2, None, 10) == []
        venue.now_s += 401 * 86_400
        await venue.sessions.begin(2, 0, "", "", proved=False)
        assert await venue.sessions.audited(None, None, 10) == []

    run(empty_database, what)
    with psycopg.connect(empty_database) as connection:
        assert connection.execute("SELECT account FROM identity.sessions").fetchall() == [(2,)]


def test_without_its_database_a_session_that_is_in_memory_goes_on(empty_database: str) -> None:  # noqa: F811
    async def what(venue: Venue) -> None:
        session, token = await venue.sessions.begin(1, 0, "", "", proved=False)
        await venue.sessions.close()
        assert (await venue.sessions.living(session.id)).account == 1
        with pytest.raises(SessionsAwayError):
            await venue.sessions.refresh(token)

    run(empty_database, what)

    async def away(venue: Venue) -> None:
        with pytest.raises(SessionsAwayError):
            await venue.sessions.living("unknown")

    run("postgresql://nobody@127.0.0.1:1/nothing", away)


def test_a_session_needs_the_rights_that_were_proved(empty_database: str) -> None:  # noqa: F811
    """A password may be changed while the earlier one is being checked."""

    async def what(venue: Venue) -> None:
        venue.standings[1] = Standing(FIRST, rights=7)
        for rights in (0, 6, 8):
            with pytest.raises(SessionEndedError):
                await venue.sessions.begin(1, rights, "", "", proved=True)
        await venue.sessions.begin(1, 7, "", "", proved=True)

    run(empty_database, what)


def test_the_end_of_a_session_reaches_requests_under_way(empty_database: str) -> None:  # noqa: F811
    """Each way to end it; a request may have come by the id that the session had before a proof."""

    async def what(venue: Venue) -> None:
        for end in (
            lambda id: venue.sessions.end(id, "test"), lambda _: venue.sessions.end_all(1, "test"),
        ):  # fmt: skip
            session, token = await venue.sessions.begin(1, 0, "", "", proved=False)
            before = venue.sessions.hold(session.id)
            renewed, _ = await venue.sessions.step_up(session, token)
            after = venue.sessions.hold(renewed.id)
            judged = asyncio.Event()
            venue.sessions.sequenced = judged.wait  # type: ignore[assignment]
            ending = asyncio.create_task(end(session.id))  # type: ignore[no-untyped-call]
            while not after.is_ended:
                await asyncio.sleep(0)
            assert before.is_ended
            assert not ending.done(), "the router has not judged yet what was sent before"
            judged.set()
            await ending
            with pytest.raises(SessionEndedError):
                await venue.sessions.living(renewed.id)

    run(empty_database, what)


def test_a_session_that_was_ended_meanwhile_is_not_kept(empty_database: str) -> None:  # noqa: F811
    """A request that reads, refreshes or proves a session at its end does not bring it back to memory."""

    async def what(venue: Venue) -> None:
        for _ in range(12):
            for use in ("living", "refresh", "step_up"):
                session, token = await venue.sessions.begin(1, 0, "", "", proved=False)
                vars(venue.sessions)["_living"].clear()  # as after a restart
                arguments: tuple[Any, ...] = {
                    "living": (session.id,), "refresh": (token,), "step_up": (session, token)
                }[use]  # fmt: skip
                using = getattr(venue.sessions, use)(*arguments)
                ending = venue.sessions.end(session.id, "test")
                outcomes: Any = await asyncio.gather(using, ending, return_exceptions=True)
                used, ended = outcomes
                assert ended is True
                assert use == "living" or isinstance(used, tuple | SessionEndedError)
                known = vars(venue.sessions)["_living"]
                assert not known, (use, "is in memory")

    run(empty_database, what)
