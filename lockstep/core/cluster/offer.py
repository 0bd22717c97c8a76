"""A pairing file: what one node tells the other before they know each other, and why one of them can't take it.

It has no key and no password. Its code is of all that is in it: who compares the code knows that nobody changed it.
"""

from __future__ import annotations

import hashlib
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct, structs

from lockstep.config.credentials import UNKNOWN_HASH
from lockstep.config.schema import AccountSection, Config, NodeName

MAX_BYTES = 2**26  # with 65,535 accounts
SHOWN = 10  # keys that differ
CODE_GROUPS = 6  # of four digits: 79 bits, more than anyone can search for a second file of the same code


class OfferError(Exception):
    """The file can't be taken; the message says why."""


class Offer(Struct, frozen=True, forbid_unknown_fields=True):
    """`certificate` is PEM; `journal_id` (hex) is of the journal that is there or will begin, `first_seq` where it
    begins (0: it has not); `knows` is the fingerprint of the peer's certificate that the node has."""

    venue: str
    node: NodeName
    listens: Annotated[str, Meta(pattern=r"^\S+:[0-9]{1,5}\Z")]
    certificate: str
    journal_id: Annotated[str, Meta(pattern=r"^[0-9a-f]{32}\Z")]
    first_seq: Annotated[int, Meta(ge=0)]
    role: Literal["primary", "secondary"]
    made_ns: int
    knows: str
    layout: str
    rules: int
    keys: dict[str, str]

    @property
    def code(self) -> str:
        """24 digits to compare aloud."""
        number = int.from_bytes(hashlib.sha256(msgspec.json.encode(self)).digest())
        digits = f"{number % 10 ** (4 * CODE_GROUPS):0{4 * CODE_GROUPS}}"
        return " ".join(digits[at : at + 4] for at in range(0, len(digits), 4))

    @property
    def fingerprint(self) -> str:
        """Of the certificate."""
        return hashlib.sha256(ssl.PEM_cert_to_DER_cert(self.certificate)).hexdigest()


class Sealed(Struct, frozen=True, forbid_unknown_fields=True):
    """A pairing file's content."""

    offer: Offer
    code: str


def pack(offer: Offer) -> bytes:
    """The content of a pairing file."""
    return msgspec.json.format(msgspec.json.encode(Sealed(offer, offer.code)), indent=1) + b"\n"


def read(file: Path) -> Offer:
    """What a pairing file says. OfferError where it is none, or is damaged."""
    try:
        with file.open("rb") as stream:
            content = stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise OfferError(f"{file} can't be read: {error.strerror}") from error
    try:
        sealed = msgspec.json.decode(content, type=Sealed)
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=sealed.offer.certificate)
        _ = sealed.offer.fingerprint
    except (ValueError, ssl.SSLError) as error:
        raise OfferError(
            f"{file} is no whole pairing file ({error}): lockstep pair on the other node makes it"
        ) from None
    if sealed.code != sealed.offer.code:
        raise OfferError(f"{file} was changed since it was made (its code is {sealed.offer.code}): copy it again")
    return sealed.offer


def objections(own: Offer, other: Offer) -> Iterator[str]:
    """Why `other` can't be the peer of `own`, each in a line."""
    if other.venue != own.venue:
        yield f"it is of venue {other.venue}, and this node of {own.venue}"
        return
    if other.fingerprint == own.fingerprint:
        yield "it is this node's own"
        return
    if other.node == own.node:
        yield f"both nodes are called {own.node}: change replication.node of one"
    if (other.layout, other.rules) != (own.layout, own.rules):
        builds = f"layout {other.layout}, rules {other.rules}; here {own.layout}, {own.rules}"
        yield f"node {other.node} runs another build ({builds}): install the same one on both"
        return
    differing = [key for key in sorted({*own.keys, *other.keys}) if _differs(own.keys, other.keys, key)]
    for key in differing[:SHOWN]:
        here, there = own.keys.get(key, "not set"), other.keys.get(key, "not set")
        yield (
            f"{key} differs" if key.endswith("password_hash") else f"{key} is {here} here, and {there} on {other.node}"
        )
    if len(differing) > SHOWN:
        yield f"and {len(differing) - SHOWN} more keys differ"


def _differs(own: dict[str, str], other: dict[str, str], key: str) -> bool:
    if key.endswith("password_hash"):  # a password in plain text, or one that can't be read, is compared with nothing
        return bool(own.get(key) and other.get(key)) and own[key] != other[key]
    return own.get(key) != other.get(key)


def keys_of(config: Config) -> dict[str, str]:
    """What both configurations must agree on: whichever node leads brings the log to its own file (LOG-3), and clients
    and promises must find the same on both."""
    found = {
        "venue.durability": config.venue.durability,
        "fix.target_comp_id": config.fix.target_comp_id,
        "witness.urls": " ".join(sorted(config.witness.urls)),
        "witness.lease_s": str(config.witness.lease_s),
    }
    for key, value in structs.asdict(config.client_ids).items():
        found[f"client_ids.{key}"] = str(value)
    for section, named in (("assets", "name"), ("instruments", "symbol"), ("fee_tiers", "tier")):
        for item in getattr(config, section):
            found |= _flat(f"{section}[{getattr(item, named)}]", item)
    for account in config.accounts:
        key = f"accounts[{account.name}]"
        found |= _flat(key, structs.replace(account, password=None, password_hash=None))
        found[f"{key}.password_hash"] = _digest(account)
    return found


def _flat(key: str, item: Struct) -> dict[str, str]:
    """What was said of an item; an item of which nothing was said is there all the same."""
    said = {name: value for name, value in structs.asdict(item).items() if value is not None and value != {}}
    return {f"{key}.{name}": _text(value) for name, value in said.items()}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value, order="sorted").decode()


def _digest(account: AccountSection) -> str:
    if account.password_hash is None or account.password_hash == UNKNOWN_HASH:
        return ""
    return hashlib.sha256(account.password_hash.encode()).hexdigest()[:16]
