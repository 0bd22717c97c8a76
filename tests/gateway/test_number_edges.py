"""A client that is logged on sends numbers and times at the edges in every field, and the gateway keeps serving."""

from __future__ import annotations

import asyncio
import contextlib
import random
from pathlib import Path

import pytest

from tests.gateway.harness import Harness, Trader, venue
from tests.pipeline.number_edges import EDGES

TIMES = [
    "19691231-23:59:59", "19700101-00:00:00", "00000000-00:00:00", "00010101-00:00:00", "00011231-23:59:59.999",
    "99991231-23:59:59.999", "22620411-23:47:16.854", "22620411-23:47:16.855", "22620411-23:47:17", "20260230-00:00:00",
    "20261332-25:61:61", "20261231-24:00:00", "20261231-23:59:60", "20240229-12:00:00.000000000", "21060207-06:28:16",
    "20380119-03:14:08", "20261231", "00000000", "99991231", "22620412", "20260101-00:00:00.9999999999", "-0010101",
]  # fmt: skip
EVERYWHERE = [*EDGES, *TIMES, "9" * 1000]
ORDER = {21: "1", 55: "BTCUSDT", 54: "1", 60: "20260101-00:00:00", 38: "1", 40: "2", 44: "100", 59: "1"}
STOP = ORDER | {40: "4", 99: "110"}
ENDING = "A45"  # kinds of messages that end a session, for most of these values
# Of each kind: a message that is right, and the fields that are a number or a time.
KINDS: list[tuple[str, dict[int, str], list[int]]] = [
    ("D", ORDER, [38, 44, 60, 110, 111, 126, 152, 211, 432, 1138, 21, 40, 54, 59, 7928, 854, 847, 15]),
    ("D", ORDER | {59: "6"}, [126, 432]),
    ("D", STOP, [99, 44, 38]),
    ("D", ORDER | {40: "P", 18: "a", 211: "1"}, [211, 836, 99]),
    ("F", {41: "none", 55: "BTCUSDT", 54: "1", 60: "20260101-00:00:00", 38: "1"}, [37, 38, 41, 60]),
    ("G", {41: "none", **ORDER}, [37, 38, 41, 44, 60, 99, 126, 211, 432]),
    ("q", {530: "7", 60: "20260101-00:00:00"}, [530, 60, 531]),
    ("H", {55: "BTCUSDT", 54: "1"}, [37, 790]),
    ("E", {66: "list", 394: "3", 1385: "1"}, [68, 73, 66, 394, 1385]),
    ("2", {7: "1", 16: "0"}, [7, 16]),
    ("4", {36: "999999", 123: "Y"}, [36]),
    ("4", {36: "999999"}, [36]),
    ("1", {}, [112]),
    ("0", {}, [112]),
    ("3", {45: "1"}, [45, 371, 373]),
    ("A", {98: "0", 108: "30", 141: "Y"}, [108, 98, 789, 384]),
    ("5", {}, [789]),
]


async def is_answered(trader: Trader) -> bool:
    """Return whether the session answers a TestRequest."""
    try:
        trader.send("1", {112: "here"})
        while True:
            message = await trader.receive()
            if message[35] == "0" and message.get(112) == "here":
                return True
    except (EOFError, ConnectionError):
        return False


async def tell(harness: Harness, trader: Trader, kind: str, fields: dict[int, str], number: int | None = None) -> None:
    """Send a message, on a new session where the last one was ended for what it said.

    What changes sequence numbers has a session of its own.
    """
    with contextlib.suppress(ConnectionError):
        trader.send(kind, fields, number)
        await trader.writer.drain()
    if kind == "4" or number is not None or not await is_answered(trader):
        await trader.close()
        await log_on(harness, trader)


async def log_on(harness: Harness, trader: Trader, **extra: str) -> None:
    """Begin at 1; again, while the session's last connection has not ended yet."""
    while True:
        trader.next_out = 1
        with contextlib.suppress(EOFError):
            if (await trader.logon(harness, _141="Y", **extra))[35] == "A":
                return
        await trader.close()


@pytest.mark.parametrize(("kind", "right", "tags"), KINDS)
def test_search_of_fields_at_the_edge(tmp_path: Path, kind: str, right: dict[int, str], tags: list[int]) -> None:
    search_fields(tmp_path, kind, right, tags, some() if kind in ENDING else EVERYWHERE)


@pytest.mark.soak
@pytest.mark.parametrize(("kind", "right", "tags"), KINDS)
def test_search_of_all_fields_at_the_edge(tmp_path: Path, kind: str, right: dict[int, str], tags: list[int]) -> None:
    search_fields(tmp_path, kind, right, tags, EVERYWHERE)


def test_search_of_sequence_numbers_and_logons_at_the_edge(tmp_path: Path) -> None:
    search_logons(tmp_path, some())


@pytest.mark.soak
def test_search_of_all_sequence_numbers_and_logons_at_the_edge(tmp_path: Path) -> None:
    search_logons(tmp_path, EVERYWHERE)


def some() -> list[str]:
    """Return a few edges: each of these ends a session, and logging on again takes time."""
    seed = random.randrange(2**32)
    print("seed", seed)
    return random.Random(seed).sample(EVERYWHERE, 6)


def search_fields(folder: Path, kind: str, right: dict[int, str], tags: list[int], values: list[str]) -> None:
    async def scenario() -> None:
        async with venue(folder) as harness:
            trader = Trader()
            await log_on(harness, trader)
            count = 0
            for tag in tags:
                for value in values:
                    count += 1
                    own = {11: f"c{count}"} if kind in "DFGq" else {}
                    await tell(harness, trader, kind, own | right | {tag: value})
            await still_trades(harness)

    asyncio.run(scenario())


def search_logons(folder: Path, values: list[str]) -> None:
    async def scenario() -> None:
        async with venue(folder) as harness:
            trader = Trader()
            await log_on(harness, trader)
            for value in values:
                if value.isascii() and value.isdigit():
                    await tell(harness, trader, "0", {}, int(value))
            for tag in (108, 789, 384, 95, 383):
                for value in values:
                    newcomer = Trader("BOB")
                    with contextlib.suppress(EOFError):
                        await newcomer.logon(harness, **{"_141": "Y", f"_{tag}": value})
                    await newcomer.close()
            await still_trades(harness)

    asyncio.run(scenario())


async def still_trades(harness: Harness) -> None:
    other = Trader("BOB")
    await log_on(harness, other)
    other.order("last")
    assert (await other.receive())[39] == "0"
