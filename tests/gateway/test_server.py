"""Connections: who may log on, what ends a connection, and that nobody holds the gateway up."""

from __future__ import annotations

import asyncio
import socket
import struct
from pathlib import Path

import pytest

from procs.credentials import is_right
from procs.gateway import authentication
from procs.gateway.authentication import Account, Accounts, Authenticator, Credential
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
            with pytest.raises(EOFError):
                await second.logon(harness)
            first.order("one")
            assert (await first.receive())[150] == "0"

    asyncio.run(scenario())


def test_half_a_message_for_ever_ends_at_the_logon_timeout(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with venue(tmp_path, config_for(logon_timeout_s=1)) as harness:
            trader = Trader()
            await trader.connect(harness)
            trader.writer.write(b"8=FIX.4.4\x019=100\x0135=A")
            await trader.closed()

    asyncio.run(scenario())


def test_connections_are_limited_per_address(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with venue(tmp_path, config_for(max_connections_per_address=2)) as harness:
            traders = [Trader() for _ in range(3)]
            for trader in traders:
                await trader.connect(harness)
            with pytest.raises((EOFError, ConnectionError)):
                await traders[2].receive()
            await traders[0].close()
            await harness.until(lambda: len(harness.gateway.engine.clients) == 1)
            last = Trader()
            assert (await last.logon(harness))[35] == "A"

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
            good = trader.message("D", {}, seq=99)
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


def test_guessing_is_delayed_and_then_refused_and_forgiven_with_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(authentication, "FIRST_DELAY_S", 0.0)
    now = [0.0]

    async def scenario() -> None:
        accounts = Accounts()
        accounts.define(Account(1, "ALICE", credential("demo")))
        authenticator = Authenticator(accounts, lambda: now[0])
        for _ in range(authentication.MAX_FAILURES):
            assert await authenticator.check("10.0.0.1", "ALICE", "wrong") is None
        assert await authenticator.check("10.0.0.1", "ALICE", "demo") is None
        assert await authenticator.check("10.0.0.2", "ALICE", "demo") is not None
        now[0] = authentication.FORGIVEN_EVERY_S * 2
        assert await authenticator.check("10.0.0.1", "ALICE", "demo") is not None
        authenticator.close()

    asyncio.run(scenario())
