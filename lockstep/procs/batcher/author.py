"""Whose rows a database takes: by the epoch, by which start of a node began that, and by the node (I9).

It only compares. `batcher.writer` asks it under the lock of the row in which a database keeps its last author.
"""

from __future__ import annotations

from typing import NamedTuple

REBUILD = "`lockstep rebuild-db` rebuilds the database from this node's journal"


class Author(NamedTuple):
    """Who writes, or wrote last.

    `epoch`: the one that the node leads; 0 of a node that follows, which writes what another leads. `boot`: which start
    of a node began that epoch, in hexadecimal digits, as the log says it; "" where that is not known. `node`: its
    name, "" of a venue of one node.
    """

    epoch: int = 0
    boot: str = ""
    node: str = ""


def objection(has: Author, own: Author) -> str:
    """Why a database whose last author is `has` takes nothing from `own`, behind a stable code; "" if it does.

    An epoch is led once: a later one is another's who leads now, and the same one from another start is another's who
    led beside this one. A node that follows has no say in that: it writes where no other node does.
    """
    if own.epoch == 0:
        if has.node in ("", own.node):
            return ""
        return (
            f"OTHER_NODE: {_named(has)} writes to this database, and this node follows: give this node a database of"
            f" its own (database.url). If it is that, {REBUILD}"
        )
    if own.epoch < has.epoch:
        return f"OLD_EPOCH: {_named(has)} wrote to this database in epoch {has.epoch}; {_what_to_do(own)}"
    if own.epoch == has.epoch and has.boot and own.boot and has.boot != own.boot:
        return (
            f"SAME_EPOCH: {_named(has)} began epoch {has.epoch} as well, and wrote to this database; {_what_to_do(own)}"
        )
    return ""


def objection_of_journal(has: Author, epoch: int | None) -> str:
    """Why a journal that ends in `epoch` (None: it has no record left) is not the one from which `has` wrote; "" if it
    may be."""
    if epoch is None or epoch >= has.epoch:
        return ""
    return (
        f"OLD_EPOCH: {_named(has)} wrote to this database in epoch {has.epoch}; this node's journal ends in epoch"
        f" {epoch}. {_choice()}"
    )


def _named(author: Author) -> str:
    who = f"node {author.node}" if author.node else "another venue"
    return f"{who} (start {author.boot[:8]})" if author.boot else who


def _what_to_do(own: Author) -> str:
    return f"this node leads epoch {own.epoch} and writes nothing. {_choice()}"


def _choice() -> str:
    return f"If the other leads, stop this node and run `lockstep rejoin` here; if not, stop both, and {REBUILD}"
