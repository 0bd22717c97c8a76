"""The other node, asked over its link: this node greets it as a secondary whose log ends with one record or another.

It hangs up as soon as it is welcomed or refused: it acknowledges nothing, and takes no record.
"""

from __future__ import annotations

import secrets
from pathlib import Path

from msgspec import structs

from lockstep.cli.nodes.parting import PartingError
from lockstep.config.schema import Config
from lockstep.core.venue import node
from lockstep.procs.replicator.asking import ask
from lockstep.procs.replicator.certificates import Credentials
from lockstep.procs.replicator.greeting import greeting_of
from lockstep.procs.replicator.handshake import Refusal
from lockstep.procs.replicator.transport import Dialer, show_address

ANSWER_S = 5.0


class Unreachable(PartingError):  # noqa: N818
    """The other node does not answer."""


class Asked:
    """The other node's log, by its link, for one whose own ends with record `last_seq`. `epoch` is that of its leading
    once it has been asked; before, 0. JournalError."""

    def __init__(self, config: Config, data: Path, last_seq: int) -> None:
        section = config.replication
        self.address = show_address(section.peer_address, section.peer_port)
        self.epoch = 0
        self._credentials = Credentials.of(node.folder_of(data))
        self._own = greeting_of(config, data, last_seq)

    def has(self, seq: int, chain: int) -> bool:
        """As `Other.has`. Unreachable, or PartingError if the other node refuses this one for another reason."""
        # Epoch 0: whether a node with a later epoch may follow is for `check_parting` to say.
        own = structs.replace(self._own, epoch=0, last_seq=seq, chain=chain, nonce=secrets.randbits(64))
        try:
            dialer = Dialer(self.address, self._credentials)
        except ValueError as error:
            raise Unreachable(str(error)) from error
        answer = ask(dialer, own, ANSWER_S)
        if answer is None:
            raise Unreachable(f"the other node does not answer: {dialer.trouble or self.address}")
        if answer.refusal in (Refusal.AHEAD, Refusal.DIVERGED):
            return False
        if answer.refusal is not None:
            raise PartingError(f"{self.address}: {answer.reason}")
        self.epoch = answer.epoch
        return True

    def check_parting(self, common: int, last: int) -> None:
        """It leads, and was asked itself. PartingError if this node's log has a later epoch than it leads."""
        if self.epoch < self._own.epoch:
            raise PartingError(
                f"the other node leads epoch {self.epoch}, and this node's log goes on to epoch {self._own.epoch}, "
                f"which began later: {last - common:,} records that the other one lacks would go. Make sure which of "
                "the two is to go on; `lockstep rejoin` there, while this one runs, keeps this one's history"
            )
