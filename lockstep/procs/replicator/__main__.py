"""Wires the replicator: the log ring, the journal, the board, and the sockets between the two nodes."""

from __future__ import annotations

from lockstep.core.diagnostics.refusal import FinalError
from lockstep.core.venue.node import folder_of
from lockstep.core.venue.venue import Venue
from lockstep.procs.replicator import comparison
from lockstep.procs.replicator.certificates import Credentials
from lockstep.procs.replicator.replicator import Replicator
from lockstep.procs.replicator.transport import Acceptor, Dialer, show_address
from lockstep.shm.board import Word


def build(venue: Venue, _name: str = "replicator") -> Replicator:
    """The edge of this node.

    FinalError where it can't listen, may not without the peer's certificate, or has another state than the peer.
    """
    if (found := comparison.load(venue.data)) is not None:
        raise comparison.DifferenceError(found)
    section = venue.config.replication
    credentials = Credentials.of(folder_of(venue.data))
    own = show_address(section.address, section.port)
    try:
        acceptor = Acceptor(own, credentials)
        follows = venue.node.is_secondary and not venue.board.get(Word.PROMOTED)
        dialer = Dialer(show_address(section.peer_address, section.peer_port), credentials) if follows else None
    except ValueError as error:
        raise FinalError(str(error)) from error
    except OSError as error:
        raise FinalError(f"replication.port: {own} can't be listened on: {error.strerror}") from error
    return Replicator(venue, acceptor, dialer)
