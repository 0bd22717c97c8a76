"""The population at the venue: ten turns a second, in which it hears what has happened and its members send."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

from lockstep.cli.demo.feed import Feed
from lockstep.cli.demo.member import Member
from lockstep.cli.demo.population.population import TURNS_A_SECOND, Population
from lockstep.cli.demo.population.words import Ended, Event

TURN_S = 1 / TURNS_A_SECOND


class Live:
    """`requests` and `refused` count since it began."""

    def __init__(self, population: Population) -> None:
        self._population = population
        self._heard: list[Event] = []
        self.requests = self.refused = 0

    def hears(self, event: Event) -> None:
        """Something has happened: the population hears it in its next turn."""
        self._heard.append(event)
        self.refused += isinstance(event, Ended) and event.refused

    async def run(self, members: Sequence[Member], feed: Feed, stopping: asyncio.Event) -> list[str]:
        """Trade until `stopping`; returns who may have left orders, by name."""
        tasks = [asyncio.create_task(each.live()) for each in members]
        tasks.append(asyncio.create_task(feed.follow()))
        tasks.append(asyncio.create_task(self._turn({each.name: each for each in members})))
        stopped = asyncio.create_task(stopping.wait())
        await asyncio.wait([*tasks, stopped], return_when=asyncio.FIRST_COMPLETED)
        for task in (*tasks, stopped):
            task.cancel()
        await asyncio.wait(tasks)
        left = await asyncio.gather(*(each.leave() for each in members))
        for task in tasks:
            if not task.cancelled():
                task.result()  # none ends by itself but by a bug of ours: what it raised is raised here
        return [each.name for each, is_clear in zip(members, left, strict=True) if not is_clear]

    async def _turn(self, members: dict[str, Member]) -> None:
        next_s = time.monotonic()
        while True:
            heard, self._heard = self._heard, []
            for request in self._population.turn(heard):
                self.requests += 1
                members[request.account].send(request)
            # A turn that comes late is not caught up with: the market would rush.
            next_s = max(next_s + TURN_S, time.monotonic())
            await asyncio.sleep(next_s - time.monotonic())
