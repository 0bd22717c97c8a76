"""What makes two nodes a pair: each one's key, the other one's certificate, who leads, and what the journal is called.

It plans files and writes them one by one, each as a whole; a node is paired once the last one, its peer's certificate,
is there. Whatever interrupts this, it is taken again from its beginning: what is right already stays.
"""

from __future__ import annotations

import os
import ssl
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Literal

import msgspec
from msgspec import Struct, structs

from lockstep.config.schema import Config
from lockstep.core.cluster import offer as offers
from lockstep.core.cluster.offer import Offer, OfferError
from lockstep.core.files import atomic_file
from lockstep.core.journal.end import first_header
from lockstep.core.schema.layout import SCHEMA_HASH
from lockstep.core.venue import first_journal, node, venue_key
from lockstep.core.venue.node import Node, folder_of, made_folder
from lockstep.procs.replicator import certificates
from lockstep.procs.replicator.certificates import CERTIFICATE, KEY, PEER, Credentials
from lockstep.procs.replicator.transport import show_address
from lockstep.procs.router.sequencer import RULES
from lockstep.shm.segment import RoleLock, RoleTakenError

SUFFIX = ".pair"
PEER_OFFER = f"peer{SUFFIX}"
BEGIN = b"-----BEGIN CERTIFICATE-----"
WILDCARDS = ("0.0.0.0", "::")


class PairingError(Exception):
    """The two can't be a pair, and nothing was changed; the message has a reason in each line."""


class BusyError(Exception):
    """The node runs, or is being paired already, and nothing was changed; the message says which."""


class Own(Struct, frozen=True):
    """This node as it is, or with the key that it is about to get: `key` is the PEM of key and certificate."""

    config: Config
    state: Node
    key: bytes
    journal_id: str
    first_seq: int
    made_ns: int

    @property
    def data(self) -> Path:
        return Path(self.config.venue.data)

    @property
    def name(self) -> str:
        return self.config.replication.node or ""

    @property
    def folder(self) -> Path:
        return folder_of(self.data)

    @property
    def certificate(self) -> bytes:
        return self.key[self.key.index(BEGIN) :]

    @property
    def file(self) -> Path:
        """Its pairing file."""
        return self.folder / f"{self.name}{SUFFIX}"


class Step(Struct, frozen=True):
    """A file that is to have a content."""

    file: Path
    content: bytes
    says: str


class Plan(Struct, frozen=True):
    """What is to be written, in this order; `leads` and `follows` name the two, where both are known. `begins`: before
    that, an empty journal."""

    own: Own
    offer: Offer
    steps: list[Step]
    notes: list[str]
    leads: str = ""
    follows: str = ""
    begins: bool = False

    @property
    def changes_role(self) -> bool:
        return any(step.file.name == node.ROLE for step in self.steps)


def examine(config: Config, *, renew: bool, follow: bool, after_ns: int = 0) -> Own:
    """The node that `config` names; with a new key where it has none, or is to `renew` it. `follow`: it is to be the
    secondary. PairingError where its key is damaged, RoleError, JournalError.
    """
    name = config.replication.node
    assert name is not None
    data = Path(config.venue.data)
    folder, journal = folder_of(data), data / "journal"
    key = b"" if renew else _key(folder)
    state = node.load(data)
    first = first_header(journal) if journal.is_dir() else None
    journal_id = first.journal_id.hex() if first else state.journal_id
    try:
        made_ns = offers.read(folder / f"{name}{SUFFIX}").made_ns
    except OfferError:
        made_ns = max(time.time_ns(), after_ns + 1)
    if follow:
        state = structs.replace(state, role="secondary", members=())
    return Own(
        config, state, key or b"".join(certificates.make(name)), journal_id or os.urandom(16).hex(),
        first.first_seq if first else 0, made_ns
    )  # fmt: skip


def _key(folder: Path) -> bytes:
    """What is in the node's key file; nothing where there is none. PairingError where it is damaged."""
    try:
        content = (folder / KEY).read_bytes()
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(folder / KEY)
    except FileNotFoundError:
        return b""
    except ssl.SSLError as error:
        raise PairingError(
            f"{folder / KEY} has no key and certificate ({error.reason}): --renew makes new ones"
        ) from error
    return content


def offer_of(own: Own, knows: str) -> Offer:
    """What the node says of itself."""
    section = own.config.replication
    return Offer(
        own.config.venue.name, own.name, show_address(section.address, section.port), own.certificate.decode(),
        own.journal_id, own.first_seq, _role_of(own.state), own.made_ns, knows, f"{SCHEMA_HASH:016x}", RULES,
        offers.keys_of(own.config),
    )  # fmt: skip


def _role_of(state: Node) -> Literal["primary", "secondary"]:
    return "secondary" if state.is_secondary else "primary"


def plan(own: Own, other: Offer | None) -> Plan:
    """What this node writes to offer itself, or to be paired with `other`. PairingError."""
    known = other or _known(own.folder)
    offer = offer_of(own, known.fingerprint if known else "")
    state, leads, follows, begins = own.state, "", "", False
    if not own.first_seq:
        state = structs.replace(state, journal_id=own.journal_id)
    if other is not None:
        reasons = list(offers.objections(offer, other))
        if not reasons and own.first_seq and other.first_seq:
            reasons = list(_two_journals(own, other))
        if reasons:
            raise PairingError("\n".join(reasons))
        state = _role(own, other)
        if not (state.is_secondary or state.members or other.first_seq):
            state = structs.replace(state, members=(own.name,))  # the other one has nothing: this one has all
        state = structs.replace(state, peer=other.node)
        offer = structs.replace(offer, role=_role_of(state))
        begins = not own.first_seq and not state.is_secondary
        if begins:
            _check_new(own, other)
            offer = structs.replace(offer, first_seq=1)
        if not own.first_seq:
            offer = structs.replace(offer, journal_id=state.journal_id)
        leads, follows = (other.node, own.name) if state.is_secondary else (own.name, other.node)
    wanted = [
        Step(own.folder / KEY, own.key, "this node's key, which nobody else is to have"),
        Step(own.folder / CERTIFICATE, own.certificate, "its certificate"),
        Step(own.folder / node.ROLE, msgspec.json.encode(state), _says(state)),
    ]
    if other is not None:
        wanted.append(Step(own.folder / PEER_OFFER, offers.pack(other), f"what node {other.node} says of itself"))
    wanted.append(Step(own.file, offers.pack(offer), "what the other node is to know of this one"))
    if other is not None:
        wanted.append(Step(own.folder / PEER, other.certificate.encode(), f"the certificate of node {other.node}"))
    steps = [step for step in wanted if not _is_there(step, own)]
    return Plan(own, offer, steps, list(_notes(own, other)) if other else [], leads, follows, begins)


def _check_new(own: Own, other: Offer) -> None:
    """PairingError where a node that is to begin a journal was paired before: it had one, which is gone."""
    if (own.folder / PEER).exists():
        raise PairingError(
            f"this node was paired before, and has no journal in {own.data}: if its disk is not mounted, mount it. If "
            f"its data is lost, pair node {other.node} first, which has a journal, and take its new file. If neither "
            f"has one, and the venue is to begin again: remove {own.folder}"
        )


def _known(folder: Path) -> Offer | None:
    try:
        return offers.read(folder / PEER_OFFER)
    except OfferError:
        return None


def _two_journals(own: Own, other: Offer) -> Iterator[str]:
    if own.journal_id != other.journal_id:
        yield (
            f"both nodes have a journal, and not of one venue ({own.journal_id} here, {other.journal_id} on "
            f"{other.node}): the one that is to follow begins with an empty data folder, or with a restored backup"
        )
    elif _role_of(own.state) == other.role == "primary":
        yield (
            f"this node and {other.node} both have the log, and neither is the secondary: give the one that was "
            "restored from a backup --secondary; one that led becomes it by lockstep rejoin"
        )


def _role(own: Own, other: Offer) -> Node:
    """What this node is beside `other`: who has the log stays what it is; of two without, the one that offered first
    leads, unless one is the secondary. Both nodes come to the same, whichever takes the other's file first."""
    if own.first_seq:
        return own.state
    mine = (own.first_seq > 0, not own.state.is_secondary, -own.made_ns, other.node)
    theirs = (other.first_seq > 0, other.role == "primary", -other.made_ns, own.name)
    if mine > theirs:
        return Node("primary", journal_id=own.journal_id)
    return Node("secondary", journal_id=other.journal_id)


def _says(state: Node) -> str:
    role = "this node follows" if state.is_secondary else "this node leads"
    return f"{role}; a journal that begins here is {state.journal_id}" if state.journal_id else role


def _is_there(step: Step, own: Own) -> bool:
    if step.file.name == node.ROLE:
        return msgspec.json.encode(node.load(own.data)) == step.content
    try:
        is_open = step.file.name == KEY and step.file.stat().st_mode & 0o077
        return not is_open and step.file.read_bytes() == step.content
    except FileNotFoundError:
        return False


def _notes(own: Own, other: Offer) -> Iterator[str]:
    """What may be meant so, and may not."""
    section = own.config.replication
    dials = show_address(section.peer_address, section.peer_port)
    (address, port), (_, dialled) = other.listens.rsplit(":", 1), dials.rsplit(":", 1)
    if port != dialled or (address.strip("[]") not in WILDCARDS and dials != other.listens):
        yield f"replication.peer_address and peer_port say {dials}, and node {other.node} listens on {other.listens}"
    if other.first_seq > 1 and not own.first_seq:
        yield (
            f"the journal of node {other.node} begins with record {other.first_seq:,}: lockstep join on node "
            f"{own.name}, while {other.node} runs and before the first start, has it begin with a copy"
        )
    if own.first_seq and own.state.is_secondary and not other.first_seq:
        yield f"only this node has the log, and it is the secondary: lockstep failover makes it lead {other.node}"


def carry_out(plans: list[Plan]) -> None:
    """Write what the plans say, one after another. BusyError; OSError: repeat it."""
    for each in plans:
        with _held(each):
            for file in (each.own.folder / KEY, each.own.folder / CERTIFICATE, each.own.folder / PEER):
                atomic_file.remove_unfinished(file)  # of a command that was killed, and wanted another content
            if each.begins:
                first_journal.begin(each.own.config, bytes.fromhex(each.own.journal_id))
            for step in each.steps:
                atomic_file.replace_durably(step.file, step.content)
    if len(plans) > 1:
        _share_key([each.own.data for each in plans])


def _share_key(folders: list[Path]) -> None:
    """Both nodes seal and open with one key: that of either, or a new one. Two keys that are there stay. OSError."""
    files = [folder / venue_key.FILE for folder in folders]
    found = next((file for file in files if file.exists()), None)
    if found is None:
        found = files[0]
        venue_key.make(folders[0])
    for file in files:
        if not file.exists():
            atomic_file.replace_durably(file, found.read_bytes())


@contextmanager
def _held(each: Plan) -> Iterator[None]:
    """Keep others from pairing the node, and from running it where its role changes. BusyError."""
    data = each.own.data
    data.mkdir(parents=True, exist_ok=True, mode=0o700)
    locks = {made_folder(data) / "pair.lock": "this node is being paired already"}
    if each.changes_role or each.begins:
        locks[data / "venue.lock"] = "the venue runs: stop it first"
    with ExitStack() as held:
        for file, busy in locks.items():
            lock = RoleLock(file)
            try:
                lock.acquire()
            except RoleTakenError as error:
                raise BusyError(f"{busy} ({error})") from None
            held.callback(lock.release)
        yield


def check(own: Own) -> None:
    """That what was written can be used for TLS, both ways. CertificateError."""
    for server in (False, True):
        Credentials(own.folder).context(server=server)
