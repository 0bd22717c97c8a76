"""The address that a request counts for: its peer's, or the one that trusted proxies report in `X-Forwarded-For`.

Each proxy appends the address it received the request from, to the last header line or in a line of its own. So the
lines are read as one list, from the right, for as long as the hop that appended an entry is a trusted proxy. Entries
further left may come from the client itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from ipaddress import IPv6Address, ip_address

HEADER = b"x-forwarded-for"
MAX_CACHED = 4096
# An address, with a port or without; an IPv6 address is in brackets where a port follows.
ENTRY = re.compile(r"\[(?P<bracketed>[^][]*)\](?::[0-9]{1,5})?|(?P<v4>[0-9.]+):[0-9]{1,5}|(?P<bare>[^][]*)")


@lru_cache(MAX_CACHED)
def canonical(text: str) -> str | None:
    """Return the one form of an address: IPv4 where it is IPv4-mapped, IPv6 compressed and without a zone id.

    None if the text is not an address.
    """
    try:
        found = ip_address(text)
    except ValueError:
        return None
    if not isinstance(found, IPv6Address):
        return str(found)
    mapped = found.ipv4_mapped
    return str(mapped) if mapped is not None else str(IPv6Address(int(found)))


class AddressReader:
    """Reads client addresses behind `proxies`, the addresses that are trusted to report them."""

    def __init__(self, proxies: Iterable[str]) -> None:
        self._proxies = {canonical(each) for each in proxies} - {None}

    def read(self, peer: str, headers: Iterable[tuple[bytes, bytes]]) -> str:
        """Return the address of a request that `peer` sent with these header lines, in their order.

        An entry that is not an address ends the search: the request then counts for the proxy that appended it.
        """
        address = canonical(peer) or peer
        if address not in self._proxies:
            return address
        lines = [value for name, value in headers if name == HEADER]
        for entry in _from_right(lines):
            found = _address_in(entry)
            if found is None:
                return address
            address = found
            if address not in self._proxies:
                return address
        return address


def _from_right(lines: list[bytes]) -> Iterator[bytes]:
    """Yield the entries of all lines, the last first."""
    for line in reversed(lines):
        rest = line
        while True:
            rest, comma, entry = rest.rpartition(b",")
            yield entry
            if not comma:
                break


def _address_in(entry: bytes) -> str | None:
    """Return the address of one entry, or None if it is none."""
    found = ENTRY.fullmatch(entry.strip(b" \t").decode("latin-1"))
    if found is None:
        return None
    return canonical(found["bracketed"] or found["v4"] or found["bare"] or "")
