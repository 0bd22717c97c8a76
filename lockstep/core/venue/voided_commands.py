"""What an operator took out of a venue since no stage survives it (LOG-22): kept in data/void.json, outside the log.

It is read by router and matchers when they start, and by whoever repeats what they did; nothing is ever taken off it.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import msgspec
from msgspec import Struct

from lockstep.core.files import atomic_file
from lockstep.core.journal.format import JournalError

FILE = "void.json"


class Position(NamedTuple):
    """A place in an ingress ring: its number, its incarnation and the sequence there."""

    ring: int
    incarnation: int
    seq: int


class Voids(Struct, frozen=True):
    """`commands`: log sequences, with how many events of each had been shown before and stand. `ingress`: requests that
    were never sequenced."""

    commands: dict[int, int] = {}
    ingress: tuple[Position, ...] = ()

    @property
    def positions(self) -> frozenset[tuple[int, int, int]]:
        """The places in ingress rings, as the router wants them."""
        return frozenset((position.ring, position.incarnation, position.seq) for position in self.ingress)


def load(data: Path) -> Voids:
    """The voids of the venue in `data`. JournalError if the file is damaged: going on without it would undo them."""
    try:
        return msgspec.json.decode((data / FILE).read_bytes(), type=Voids)
    except FileNotFoundError:
        return Voids()
    except msgspec.DecodeError as error:
        raise JournalError(
            f"{data / FILE} is damaged ({error}): restore it (backups have it), or what it voids is done again"
        ) from error


def save(data: Path, voids: Voids) -> None:
    """Put `voids` in the place of what was there: synced, whole or not at all. OSError."""
    atomic_file.replace_durably(data / FILE, msgspec.json.encode(voids))
