"""A code of a second factor counts once, whichever api is asked, and whatever has died since."""

from __future__ import annotations

from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import pytest

from lockstep.core.venue import venue_key
from lockstep.procs.api.login.codes import Match
from lockstep.procs.api.login.registry import Registry
from tests.broken import BrokenError, require
from tests.simulation import plan
from tests.simulation.api import AGENT
from tests.simulation.world import World

SEED = 6  # with an api
PERSON = 1
FIRST, LATER, RECOVERY = Match(100, 0), Match(101, 0), Match(0, 3)


class Forgetful(Registry):
    """What is wrong: an api that notes by itself which codes were used, instead of asking the log."""

    def __init__(self, *parts: Any) -> None:
        super().__init__(*parts)
        self._used: set[Match] = set()

    async def use(self, _account: int, match: Match) -> bool:
        is_first = match not in self._used
        self._used.add(match)
        return is_first


class Visited(World):
    """A venue without faults, in which somebody proves who he is, by an api of this kind."""

    def __init__(self, registry: type[Registry]) -> None:
        super().__init__(plan.draw(SEED).but(turns=100, faults=()))
        self._registry = registry

    def check(self) -> None:
        super().check()
        registry = self._new()
        self._done(registry.set_factor(PERSON, 0, b"sealed" * 6))
        self._uses(registry, FIRST, RECOVERY)
        self.die(self.host_of(AGENT))
        self._uses(self._new())
        for host in self.core_hosts:
            self.die(host)
        self._uses(self._new(), LATER)

    def damage_end(self) -> None:
        """Another test's business."""

    def _uses(self, registry: Registry, *fresh: Match) -> None:
        """Those that nobody has used are good, and then no more; nor are all others ever again."""
        good = {match for match in (FIRST, RECOVERY, *fresh) if self._done(registry.use(PERSON, match))}
        require(good == {*fresh}, f"{good} were good, and {fresh} should be")
        require(not any(self._done(registry.use(PERSON, match)) for match in fresh), f"{fresh} were good twice")

    def _new(self) -> Registry:
        """A registry of the api that there is now."""
        self.until(lambda: bool(self.stage_of(AGENT) and self.stage_of(AGENT).is_open) and not self.deaths, "api opens")
        self.until(self.is_still, "all comes to rest")
        return self._registry(self.stage_of(AGENT).desk, lambda: venue_key.load(Path(str(self.data))))

    def _done(self, work: Coroutine[Any, Any, Any]) -> Any:
        """What the coroutine comes to, while the venue goes on."""
        found: list[Any] = []

        def is_over() -> bool:
            try:
                work.send(None)
            except StopIteration as over:
                found.append(over.value)
            return bool(found)

        self.until(is_over, "a command is decided")
        return found[0]


def test_a_code_counts_once() -> None:
    """LOG-30."""
    world = Visited(Registry)
    try:
        world.run()
    finally:
        world.close()


def test_a_code_that_counts_twice_is_found() -> None:
    world = Visited(Forgetful)
    try:
        with pytest.raises(BrokenError, match="were good, and"):
            world.run()
    finally:
        world.close()
