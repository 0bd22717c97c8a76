"""The types that fields of records have: Python's view of a value, and how C sees it.

It knows widths and bounds only; `schema.records` has the records that are made of them.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

SLOT_SIZE = 128
RECORD_SIZE = 120
CL_ORD_ID_SIZE = 36
SYMBOL_SIZE = 16
MAX_MATCHERS = 8
API_RING = 10  # the number of the api's ingress ring
API_SESSION = 65536  # beyond every FIX session: the api's commands have this, plus the number of their key
MAX_CANCEL_AFTER_S = 86_400  # how far ahead an account may have its orders cancelled
RESET_LIFE_S = 86_400  # how long after its proposal a password reset may be approved and used

_I64_MAX = 2**63 - 1

u8 = Annotated[int, Meta(ge=0, le=2**8 - 1, extra={"c": "uint8_t", "size": 1})]
u16 = Annotated[int, Meta(ge=0, le=2**16 - 1, extra={"c": "uint16_t", "size": 2})]
u32 = Annotated[int, Meta(ge=0, le=2**32 - 1, extra={"c": "uint32_t", "size": 4})]
# Sequences, ids and times stay below 2**63, so that they are exact in PostgreSQL's bigint and in every client.
u64 = Annotated[int, Meta(ge=0, le=_I64_MAX, extra={"c": "uint64_t", "size": 8})]
i16 = Annotated[int, Meta(ge=-(2**15), le=2**15 - 1, extra={"c": "int16_t", "size": 2})]
i64 = Annotated[int, Meta(ge=-(2**63), le=_I64_MAX, extra={"c": "int64_t", "size": 8})]
text16 = Annotated[bytes, Meta(max_length=16, extra={"c": "char", "size": 16})]
text36 = Annotated[bytes, Meta(max_length=36, extra={"c": "char", "size": 36})]
text72 = Annotated[bytes, Meta(max_length=72, extra={"c": "char", "size": 72})]
bytes16 = Annotated[bytes, Meta(max_length=16, extra={"c": "uint8_t", "size": 16})]
bytes64 = Annotated[bytes, Meta(max_length=64, extra={"c": "uint8_t", "size": 64})]
bytes32 = Annotated[bytes, Meta(max_length=32, extra={"c": "uint8_t", "size": 32})]
u64x8 = Annotated[tuple[int, ...], Meta(min_length=8, max_length=8, extra={"c": "uint64_t", "size": 64})]
