"""What is taken out of the log, and the other node: it counts once both have it on disk, the secondary first.

Killed between the two, the secondary has taken out more, and the link is refused until `lockstep void` is given again.
"""

from __future__ import annotations

from pathlib import Path

from msgspec import structs

from lockstep.config.schema import Config
from lockstep.core.cluster.steps import Say
from lockstep.core.journal.end import end_of
from lockstep.core.venue import node
from lockstep.core.venue.venue import attach
from lockstep.core.venue.voided_commands import Voids
from lockstep.procs.replicator import voiding
from lockstep.procs.replicator.certificates import CertificateError, Credentials
from lockstep.procs.replicator.greeting import greeting_of
from lockstep.procs.replicator.handshake import Hello
from lockstep.procs.replicator.transport import Acceptor, Dialer, show_address
from lockstep.shm.board import Word

TELL_S = 15.0  # a node that starts again and again is there between two starts
ON_THE_OTHER = "give this command on the node that leads; if this one is stopped, lockstep void --accept here meanwhile"


class ListenError(Exception):
    """This node can't listen for the other one; the message says why."""


def refusal(config: Config, data: Path, voids: Voids, statement: str) -> str:
    """Have the other node keep `voids`; why they must not count here, "" if they may. JournalError, RoleError, OSError.

    With the operator's `statement` that it is off it is not asked, and that is written down. A venue of one node has
    nobody to ask.
    """
    section = config.replication
    if section.node is None:
        return ""
    role = node.load(data)
    if role.is_secondary:
        return f"this node follows: {ON_THE_OTHER}"
    if statement:
        node.save(data, structs.replace(role, statement=statement))
        return ""
    peer = show_address(section.peer_address, section.peer_port)
    try:
        dialer = Dialer(peer, Credentials.of(node.folder_of(data)))
    except (ValueError, CertificateError) as error:
        return f"the other node can't be told: {error}"
    reason = voiding.tell(dialer, _greeting(config, data), voids, TELL_S)
    if not reason:
        return ""
    return (
        f"the other node ({peer}) has not taken it out ({reason}). Start that one, or have it wait there with lockstep "
        "void --accept; if it is off for sure, --peer-is-off says who knows, and how"
    )


def accept(config: Config, data: Path, say: Say) -> Voids:
    """On the stopped secondary in `data`: wait for what the node that leads takes out.

    ListenError, JournalError, OSError.
    """
    own = show_address(config.replication.address, config.replication.port)
    try:
        acceptor = Acceptor(own, Credentials.of(node.folder_of(data)))
    except (ValueError, CertificateError) as error:
        raise ListenError(str(error)) from None
    say(f"waiting on {own} for lockstep void on the other node")
    return voiding.accept(acceptor, _greeting(config, data), data, say)


def _greeting(config: Config, data: Path) -> Hello:
    venue, journal = attach(data), data / "journal"
    durable = venue.board.get(Word.DURABLE_SEQ) if venue is not None else 0
    return greeting_of(config, data, durable or end_of(journal).seq)
