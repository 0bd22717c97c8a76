"""The ledger against its model on Decimal, at every marker and whenever everything is settled."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shm.layout import unpack_command, unpack_event
from shm.records import Balance, Marker
from tests.models.ledger import LedgerModel
from tests.router.random_driver import Everything
from tests.router.rig import ACCOUNTS, Rig


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


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**32), polling=st.one_of(st.none(), st.integers(0, 1000)))
def test_balances_equal_the_models(seed: int, polling: int | None) -> None:
    """I1: money adds up."""
    rig = Rig(seed=polling, log=64, events=16).lead()
    driver = Everything(rig, random.Random(seed))
    for _ in range(150):
        driver.step()
        if seed % 2:
            rig.run(quiet=2)
    rig.run()
    compare(rig)


@pytest.mark.parametrize("seed", range(4))
def test_balances_equal_the_models_whatever_is_asked(seed: int) -> None:
    rig = Rig(seed=seed if seed % 2 else None, log=64, events=32).lead()
    driver = Everything(rig, random.Random(seed))
    for number in range(1200):
        driver.step()
        if number % 100 == 0:
            rig.core.ledger.check()
    rig.run()
    rig.tick()
    compare(rig)
