"""The contract that every stage with sockets keeps, as `venue.agent` has that of the stages of the core.

An event-loop host polls its edges. mypy checks each edge against this class, and Python refuses to make one that lacks
a part of it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Protocol

from lockstep.shm.bell import Reason
from lockstep.shm.board import Board
from lockstep.shm.ring import Consumer


class Kick(Protocol):
    def __call__(self) -> None: ...


def _nothing() -> None:
    """Do nothing: `kick` before a host sets it."""


class Edge(ABC):
    """A stage with sockets. The host sets `kick`, which the stage calls after socket input."""

    kick: Kick = staticmethod(_nothing)

    @property
    @abstractmethod
    def rest_s(self) -> float:
        """Seconds between two polls, 0 while clients wait for the stage.

        On few cores, frequent polls take the processor from those who are waited for. The value may change; a `kick`
        then ends the pause.
        """

    @property
    @abstractmethod
    def spins(self) -> bool:
        """Whether the host keeps polling for a while after the stage's last work, and so keeps the processor."""

    @abstractmethod
    async def start(self) -> None: ...

    @abstractmethod
    async def stop(self) -> None: ...

    @abstractmethod
    def poll(self, now_ns: int) -> int:
        """Do a bounded amount of work, as an agent's duty cycle, and return how much that was."""

    @abstractmethod
    def wants(self) -> Reason:
        """Return what can give this stage work while it is idle."""

    @abstractmethod
    def attach(self, consumers: dict[int, Consumer], board: Board) -> None:
        """Read the event rings of a new generation of the core, by ring number (0: the router's).

        They begin behind a snapshot: the stage skips the events that it has handled already.
        """
