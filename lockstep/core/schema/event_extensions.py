"""The extensions of events: what the next event of their ring has besides, in a record of its own before it."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from lockstep.core.schema.events import Event
from lockstep.core.schema.fields import bytes64, i64, text36, text72, u8, u64


class ExtKeyMaterialEvent(Event, frozen=True, kw_only=True):
    """Extension of the next event: repeats ExtKeyMaterial."""

    material: bytes64
    size: u8
    reserved: Annotated[bytes, Meta(max_length=15, extra={"c": "uint8_t", "size": 15})] = b""


class ExtAddressesEvent(Event, frozen=True, kw_only=True):
    """Extension of the next key's events: repeats ExtAddresses."""

    addresses: bytes64
    prefixes: Annotated[bytes, Meta(max_length=4, extra={"c": "uint8_t", "size": 4})]
    count: u8
    reserved: Annotated[bytes, Meta(max_length=11, extra={"c": "uint8_t", "size": 11})] = b""


class ExtRecoveryEvent(Event, frozen=True, kw_only=True):
    """Extension of the next FACTOR_DEFINED: repeats ExtRecovery."""

    hashes: Annotated[bytes, Meta(max_length=70, extra={"c": "uint8_t", "size": 70})]
    count: u8
    reserved: Annotated[bytes, Meta(max_length=9, extra={"c": "uint8_t", "size": 9})] = b""


class ExtDestinationEvent(Event, frozen=True, kw_only=True):
    """Extension of the next WITHDRAWAL: repeats ExtDestination."""

    destination: text72
    reserved: u64 = 0


class ExtListNameEvent(Event, frozen=True, kw_only=True):
    """Extension of the next ACCEPTED: repeats ExtListName. Both orders of a list with a name have it."""

    name: text36
    reserved: Annotated[bytes, Meta(max_length=44, extra={"c": "uint8_t", "size": 44})] = b""


class ExtTermsEvent(Event, frozen=True, kw_only=True):
    """Extension of the next event (ACCEPTED or REPLACED): the order's terms beyond price and quantity."""

    stop_price_ticks: i64 = 0
    trail_ticks: i64 = 0
    display_lots: i64 = 0
    minimum_lots: i64 = 0
    expire_ns: u64 = 0
    mate_order_id: u64 = 0  # the other order of its list
    list_kind: u8 = 0
    reserved_1: Annotated[bytes, Meta(max_length=31, extra={"c": "uint8_t", "size": 31})] = b""
