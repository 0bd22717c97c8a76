"""The journal's checksums written out slowly, and records to put into it.

An oracle for tests: it shares no code with `journal.journal`.
"""

from __future__ import annotations

import struct

from lockstep.core.schema.layout import pack
from lockstep.core.schema.records import Deposit

_MASK = 2**64 - 1
_TABLE: list[int] = []
for _byte in range(256):
    _crc = _byte
    for _ in range(8):
        _crc = (_crc >> 1) ^ (0x82F63B78 if _crc & 1 else 0)
    _TABLE.append(_crc)


def crc32c(data: bytes) -> int:
    """CRC-32C, bit by bit in the table above (RFC 3720, appendix B.4)."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc = _TABLE[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    return crc ^ 0xFFFFFFFF


def stamp(data: bytes) -> bytes:
    """The record with its own checksum in front."""
    return struct.pack("<I", crc32c(data[4:])) + data[4:]


def record(seq: int, *, epoch: int = 1, amount: int = 1, time_ns: int = 0) -> bytes:
    """A stamped deposit with this sequence."""
    name = f"D{seq}".encode()
    return stamp(
        pack(Deposit(seq=seq, epoch=epoch, time_ns=time_ns, account=1, asset=1, amount=amount, cl_ord_id=name))
    )


def records(first: int, count: int) -> list[bytes]:
    return [record(seq) for seq in range(first, first + count)]


def chain(data: list[bytes]) -> int:
    """The chained hash over records, SplitMix64's finalizer after each."""
    value = 0
    for item in data:
        crc, seq = struct.unpack_from("<I4xQ", item)
        x = ((value ^ crc) + seq * 0x9E3779B97F4A7C15) & _MASK
        x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
        x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & _MASK
        value = x ^ (x >> 31)
    return value
