"""A gateway's counts on the board: how much it has to do, and how much was refused, by whom."""

from __future__ import annotations

import asyncio
from pathlib import Path

from tests.gateway.harness import Harness, Trader, venue


def counted(harness: Harness, *names: str) -> tuple[object, ...]:
    shown: dict[str, object] = {**harness.venue.board.counts(0)}
    return tuple(shown[name] for name in names)


def test_a_gateway_shows_who_is_connected_and_what_is_open(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with venue(tmp_path) as harness:
            await harness.until(lambda: counted(harness, "is_open") == (1,))
            alice, bob, silent = Trader("ALICE"), Trader("BOB"), Trader("ALICE")
            await alice.logon(harness)
            await bob.logon(harness)
            await silent.connect(harness)
            alice.order("a")
            await alice.receive()
            await harness.until(lambda: counted(harness, "connections", "sessions", "open_orders") == (3, 2, 1))
            bob.writer.close()
            alice.cancel("b", "a")
            await alice.receive()
            await harness.until(lambda: counted(harness, "connections", "sessions", "open_orders") == (2, 1, 0))
            await harness.gateway.stop()
            await harness.until(lambda: counted(harness, "is_open", "sessions") == (0, 0))

    asyncio.run(scenario())


def test_each_refusal_counts_once_for_the_one_who_refused(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with venue(tmp_path) as harness:
            alice = Trader("ALICE")
            await alice.logon(harness)
            alice.order("a", t44="-1")  # no price: the gateway's
            alice.order("b")
            alice.order("b")  # used before: the router's
            alice.cancel("c", "b")
            alice.cancel("d", "b")  # closed by then: the matcher's
            for _ in range(5):
                await alice.receive()
            await harness.until(lambda: counted(harness, "refused") == ([1, 1, 1],))

    asyncio.run(scenario())


def test_what_was_told_before_a_restart_is_not_counted_by_the_next_process(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with venue(tmp_path) as harness:
            alice = Trader("ALICE")
            await alice.logon(harness)
            alice.order("a")
            alice.order("a")
            for _ in range(2):
                await alice.receive()
            await harness.until(lambda: counted(harness, "refused", "open_orders") == ([0, 1, 0], 1))
            harness.kill_gateway()
            await harness.start_gateway()
            await harness.until(lambda: counted(harness, "is_open", "sessions") == (1, 0))
            assert counted(harness, "refused", "open_orders") == ([0, 0, 0], 1)

    asyncio.run(scenario())
