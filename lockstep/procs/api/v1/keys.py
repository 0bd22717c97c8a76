"""`/v1/keys`: API keys, by which programs sign requests of the dialect (docs/protocols/rest.md)."""

from __future__ import annotations

from ipaddress import IPv6Network, ip_network
from typing import Annotated, Literal

from litestar import Controller, delete, get, post
from msgspec import Meta, Struct

from lockstep.core.schema.records import KeyKind, KeyScope
from lockstep.procs.api.keys import MAPPED, ApiKey
from lockstep.procs.api.login.registry import NewKey, PublicKey
from lockstep.procs.api.public_keys import NoPublicKeyError, public_key_of
from lockstep.procs.api.v1.auth import Body
from lockstep.procs.api.v1.caller import Caller, Services
from lockstep.procs.api.v1.orders import Time
from lockstep.procs.api.v1.problems import invalid, not_found

MS = 1_000_000
MOST_NETWORKS = 8
MAX_TEXT = 4096  # of a public key: a private one that is sent by mistake is named as such
IPV4_BITS_BEFORE = 96

ScopeName = Literal["read", "trade", "withdraw"]


class Wanted(Body, frozen=True, kw_only=True):
    """A key. `public_key` makes it an Ed25519 key (PEM, or base64 of its 32 bytes) or an RSA key (PEM, 2048 to 4096
    bits); else it is an HMAC key."""

    scopes: Annotated[list[ScopeName], Meta(min_length=1, max_length=3)]
    addresses: Annotated[
        list[Annotated[str, Meta(max_length=64)]],
        Meta(max_length=MOST_NETWORKS, description="IP addresses or networks; none: any"),
    ] = []  # noqa: RUF012 - msgspec copies it
    expires: Time | None = None
    public_key: Annotated[str, Meta(max_length=MAX_TEXT)] | None = None


class KeyShown(Struct, frozen=True):
    """A key of the account's. Times are milliseconds since 1970."""

    name: str
    kind: str
    scopes: list[str]
    addresses: list[str]
    expires: int | None
    defined: int


class Made(Struct, frozen=True):
    """A new key. `secret`, of an HMAC key, is shown this once."""

    key: KeyShown
    secret: str


class KeysController(Controller):
    """The account's own keys."""

    path = "/v1/keys"
    tags = ["keys"]  # noqa: RUF012 - Litestar's name

    @get("")
    async def keys(self, caller: Caller, services: Services) -> list[KeyShown]:
        """The keys that are not revoked, the oldest first."""
        return [key_shown(key) for key in services.desk.keys.of(caller.account)]

    @post("", status_code=201)
    async def define(self, data: Wanted, caller: Caller, services: Services) -> Made:
        """Make a key. An auditor's keys only read."""
        caller.has_proved()
        scopes = sum({KeyScope[name.upper()] for name in data.scopes})
        wanted = NewKey(scopes, _networks(data.addresses), (data.expires or 0) * MS, _public_key(data.public_key))
        if data.expires is not None and wanted.expiry_ns <= services.desk.now_ns:
            raise invalid("expires", "This moment has passed.")
        key, secret = await services.registry.define_key(caller.account, caller.ticket, wanted)
        return Made(key_shown(key), secret)

    @post("/{name:str}/rotate", status_code=201)
    async def rotate(self, name: str, caller: Caller, services: Services) -> Made:
        """Make an HMAC key that may do what this one may, and revoke this one."""
        caller.has_proved()
        key = _own(services, caller, name)
        if key.kind != KeyKind.HMAC:
            raise invalid("name", "A key with a public key is replaced by making one with another public key.")
        made, secret = await services.registry.define_key(
            caller.account, caller.ticket, NewKey(key.scopes, [*map(_network, key.networks)], key.expiry_ns, None)
        )
        await services.registry.revoke_key(caller.account, caller.ticket, name)
        return Made(key_shown(made), secret)

    @delete("/{name:str}", status_code=204)
    async def revoke(self, name: str, caller: Caller, services: Services) -> None:
        """End a key, for ever. Nothing that it signs is sequenced behind this."""
        _own(services, caller, name)
        await services.registry.revoke_key(caller.account, caller.ticket, name)


def _own(services: Services, caller: Caller, name: str) -> ApiKey:
    key = services.desk.keys.find(name.encode())
    if key is None or key.account != caller.account:
        raise not_found("The account has no such key.", "name")
    return key


def key_shown(key: ApiKey) -> KeyShown:
    """A key, for its owner or an operator."""
    return KeyShown(
        key.name.decode(),
        KeyKind(key.kind).name.lower(),
        [scope.name.lower() for scope in KeyScope if key.scopes & scope],
        [_network(network) for network in key.networks],
        key.expiry_ns // MS or None,
        key.defined_ns // MS,
    )


def _network(network: tuple[bytes, int]) -> str:
    """A network as people write it."""
    address, prefix = int.from_bytes(network[0]), network[1]
    if address >> 32 == MAPPED >> 32 and prefix >= IPV4_BITS_BEFORE:
        return str(ip_network((address & 0xFFFFFFFF, prefix - IPV4_BITS_BEFORE)))
    return str(IPv6Network((address, prefix)))


def _networks(texts: list[str]) -> list[str]:
    try:
        return [str(ip_network(text)) for text in texts]
    except ValueError as error:
        raise invalid(
            "addresses", f"{error}: an address such as 192.0.2.7, or a network such as 192.0.2.0/24."
        ) from None


def _public_key(text: str | None) -> PublicKey | None:
    """What an owner's signatures are verified with; None if the venue is to make a secret."""
    try:
        return None if text is None else public_key_of(text)
    except NoPublicKeyError as error:
        raise invalid("public_key", str(error)) from None
