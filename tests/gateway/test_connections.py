"""Clients that read too little or send too fast, what operators see of sessions, and how they end one."""

from __future__ import annotations

import asyncio
import socket
import time
from pathlib import Path
from typing import Any

import pytest

from lockstep.core.edge.own_socket import name_of
from lockstep.core.operations.status import SessionStatus
from lockstep.procs.gateway import control
from lockstep.procs.gateway.session_log import MAX_LINES_AT_ONCE, Lines
from tests.gateway.harness import Harness, Trader, config_for, venue
from tests.logged import captured

MIB = 1 << 20
RATE = "MESSAGE_RATE: more than 10 messages in a second from this session; wait, then send it again"


class Hasty(Trader):
    """A client that sends without reading: its socket holds few unread bytes."""

    async def connect(self, harness: Any) -> None:
        connected = socket.socket()
        connected.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
        connected.setblocking(False)
        await asyncio.get_running_loop().sock_connect(connected, ("127.0.0.1", harness.gateway.port))
        self.reader, self.writer = await asyncio.open_connection(sock=connected, limit=4096)

    def send_refused(self, count: int) -> None:
        """Orders that the gateway refuses, and answers with more bytes than they have."""
        fields = (11, "one"), (55, "NONE"), (54, 1), (60, "20260101-00:00:00"), (38, 1), (40, 1)
        self.writer.write(b"".join(self.message("D", *fields) for _ in range(count)))

    async def count(self, begin: bytes, wanted: int) -> int:
        """How many messages of a type come until there are as many as wanted, or none come any more."""
        found, rest = 0, b""
        async with asyncio.timeout(60):
            while found < wanted:
                data = await self.reader.read(MIB)
                if not data:
                    break
                rest += data
                found += rest.count(begin)
                rest = rest[-len(begin) + 1 :]
        return found


def unsent(harness: Harness) -> int:
    return max(client.transport.get_write_buffer_size() for client in harness.gateway.engine.clients)


async def stalled(harness: Harness, trader: Trader) -> None:
    """Until the gateway reads nothing more of the trader's, though there is more."""
    session = harness.gateway.engine.reporter.sessions[1]
    assert session is not None
    seen = 0
    await harness.until(lambda: unsent(harness) > MIB)
    while seen != session.numbers[0]:
        seen = session.numbers[0]
        await asyncio.sleep(0.05)  # reading stands still once a whole pause changes nothing
    assert seen < trader.next_out, "it has read everything: this shows nothing"


def test_a_client_that_does_not_read_is_not_listened_to_and_loses_nothing(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with venue(tmp_path, config_for(max_messages_per_second=0)) as harness:
            hasty, other = Hasty("ALICE"), Trader("BOB")
            await hasty.logon(harness)
            await other.logon(harness)
            hasty.send_refused(30_000)
            await stalled(harness, hasty)
            assert unsent(harness) < 2 * MIB
            other.order("one")
            assert (await other.receive())[150] == "0"
            assert await hasty.count(b"\x0135=8\x01", 30_000) == 30_000

    asyncio.run(scenario())


def test_a_client_that_reads_nothing_is_cut_off_and_may_log_on_again(tmp_path: Path) -> None:
    """FIX-17: a slow reader is bounded."""

    async def scenario() -> None:
        config = config_for(max_messages_per_second=0, unread_timeout_s=2)
        async with venue(tmp_path, config) as harness:
            hasty, again = Hasty(), Trader()
            await hasty.logon(harness, t108="0")
            hasty.send_refused(30_000)
            await stalled(harness, hasty)
            session = harness.gateway.engine.reporter.sessions[1]
            assert session is not None
            await harness.until(lambda: session.client is None)
            again.next_out = session.numbers[0]
            assert (await again.logon(harness))[35] == "A"

    asyncio.run(scenario())


def test_a_close_waits_a_bounded_time_for_what_is_not_read(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with venue(tmp_path, config_for(max_messages_per_second=0)) as harness:
            hasty, again = Hasty(), Trader()
            await hasty.logon(harness, t108="0")
            hasty.send_refused(30_000)
            await stalled(harness, hasty)
            engine = harness.gateway.engine
            session = engine.reporter.sessions[1]
            assert session is not None
            assert engine.clients.log_out(1, b"enough", harness.gateway.now_ns()) is not None
            await harness.until(lambda: session.client is None)  # the session is free before the connection has gone
            again.next_out = session.numbers[0]
            assert (await again.logon(harness))[35] == "A"
            async with asyncio.timeout(20):
                while len(engine.clients) > 1:
                    await asyncio.sleep(0.05)

    asyncio.run(scenario())


def test_orders_above_the_rate_are_refused_and_cancels_pass(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with venue(tmp_path, config_for(max_messages_per_second=10)) as harness:
            trader = Trader()
            await trader.logon(harness)
            for number in range(13):
                trader.order(f"o{number}")
            trader.cancel("c0", "o0")
            answers = [await trader.receive() for _ in range(14)]
            refused = [answer for answer in answers if answer[35] == "j"]
            assert {(answer[380], answer[58]) for answer in refused} == {("0", RATE)}
            assert [answer[379] for answer in refused] == ["o11", "o12"], "ten at once, and one begun"
            assert sum(answer.get(150) == "0" for answer in answers) == 11
            assert sum(answer.get(150) == "4" for answer in answers) == 1

    asyncio.run(scenario())


def test_input_far_above_the_rate_waits_and_no_heartbeat_is_missed(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with venue(tmp_path, config_for(max_messages_per_second=10)) as harness:
            trader, other = Trader("ALICE"), Trader("BOB")
            await trader.logon(harness, t108="1")
            await other.logon(harness)
            began_s = time.monotonic()
            for number in range(90):
                trader.send("1", {112: f"t{number}"})
            other.order("one")
            assert (await other.receive())[150] == "0"
            answers: list[str] = []
            while len(answers) < 90:
                answer = await trader.receive()
                if answer[35] == "0" and 112 in answer:
                    answers.append(answer[112])
            assert answers == [f"t{number}" for number in range(90)]
            assert time.monotonic() - began_s > 3.0, "twenty at once, then twenty a second"

    asyncio.run(scenario())


def test_who_resets_again_and_again_waits_for_itself(tmp_path: Path) -> None:
    """All clients wait for the disk when numbers restart at 1: so no client may ask for that all the time."""

    async def scenario() -> None:
        async with venue(tmp_path, config_for(max_messages_per_second=0)) as harness:
            trader, other = Trader("ALICE"), Trader("BOB")
            await trader.logon(harness, t141="Y")
            await other.logon(harness)
            began_s = time.monotonic()
            for _ in range(20):
                trader.send("A", {98: "0", 108: "30", 141: "Y"}, seq=1)
            other.order("one")
            assert (await other.receive())[150] == "0"
            for _ in range(20):
                assert (await trader.receive())[34] == "1"
            await trader.close()
            trader.next_out = 1
            assert (await trader.logon(harness, t141="Y"))[34] == "1"
            assert time.monotonic() - began_s > 0.9, "eleven at once, then ten a second, also by new connections"

    asyncio.run(scenario())


async def statuses(harness: Harness) -> dict[str, SessionStatus]:
    name = name_of(harness.venue.boot_id, "gateway.1")
    return {status.session: status for status in await asyncio.to_thread(control.sessions, name)}


def test_every_session_is_shown_with_what_became_of_it(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with venue(tmp_path) as harness:
            alice, stranger = Trader("ALICE"), Trader("BOB")
            await alice.logon(harness)
            alice.order("one")
            await alice.receive()
            await stranger.logon(harness, "wrong")
            shown = await statuses(harness)
            assert list(shown) == ["ALICE", "BOB"]
            of_alice = shown["ALICE"]
            assert (of_alice.address, of_alice.version, of_alice.unsent_bytes) == ("127.0.0.1", "FIX.4.4", 0)
            assert (of_alice.next_in, of_alice.next_out) == (3, 3)
            assert of_alice.since
            assert not shown["BOB"].is_connected
            assert shown["BOB"].refused.endswith("127.0.0.1: SenderCompID, Username or Password is wrong")
            alice.send("5", {})
            await alice.receive()
            await alice.close()
            await harness.until(lambda: not harness.gateway.engine.clients)
            assert (await statuses(harness))["ALICE"].ended.endswith("127.0.0.1: the client closed the connection")

    asyncio.run(scenario())


def test_an_operator_ends_a_session_and_the_log_says_who_and_why(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with venue(tmp_path) as harness:
            trader = Trader()
            await trader.logon(harness)
            name = name_of(harness.venue.boot_id, "gateway.1")
            request = control.Disconnect("ALICE", "OPERATOR1", "a test of ours")
            asked = asyncio.create_task(asyncio.to_thread(control.disconnect, name, request))
            answer = await trader.receive()
            assert (answer[35], answer[58]) == ("5", "a test of ours")
            trader.order("late")
            trader.send("5", {})
            await trader.closed()
            assert await asked == control.Disconnected(True, "ALICE is disconnected")
            again = await asyncio.to_thread(control.disconnect, name, request)
            assert again == control.Disconnected(False, "ALICE is not connected")
            nobody = control.Disconnect("NOBODY", "OPERATOR1", "none")
            assert not (await asyncio.to_thread(control.disconnect, name, nobody)).was_connected

    with captured() as lines:
        asyncio.run(scenario())
    said = [(line["event"], line.get("session"), line.get("reason")) for line in lines if "session" in line]
    assert said == [
        ("logon", "ALICE", None),
        ("operator_disconnect", "ALICE", "a test of ours"),
        ("logout", "ALICE", "it logged out"),
    ]
    assert next(line["operator"] for line in lines if "operator" in line) == "OPERATOR1"


@pytest.mark.parametrize("request_bytes", [b"", b"{}", b"\xff\n", b"x" * 10_000])
def test_what_is_no_request_gets_no_answer(tmp_path: Path, request_bytes: bytes) -> None:
    async def scenario() -> None:
        async with venue(tmp_path) as harness:
            name = name_of(harness.venue.boot_id, "gateway.1")
            reader, writer = await asyncio.open_unix_connection(f"\0{name}")
            writer.write(request_bytes + b"\n")
            async with asyncio.timeout(5):
                assert await reader.read() == b""
            writer.close()
            assert await statuses(harness)

    asyncio.run(scenario())


def test_a_flood_of_refusals_leaves_lines_out_and_says_how_many() -> None:
    now = [0]
    lines = Lines(lambda: now[0])
    with captured() as written:
        for _ in range(MAX_LINES_AT_ONCE + 50):
            lines.write("logon_refused")
        assert len(written) == MAX_LINES_AT_ONCE
        now[0] = 1_000_000_000
        lines.write("logon_refused")
    assert written[-1]["lines_left_out"] == 50
