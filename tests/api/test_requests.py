"""When requests are over: with the last of their events released, in the order of the log, once; or given up."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any

import pytest

from lockstep.core.intake.ingress_writer import IngressWriter
from lockstep.core.schema.enums import OrderState
from lockstep.core.schema.layout import pack
from lockstep.core.schema.records import API_SESSION, Accepted, NewOrder
from lockstep.procs.api.desk import Desk
from lockstep.procs.api.requests import Request, UnknownOutcome
from lockstep.shm.ring import Ring
from tests.api.test_withdrawals import Client
from tests.batcher.events import ACCOUNTS, BTCUSDT, Stream
from tests.batcher.feed import Feed
from tests.router.rig import Rig

LATE_NS = 10_000_000_001


def asked(client: Client, id: bytes) -> Request:
    request = client.desk.commands.request_withdrawal(1, 0, 2, 1, id, b"vault")
    assert isinstance(request, Request)
    return request


def test_outcomes_come_by_call_or_by_future_when_their_events_are_released() -> None:
    """LOG-13."""

    async def scenario() -> None:
        client = Client(Rig(api=True).lead())
        client.read()
        over: list[bytes] = []
        requests = [asked(client, id) for id in (b"a", b"b", b"c")]
        requests[0].then = partial(over.append, b"a")
        requests[2].then = partial(over.append, b"c")
        awaited = requests[1].outcome
        client.pass_on()
        assert client.feed.publish()
        client.desk.poll(client.rig.now)
        assert (over, awaited.done()) == ([], False), "nothing is committed"
        client.feed.commit(len(client.rig.log) - 1)
        client.desk.poll(client.rig.now)
        assert (over, awaited.done()) == ([b"a"], True), "the last one's events are not all released"
        client.feed.commit(len(client.rig.log))
        client.desk.poll(client.rig.now)
        assert over == [b"a", b"c"]
        assert awaited.result() is requests[1]
        assert requests[2].outcome.result() is requests[2], "who asks later learns it, too"
        assert not client.desk.is_awaited()
        client.desk.poll(client.rig.now + LATE_NS)
        assert over == [b"a", b"c"]

    asyncio.run(scenario())


def test_what_nothing_is_heard_of_is_given_up_once() -> None:
    async def scenario() -> None:
        client = Client(Rig(api=True).lead())
        client.read()
        over: list[bool] = []
        request = asked(client, b"a")
        request.then = lambda: over.append(request.is_unknown)
        awaited = request.outcome
        client.desk.poll(client.rig.now + LATE_NS)
        assert over == [True]
        assert not client.desk.is_awaited()
        with pytest.raises(UnknownOutcome):
            awaited.result()
        client.ask()
        assert over == [True], "what is heard of it then is nobody's"

    asyncio.run(scenario())


def test_a_matcher_may_have_more_to_tell_of_a_command() -> None:
    """LOG-13: its first event is released, and it has not said that it is done with the command."""

    async def scenario() -> None:
        stream = Stream().define()
        feed = Feed(stream, 1 << 10)
        desk = Desk(IngressWriter(Ring.private(16, ["router"]).producer()), None, asyncio.Future, 1 << 10)
        desk.attach(feed.consumers, feed.board)
        desk.commands.is_open = True
        feed.publish(stream.seq)
        feed.commit(stream.seq)
        desk.poll(stream.now_ns)
        seq = stream.command()
        names: dict[str, Any] = {"cl_ord_id": b"mine", "account": ACCOUNTS[0], "session": API_SESSION}
        order = NewOrder(
            instrument=BTCUSDT, side=1, quantity_lots=5, price_ticks=9, ord_type=2, time_in_force=1, **names
        )
        request = desk.commands.carry([pack(order)], b"mine")
        assert request is not None
        stream.emit(
            1, Accepted, instrument=BTCUSDT, order_id=seq, price_ticks=9, quantity_lots=5, side=1, ord_type=2,
            time_in_force=1, state=OrderState.PLAIN, **names,
        )  # fmt: skip
        feed.publish(seq)
        feed.release(seq)
        feed.done(seq - 1)
        desk.poll(stream.now_ns)
        assert (request.order_id, request.is_over) == (seq, False)
        feed.done(seq)
        desk.poll(stream.now_ns)
        assert request.is_over

    asyncio.run(scenario())
