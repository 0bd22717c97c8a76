"""The api's part in withdrawals: what it asks the router for, and what of them it knows from events."""

from __future__ import annotations

import asyncio
import random

from lockstep.core.intake.ingress_writer import IngressWriter
from lockstep.core.schema.layout import unpack_command
from lockstep.core.schema.records import Code, CommandType, WithdrawalChanged, WithdrawalState
from lockstep.core.schema.records import WithdrawalStep as Step
from lockstep.core.venue.snapshot_parts import Kept
from lockstep.procs.api.desk import Desk
from lockstep.procs.api.requests import Request
from lockstep.procs.api.withdrawals import Waiting
from lockstep.shm.board import Word
from lockstep.shm.ring import Ring
from tests.event_feed import EventFeed
from tests.router.random_driver import Everything, rested
from tests.router.rig import FREE, OPERATORS, Rig
from tests.router.test_withdrawals import step

SLOTS = 1 << 15


class Client:
    """A desk that reads a core's events, and whose commands the core takes."""

    def __init__(self, rig: Rig) -> None:
        self.rig = rig
        self.feed = EventFeed(rig.events, "api", slots=SLOTS)
        self.feed.board.set(Word.EPOCH, 1)
        ring = Ring.private(64, ["router"])
        self.sent = ring.consumer("router")
        self.desk = Desk(IngressWriter(ring.producer()), None, asyncio.Future, 1000)
        self.desk.attach(self.feed.consumers, self.feed.board)
        self.desk.commands.is_open = True

    def read(self) -> None:
        assert self.feed.publish()
        self.feed.commit(len(self.rig.log))
        while self.desk.poll(self.rig.now):
            pass

    def pass_on(self) -> None:
        """Have the core do what the desk has sent."""
        assert self.rig.api is not None
        self.desk.poll(self.rig.now)
        for record in self.sent.take():
            self.rig.api.put(record)
        self.rig.run()

    def ask(self) -> None:
        """The same, and have the desk read what came of it."""
        self.pass_on()
        self.read()


def of_router(rig: Rig) -> dict[int, tuple[int, int, int, int]]:
    pending = rig.core.ledger.withdrawals.pending
    return {number: (account, asset, amount, state) for number, (account, asset, amount, state, _) in pending.items()}


def of_desk(desk: Desk) -> dict[int, tuple[int, int, int, int]]:
    found = [each for account in range(8) for each in desk.withdrawals.of(account)]
    assert len(found) == len(desk.withdrawals.known())
    return {each.number: (each.account, each.asset, each.amount, each.state) for each in found}


def test_events_tell_all_withdrawals_that_wait() -> None:
    rig = rested(steps=600, seed=11)
    client = Client(rig)
    client.read()
    assert of_desk(client.desk) == of_router(rig) != {}
    assert all(each.destination.startswith(b"vault ") for each in client.desk.withdrawals.known())
    kept = Kept()
    kept.save(kept.start.seq, "api", client.desk.save)
    part = kept.load("api")
    assert part is not None
    again = Client(rig)
    again.desk.load(part)
    assert again.desk.withdrawals.known() == client.desk.withdrawals.known()
    driver = Everything(rig, random.Random(12))
    for _ in range(200):
        driver.step()
    rig.run()
    client.read()
    assert of_desk(client.desk) == of_router(rig)


def test_a_request_is_the_routers_and_its_outcome_comes() -> None:
    async def asked() -> None:
        rig = Rig(api=True).lead()
        client = Client(rig)
        client.read()
        request = client.desk.commands.request_withdrawal(1, 0, 2, 40, b"mine", b"vault 7")
        assert isinstance(request, Request)
        assert not request.outcome.done()
        client.ask()
        done = request.outcome.result()
        assert (done.code, done.seq) == (0, len(rig.log))
        assert rig.core.ledger.balance(1, 2) == (FREE - 40, 40)
        (waits,) = client.desk.withdrawals.of(1)
        assert isinstance(waits, Waiting)
        assert (waits.number, waits.client_id, waits.destination) == (done.seq, b"mine", b"vault 7")
        assert step(rig, waits.number, Step.APPROVE, OPERATORS[0]) == Code.OK
        client.read()
        assert client.desk.withdrawals.of(1)[0].state == WithdrawalState.APPROVED_ONCE
        cancel = client.desk.commands.cancel_withdrawal(1, 0, waits.number, b"no")
        assert isinstance(cancel, Request)
        client.ask()
        assert cancel.outcome.result().code == 0
        assert client.desk.withdrawals.of(1) == []
        assert rig.core.ledger.balance(1, 2) == (FREE, 0)
        refused = client.desk.commands.request_withdrawal(1, 0, 2, FREE + 1, b"much", b"vault 7")
        assert isinstance(refused, Request)
        client.ask()
        assert refused.outcome.result().code == Code.INSUFFICIENT_BALANCE
        client.desk.commands.is_open = False
        assert client.desk.commands.request_withdrawal(1, 0, 2, 1, b"shut", b"vault 7") == Code.VENUE_BUSY

    asyncio.run(asked())


def test_the_longest_texts_fit() -> None:
    async def asked() -> None:
        rig = Rig(api=True).lead()
        client = Client(rig)
        client.read()
        client.desk.commands.request_withdrawal(1, 0, 2, 40, b"i" * 36, b"d" * 72)
        client.ask()
        last = [event for event in rig.outcomes(0) if isinstance(event, WithdrawalChanged)][-1]
        (waits,) = client.desk.withdrawals.of(1)
        assert (last.cl_ord_id, waits.client_id, waits.destination) == (b"i" * 36, b"i" * 36, b"d" * 72)
        kinds = [unpack_command(record).type for record in rig.log[-2:]]
        assert kinds == [CommandType.EXT_DESTINATION, CommandType.WITHDRAWAL_REQUEST]

    asyncio.run(asked())
