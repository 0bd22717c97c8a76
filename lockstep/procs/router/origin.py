"""What a router is made with: the ends of its rings, and what it starts from."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Set

from msgspec import Struct

from lockstep.core.schema.records import Code
from lockstep.procs.router.log_source import JournalSource
from lockstep.procs.router.sequencer import Sequencer
from lockstep.procs.router.witnesses import Witnesses
from lockstep.shm.ring import Consumer, Producer


class Rings(Struct, frozen=True):
    """The ends of its rings: ingress rings by number (a gateway's own, 9 the operators'), event rings by matcher."""

    log: Producer
    events: Producer
    ingress: dict[int, Consumer]
    matchers: dict[int, Consumer]


class Origin(Struct, frozen=True):
    """What it starts from.

    `source` is the log so far; with a LogRing, another one fills the ring of `log` until this one is promoted.
    `changes(core)` gives, once the log is replayed, the configuration's changes: lists of records, an extension before
    its main record. `generation` is the journal's that it waits for. Of `voided` ingress records, each (ring's number,
    incarnation, sequence), the whole request is passed over. Up to `older_ids` closed client ids beyond each account's
    last ones are kept for `id_window_s`. Before anything is written behind the journal, `witnesses` are asked whether
    it has all that ever came of it.
    """

    source: JournalSource
    changes: Callable[[Sequencer], Iterator[list[bytes]]]
    boot_id: bytes
    core: Sequencer | None = None
    generation: int = 1
    voided: Set[tuple[int, int, int]] = frozenset()
    id_window_s: int = 0
    older_ids: int = 0
    witnesses: Witnesses | None = None


def next_change(changes: Iterator[list[bytes]], refused: Code) -> list[bytes] | None:
    """Return the configuration's next change, after telling it why the last one was refused; None: there is none."""
    if refused is Code.OK:
        return next(changes, None)
    assert isinstance(changes, Generator)
    try:
        change: list[bytes] = changes.send(refused)
    except StopIteration:
        return None
    return change
