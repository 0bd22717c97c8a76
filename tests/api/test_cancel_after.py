"""What the api knows from events of cancel-after and of password resets, against the router that told them."""

from __future__ import annotations

import random

import pytest

from lockstep.core.venue.snapshot_parts import Kept
from tests.api.test_withdrawals import Client
from tests.router.random_driver import Everything
from tests.router.rig import ACCOUNTS, Rig, with_limits


def agrees(client: Client) -> None:
    core, desk = client.rig.core, client.desk
    due = {account: core.cancel_after(account) for account in range(1, ACCOUNTS + 1)}
    assert desk.cancel_after == {account: moment for account, moment in due.items() if moment}
    assert {each.account: (*each[:1], *each[2:]) for each in desk.people.resets.known()} == core.password_resets


@pytest.mark.parametrize("seed", range(3))
def test_events_tell_all_that_waits(seed: int) -> None:
    rig = Rig(api=True, changes=with_limits).lead()
    driver = Everything(rig, random.Random(seed), cancel_later=15, reset_password=15, wait=20)
    client = Client(rig)
    armed = 0
    for _ in range(4):
        for _ in range(60):
            driver.step()
        rig.run()
        client.read()
        agrees(client)
        armed += len(client.desk.cancel_after)
    assert armed
    assert client.desk.people.resets.known()
    kept = Kept()
    kept.save(kept.start.seq, "api", client.desk.save)
    part = kept.load("api")
    assert part is not None
    again = Client(rig)
    again.desk.load(part)
    agrees(again)
