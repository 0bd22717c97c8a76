"""The API keys that the log defines: whose they are, what they may do, from where, and what proves a signature.

It decides nothing about orders: the router refuses what a revoked key has signed, and knows of it earlier.
"""

from __future__ import annotations

from ipaddress import IPv6Address, IPv6Network, ip_address
from typing import NamedTuple

from lockstep.core.schema.enums import KeyScope
from lockstep.core.schema.records import ExtAddressesEvent, ExtKeyMaterialEvent, KeyDefined, KeyRevoked

MAPPED = 0xFFFF << 32  # the IPv6 form of an IPv4 address: ::ffff:a.b.c.d


class ApiKey(NamedTuple):
    """A key. `material` is a public key (of RSA its modulus), or a secret that the venue's key opens. Without
    `networks` it is for all."""

    number: int
    name: bytes
    account: int
    kind: int
    scopes: int
    expiry_ns: int
    defined_ns: int
    networks: tuple[tuple[bytes, int], ...]  # address and length of its prefix, as IPv6
    material: bytes

    def may(self, scope: KeyScope, now_ns: int) -> bool:
        """Whether it is good for `scope` now."""
        return bool(self.scopes & scope) and not 0 < self.expiry_ns <= now_ns

    def may_come_from(self, address: str) -> bool:
        """Whether a request from `address` may use it."""
        if not self.networks:
            return True
        here = _as_ipv6(address)
        return any(here in IPv6Network((network, prefix), strict=False) for network, prefix in self.networks)


class Keys:
    """All keys that are not revoked, by name."""

    def __init__(self) -> None:
        self._by_name: dict[bytes, ApiKey] = {}
        self._names: dict[int, bytes] = {}
        self._addresses: list[tuple[bytes, int]] = []
        self._material = b""

    def __len__(self) -> int:
        return len(self._by_name)

    def find(self, name: bytes) -> ApiKey | None:
        """The key called `name`, or None."""
        return self._by_name.get(name)

    def numbered(self, number: int) -> ApiKey | None:
        """The key of a number, or None."""
        name = self._names.get(number)
        return None if name is None else self._by_name.get(name)

    def of(self, account: int) -> list[ApiKey]:
        """An account's keys, the oldest first."""
        return sorted(key for key in self._by_name.values() if key.account == account)

    def note(self, event: object) -> None:
        """Take an event about keys: an extension, a definition or a revocation."""
        if isinstance(event, ExtAddressesEvent):
            self._addresses += [
                (event.addresses[16 * i : 16 * i + 16].ljust(16, b"\0"), event.prefixes[i]) for i in range(event.count)
            ]
        elif isinstance(event, ExtKeyMaterialEvent):
            self._material += event.material.ljust(event.size, b"\0")[: event.size]
        elif isinstance(event, KeyRevoked):
            self._by_name.pop(event.name, None)
            self._names.pop(event.key, None)
        elif isinstance(event, KeyDefined):
            self._by_name[event.name] = ApiKey(
                event.key, event.name, event.account, event.kind, event.scopes, event.expiry_ns, event.time_ns,
                tuple(self._addresses), self._material,
            )  # fmt: skip
            self._names[event.key] = event.name
            self._addresses, self._material = [], b""

    def known(self) -> list[ApiKey]:
        """All keys."""
        return list(self._by_name.values())

    def restore(self, keys: list[ApiKey]) -> None:
        """Begin with these."""
        self._by_name = {key.name: key for key in keys}
        self._names = {key.number: key.name for key in keys}


def _as_ipv6(address: str) -> IPv6Address:
    here = ip_address(address)
    return IPv6Address(MAPPED | int(here)) if here.version == 4 else IPv6Address(int(here))
