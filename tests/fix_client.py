"""The FIX client of all tests: how it writes and reads messages, and what a careful one remembers. It does no I/O.

A client of the tests is this and a transport: a socket that blocks (`pipeline/client.py`), the event loop
(`gateway/harness.py`), the simulated network (`simulation/trader.py`), and one that means harm (`adversary/peer.py`).
It shares no code with the gateway. Others stand beside it for a reason: QuickFIX (`interop/`) and simplefix's parser
(`gateway/fix/`) are what strangers made of the protocol, what makes load (`lockstep/cli/flow`, `bench`) is compiled,
and the population of `lockstep demo` (`lockstep/cli/demo`) is installed with the venue, which tests are not.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

from tests.broken import require

Field = tuple[int, object]
Message = dict[int, str]  # the last value of each tag

SOH = b"\x01"
POSS_RESEND = 97  # a field of the header
ADMINISTRATIVE = "0123456A"


def encoded(version: str, fields: Iterable[Field], *, length: int | None = None, checksum: int | None = None) -> bytes:
    """A message with BodyLength and CheckSum, the right ones where none are given."""
    body = b"".join(b"%d=%b\x01" % (tag, _bytes(value)) for tag, value in fields)
    head = b"8=%b\x019=%d\x01" % (version.encode(), len(body) if length is None else length)
    total = sum(head + body) % 256 if checksum is None else checksum
    return head + body + b"10=%03d\x01" % total


def _bytes(value: object) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode()


def utc_text(utc_ns: int) -> str:
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=utc_ns // 1000)
    return moment.strftime("%Y%m%d-%H:%M:%S.") + f"{moment.microsecond // 1000:03d}"


def now() -> str:
    return utc_text(time.time_ns())


def limit_order(cl_ord_id: str | bytes, side: int, price: str, quantity: str, symbol: str = "BTCUSDT") -> list[Field]:
    """The fields of a limit order that is good till cancelled."""
    return [
        (11, cl_ord_id), (21, 1), (55, symbol), (54, side), (60, now()), (38, quantity), (40, 2), (44, price), (59, 1),
    ]  # fmt: skip


class Reader:
    """Bytes in, whole messages out. BrokenError where BodyLength or CheckSum is wrong."""

    def __init__(self) -> None:
        self._rest = b""

    def add(self, data: bytes) -> None:
        self._rest += data

    def next(self) -> Message | None:
        """None if no message is whole yet."""
        begin = self._rest.find(b"\x019=")
        if begin < 0 or (end := self._rest.find(SOH, begin + 3)) < 0:
            return None
        size = end + 1 + int(self._rest[begin + 3 : end]) + 7
        if len(self._rest) < size:
            return None
        raw, self._rest = self._rest[:size], self._rest[size:]
        require(raw[-7:-4] == b"10=" and int(raw[-4:-1]) == sum(raw[:-7]) % 256, f"a garbled message: {raw!r}")
        fields = (part.partition("=") for part in raw[:-1].decode().split("\x01"))
        return {int(tag): value for tag, _, value in fields}


class Writer:
    """What the client called `name` says, under numbers that go on through any number of connections."""

    def __init__(self, name: str, version: str = "FIX.4.4") -> None:
        self.name = name
        self.version = version
        self.next_out = 1

    def message(self, kind: str, *fields: Field, number: int | None = None, target: str = "LOCKSTEP") -> bytes:
        """Under the next number, or any."""
        if number is None:
            number, self.next_out = self.next_out, self.next_out + 1
        return self.encoded(kind, number, fields, now(), target=target)

    def encoded(
        self, kind: str, number: int, fields: Sequence[Field], time: str, *, original: str = "",
        target: str = "LOCKSTEP",
    ) -> bytes:  # fmt: skip
        """The bytes of a message; with an `original` time it is one that may have come before."""
        head: list[Field] = [(35, kind), (49, self.name), (56, target), (34, number)]
        head += [(43, "Y"), (52, time), (122, original)] if original else [(52, time)]
        head += [field for field in fields if field[0] == POSS_RESEND]
        return encoded(self.version, [*head, *(field for field in fields if field[0] != POSS_RESEND)])


class CarefulClient(Writer):
    """Asks for messages that it missed, resends what it is asked for, and raises if the protocol is broken.

    Whoever has a transport gives it `write`, and `take` every message that comes.
    """

    def __init__(self, name: str, version: str = "FIX.4.4") -> None:
        super().__init__(name, version)
        self.next_in = 1
        self.sent: dict[int, tuple[str, tuple[Field, ...], str]] = {}
        self.reader = Reader()
        self._asked_to = 0

    def write(self, data: bytes) -> None:
        """Put bytes on the wire."""
        raise NotImplementedError

    def now(self) -> str:
        return now()

    def begin(self, *, reset: bool) -> None:
        """There is another connection, which begins both numbers at 1 if it is to `reset` them."""
        self.reader = Reader()
        self._asked_to = 0
        if reset:
            self.next_in = self.next_out = 1
            self.sent.clear()

    def send(self, kind: str, *fields: Field) -> int:
        """Send a message under the next number, which it returns."""
        number, time = self.next_out, self.now()
        self.next_out += 1
        self.sent[number] = (kind, fields, time)
        self.write(self.encoded(kind, number, fields, time))
        return number

    def take(self, message: Message) -> bool:
        """Whether the message is the next in sequence; after a gap, it asks once for the missing ones."""
        number, kind = int(message[34]), message[35]
        if kind == "2" and number >= self.next_in:
            self._resend(int(message[7]), int(message[16]))
        if number > self.next_in:
            if self.next_in > self._asked_to:
                self._asked_to = number
                self.send("2", (7, self.next_in), (16, 0))
            return False
        if number < self.next_in:
            require(message.get(43) == "Y", f"{self.name} waits for {self.next_in} and gets {message}")
            return False
        self.next_in = int(message[36]) if kind == "4" else number + 1
        if kind == "1":
            self.send("0", (112, message[112]))
        return True

    def _resend(self, begin: int, end: int) -> None:
        """Answer a ResendRequest: application messages again, as they were; the rest as gaps."""
        last = end or self.next_out - 1
        gap = 0
        for number in range(begin, last + 1):
            kind, fields, time = self.sent.get(number, ("0", (), ""))
            if kind in ADMINISTRATIVE:
                gap = gap or number
                continue
            if gap:
                self._fill(gap, number)
                gap = 0
            self.write(self.encoded(kind, number, fields, self.now(), original=time))
        if gap:
            self._fill(gap, last + 1)

    def _fill(self, number: int, end: int) -> None:
        """Say that the messages before `end` hold nothing to repeat."""
        time = self.now()
        self.write(self.encoded("4", number, [(123, "Y"), (36, end)], time, original=time))
