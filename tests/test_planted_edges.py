"""Bugs at the edges, each as it once was, planted to show that a check finds it, and that the check holds without it.

Each takes the place of a part that a test builds, or of a name; production code has no switch for any of them.

- Resends: a request reads every session's messages (`ReadsEverything`), or each of many is carried out
  (`CarriesOutEach`): found by what a turn of the gateway reads, and by how often the first answer comes.
- A full disk: a stage takes it for a broken one, and ends; found by the simulation (`DeathByFullDisk` in its bugs.py).
- Refused rows: one stops those behind it, or takes good ones along; found in the database, by
  tests/batcher/test_refused.py, which has one.
- The journal's last batch: no witness is asked what was released of it; found by the simulation (`WitnessesUnasked`).
- Connections: an order behind its client's own Logout is accepted (`LogoutLast`): found in the journal, and by the
  simulation; a close waits for ever for what is not read (`WaitsForEver`): found by who is still there when its time is
  over.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from lockstep.core.journal.journal import JournalReader
from lockstep.core.schema.layout import unpack_command
from lockstep.core.schema.records import NewOrder
from lockstep.procs.gateway import __main__ as gateway_main
from lockstep.procs.gateway.client import Client
from lockstep.procs.gateway.server import ClientSocket, Server
from tests.gateway.harness import Trader, config_for, venue
from tests.gateway.test_connections import Hasty, stalled
from tests.gateway.test_resends import flood
from tests.simulation.planted_gateway import logout_last, messages

FOREIGN = 100  # messages of another session for each of one's own: the store has four times what a turn may read
REQUESTS = 40
TURNS_FOR_EACH = 8  # in which a resend of so few messages is over
CLOSE_NS = 10 * 10**9  # more than a close may take, and more than a Logout waits for its answer
GONE_S = 1.0  # for the loop to drop what was cut


class Listening(Server):
    """A server that inspects received bytes."""

    def came(self, client: Client, size: int) -> bytes:
        return bytes(client.space()[:size])

    def hand_over(self, client: Client, data: bytes) -> None:
        """Let the engine have this as received."""
        client.space()[: len(data)] = data
        super().received(client, len(data))


class ReadsEverything(Listening):
    """A resend goes through the whole store, through other sessions' messages too."""

    store: Path
    asked = False

    def received(self, client: Client | None, size: int) -> None:
        self.asked = self.asked or (client is not None and b"\x0135=2\x01" in self.came(client, size))
        super().received(client, size)

    def poll(self, now_ns: int) -> int:
        if self.asked:
            self.asked = False
            for path in self.store.glob("*.fix"):
                path.read_bytes()
        return super().poll(now_ns)


class CarriesOutEach(Listening):
    """A ResendRequest waits until the one before it is carried out."""

    def __init__(self, *parts: Any) -> None:
        super().__init__(*parts)
        self.queue: deque[tuple[Client, bytes]] = deque()
        self.turns = 0

    def received(self, client: Client | None, size: int) -> None:
        assert client is not None
        self.queue += ((client, message) for message in messages(self.came(client, size)))

    def poll(self, now_ns: int) -> int:
        self.turns += 1
        if self.queue and self.turns % TURNS_FOR_EACH == 0:
            self.hand_over(*self.queue.popleft())
        return super().poll(now_ns)


class LogoutLast(Listening):
    """Whatever comes with a Logout is carried out before it."""

    def received(self, client: Client | None, size: int) -> None:
        assert client is not None
        self.hand_over(client, logout_last(self.came(client, size)))


class WaitsForEver(Server):
    """Nothing ends a connection but what its peer does."""

    def admit(self, connection: ClientSocket, transport: asyncio.Transport) -> Client | None:
        patient: Any = Patient(transport)
        return super().admit(connection, patient)


class Patient:
    """A transport that is not cut off."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport

    def abort(self) -> None:
        """Wait for the peer."""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


def planted(bug: type[Server]) -> Any:
    """The gateways that are built in the block have the bug."""
    return patch.object(gateway_main, "Server", bug)


def test_a_resend_that_reads_what_others_were_told_is_found(tmp_path: Path) -> None:
    bug = type("bug", (ReadsEverything,), {"store": tmp_path / "gateway.1"})
    with planted(bug), pytest.raises(AssertionError, match="a turn reads"):
        flood(tmp_path, FOREIGN, REQUESTS)


def test_requests_that_are_all_carried_out_are_found(tmp_path: Path) -> None:
    with planted(CarriesOutEach), pytest.raises(AssertionError, match="each request is carried out"):
        flood(tmp_path, 0, REQUESTS)


@pytest.mark.parametrize("bug", [None, LogoutLast])
def test_an_order_that_is_accepted_behind_its_clients_logout_is_found(tmp_path: Path, bug: type[Server] | None) -> None:
    async def scenario() -> None:
        trader, other = Trader("ALICE"), Trader("BOB")
        async with venue(tmp_path) as harness:
            await trader.logon(harness)
            trader.send("5", {})
            trader.order("late")  # in the same read: the loop has not run in between
            while (await trader.receive())[35] != "5":
                pass
            await trader.close()
            await other.logon(harness)
            other.order("last")
            assert (await other.receive())[150] == "0"

    with planted(bug or Server):
        asyncio.run(scenario())
    commands = [unpack_command(record) for record in JournalReader(tmp_path / "journal", 1)]
    orders = [command.cl_ord_id.rstrip(b"\0") for command in commands if isinstance(command, NewOrder)]
    assert orders == ([b"last"] if bug is None else [b"late", b"last"])


@pytest.mark.parametrize("bug", [None, WaitsForEver])
def test_a_close_that_waits_for_ever_is_found(tmp_path: Path, bug: type[Server] | None) -> None:
    async def scenario() -> bool:
        async with venue(tmp_path, config_for(max_messages_per_second=0)) as harness:
            hasty = Hasty()
            await hasty.logon(harness, t108="0")
            hasty.send_refused(30_000)
            await stalled(harness, hasty)
            gateway, engine, clock = harness.gateway, harness.gateway.engine, harness.gateway._clock
            engine.clients.log_out(1, b"enough", gateway.now_ns())
            session = engine.reporter.sessions[1]
            assert session is not None
            for rounds in (1, 2):
                gateway._clock = lambda rounds=rounds: clock() + rounds * CLOSE_NS  # type: ignore[misc]
                await harness.until(lambda: session.client is None)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(GONE_S):
                    while engine.clients:
                        await asyncio.sleep(0.01)
            return not engine.clients

    with planted(bug or Server):
        assert asyncio.run(scenario()) is (bug is None)
