"""The journal that a new venue begins with: made by an explicit command, never by a start.

A data folder without a journal may be new, or its disk may be lost or not mounted. A venue that began there again would
have fresh balances, repeat its ids, and lead while the other node has the log (LOG-21).
"""

from __future__ import annotations

from pathlib import Path

from lockstep.config.schema import Config
from lockstep.core.journal.end import end_of, segment_header
from lockstep.core.journal.journal import JournalError, segment_seqs
from lockstep.core.journal.writer import JournalWriter
from lockstep.core.venue.node import Node


class BegunError(JournalError):
    """The folder has a journal with records already; the message says where."""


def is_begun(data: Path) -> bool:
    """Return whether the data folder has a journal, perhaps one without a record. JournalError for a foreign file."""
    journal = data / "journal"
    return journal.is_dir() and bool(segment_seqs(journal))


def begin(config: Config, journal_id: bytes | None = None) -> None:
    """Begin an empty journal in the configuration's data folder, synced; safe to repeat until it has a record.

    `journal_id` names it; without one it gets an id of its own. BegunError, JournalError, OSError.
    """
    data = Path(config.venue.data)
    journal = data / "journal"
    if is_begun(data):
        if end_of(journal).seq:
            raise BegunError(f"{journal} has a journal already: start it with lockstep run")
        return
    data.mkdir(parents=True, exist_ok=True, mode=0o700)
    size, name = config.journal.segment_bytes, config.venue.name
    JournalWriter(journal, segment_bytes=size, journal_id=journal_id, venue=name).close()


def ensure(config: Config) -> None:
    """Begin an empty journal where there is none. For tools and demos, whose folders are their own. As `begin`."""
    if not is_begun(Path(config.venue.data)):
        begin(config)


def objection(config: Config, data: Path, node: Node) -> str:
    """Return why a start must not begin a journal in the data folder, use another venue's, or lead an empty one; "" if
    it may.

    A paired secondary may begin one: it takes the journal of the node that leads. JournalError for a foreign file.
    """
    if is_begun(data):
        return objection_to_venue(config, data) or _objection_to_empty(config, data / "journal", node)
    if node.is_secondary and node.journal_id:
        return ""
    lack = f"there is no journal in {data}, and a start never begins one. If its disk is not mounted, mount it. "
    if config.replication.node is None:
        return f"{lack}If its data is lost, lockstep restore brings a backup back. A new venue: lockstep begin, once"
    return (
        f"{lack}If its data is lost, make it the secondary of the other node: lockstep pair, then lockstep join. Two "
        "new nodes: lockstep pair begins the journal"
    )


def objection_to_venue(config: Config, data: Path) -> str:
    """Return why the journal in the data folder is not of the configuration's venue; "" if it is, or there is none."""
    journal = data / "journal"
    try:
        name = segment_header(journal, min(segment_seqs(journal))).venue if is_begun(data) else ""
    except (JournalError, OSError):
        return ""  # opening it fails, with a message that explains the damage
    if name in ("", config.venue.name):
        return ""
    return (
        f"the journal in {journal} is of venue {name}, and the configuration is of venue {config.venue.name} "
        "(venue.name). Nothing was changed. Mount or restore the right folder, or use the configuration of this one: "
        "a venue keeps its name"
    )


def _objection_to_empty(config: Config, journal: Path, node: Node) -> str:
    """Return why one of two nodes must not lead an empty journal: nothing but `lockstep pair` says that it is new."""
    if config.replication.node is None or node.is_secondary or node.members or segment_seqs(journal) != [1]:
        return ""
    try:
        if end_of(journal).seq:
            return ""
    except JournalError:
        return ""  # the journaler says what is wrong with it, and what to do
    return (
        f"the journal in {journal} is empty, and this node is not paired: the other node may have the venue's log. "
        "Pair the two (lockstep pair): the node that has the log leads, and two new nodes begin with this journal"
    )
