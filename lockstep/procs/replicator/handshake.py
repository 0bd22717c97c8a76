"""What two nodes tell each other before a record goes over their link, and why one refuses the other.

It judges; it opens no socket and reads no journal.
"""

from __future__ import annotations

import re
import struct
from enum import IntEnum

from msgspec import Struct

from lockstep.core.journal.format import OWN_SCHEMA

_HELLO = struct.Struct("<QQQQIIQ16s32s32sI4x")
HELLO_SIZE = _HELLO.size
_NAME = re.compile(r"[A-Za-z0-9_.-]{1,32}")  # as the configuration has them: they go to files and terminals


class Refusal(IntEnum):
    """Why a link ends; the numbers are part of the protocol."""

    DAMAGED = 1
    STALE = 2
    OUT_OF_ORDER = 3
    WRONG_VENUE = 4
    WRONG_LAYOUT = 5
    WRONG_JOURNAL = 6
    SAME_NODE = 7
    OLD_EPOCH = 8
    AHEAD = 9
    DIVERGED = 10
    SEGMENTS_GONE = 11
    SILENT = 12
    NOT_LEADING = 13
    NOT_READY = 14
    OTHER_VOIDS = 15
    DIFFERS = 16
    WRONG_VERSION = 17
    WRONG_RULES = 18
    NOT_COPIED = 19
    LEADS = 20


class LinkError(Exception):
    """The link ends. `code` is stable; the message says what is wrong, and where.

    `epoch` and `position` are how far the log goes of the node that says so, where it says it.
    """

    def __init__(self, code: Refusal, reason: str, epoch: int = 0, position: int = 0) -> None:
        super().__init__(f"{code.name}: {reason}")
        self.code = code
        self.reason = reason
        self.epoch = epoch
        self.position = position


class Hello(Struct, frozen=True):
    """Who a node is and how far its log goes. `chain` is the journal's chained hash up to `last_seq`.

    `slots` is how many records its log ring has room for: no batch may be larger. `voids` stands for all that `lockstep
    void` has taken out of the venue: the nodes would part if one of them lacked any of it (LOG-22). `rules` is the
    version of the rules that its build knows.
    """

    venue: str
    node: str
    journal_id: bytes
    epoch: int
    last_seq: int
    chain: int
    nonce: int
    slots: int = 0
    voids: int = 0
    schema_hash: int = OWN_SCHEMA
    rules: int = 0

    def pack(self) -> bytes:
        """As it goes over the link."""
        names = self.venue.encode(), self.node.encode()
        if max(map(len, names)) > 32:
            raise ValueError("a venue's or node's name has at most 32 bytes")
        numbers = self.schema_hash, self.last_seq, self.chain, self.nonce, self.epoch, self.slots, self.voids
        return _HELLO.pack(*numbers, self.journal_id, *names, self.rules)

    @staticmethod
    def unpack(data: bytes) -> Hello:
        """LinkError where these bytes are no greeting."""
        try:
            *numbers, journal_id, venue, node, rules = _HELLO.unpack(data)
            names = venue.rstrip(b"\0").decode(), node.rstrip(b"\0").decode()
        except (struct.error, UnicodeDecodeError):
            raise LinkError(Refusal.DAMAGED, "the greeting can't be read") from None
        if not all(map(_NAME.fullmatch, names)):
            raise LinkError(Refusal.DAMAGED, "the greeting has a name that no venue or node can have")
        schema_hash, last_seq, chain, nonce, epoch, slots, voids = numbers
        return Hello(*names, journal_id, epoch, last_seq, chain, nonce, slots, voids, schema_hash, rules)


def check_same_venue(own: Hello, peer: Hello) -> None:
    """LinkError where `peer` is no other node of the same venue, with the same build."""
    if peer.venue != own.venue:
        raise LinkError(Refusal.WRONG_VENUE, f"the peer is of venue {peer.venue!r}, this node of {own.venue!r}")
    if peer.schema_hash != own.schema_hash:
        hashes = f"{peer.schema_hash:016x} and {own.schema_hash:016x}"
        reason = f"the two versions lay out records differently ({hashes}): both must be of one schema"
        raise LinkError(Refusal.WRONG_LAYOUT, reason)
    if peer.journal_id != own.journal_id:
        ids = f"{peer.journal_id.hex()} and {own.journal_id.hex()}"
        reason = f"the two journals are not of one venue, though both are called {own.venue!r}: {ids}"
        raise LinkError(Refusal.WRONG_JOURNAL, reason)
    if peer.voids != own.voids:
        raise LinkError(
            Refusal.OTHER_VOIDS, "void.json differs: give the same lockstep void again, on the node that led last"
        )
    if peer.node == own.node:
        raise LinkError(Refusal.SAME_NODE, f"both nodes are called {own.node!r}")


class Promote(IntEnum):
    """What a secondary's board says of its promotion."""

    NO = 0
    NOW = 1
    ORDERLY = 2


class Fence(IntEnum):
    """What a secondary's board says (HANDOVER) before it is promoted at once: whether the primary is to release nothing
    any more, and whether it has answered, all that its log will have being here.

    Or before it is stopped: whether the primary is to wait for its acknowledgements no more, and whether it does not.
    """

    NO = 0
    ASKED = 1
    ANSWERED = 2
    LEAVES = 11  # none that stands for something where a node leads (Handover): its supervisor looks at both
    LEFT = 12
    STAYS = 13  # it is stopped all the same, and the primary waits for it


class LinkState(IntEnum):
    """What a node's board says of its link."""

    STARTING = 0
    ALONE = 1
    CATCHING_UP = 2
    IN_STEP = 3
    REFUSED = 4


LINKED = (LinkState.CATCHING_UP, LinkState.IN_STEP)  # a link on which the log comes
