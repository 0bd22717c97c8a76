"""Long answers are made a part at a time: what else the loop has to do comes between."""

from __future__ import annotations

import asyncio
import json
from itertools import chain

import msgspec
import pytest

from lockstep.config.schema import ApiSection
from lockstep.core.intake.ingress_writer import IngressWriter
from lockstep.core.schema.records import InstrumentDefined
from lockstep.procs.api.binance import account as account_module
from lockstep.procs.api.binance import lists as lists_module
from lockstep.procs.api.binance.caller import Call
from lockstep.procs.api.binance.dialect import Dialect
from lockstep.procs.api.binance.parameters import of_request
from lockstep.procs.api.desk import Desk
from lockstep.procs.api.history.tables import History
from lockstep.procs.api.keys import ApiKey
from lockstep.procs.api.limits import Limits
from lockstep.procs.api.login.signing_keys import SigningKeys
from lockstep.procs.api.parts import joined, parts
from lockstep.procs.api.read.past import Past
from lockstep.procs.api.read.shown import Shown
from lockstep.shm.ring import Ring
from tests.api.test_list_names import enter_list
from tests.batcher.events import ACCOUNTS, TERMS, Stream
from tests.batcher.feed import Feed


@pytest.mark.parametrize("count", [0, 1, 3, 4, 7])
def test_the_loop_turns_between_two_parts(count: int) -> None:
    turns = 0

    async def scenario() -> list[list[int]]:
        def turn() -> None:
            nonlocal turns
            turns += 1
            asyncio.get_running_loop().call_soon(turn)

        turn()
        return [list(part) async for part in parts(range(count), 3)]

    found = asyncio.run(scenario())
    assert list(chain(*found)) == list(range(count))
    assert all(0 < len(part) <= 3 for part in found)
    assert turns >= len(found)


@pytest.mark.parametrize("rows", [[], [[]], [[1]], [[1, 2], [], [3]], [[], [{"a": []}]]])
def test_lists_are_put_together_again(rows: list[list[object]]) -> None:
    assert json.loads(joined([msgspec.json.encode(each) for each in rows])) == list(chain(*rows))


def test_answers_about_many_are_made_in_parts_and_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """Open orders of accounts, their lists, and all that is listed."""
    lists_account = max(ACCOUNTS) + 1
    stream = Stream().define()
    for number in range(7, 10):
        stream.command()
        stream.emit(0, InstrumentDefined, instrument=number, symbol=b"COIN%d" % number, **TERMS)
    for _ in range(40):
        stream.order()
    for _ in range(5):
        enter_list(stream, b"", lists_account)
    turns = 0

    async def scenario() -> None:
        def turn() -> None:
            nonlocal turns
            turns += 1
            asyncio.get_running_loop().call_soon(turn)

        feed = Feed(stream, 1 << 12)
        desk = Desk(IngressWriter(Ring.private(16, ["router"]).producer()), None, asyncio.Future, 1 << 10)
        desk.attach(feed.consumers, feed.board)
        feed.publish(stream.seq)
        feed.commit(stream.seq)
        while desk.poll(stream.now_ns):
            pass
        past = Past(History("postgresql://"))
        dialect = Dialect(Shown(desk), past, Limits(ApiSection()), lambda: 1, SigningKeys(lambda: None))
        turn()

        async def asked(name: str, account: int) -> tuple[list[dict[str, object]], int]:
            before = turns
            call = Call(of_request(b"", b""), ApiKey(1, b"key", account, 1, 7, 0, 0, (), b""), 10**6, 1)
            told = json.loads(await dialect.handlers[name](call))
            return (told if isinstance(told, list) else told["symbols"]), turns - before

        for name in ("open_orders", "exchange_info"):
            most = 0
            for account in ACCOUNTS:
                whole, _ = await asked(name, account)
                with monkeypatch.context() as patch:
                    patch.setattr(account_module, "MOST_ROWS", 1)
                    patch.setattr(account_module, "MOST_OBJECTS", 1)
                    assert await asked(name, account) == (whole, max(0, len(whole) - 1))
                most = max(most, len(whole))
            assert most > 1
        whole, _ = await asked("open_lists", lists_account)
        with monkeypatch.context() as patch:
            patch.setattr(lists_module, "MOST_ROWS", 1)
            patch.setattr(lists_module, "MOST_OBJECTS", 1)
            assert await asked("open_lists", lists_account) == (whole, (10 - 1) + (5 - 1))
        assert len(whole) == 5
        await past.close()

    asyncio.run(scenario())
