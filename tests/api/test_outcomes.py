"""What comes of operators' commands whose events don't say who asked, or have no room for a client id: each request of
the api gets its own outcome, and no other."""

from __future__ import annotations

import asyncio
from typing import Any

from msgspec import structs

from lockstep.core.schema.layout import pack
from lockstep.core.schema.records import (
    API_SESSION,
    Asset,
    Code,
    Command,
    Registration,
    RegistrationMode,
    Schedule,
    Traded,
    Welcome,
)
from lockstep.core.venue.snapshot_parts import Kept
from lockstep.procs.api.requests import Request, UnknownOutcome
from tests.api.test_withdrawals import Client
from tests.corrections import approval
from tests.router.requests import order
from tests.router.rig import NOW, Rig
from tests.router.test_keys import ADMIN, OTHER_ADMIN, with_roles
from tests.router.test_refusals import FIRST, SECOND, correction, instrument, limits, schedule

SECOND_NS = 10**9


def carry(client: Client, record: Command, account: int = FIRST, id: bytes = b"") -> Request:
    sent = structs.replace(record, account=account, session=API_SESSION)
    request = client.desk.commands.carry([pack(sent)], id)
    assert request is not None
    return request


def test_a_definition_is_the_requests_that_asked_for_it() -> None:
    async def asked() -> None:
        rig = Rig(api=True).lead()
        client = Client(rig)
        client.read()
        assets = len(rig.core.assets)
        dear = instrument(maker_fee_ppm=77)
        cheap = instrument(maker_fee_ppm=11)
        requests = [
            carry(client, dear), carry(client, Asset(name=b"GOLD", asset=assets + 1, scale=2), SECOND),
            carry(client, Asset(name=b"GOLD", asset=assets + 1, scale=2)), carry(client, limits(instrument=9)),
            carry(client, dear, account=3),
        ]  # fmt: skip
        rig.send(cheap)  # another operator's, by the command: it is the first in the log
        rig.run()
        client.read()
        assert not any(request.outcome.done() for request in requests)
        client.ask()
        codes = [Code(request.outcome.result().code) for request in requests]
        assert codes == [Code.OK, Code.OK, Code.INVALID_DEFINITION, Code.UNKNOWN_INSTRUMENT, Code.NOT_AN_OPERATOR]
        seqs = [request.seq for request in requests]
        assert seqs == sorted(seqs)
        assert len(set(seqs)) == len(seqs)

    asyncio.run(asked())


def test_a_correction_is_the_requests_that_asked_for_it() -> None:
    async def asked() -> None:
        rig = Rig(api=True).lead()
        for number in range(2):
            rig.ask(order(1, f"S{number}", side=2, quantity_lots=50))
            rig.ask(order(2, f"B{number}", quantity_lots=50))
        trades = [event for event in rig.outcomes(1) if isinstance(event, Traded)]
        client = Client(rig)
        client.read()
        proposals = [
            correction(trade_id=trade.number, quantity_lots=50, buyer_fee=trade.taker_fee, seller_fee=trade.maker_fee)
            for trade in trades
        ]
        proposed = [carry(client, each) for each in proposals]
        client.ask()
        assert [request.outcome.result().proposal for request in proposed] == [request.seq for request in proposed]
        by_command, by_api = (
            approval(structs.replace(each, seq=request.seq), account=SECOND, time_ns=NOW, proposal=request.seq)
            for each, request in zip(proposals, proposed, strict=True)
        )
        requests = [carry(client, by_api, SECOND), carry(client, by_api, SECOND)]
        rig.send(by_command)
        rig.run()
        client.read()
        assert not requests[0].outcome.done()
        client.ask()
        assert [Code(request.outcome.result().code) for request in requests] == [Code.OK, Code.UNKNOWN_PROPOSAL]

    asyncio.run(asked())


def test_a_late_outcome_is_not_the_next_requests() -> None:
    """A core that is away for longer than a request waits."""

    async def asked() -> None:
        rig = Rig(api=True).lead()
        client = Client(rig)
        client.read()
        late = carry(client, limits(instrument=9))
        rig.now += 11 * SECOND_NS
        client.desk.poll(rig.now)
        assert isinstance(late.outcome.exception(), UnknownOutcome)
        again = carry(client, limits(max_quantity_lots=5))
        client.ask()
        assert Code(again.outcome.result().code) == Code.OK
        assert again.seq == len(rig.log)

    asyncio.run(asked())


def test_records_that_belong_together_are_sent_together_or_not_at_all() -> None:
    async def asked() -> None:
        rig = Rig(api=True).lead()
        client = Client(rig)
        client.read()

        def entries(count: int, id: bytes) -> list[bytes]:
            names = [id + b".%d" % number for number in range(count - 1)] + [id]
            return [
                pack(schedule(entry=number, entries=count, time_of_day_s=number, cl_ord_id=name, session=API_SESSION))
                for number, name in enumerate(names, 1)
            ]

        whole = client.desk.commands.carry(entries(32, b"plan"), b"plan")
        assert whole is not None
        assert client.desk.commands.carry(entries(33, b"much"), b"much") is None  # of a ring of 64
        client.ask()
        assert whole.outcome.result().code == 0
        sent = [record for record in rig.commands() if isinstance(record, Schedule)]
        assert [record.entry for record in sent] == list(range(1, 33))

    asyncio.run(asked())


def test_who_may_register_is_known_from_events_and_kept() -> None:
    async def asked() -> None:
        rig = Rig(changes=with_roles, api=True).lead()
        client = Client(rig)
        client.read()
        assert (client.desk.people.registration, client.desk.people.welcome) == (RegistrationMode.OPEN, {3: 500})
        mode = Registration(cl_ord_id=b"m", mode=RegistrationMode.APPROVAL)
        for record, id in ((mode, b"m"), (Welcome(cl_ord_id=b"w", asset=2, amount=7), b"w")):
            proposed = carry(client, record, ADMIN, id)
            client.ask()
            seq = proposed.outcome.result().seq
            assert Code(proposed.outcome.result().code) == Code.SECOND_NEEDED
            carry(client, structs.replace(record, proposal=seq), OTHER_ADMIN, id)
        refused = carry(client, structs.replace(mode, cl_ord_id=b"n", mode=RegistrationMode.CLOSED), FIRST, b"n")
        client.ask()
        assert Code(refused.outcome.result().code) == Code.ROLE_NOT_ALLOWED
        kept = Kept()
        kept.save(kept.start.seq, "api", client.desk.save)
        again = Client(rig)
        part: Any = kept.load("api")
        again.desk.load(part)
        for people in (client.desk.people, again.desk.people):
            assert (people.registration, people.welcome) == (RegistrationMode.APPROVAL, {3: 500, 2: 7})

    asyncio.run(asked())
