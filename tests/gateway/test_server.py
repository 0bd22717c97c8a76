"""Connections: who may log on, what ends a connection, and that no client holds the gateway up."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections.abc import Callable
from pathlib import Path

import pytest

from lockstep.core.edge import authentication
from lockstep.core.edge.authentication import Account, Accounts, Authenticator, Credential
from lockstep.core.rules.credentials import is_right
from tests.gateway.harness import Trader, config_for, venue
from tests.passwords import PASSWORD


def test_wrong_password_unknown_user_and_another_username_get_the_same_answer(tmp_path: Path) -> None:
    async def scenario() -> None:
        answers = []
        async with venue(tmp_path) as harness:
            for name, username, password in (
                ("ALICE", "ALICE", "wrong"), ("NOBODY", "NOBODY", PASSWORD), ("ALICE", "BOB", PASSWORD),
            ):  # fmt: skip
                trader = Trader(name)
                answer = await trader.logon(harness, password, t553=username)
                answers.append({tag: answer[tag] for tag in (35, 58)})
                await trader.closed()
        assert answers == [{35: "5", 58: "SenderCompID, Username or Password is wrong"}] * 3

    asyncio.run(scenario())


def test_a_message_to_another_comp_id_and_a_first_message_that_is_no_logon_get_no_answer(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with venue(tmp_path) as harness:
            for msg_type, target in (("A", "SOMEONE"), ("D", "LOCKSTEP")):
                trader = Trader()
                await trader.connect(harness)
                trader.send(msg_type, {98: "0", 108: "30", 553: "ALICE", 554: PASSWORD}, target=target)
                await trader.closed()

    asyncio.run(scenario())


def test_a_second_logon_of_a_live_session_is_cut_off_and_the_first_goes_on(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with venue(tmp_path) as harness:
            first, second = Trader(), Trader()
            await first.logon(harness)
            claim = asyncio.create_task(second.logon(harness))
            asked = await first.receive()
            assert asked[35] == "1"
            first.send("0", {112: asked[112]})
            with pytest.raises(EOFError):
                await claim
            first.order("one")
            assert (await first.receive())[150] == "0"

    asyncio.run(scenario())


def test_a_half_open_connection_does_not_lock_its_client_out(tmp_path: Path) -> None:
    """FIX-13: a Logout is answered, and locks nobody out."""

    async def scenario() -> None:
        async with venue(tmp_path) as harness:
            before, after = Trader(), Trader()
            await before.logon(harness, t108="0")  # and never says anything again
            before.order("one")
            await before.receive()
            after.next_out = before.next_out
            assert (await after.logon(harness))[35] == "A"
            after.order("two")
            assert (await after.receive())[11] == "two"

    asyncio.run(scenario())


def test_a_connection_waits_for_no_acknowledgement(tmp_path: Path) -> None:
    """FIX-18: one write for each session and turn, without Nagle."""

    async def scenario() -> None:
        async with venue(tmp_path) as harness:
            await Trader().logon(harness)
            (client,) = harness.gateway.engine.clients
            connected = client.transport.get_extra_info("socket")
            assert connected.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)

    asyncio.run(scenario())


def test_half_a_message_for_ever_ends_at_the_logon_timeout(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with venue(tmp_path, config_for(logon_timeout_s=1)) as harness:
            trader = Trader()
            await trader.connect(harness)
            trader.writer.write(b"8=FIX.4.4\x019=100\x0135=A")
            await trader.closed()

    asyncio.run(scenario())


@pytest.mark.parametrize(("limit", "limit_per_address"), [(64, 4), (4, 64)])
def test_silent_connections_give_way_and_sessions_do_not(tmp_path: Path, limit: int, limit_per_address: int) -> None:
    async def scenario() -> None:
        config = config_for(max_connections=limit, max_connections_per_address=limit_per_address)
        async with venue(tmp_path, config) as harness:
            alice, bob = Trader("ALICE"), Trader("BOB")
            await alice.logon(harness)
            silent = [Trader() for _ in range(5)]
            for trader in silent:
                await trader.connect(harness)
            for trader in silent[:2]:
                with contextlib.suppress(ConnectionError):
                    await trader.closed()
            assert (await bob.logon(harness))[35] == "A"
            with contextlib.suppress(ConnectionError):
                await silent[2].closed()
            alice.order("one")
            assert (await alice.receive())[150] == "0"

    asyncio.run(scenario())


def test_where_all_have_logged_on_a_further_connection_is_refused(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with venue(tmp_path, config_for(max_connections_per_address=1)) as harness:
            alice, bob = Trader("ALICE"), Trader("BOB")
            await alice.logon(harness)
            with pytest.raises((EOFError, ConnectionError)):
                await bob.logon(harness)
            await alice.close()
            await harness.until(lambda: not harness.gateway.engine.clients)
            bob.next_out = 1
            assert (await bob.logon(harness))[35] == "A"

    asyncio.run(scenario())


def test_connections_that_are_reset_at_once_leave_the_limits_as_they_were(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with venue(tmp_path, config_for(max_connections_per_address=2)) as harness:
            for _ in range(100):
                with socket.create_connection(("127.0.0.1", harness.gateway.port)) as hasty:
                    # Closing resets the connection, often before the gateway has come to it.
                    hasty.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            while True:
                trader = Trader()
                try:
                    await trader.logon(harness)
                except (EOFError, ConnectionError):
                    continue  # some of them still count
                break
            trader.order("one")
            assert (await trader.receive())[150] == "0"

    asyncio.run(scenario())


def test_an_oversized_message_ends_the_session_with_a_logout(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with venue(tmp_path, config_for(max_message_bytes=512)) as harness:
            trader = Trader()
            await trader.logon(harness)
            trader.order("one", t58="x" * 600)
            assert (await trader.receive())[35] == "5"
            trader.send("5", {})
            await trader.closed()

    asyncio.run(scenario())


def test_garbled_bytes_are_skipped(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with venue(tmp_path) as harness:
            trader = Trader()
            await trader.logon(harness)
            good = trader.message("D", number=99)
            trader.writer.write(good[:-4] + b"999\x01"[-4:])
            trader.order("one")
            assert (await trader.receive())[11] == "one"

    asyncio.run(scenario())


def test_an_unsupported_message_type_is_answered_once(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with venue(tmp_path) as harness:
            trader = Trader()
            await trader.logon(harness)
            trader.send("L", {11: "one"})
            answer = await trader.receive()
            assert (answer[35], answer[380], answer[372]) == ("j", "3", "L")

    asyncio.run(scenario())


def test_a_reset_at_logon_begins_both_numbers_at_one(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with venue(tmp_path) as harness:
            trader = Trader()
            await trader.logon(harness)
            trader.order("one")
            await trader.receive()
            await trader.close()
            await harness.until(lambda: not harness.gateway.engine.clients)
            trader.next_out = 1
            answer = await trader.logon(harness, t141="Y")
            assert (answer[34], answer[141]) == ("1", "Y")
            trader.order("two")
            assert (await trader.receive())[34] == "2"

    asyncio.run(scenario())


def test_stop_logs_every_session_out(tmp_path: Path) -> None:
    async def scenario() -> None:
        trader = Trader()
        async with venue(tmp_path) as harness:
            await trader.logon(harness)
            stopping = asyncio.create_task(harness.gateway.stop())
            answer = await trader.receive()
            assert (answer[35], answer[58]) == ("5", "the venue is stopping")
            trader.send("5", {})
            await trader.closed()
            await stopping

    asyncio.run(scenario())


def credential(password: str) -> Credential:
    from argon2.low_level import Type, hash_secret_raw

    digest = hash_secret_raw(password.encode(), b"s" * 16, 1, 8, 1, 32, Type.ID, 19)
    return Credential(b"s" * 16, digest, 8, 1, 1)


def test_a_password_is_right_or_wrong() -> None:
    assert is_right("demo", credential("demo"))
    assert not is_right("Demo", credential("demo"))


def authenticator(*names: str, clock: Callable[[], float] = lambda: 0.0) -> Authenticator:
    accounts = Accounts()
    for number, name in enumerate(names, 1):
        accounts.define(Account(number, name, credential("demo")))
    return Authenticator(accounts, clock, 100)


def test_guesses_at_an_account_are_bounded_for_their_address_and_forgiven_with_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(authentication, "ADDRESS_DELAY_S", 0.0)
    now = [0.0]

    async def scenario() -> None:
        checks = authenticator("ALICE", clock=lambda: now[0])
        for _ in range(authentication.FREE_FAILURES + 1):
            assert await checks.check("10.0.0.1", "ALICE", "wrong") is None
        monkeypatch.setattr(authentication, "MAX_WAIT_S", 0.0)
        assert await checks.check("10.0.0.1", "ALICE", "demo") is None, "its next guess is not due yet"
        assert await checks.check("10.0.0.2", "ALICE", "demo") is not None
        now[0] = authentication.FORGIVEN_EVERY_S * 2
        assert await checks.check("10.0.0.1", "ALICE", "demo") is not None
        checks.close()

    asyncio.run(scenario())


def test_many_guesses_at_once_get_no_further_than_one_after_the_other() -> None:
    guesses = authentication.Guesses(lambda: 0.0)
    waits = [guesses.wait_s("10.0.0.1", "ALICE") for _ in range(60)]
    assert waits[: authentication.FREE_FAILURES + 1] == [0.0] * (authentication.FREE_FAILURES + 1)
    checked = [wait for wait in waits if wait is not None]
    assert len(checked) < 10
    assert max(checked) <= authentication.MAX_WAIT_S + authentication.ADDRESS_DELAY_S


def test_guessing_keeps_nobody_else_behind_the_same_address_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(authentication, "ADDRESS_DELAY_S", 0.01)

    async def scenario() -> None:
        checks = authenticator("ALICE", "BOB")
        names = [*("ALICE" for _ in range(30)), *(f"GUESS{number}" for number in range(30))]
        guesses = [asyncio.create_task(checks.check("10.0.0.1", name, "wrong")) for name in names]
        await asyncio.sleep(0)
        async with asyncio.timeout(5):
            assert await checks.check("10.0.0.1", "BOB", "demo") is not None
        for guess in guesses:
            guess.cancel()
        checks.close()

    asyncio.run(scenario())
