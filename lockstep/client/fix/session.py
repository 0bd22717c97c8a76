"""A FIX session without I/O: its numbers, gaps and resends, through any number of connections."""

from __future__ import annotations

from collections.abc import Sequence

from lockstep.client.errors import VenueError
from lockstep.client.fix.message import Field, Message, Reader, encoded, integer, now

POSS_RESEND = 97  # a field of the header
ADMINISTRATIVE = "0123456A"
MAX_SENT = 100_000  # application messages that can be sent again; a gap fill stands for older ones


class Writer:
    """What the client called `name` says, under numbers that go on through any number of connections."""

    def __init__(self, name: str, version: str = "FIX.4.4", target: str = "LOCKSTEP") -> None:
        self.name = name
        self.version = version
        self.target = target
        self.next_out = 1

    def message(self, kind: str, *fields: Field, number: int | None = None, target: str = "") -> bytes:
        """Return a message under the next number, or any."""
        if number is None:
            number, self.next_out = self.next_out, self.next_out + 1
        return self.encoded(kind, number, fields, now(), target=target)

    def encoded(
        self, kind: str, number: int, fields: Sequence[Field], time: str, *, original: str = "", target: str = ""
    ) -> bytes:
        """Return the bytes of a message; with an `original` time it is one that may have come before."""
        head: list[Field] = [(35, kind), (49, self.name), (56, target or self.target), (34, number)]
        head += [(43, "Y"), (52, time), (122, original)] if original else [(52, time)]
        head += [field for field in fields if field[0] == POSS_RESEND]
        return encoded(self.version, [*head, *(field for field in fields if field[0] != POSS_RESEND)])


class Session(Writer):
    """Asks for messages that it missed, and resends what it is asked for.

    Whoever has a transport gives it `write`, and `take` every message that comes. `next_in`, `next_out` and `sent` are
    the session's state: a program that is to go on where it ended keeps them, and gives them back.
    """

    def __init__(self, name: str, version: str = "FIX.4.4", target: str = "LOCKSTEP") -> None:
        super().__init__(name, version, target)
        self.next_in = 1
        self.sent: dict[int, tuple[str, tuple[Field, ...], str]] = {}
        self.reader = Reader()
        self._asked_to = 0

    def write(self, data: bytes) -> None:
        """Put bytes on the wire."""
        raise NotImplementedError

    def now(self) -> str:
        """Return this moment as FIX has it."""
        return now()

    def begin(self, *, reset: bool) -> None:
        """Begin another connection, which begins both numbers at 1 if it is to `reset` them."""
        self.reader = Reader()
        self._asked_to = 0
        if reset:
            self.next_in = self.next_out = 1
            self.sent.clear()

    def send(self, kind: str, *fields: Field) -> int:
        """Send a message under the next number, which it returns. What `write` raises: then the venue asks for it."""
        number, time = self.next_out, self.now()
        self.next_out += 1
        if kind not in ADMINISTRATIVE:
            self.sent[number] = (kind, fields, time)
            if len(self.sent) > MAX_SENT:
                del self.sent[next(iter(self.sent))]
        self.write(self.encoded(kind, number, fields, time))
        return number

    def take(self, message: Message) -> bool:
        """Return whether the message is the next in sequence; after a gap, ask once for the missing ones.

        Raises VenueError: TOO_LOW where the venue gives a number again, GARBLED where a field is missing.
        """
        number, kind = integer(message, 34), message[35]
        if kind == "2" and number >= self.next_in:
            self._resend(integer(message, 7), integer(message, 16))
        if number > self.next_in:
            if self.next_in > self._asked_to:
                self._asked_to = number
                self.send("2", (7, self.next_in), (16, 0))
            return False
        if number < self.next_in:
            if message.get(43) != "Y":
                raise VenueError("TOO_LOW", f"{self.name} waits for {self.next_in} and gets {message}.")
            return False
        self.next_in = integer(message, 36) if kind == "4" else number + 1
        if self.next_in <= number:
            raise VenueError("TOO_LOW", f"{self.name} is to go back from {number} by {message}.")
        if kind == "1":
            self.send("0", (112, message.get(112, "")))
        return True

    def _resend(self, begin: int, end: int) -> None:
        """Answer a ResendRequest: application messages again, as they were; the rest as gaps."""
        last = min(end or self.next_out, self.next_out - 1)
        gap = 0
        for number in range(max(begin, 1), last + 1):
            if number not in self.sent:
                gap = gap or number
                continue
            if gap:
                self._fill(gap, number)
                gap = 0
            kind, fields, time = self.sent[number]
            self.write(self.encoded(kind, number, fields, self.now(), original=time))
        if gap:
            self._fill(gap, last + 1)

    def _fill(self, number: int, end: int) -> None:
        """Say that the messages before `end` hold nothing to repeat."""
        time = self.now()
        self.write(self.encoded("4", number, [(123, "Y"), (36, end)], time, original=time))
