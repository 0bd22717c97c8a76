"""Wires the witness: the configuration's etcd, the board, and the supervisor that carries out a change of roles."""

from __future__ import annotations

import ssl
from functools import partial

from lockstep.config.schema import WitnessSection
from lockstep.core.diagnostics.refusal import FinalError
from lockstep.core.journal.end import segment_header
from lockstep.core.journal.journal import segment_seqs
from lockstep.core.venue import node
from lockstep.core.venue.venue import Venue
from lockstep.procs.witness.etcd import Etcd
from lockstep.procs.witness.leadership import SECOND_NS, Leadership
from lockstep.procs.witness.life import Life
from lockstep.procs.witness.record import WitnessError
from lockstep.procs.witness.witness import TURNS, Witness

FRESH = 4  # a heartbeat of the core may be so many parts of a lease old
STALL = 2  # and a core that has something to do may stand still for such a part


def build(venue: Venue, _name: str = "witness") -> Witness:
    """The edge of this node. FinalError where a file that it needs can't be read."""
    settings = venue.config.witness
    try:
        etcd = Etcd([url.rstrip("/") for url in settings.urls], settings.lease_s / TURNS, context_of(settings))
        life = Life(venue, settings.lease_s * SECOND_NS // FRESH, settings.lease_s * SECOND_NS // STALL)
        leadership = Leadership(venue, etcd, life, partial(journal_id, venue), node.tell_supervisor)
    except WitnessError as error:
        raise FinalError(str(error)) from error
    return Witness(leadership, life, etcd, settings.lease_s)


def journal_id(venue: Venue) -> str:
    """The id of the node's journal, hex; "" before there is one."""
    folder = venue.data / "journal"
    firsts = segment_seqs(folder) if folder.is_dir() else []
    return segment_header(folder, min(firsts)).journal_id.hex() if firsts else ""


def context_of(settings: WitnessSection) -> ssl.SSLContext | None:
    """How etcd is trusted, and what it is shown. FinalError where a file can't be used."""
    if not any(url.startswith("https:") for url in settings.urls):
        return None
    try:
        context = ssl.create_default_context(cafile=settings.ca or None)
        if settings.certificate:
            context.load_cert_chain(settings.certificate, settings.key)
    except (OSError, ssl.SSLError) as error:
        raise FinalError(f"witness.ca, certificate or key can't be used: {error}") from error
    return context
