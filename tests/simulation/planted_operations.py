"""Bugs at the start of a node, and at its operator's word, that are planted to show that the simulation finds them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, cast
from unittest.mock import patch

from lockstep.config.schema import Config
from lockstep.core.cluster import doubt
from lockstep.core.cluster.roles import Roles
from lockstep.core.journal import cut as journal_cut
from lockstep.core.journal.end import end_of
from lockstep.core.venue import first_journal, node
from lockstep.core.venue.node import Node
from tests.simulation.bugs import Bug

if TYPE_CHECKING:
    from tests.simulation.disk import FakeDisk
    from tests.simulation.lifecycle import Life
    from tests.simulation.side import Side


class BegunByAStart(Bug):
    """LOG-21: a node whose folder is empty begins a journal, leads, without a question to its peer."""

    @contextlib.contextmanager
    def planted(self, world: Life) -> Iterator[None]:  # noqa: ARG002
        asks = Roles.may_run

        async def may_run(roles: Roles, known: Node) -> bool:
            return not first_journal.is_begun(roles._data) or await asks(roles, known)

        with (
            patch.object(first_journal, "objection", lambda *_: ""),
            patch.object(Roles, "may_run", may_run),
        ):
            yield


class EmptyLeads(Bug):
    """LOG-21: a node whose journal has no record leads if its peer does not answer: it seems to be new."""

    @contextlib.contextmanager
    def planted(self, world: Life) -> Iterator[None]:
        needs_peer, sides = node.needs_peer, cast("Side", world).pair.sides

        def needs(config: Config, known: Node) -> bool:
            disk = next(side.disk for side in sides if side.name == config.replication.node)
            return end_of(disk).seq > 0 and needs_peer(config, known)

        with (
            patch.object(first_journal, "_objection_to_empty", lambda *_: ""),
            patch.object(node, "needs_peer", needs),
        ):
            yield


class RestoredLeadsAlone(Bug):
    """LOG-21: a node that was restored leads if its peer does not answer: nothing says that commits waited for it."""

    @contextlib.contextmanager
    def planted(self, world: Life) -> Iterator[None]:  # noqa: ARG002
        with patch.object(node, "needs_peer", node.is_paired):
            yield


class WordBelieved(Bug):
    """I9: a node that was off leads by a true word that its peer is off, over what that has acknowledged."""

    @contextlib.contextmanager
    def planted(self, world: Life) -> Iterator[None]:  # noqa: ARG002
        with patch.object(doubt, "doubt", lambda *_: ""):
            yield


class SameEpoch(Bug):
    """I9: two nodes that lead without knowing of each other count epochs alike."""

    @contextlib.contextmanager
    def planted(self, world: Life) -> Iterator[None]:  # noqa: ARG002
        with patch.object(node, "parity_of", lambda *_: -1):
            yield


class RejoinKeepsTail(Bug):
    """I9: a node that rejoins keeps what it alone has."""

    @contextlib.contextmanager
    def planted(self, world: Life) -> Iterator[None]:  # noqa: ARG002
        def cut(where: FakeDisk, seq: int) -> int:  # noqa: ARG001
            return end_of(where).seq

        with patch.object(journal_cut, "cut", cut):
            yield


BUGS_OF_OPERATIONS: dict[str, type[Bug]] = {
    bug.__name__: bug
    for bug in (
        BegunByAStart,
        EmptyLeads,
        RestoredLeadsAlone,
        WordBelieved,
        SameEpoch,
        RejoinKeepsTail,
    )
}
