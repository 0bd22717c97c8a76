"""What a node says of itself when a link begins, read from its journal."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable
from pathlib import Path

import msgspec

from lockstep.config.schema import Config
from lockstep.core.journal.end import chain_at, segment_header
from lockstep.core.journal.journal import JournalReader, segment_seqs
from lockstep.core.venue import voided_commands
from lockstep.procs.replicator.handshake import Hello, LinkState
from lockstep.procs.replicator.link import RULES

NEAR = 8192  # records that a secondary may lack and still be in step: a moment's orders

Tell = Callable[[LinkState, str], None]


def greeting_of(config: Config, data: Path, last_seq: int) -> Hello:
    """Who the node of `config` in `data` is, with a journal that ends with record `last_seq`. JournalError."""
    folder, node = data / "journal", config.replication.node
    assert node is not None
    return Hello(
        config.venue.name, node, journal_id_of(folder), epoch_of(folder, last_seq), last_seq,
        chain_at(folder, last_seq), secrets.randbits(64), voids=voids_of(data), rules=RULES,
    )  # fmt: skip


def journal_id_of(folder: Path) -> bytes:
    """What the journal in `folder` is called. JournalError, ValueError where there is none."""
    return segment_header(folder, min(segment_seqs(folder))).journal_id


def voids_of(data: Path) -> int:
    """A number for all that is taken out of the venue in `data`, in whatever order that was done. JournalError."""
    voids = voided_commands.load(data)
    said = sorted(voids.commands.items()), sorted(voids.ingress)
    return int.from_bytes(hashlib.sha256(msgspec.json.encode(said)).digest()[:8]) if any(said) else 0


def epoch_of(folder: Path, last_seq: int) -> int:
    """The epoch of record `last_seq` of a journal; 0 where there is none."""
    if last_seq < min(segment_seqs(folder)):
        return 0
    from lockstep.core.schema.layout import unpack_command  # a venue without another node has no use for it

    with_last = JournalReader(folder, last_seq, last_seq)
    try:
        return unpack_command(next(with_last)).epoch
    finally:
        with_last.close()
