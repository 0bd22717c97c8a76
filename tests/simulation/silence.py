"""The end of half of the seeds: accounts arm their cancel-after by the api, fall silent, and something dies meanwhile.

Once all faults are over: a run before that is what it was without it.
"""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

from lockstep.core.schema.layout import pack, unpack_command
from lockstep.core.schema.records import API_SESSION, CancelAfter, CommandType
from tests.broken import require
from tests.models.cancel_after import CancelAfterModel
from tests.simulation.faults import FAULTS
from tests.simulation.plan import applies

if TYPE_CHECKING:
    from tests.simulation.world import World

ON = 0.5  # how likely a seed has it
RING = "ingress.api"
MEANWHILE = ("snapshot", "kill router", "kill supervisor", "power loss", "kill matcher")
SECONDS = 5


def is_on(seed: int) -> bool:
    """Whether this seed has it."""
    return Random(f"silence {seed}").random() < ON


def fall_silent(world: World) -> None:
    """LOG-33: each account's orders are cancelled once, and not before it is time."""
    draw, log = world.draw("silence"), world.audit.log
    accounts = draw.sample([trader.number for trader in world.traders], draw.randint(1, len(world.traders)))
    before = len(log)
    for account in accounts:
        made = CancelAfter(
            cl_ord_id=b"silent", seconds=SECONDS, account=account, session=API_SESSION, time_ns=world._operator_ns()
        )
        world.venue.producer(RING).put(pack(made))
    world.until(lambda: _count(log, before, CommandType.CANCEL_AFTER) == len(accounts), "cancel-after is in the log")
    possible = [name for name in MEANWHILE if applies(name, world.plan.durability)]
    for name in draw.sample(possible, draw.randint(0, 3)):
        world.until(lambda name=name: FAULTS[name](world, draw), f"{name} is possible")  # type: ignore[misc]
        end = world.turn + draw.randint(1, 200)
        world.until(lambda end=end: world.turn >= end, "turns go by")  # type: ignore[misc]
    world.pass_time(draw.randint(0, 2 * SECONDS) * 10**9)
    world.until(lambda: world.is_still(), "all comes to rest")
    world.pass_time(SECONDS * 10**9)
    world.until(lambda: _count(log, before, CommandType.MASS_CANCEL) >= len(accounts), "orders are cancelled")
    world.rest()
    world.seen["silence"] += len(accounts)


def check(log: list[bytes]) -> None:
    """Of a whole log: nothing is cancelled too early, too late or twice, and nobody waits any more."""
    model = CancelAfterModel()
    for record in log:
        model.command(unpack_command(record))
    require(not model.armed, f"orders of accounts {[*model.armed]} are not cancelled")


def _count(log: dict[int, bytes], before: int, kind: CommandType) -> int:
    """How many records of a type there are behind the first `before`."""
    return sum(log[seq][4] == kind for seq in range(before + 1, len(log) + 1) if seq in log)
