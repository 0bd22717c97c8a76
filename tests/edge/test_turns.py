"""Passwords are hashed in turns by address and name, within bounds, and for clients that are still connected."""

from __future__ import annotations

import asyncio
import random
import threading
from collections import Counter
from collections.abc import Coroutine
from functools import partial
from typing import Any

import pytest

from lockstep.core.edge.turns import AbandonedError, BusyError, Turns, client_is_there
from lockstep.procs.api.asgi import Asgi, Receive, Scope, Send
from tests.api.test_http import Api, run, serving

ADDRESS = "192.0.2.1"
MAX_WAITING = 8


class Work:
    """Jobs that wait until `begin` is set, and note in `done` that they were carried out."""

    def __init__(self, max_waiting: int = 1000) -> None:
        self.turns = Turns(1, max_waiting)
        self.begin = threading.Event()
        self.done: list[str] = []

    def _work(self, name: str) -> str:
        self.begin.wait(30)
        self.done.append(name)
        return name

    def ask(self, address: str, name: str) -> Coroutine[Any, Any, str]:
        return self.turns.run(address, name, partial(self._work, name))


def test_work_goes_in_turns_by_address_and_by_name() -> None:
    work = Work()

    async def scenario() -> None:
        asked = ["a1", "a1", "a1", "a2", "b1", "b1"]
        jobs = [asyncio.create_task(work.ask(name[0], name)) for name in asked]
        await asyncio.sleep(0)
        jobs[5].cancel()
        await asyncio.sleep(0)
        work.begin.set()
        await asyncio.gather(*jobs[:5])
        work.turns.close()

    asyncio.run(scenario())
    assert work.done == ["a1", "a1", "b1", "a2", "a1"]


def test_an_address_has_so_many_jobs_and_a_name_with_fewer_makes_room() -> None:
    work = Work(MAX_WAITING)

    async def scenario() -> list[str | BaseException]:
        first = asyncio.create_task(work.ask("b", "under way"))
        await asyncio.sleep(0)
        jobs = [asyncio.create_task(work.ask("a", "flood")) for _ in range(MAX_WAITING + 5)]
        await asyncio.sleep(0)
        jobs += [asyncio.create_task(work.ask("a", "owner")), asyncio.create_task(work.ask("b", "other"))]
        await asyncio.sleep(0)
        work.begin.set()
        await first
        outcomes = await asyncio.gather(*jobs, return_exceptions=True)
        work.turns.close()
        return outcomes

    *flood, owner, other = asyncio.run(scenario())
    assert (owner, other) == ("owner", "other")
    assert sum(isinstance(each, BusyError) for each in flood) == 5 + 1
    assert work.done[:5] == ["under way", "flood", "other", "owner", "flood"]


def test_jobs_whose_clients_have_left_keep_nobody_out() -> None:
    work = Work(MAX_WAITING)

    async def scenario() -> list[str | BaseException]:
        under_way = asyncio.create_task(work.ask("b", "under way"))
        await asyncio.sleep(0)
        client_is_there.set(lambda: False)
        jobs = [asyncio.create_task(work.ask("a", f"gone {number}")) for number in range(MAX_WAITING)]
        await asyncio.sleep(0)
        client_is_there.set(lambda: True)
        jobs.append(asyncio.create_task(work.ask("a", "here")))
        await asyncio.sleep(0)
        work.begin.set()
        await under_way
        outcomes = await asyncio.gather(*jobs, return_exceptions=True)
        work.turns.close()
        return outcomes

    *gone, here = asyncio.run(scenario())
    assert here == "here"
    assert all(isinstance(each, AbandonedError) for each in gone)
    assert work.done == ["under way", "here"]


@pytest.mark.parametrize("seed", range(20))
def test_search_nobody_waits_longer_than_the_jobs_of_others_that_are_due(seed: int) -> None:
    """Random addresses and names ask for different amounts: rounds of addresses, and within them of names, hold."""
    print("seed", seed)
    chance, work = random.Random(seed), Work()
    asked = Counter((chance.choice("abc"), chance.choice("123")) for _ in range(40))
    asked["q", "quiet"] = 1

    async def scenario() -> None:
        first = asyncio.create_task(work.ask("z", "zz"))
        await asyncio.sleep(0)
        flat = [(address, f"{address}{name}") for (address, name), count in asked.items() for _ in range(count)]
        chance.shuffle(flat)
        jobs = [asyncio.create_task(work.ask(*each)) for each in flat]
        await asyncio.sleep(0)
        work.begin.set()
        await asyncio.gather(first, *jobs)
        work.turns.close()

    asyncio.run(scenario())
    order = work.done[1:]
    addresses = len({address for address, _ in asked})
    assert order.index("qquiet") < addresses, "one job of an address waits for one of each other"
    for address in "abc":
        mine = [name for name in order if name[0] == address]
        names = len(set(mine))
        assert len(set(mine[:names])) == names, "each name has had its turn before one has a second"


def answering(work: Work) -> Asgi:
    """What answers /v1 here: by work of the name that the path says."""

    async def asked(scope: Scope, receive: Receive, send: Send) -> None:
        while (await receive()).get("more_body"):
            pass
        try:
            body = await work.ask(ADDRESS, scope["path"])
        except AbandonedError:
            body = "gone"
        headers = [(b"content-length", b"%d" % (len(body) + 2))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": f'"{body}"'.encode()})

    return asked


def request(path: str) -> bytes:
    return f"POST /v1/{path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n".encode()


@pytest.mark.parametrize("is_reset", [False, True], ids=["closed", "reset"])
@pytest.mark.parametrize("more", [False, True], ids=["alone", "with more unread"])
def test_the_work_of_a_client_that_has_left_is_not_done(*, more: bool, is_reset: bool) -> None:
    work = Work()

    async def asks(api: Api, path: str) -> Any:
        client = await api()
        client.send(request(path))
        return client

    async def scenario() -> None:
        async with serving(own=lambda: answering(work)) as api:
            first = await api()
            first.send(request("first"))
            while work.turns._free:
                await asyncio.sleep(0.001)
            left = [await asks(api, f"left{number}") for number in range(20)]
            stays = await asks(api, "stays")
            while len(work.turns._waiting.get(ADDRESS, ())) < 21:
                await asyncio.sleep(0.001)
            for client in left:
                if more:  # than is read before the first is answered: the end of the connection comes after it
                    client.send(request("next") * 10)
                if is_reset:
                    client.writer.transport.abort()
                client.writer.close()
            await asyncio.gather(*(client.writer.wait_closed() for client in left))
            work.begin.set()
            assert await first.answer() == (200, "/v1/first")
            assert await stays.answer() == (200, "/v1/stays")
            work.turns.close()

    run(scenario())
    assert [each for each in work.done if "left" in each] == []
