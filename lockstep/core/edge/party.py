"""The party that an address counts for in a limit: an IPv4 address, or the network of 64 bits of an IPv6 address.

A client with one IPv6 address usually has its whole network of 2**64: counted one by one, none would meet a limit.
"""

from __future__ import annotations

from functools import lru_cache
from ipaddress import IPv6Address

MAX_CACHED = 4096
HOST_BITS = 64


@lru_cache(MAX_CACHED)
def party_of(address: str) -> str:
    """Return the party of an address; of a text that is not an IPv6 address, the text."""
    if ":" not in address:
        return address
    try:
        found = IPv6Address(address)
    except ValueError:
        return address
    return str(found.ipv4_mapped or IPv6Address(int(found) >> HOST_BITS << HOST_BITS))
