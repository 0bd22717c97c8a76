"""The ledger against its model on Decimal: all balances are equal whenever everything is settled."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from shm.layout import unpack_command, unpack_event
from shm.records import Marker
from tests.models.ledger import LedgerModel
from tests.router.rig import ACCOUNTS, Rig
from tests.router.traffic import traffic


def follow(rig: Rig) -> LedgerModel:
    """The model after the log, each matcher's events applied at the marker that settles them."""
    model = LedgerModel()
    done = {1: 0, 2: 0}
    for data in rig.log:
        record = unpack_command(data)
        if isinstance(record, Marker):
            for ring in done:
                last = record.event_numbers[ring - 1]
                for event in rig.events[ring][done[ring] : last]:
                    model.event(unpack_event(event))
                done[ring] = last
        elif getattr(record, "verdict", 0) == 0:
            model.command(record)
    return model


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**32), polling=st.one_of(st.none(), st.integers(0, 1000)))
def test_balances_equal_the_models(seed: int, polling: int | None) -> None:
    rig = Rig(seed=polling, log=64, events=16).lead()
    for request in traffic(seed, 150):
        while rig.gateways[0].room() < 2:
            rig.step()
        rig.send(*request)
        if seed % 2:
            rig.run(quiet=2)
    rig.run()
    rig.core.ledger.check()
    model = follow(rig)
    assert rig.core.ledger.orders.count == len(model.orders)
    for account in range(ACCOUNTS + 1):
        for asset in (1, 2, 3):
            assert (rig.core.ledger.balance(account, asset) or (0, 0)) == model.balance(account, asset)
