"""A signed request counts once, in whatever encoding it comes again: a search over all of them, of every signed route.

A proxy, a log or a retry holds a request as it was sent. An attacker who sends it again may write its signature and its
parameters in another way; each of these ways is either refused, or means the very same order.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import os
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import quote

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256

from lockstep.config.schema import ApiSection
from lockstep.core.intake.ingress_writer import IngressWriter
from lockstep.core.schema.enums import KeyKind, KeyScope
from lockstep.core.schema.records import ExtKeyMaterialEvent, KeyDefined
from lockstep.core.venue.venue_key import VenueKey
from lockstep.procs.api.binance.answers import MILLISECOND
from lockstep.procs.api.binance.caller import Call
from lockstep.procs.api.binance.dialect import Dialect
from lockstep.procs.api.binance.errors import ApiError
from lockstep.procs.api.binance.parameters import Parameters, of_json, of_request
from lockstep.procs.api.binance.routes import REST, WS, Route, Security
from lockstep.procs.api.desk import Desk
from lockstep.procs.api.history.tables import History
from lockstep.procs.api.limits import Limits
from lockstep.procs.api.login.signing_keys import SigningKeys
from lockstep.procs.api.read.past import Past
from lockstep.procs.api.read.shown import Shown
from lockstep.shm.ring import Ring

NOW_NS = 1_700_000_000_000_000_000
SECRET = b"one of the member's own"
PRIVATE = Ed25519PrivateKey.from_private_bytes(hashlib.sha256(b"a member").digest())
RSA_PRIVATE = generate_private_key(65_537, 2048)
ORDER_OF_ED25519 = 2**252 + 27742317777372353535851937790883648493
HMAC_NAME, ED25519_NAME, RSA_NAME = NAMES = b"hmac-key", b"ed25519-key", b"rsa-key"
SOME = {"symbol": "BTCUSDT", "quantity": "0.01", "newClientOrderId": "a b/c=", "price": "39000"}
SECONDS = float(os.environ.get("SOAK_S", "60"))


@dataclass
class Sent:
    """A request as it is on the wire: a form in query and body, or the JSON of a WebSocket request."""

    how: str
    query: bytes = b""
    body: bytes = b""
    params: bytes | None = None

    def read(self) -> Parameters:
        return of_request(self.query, self.body) if self.params is None else of_json(self.params)


@pytest.fixture(scope="module")
def dialect() -> Dialect:
    """A dialect that knows one account with a key of each kind."""
    desk = Desk(IngressWriter(Ring.private(16, ["router"]).producer()), None, asyncio.Future, 1 << 4)
    venue_key = VenueKey(bytes(range(32)))
    sealed = venue_key.seal_secret(HMAC_NAME.decode(), SECRET)
    public = PRIVATE.public_key().public_bytes_raw()
    modulus = RSA_PRIVATE.public_key().public_numbers().n.to_bytes(256)
    kinds = (KeyKind.HMAC, KeyKind.ED25519, KeyKind.RSA)
    for number, (name, kind, material) in enumerate(zip(NAMES, kinds, (sealed, public, modulus), strict=True), 1):
        for part in (material[at : at + 64] for at in range(0, len(material), 64)):
            desk.people.note(ExtKeyMaterialEvent(material=part, size=len(part)))
        desk.people.note(
            KeyDefined(
                name=name,
                key=number,
                account=7,
                kind=kind,
                scopes=KeyScope.READ | KeyScope.TRADE,
                expiry_ns=0,
                networks=0,
                asked_by=7,
                session=0,
            )
        )
    return Dialect(
        Shown(desk), Past(History("postgresql://")), Limits(ApiSection()), lambda: NOW_NS,
        SigningKeys(lambda: venue_key),
    )  # fmt: skip


def sign(name: bytes, text: bytes) -> str:
    """A signature as clients write it."""
    if name == HMAC_NAME:
        return hmac.new(SECRET, text, "sha256").hexdigest()
    raw = PRIVATE.sign(text) if name == ED25519_NAME else RSA_PRIVATE.sign(text, PKCS1v15(), SHA256())
    return base64.b64encode(raw).decode()


def spellings(name: bytes, signature: str, chance: random.Random) -> Iterator[tuple[str, str]]:
    """All ways to write a signature: as they stand in JSON, before a form encodes them."""
    yield "as it is", signature
    if name == HMAC_NAME:
        yield "upper case", signature.upper()
        for _ in range(4):
            yield "mixed case", "".join(chance.choice((each, each.upper())) for each in signature)
        yield "with spaces around", f" {signature} "
        yield "with 0x", f"0x{signature}"
        return
    raw = base64.b64decode(signature)
    if name == ED25519_NAME:
        larger = raw[:32] + (int.from_bytes(raw[32:], "little") + ORDER_OF_ED25519).to_bytes(32, "little")
    else:
        larger = (int.from_bytes(raw) + RSA_PRIVATE.public_key().public_numbers().n).to_bytes(257)
        yield "a zero before it", base64.b64encode(b"\0" + raw).decode()
    yield "the same in the group", base64.b64encode(larger).decode()
    yield "no padding", signature.rstrip("=")
    yield "more padding", signature + "=="
    yield "url-safe", signature.translate(str.maketrans("+/", "-_"))
    yield "spaces for plus", signature.replace("+", " ")
    yield "encoded twice", quote(signature, safe="")
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    last = alphabet.index(signature[-3])
    for bits in range(16):  # those that stand for no byte
        yield "other spare bits", signature[:-3] + alphabet[last & 0x30 | bits] + "=="


def in_form(text: str, chance: random.Random) -> str:
    """A value of a form, some of its characters percent-encoded that need not be."""
    return "".join(
        chance.choice(("%{:02x}", "%{:02X}")).format(ord(each)) if chance.random() < 0.3 else quote(each, safe="")
        for each in text
    )


def in_json(text: str, chance: random.Random) -> str:
    """A value of JSON, some of its characters escaped that need not be; or a number, where it is one."""
    if text.isdigit() and chance.random() < 0.5:
        return text
    return '"' + "".join(f"\\u{ord(each):04x}" if chance.random() < 0.3 else each for each in text) + '"'


def forms(signed: str, spelling: str, chance: random.Random) -> Iterator[Sent]:
    """A form with its signature at each place, in query, body, and divided between them at each place."""
    pairs = signed.split("&")
    for at in range(len(pairs) + 1):
        text = "&".join([*pairs[:at], f"signature={in_form(spelling, chance)}", *pairs[at:]])
        yield Sent("in the query", text.encode())
        yield Sent("in the body", b"", text.encode())
    for at in range(1, len(pairs)):
        for query, body in (
            ("&".join(pairs[:at]), "&" + "&".join(pairs[at:])), ("&".join(pairs[:at]) + "&", "&".join(pairs[at:])),
        ):  # fmt: skip
            yield Sent("divided", query.encode(), f"{body}&signature={in_form(spelling, chance)}".encode())
            yield Sent("divided", f"signature={in_form(spelling, chance)}&{query}".encode(), body.encode())
    yield Sent("twice", f"{signed}&signature={spelling}&signature={spelling}".encode())
    for each in pairs:
        yield Sent("a parameter twice", f"{signed}&{each}&signature={in_form(spelling, chance)}".encode())
    chance.shuffle(pairs)
    yield Sent("another order", f"{'&'.join(pairs)}&signature={in_form(spelling, chance)}".encode())
    yield Sent("other encodings", f"{signed.replace('%20', '+')}&signature={in_form(spelling, chance)}".encode())
    yield Sent("empty pairs", f"&&{signed}&signature={in_form(spelling, chance)}".encode())


def objects(values: dict[str, str], spelling: str, chance: random.Random) -> Iterator[Sent]:
    """A WebSocket request's parameters in other orders and with other escapes."""
    for _ in range(4):
        members = list({**values, "signature": spelling}.items())
        chance.shuffle(members)
        text = ",".join(
            f"{in_json(name, chance) if name[0].isalpha() else name}:{in_json(value, chance)}"
            for name, value in members
        )
        yield Sent("escaped", params=f"{{{text}}}".encode())
    again = json.dumps({**values, "signature": spelling})
    yield Sent("signature twice", params=f'{again[:-1]},"signature":{json.dumps(spelling)}}}'.encode())


def values_of(route: Route, name: bytes, chance: random.Random) -> dict[str, str]:
    """Some of the route's parameters, in some order, and the time."""
    taken = [(each, SOME[each]) for each in SOME if each.encode() in route.parameters]
    taken = [*taken[: chance.randint(0, len(taken))], ("timestamp", str(NOW_NS // 1_000_000))]
    if b"apiKey" in route.parameters:
        taken.append(("apiKey", name.decode()))
    chance.shuffle(taken)
    return dict(taken)


def variants(route: Route, name: bytes, chance: random.Random) -> list[Sent]:
    """One signed request and the ways to send it again; the first one is as its client has sent it."""
    values = values_of(route, name, chance)
    if b"apiKey" not in route.parameters:
        signed = "&".join(f"{each}={quote(value, safe='')}" for each, value in values.items())
        signature = sign(name, signed.encode())
        first = Sent("first", f"{signed}&signature={quote(signature, safe='')}".encode())
        return [
            first,
            *(sent for _, text in spellings(name, signature, chance) for sent in forms(signed, text, chance)),
        ]
    plain = "&".join(f"{each}={values[each]}" for each in sorted(values))
    encoded = "&".join(f"{each}={quote(values[each], safe='').replace('%20', '+')}" for each in sorted(values))
    signed = chance.choice((plain, encoded))
    signature = sign(name, signed.encode())
    first = Sent("first", params=json.dumps({**values, "signature": signature}).encode())
    also = [sent for _, text in spellings(name, signature, chance) for sent in objects(values, text, chance)]
    # A request signed for one interface, sent to the other.
    return [first, *also, *(sent for sent in forms(signed, signature, chance))]


def search(dialect: Dialect, chance: random.Random) -> tuple[int, int]:
    """Send one request of each signed route again in every way; how many ways were tried, and how many admitted."""
    tried = admitted = 0
    for route in [*REST.values(), *WS.values()]:
        if route.security is not Security.SIGNED:
            continue
        for name in NAMES:
            first, *others = variants(route, name, chance)
            ids = generated(dialect, route, name, first)
            assert ids is not None, (route.name, first)
            for other in others:
                again = generated(dialect, route, name, other)
                tried += 1
                admitted += again is not None
                assert again in (None, ids), f"{route.name}: {first} counts again as {other}"
    return tried, admitted


def generated(dialect: Dialect, route: Route, name: bytes, sent: Sent) -> list[bytes] | None:
    """The ids that the venue gives what the client gave none; None where the request is refused."""
    try:
        call: Call = dialect.admit(route, sent.read(), name, "127.0.0.1", MILLISECOND)
    except ApiError:
        return None
    return [call.generated(which) for which in range(3)]


def test_no_encoding_of_a_signed_request_counts_again(dialect: Dialect) -> None:
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    tried, admitted = search(dialect, random.Random(seed))
    assert tried > 10_000
    assert admitted > tried // 5  # else the search proves little


@pytest.mark.soak
def test_no_encoding_of_a_signed_request_counts_again_for_long(dialect: Dialect) -> None:
    until = time.monotonic() + SECONDS
    while time.monotonic() < until:
        seed = random.randrange(2**32)
        print(f"seed {seed}")
        search(dialect, random.Random(seed))


def test_two_keys_sign_two_requests(dialect: Dialect) -> None:
    values = {"symbol": "BTCUSDT", "timestamp": str(NOW_NS // 1_000_000)}
    signed = "&".join(f"{name}={value}" for name, value in values.items())
    route = REST["DELETE", "/api/v3/openOrders"]
    ids = [
        generated(dialect, route, name, Sent("", f"{signed}&signature={quote(sign(name, signed.encode()))}".encode()))
        for name in NAMES
    ]
    assert None not in ids
    assert ids[0] != ids[1]
