"""A FIX session ends with the rights that it logged on with: another password, another role, a lock by an operator."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from lockstep.core.rules.credentials import credential_of
from lockstep.core.schema import records as r
from tests.gateway.harness import Trader
from tests.gateway.stage import ALICE, BOB, ROUTER, Stage, accepted, credential, on_stage, stage
from tests.passwords import CHEAP_HASH

LATER = 7  # a record of the log


def define(running: Stage, role: int = r.Role.TRADER, salt: bytes = b"") -> None:
    before = credential()
    running.tell(structs.replace(before, salt=salt or before.salt), ring=ROUTER)
    running.tell(r.AccountDefined(account=ALICE, name=b"ALICE", role=role, cause=LATER), ring=ROUTER)


def switch(
    running: Stage, asked_by: int, scope: int = r.KillScope.ACCOUNT, is_on: int = 1, target: int = ALICE
) -> None:
    command = r.CommandType.KILL_SWITCH
    fields: dict[str, Any] = {
        "account": asked_by,
        "session": asked_by,
        "target": target,
        "cl_ord_id": b"k",
        "cause": LATER,
    }
    running.tell(r.Confirmed(command=command, side=scope, is_on=is_on, **fields), ring=ROUTER)


# By what happens: whether ALICE's session ends.
WAYS: dict[str, tuple[Callable[[Stage], None], bool]] = {
    "another password": (lambda stage: define(stage, salt=b"another salt here"[:16]), True),
    "another role": (lambda stage: define(stage, r.Role.AUDITOR), True),
    "a lock by an operator": (lambda stage: switch(stage, BOB), True),
    "the same definition again": (define, False),
    "its owner's kill switch": (lambda stage: switch(stage, ALICE), False),
    "an unlock": (lambda stage: switch(stage, BOB, is_on=0), False),
    "a lock of the session's orders": (lambda stage: switch(stage, BOB, r.KillScope.SESSION), False),
    "a lock of another account": (lambda stage: switch(stage, ALICE, target=BOB), False),
}


@pytest.mark.parametrize("way", WAYS)
def test_a_session_ends_with_its_rights(tmp_path: Path, way: str) -> None:
    """Its client gets the reason; no other message is sent to it or taken from it. The next logon works."""
    happens, ends = WAYS[way]

    async def played() -> None:
        async with stage(tmp_path) as running:
            trader = await on_stage(running)
            happens(running)
            if not ends:
                running.tell(accepted(), ring=1)
                assert (await trader.receive())[35] == "8"
                return
            told = await trader.receive()
            assert (told[35], told[58].partition(":")[0]) == ("5", "SESSION_ENDED")
            await trader.closed()
            running.tell(accepted(), ring=1)
            assert running.nothing()
            answer = await trader.logon(running)
            if "password" in way:
                assert answer[35] == "5"
            else:
                assert answer[35] == "A"
                trader.send("2", {7: "3", 16: "0"})
                while (await trader.receive())[35] != "8":  # a report of what happened in between is stored for it
                    pass

    asyncio.run(played())


def test_a_logon_that_was_checked_before_the_password_changed_is_refused(tmp_path: Path) -> None:
    """The check takes its time, and the account's rights may end in it."""
    assert credential_of(CHEAP_HASH).memory_kib == 8

    async def played() -> None:
        async with stage(tmp_path) as running:
            trader = Trader()
            await trader.connect(running)
            checks = vars(running.gateway)["_authenticator"]
            right, release = checks.check, asyncio.Event()

            async def late(*asked: str) -> object:
                found = await right(*asked)
                await release.wait()
                return found

            checks.check = late
            trader.send("A", {98: "0", 108: "30", 553: "ALICE", 554: "demo"})
            await asyncio.sleep(0)
            define(running, salt=b"another salt here"[:16])
            async with asyncio.timeout(20):
                while running.gateway.engine.reporter.accounts.rights_of(ALICE) != LATER:
                    await asyncio.sleep(0.001)
            release.set()
            assert (await trader.receive())[35] == "5"

    asyncio.run(played())
