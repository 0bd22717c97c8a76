"""The peer's log, as this node can ask it where their histories part: over the link, or in a copy of its journal.

Over the link this node greets the peer as a secondary whose log ends with one record or another, and hangs up as soon
as it is welcomed or refused: it acknowledges nothing, and takes no record.
"""

from __future__ import annotations

import secrets
from pathlib import Path

from msgspec import structs

from lockstep.config.schema import Config
from lockstep.core.cluster.divergence import DivergenceError
from lockstep.core.journal.end import chain_at, first_header
from lockstep.core.journal.journal import JournalError, JournalReader, segment_seqs
from lockstep.core.venue import node
from lockstep.procs.replicator.asking import ask
from lockstep.procs.replicator.certificates import Credentials
from lockstep.procs.replicator.greeting import greeting_of
from lockstep.procs.replicator.handshake import Refusal
from lockstep.procs.replicator.transport import Dialer, show_address

ANSWER_S = 5.0


class UnreachableError(DivergenceError):
    """The other node does not answer."""


class LinkedLog:
    """The other node's log, by its link, for one whose own ends with record `last_seq`. `epoch` is that of its leading
    once it has been asked; before, 0. JournalError."""

    def __init__(self, config: Config, data: Path, last_seq: int) -> None:
        section = config.replication
        self.address = show_address(section.peer_address, section.peer_port)
        self.epoch = 0
        self._credentials = Credentials.of(node.folder_of(data))
        self._own = greeting_of(config, data, last_seq)

    def has(self, seq: int, chain: int) -> bool:
        """As `PeerLog.has`. UnreachableError; DivergenceError if the other node refuses this one for another reason."""
        # Epoch 0: whether a node with a later epoch may follow is for `check_divergence` to say.
        own = structs.replace(self._own, epoch=0, last_seq=seq, chain=chain, nonce=secrets.randbits(64))
        try:
            dialer = Dialer(self.address, self._credentials)
        except ValueError as error:
            raise UnreachableError(str(error)) from error
        answer = ask(dialer, own, ANSWER_S)
        if answer is None:
            raise UnreachableError(f"the other node does not answer: {dialer.trouble or self.address}")
        if answer.refusal in (Refusal.AHEAD, Refusal.DIVERGED):
            return False
        if answer.refusal is not None:
            raise DivergenceError(f"{self.address}: {answer.reason}")
        self.epoch = answer.epoch
        return True

    def check_divergence(self, common: int, last: int) -> None:
        """It leads, and was asked itself. DivergenceError if this node's log has a later epoch than it leads."""
        if self.epoch < self._own.epoch:
            raise DivergenceError(
                f"the other node leads epoch {self.epoch}, and this node's log goes on to epoch {self._own.epoch}, "
                f"which began later: {last - common:,} records that the other one lacks would go. Make sure which of "
                "the two is to go on; `lockstep rejoin` there, while this one runs, keeps this one's history"
            )


class CopiedLog:
    """The other node's journal, or a copy of it, in a folder. DivergenceError if it is none of the same venue's."""

    def __init__(self, folder: Path, journal: Path) -> None:
        self._folder = folder / "journal" if (folder / "journal").is_dir() else folder
        try:
            self._seqs = segment_seqs(self._folder)
            own, theirs = first_header(journal), first_header(self._folder)
            if own is None or theirs is None:
                raise DivergenceError(f"there is no journal in {folder if own else journal}")
            if own.journal_id != theirs.journal_id:
                ids = f"{theirs.journal_id.hex()} and {own.journal_id.hex()}"
                raise DivergenceError(f"{self._folder} and {journal} are not journals of one venue: {ids}")
            reader = JournalReader(self._folder, self._seqs[-1])
            for _ in reader:
                pass
            reader.close()
        except (JournalError, OSError) as error:
            raise DivergenceError(f"{self._folder} can't be read: {error}") from error
        self._last = reader.next_seq - 1

    def has(self, seq: int, chain: int) -> bool:
        """As `PeerLog.has`, of what the folder has."""
        if seq > self._last:
            return False
        if seq + 1 < self._seqs[0]:
            raise DivergenceError(
                f"{self._folder} begins with record {self._seqs[0]:,}, and the histories part before: make this "
                "node's data folder from a backup of the other one"
            )
        try:
            return chain_at(self._folder, seq) == chain
        except (JournalError, OSError) as error:
            raise DivergenceError(f"{self._folder} can't be read: {error}") from error

    def check_divergence(self, common: int, last: int) -> None:
        """What ends where both agree may be too old to show how the other log goes on."""
        if common < last and common == self._last:
            raise DivergenceError(
                f"{self._folder} ends with record {common:,}, which this node has, too: it does not show whether the "
                "histories part there. Take one that goes on"
            )
