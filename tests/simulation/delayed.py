"""Work that a simulated venue's processes leave to threads: it is done some turns later, or never."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from random import Random
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.simulation.lifecycle import Life

LATEST_TURNS = 40


class Later:
    """What the snapshots' coordinator uses of asyncio: work that is done some turns later."""

    def __init__(self, world: Life) -> None:
        self.world = world
        self.work: Deferred | None = None

    def to_thread(self, function: Callable[..., Any], *arguments: Any) -> Callable[[], Any]:
        return partial(function, *arguments)

    def create_task(self, work: Callable[[], Any]) -> Deferred:
        self.work = Deferred(self.world, work, self.world.steps)
        return self.work

    def finish(self) -> None:
        """Whoever waits for the work waits no longer."""
        if self.work is not None:
            self.work.due = 0
            self.work.done()


class Deferred:
    """One such piece of work."""

    def __init__(self, world: Life, work: Callable[[], Any], draw: Random) -> None:
        self._world = world
        self._work = work
        self.due = world.turn + draw.randint(0, LATEST_TURNS)
        self._outcome: tuple[Any, Exception | None] | None = None

    def done(self) -> bool:
        if self._outcome is None and self._world.turn >= self.due:
            try:
                self._outcome = (self._work(), None)
            except Exception as error:
                self._outcome = (None, error)
        return self._outcome is not None

    def finish(self) -> Any:
        """Wait no longer: do it now, if it is not done; its result."""
        self.due = 0
        self.done()
        return self.result()

    def result(self) -> Any:
        assert self._outcome is not None
        if self._outcome[1] is not None:
            raise self._outcome[1]
        return self._outcome[0]


class Asides:
    """The gateway's thread for reserved numbers. It dies with the process that began the work."""

    def __init__(self, world: Life) -> None:
        self._world = world
        self._draw = world.draw("asides")
        self._work: Deferred | None = None

    @property
    def is_busy(self) -> bool:
        return self._work is not None

    def begin(self, work: Callable[[], None]) -> None:
        self._work = Deferred(self._world, work, self._draw)

    def is_done(self) -> bool:
        return self._work is None or self._work.done()

    def finish(self) -> None:
        work, self._work = self._work, None
        if work is not None:
            self._world.seen["numbers waited for" if not work.done() else "numbers reserved ahead"] += 1
            work.finish()
