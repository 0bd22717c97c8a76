"""Doors of a gateway that has a bug: each changes what comes to the engine, or what leaves it, as a wrong engine would.

For tests that show that the tests can fail; nothing else may use them.
"""

from __future__ import annotations

import re
from typing import Any, cast

from tests.simulation.login_stub import Door
from tests.simulation.network import Wire

LOGOUT, REPORT, AGAIN = b"\x0135=5\x01", b"\x0135=8\x01", b"\x0143=Y\x01"
NUMBER = re.compile(rb"\x0134=(\d+)\x01")


class Passing:
    """A wire whose bytes are changed on their way."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    def __getattr__(self, name: str) -> Any:
        return getattr(self._wire, name)


class LogoutLast(Door):
    """Whatever comes with a Logout is carried out before it."""

    def admit(self, wire: Wire, now_ns: int) -> None:
        super().admit(cast(Any, _LogoutLast(wire)), now_ns)


class _LogoutLast(Passing):
    def arrived(self, room: int) -> bytes:
        return logout_last(self._wire.arrived(room))


class ResendLeavesOut(Door):
    """A resend passes over the reports that it begins with: a gap is filled in their place."""

    def admit(self, wire: Wire, now_ns: int) -> None:
        super().admit(cast(Any, _LeavesOut(wire)), now_ns)


class _LeavesOut(Passing):
    def write(self, data: bytes) -> None:
        found = messages(data)
        if found and REPORT in found[0] and AGAIN in found[0]:
            data = data.replace(found[0], _gap(found[0]), 1)
        self._wire.write(data)


def messages(data: bytes) -> list[bytes]:
    """Whole messages of FIX."""
    return re.findall(rb"8=FIX.*?\x0110=\d{3}\x01", data, re.DOTALL)


def logout_last(data: bytes) -> bytes:
    """The same messages, but those that are a Logout behind all others; their numbers stay in order."""
    found = messages(data)
    last = [message for message in found if LOGOUT in message]
    if not last:
        return data
    both = [message for message in found if message not in last] + last
    numbers = [number.group() for number in map(NUMBER.search, found) if number]
    return b"".join(map(_numbered, both, numbers)) + data[sum(map(len, found)) :]


def _numbered(message: bytes, number: bytes) -> bytes:
    """A message with another MsgSeqNum."""
    return _whole(re.sub(rb"^8=[^\x01]+\x019=\d+\x01|10=\d{3}\x01$", b"", NUMBER.sub(number, message)), message)


def _gap(message: bytes) -> bytes:
    """The SequenceReset that fills the place of this message."""
    header = re.search(rb"(\x0149=.*?\x01)34=(\d+)(\x01.*?122=[^\x01]*\x01)", message, re.DOTALL)
    assert header is not None
    number = int(header[2])
    body = b"35=4%s34=%d%s123=Y\x0136=%d\x01" % (header[1], number, header[3], number + 1)
    return _whole(body, message)


def _whole(body: bytes, like: bytes) -> bytes:
    begin = like[: like.index(b"\x01")] + b"\x019=%d\x01" % len(body)
    return begin + body + b"10=%03d\x01" % (sum(begin + body) % 256)
