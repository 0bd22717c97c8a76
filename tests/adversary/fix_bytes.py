"""What a client that means harm does to FIX: how a right message is spoilt, and values that no field may have."""

from __future__ import annotations

from random import Random

from lockstep.client.fix.message import SOH

MAX_MESSAGE = 4096  # of the demo venue


def spoilt(message: bytes, draw: Random) -> bytes:
    """The message with one to four mutations; its length and checksum may be wrong then, or made right again."""
    data = bytearray(message)
    for _ in range(draw.randint(1, 4)):
        _mutate(data, draw)
    return mended(bytes(data)) if draw.random() < 0.5 else bytes(data)


def mended(data: bytes) -> bytes:
    """The same with a right BodyLength and CheckSum, if it is clear what they count."""
    parts = data.split(SOH)
    if len(parts) < 4 or not parts[1].startswith(b"9="):
        return data
    body = SOH.join(parts[2:])
    end = body.rfind(b"10=")
    body = body[:end] if end >= 0 else body
    head = parts[0] + SOH + b"9=%d" % len(body) + SOH
    return head + body + b"10=%03d\x01" % (sum(head + body) % 256)


def _mutate(data: bytearray, draw: Random) -> None:
    at = draw.randrange(len(data) or 1)
    kind = draw.randrange(8)
    if kind == 0:
        data[at : at + 1] = bytes([draw.randrange(256)])
    elif kind == 1:
        del data[at : at + draw.randint(1, 8)]
    elif kind == 2:
        data[at:at] = draw.choice((b"\0", b"\xff", SOH, SOH * 3, b"=", b"==", b"-", b"\x7f", b"\xc3\x28", b" "))
    elif kind == 3:  # a field twice, or somewhere else
        fields = bytes(data).split(SOH)
        fields.insert(draw.randrange(len(fields)), draw.choice(fields))
        data[:] = SOH.join(fields)
    elif kind == 4:
        fields = bytes(data).split(SOH)
        draw.shuffle(fields)
        data[:] = SOH.join(fields)
    elif kind == 5:  # another value
        fields = bytes(data).split(SOH)
        index = draw.randrange(len(fields))
        fields[index] = fields[index].partition(b"=")[0] + b"=" + value(draw)
        data[:] = SOH.join(fields)
    elif kind == 6:  # an unknown tag, or none
        tag = draw.choice((b"0", b"-1", b"99999999999999999999", b"1e3", b"", b"058", b"10", b"9", b"8", b"5001"))
        data[at:at] = SOH + tag + b"=" + value(draw) + SOH
    else:
        data[at:at] = bytes(data[at : at + draw.randint(1, 200)])


def value(draw: Random) -> bytes:
    """What a field may hold that it must not."""
    return draw.choice((
        b"", b"0", b"-0", b"-1", b"+1", b"00000000000000000001", b"18446744073709551615", b"18446744073709551616",
        b"9" * 400, b"0." + b"0" * 300 + b"1", b"1e9", b"NaN", b"Infinity", b".", b"-", b"1.", b".5", b"1,5", b"0x10",
        b"\xff" * 36, b"\0", b"A\0B", b"\xc3\xa4", b"\xed\xa0\x80", b"' or 1=1 --", b"%s%n", b"{}", b"Y", b"N",
        b"20260101-00:00:00", b"99999999-99:99:99.999999999999", b"A" * draw.choice((36, 37, 255, 3000)),
    ))  # fmt: skip


def client_id(draw: Random) -> bytes:
    """A bad ClOrdID; most are refused, and none may come back as another."""
    rest = b"%d" % draw.randrange(10**9)
    return draw.choice((
        b"\xff" + rest, rest + b"\0" + rest, b"\0" + rest, b" " + rest, rest + b" ", b"\x7f" + rest, b"\xc3\xa4" + rest,
        b"initial:ETH", b"initial:" + rest, b"", rest * 4, rest.ljust(36, b"x"), rest.ljust(37, b"x"), b"';--" + rest,
        b"\\x00" + rest, b"\t" + rest, b"%s" + rest, b"\\." + rest, b"NULL", b"\\N",
    ))  # fmt: skip
