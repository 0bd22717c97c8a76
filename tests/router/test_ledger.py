"""The ledger against its model on Decimal, at every marker and whenever everything is settled."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lockstep.core.schema.layout import unpack_command, unpack_event
from lockstep.core.schema.records import Balance, Command, Marker, PositionLimit
from tests.models.ledger import LedgerModel
from tests.router.random_driver import Everything
from tests.router.requests import order
from tests.router.rig import ACCOUNTS, OPERATORS, Rig, with_limits


def follow(rig: Rig) -> LedgerModel:
    """The model after the log, each matcher's events applied at the marker that settles them.

    On the way, every balance that the router told is the model's at that place.
    """
    model = LedgerModel()
    done = {1: 0, 2: 0}
    told: dict[int, list[Balance]] = {}
    for event in rig.outcomes(0):
        if isinstance(event, Balance):
            told.setdefault(event.cause, []).append(event)
    for data in rig.log:
        record = unpack_command(data)
        if isinstance(record, Marker):
            for ring in done:
                last = record.event_numbers[ring - 1]
                for number in range(done[ring], last):
                    model.event(unpack_event(rig.events[ring][number]))
                done[ring] = last
        model.command(record)
        for balance in told.get(record.seq, []):
            assert (balance.free, balance.held) == model.balance(balance.account, balance.asset), record
    return model


def compare(rig: Rig) -> LedgerModel:
    rig.core.ledger.check()
    model = follow(rig)
    assert rig.core.ledger.orders.count == len(model.orders)
    totals = rig.core.ledger.balances.totals()
    for asset in (1, 2, 3):
        assert totals[asset] == model.deposited[asset]
        for account in range(ACCOUNTS + 1):
            assert (rig.core.ledger.balance(account, asset) or (0, 0)) == model.balance(account, asset)
    for (account, asset), units in rig.core.ledger.positions.incoming().items():
        assert units == model.incoming(account, asset)
    return model


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 2**32), polling=st.one_of(st.none(), st.integers(0, 1000)))
def test_balances_equal_the_models(seed: int, polling: int | None) -> None:
    """I1: money adds up."""
    rig = Rig(seed=polling, log=64, events=16, api=True, changes=with_limits).lead()
    driver = Everything(rig, random.Random(seed))
    for _ in range(150):
        driver.step()
        if seed % 2:
            rig.run(quiet=2)
    rig.run()
    compare(rig)


@pytest.mark.parametrize("seed", range(4))
def test_balances_equal_the_models_whatever_is_asked(seed: int) -> None:
    rig = Rig(seed=seed if seed % 2 else None, log=64, events=32, api=True, changes=with_limits).lead()
    driver = Everything(rig, random.Random(seed))
    for number in range(800):
        driver.step()
        if number % 100 == 0:
            rig.core.ledger.check()
    rig.run()
    rig.tick()
    compare(rig)


def test_digests_name_the_tables_that_a_request_changes() -> None:
    rig = Rig().lead()

    def changed_by(*records: Command) -> set[str]:
        before = rig.core.digests()
        rig.send(*records)
        rig.run()
        rig.tick()
        return {name for name, digest in rig.core.digests().items() if digest != before[name]}

    assert changed_by(order(1, "B")) == {"orders", "balances", "client ids", "accounts"}
    traded = changed_by(order(2, "S", side=2))
    assert traded == {"orders", "balances", "client ids", "accounts", "instruments", "settings"}
    limit = PositionLimit(account=OPERATORS[0], target=1, asset=1, max_units=10**9, cl_ord_id=b"P", time_ns=rig.now)
    assert changed_by(limit) == {"position limits", "settings", "accounts", "client ids"}
