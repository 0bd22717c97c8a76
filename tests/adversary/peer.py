"""One connection of a client that means harm: it logs on where it has to, and never waits for long.

It checks nothing: what must hold beside it is seen by who is honest.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import time
from random import Random

from tests.adversary.fix_bytes import Field, encoded, now
from tests.passwords import PASSWORD

WRITE_S = 0.5  # a venue that reads no further lets the writer wait: it goes on with something else
READ_SIZE = 1 << 16
VENUE = "127.0.0.1"
OWN_ADDRESS = "127.0.0.9"


class Peer:
    """The session of `name`, by any number of connections. OSError where the venue had enough."""

    def __init__(self, port: int, name: str, draw: Random) -> None:
        self.port = port
        self.name = name
        self.draw = draw
        self.version = draw.choice(("FIX.4.4", "FIX.4.4", "FIX.4.2"))
        self.address = OWN_ADDRESS
        self.next_out = 1
        self.ids: list[bytes] = []
        self.socket: socket.socket | None = None

    def connect(self) -> socket.socket:
        """A connection without a logon."""
        self.close()
        self.socket = socket.create_connection((VENUE, self.port), timeout=WRITE_S, source_address=(self.address, 0))
        return self.socket

    def log_on(self, *fields: Field, reset: bool | None = None) -> None:
        """A connection with a Logon, whose answer nobody waits for."""
        self.connect()
        if reset or (reset is None and self.draw.random() < 0.5):
            self.next_out = 1
            fields += ((141, "Y"),)
        self.send("A", (98, 0), (108, 30), (553, self.name), (554, PASSWORD), *fields)

    def message(self, kind: str, *fields: Field, number: int | None = None) -> bytes:
        """Under the next number, or any."""
        if number is None:
            number, self.next_out = self.next_out, self.next_out + 1
        header: list[Field] = [(35, kind), (49, self.name), (56, "LOCKSTEP"), (34, number), (52, now())]
        return encoded(self.version, [*header, *fields])

    def order(self, cl_ord_id: bytes | None = None, *more: Field) -> bytes:
        """An order of the instruments that are the adversary's."""
        draw = self.draw
        if cl_ord_id is None:
            cl_ord_id = b"%s-%d" % (self.name.encode(), draw.randrange(10**12))
            self.ids.append(cl_ord_id)
            del self.ids[:-200]
        side, price = draw.choice(((1, "100.00"), (2, "90000.00"), (1, "60000.00"), (2, "60000.00")))
        symbol = draw.choice(("BTCUSDT", "ETHUSDT"))
        return self.message(
            "D", (11, cl_ord_id), (21, 1), (55, symbol), (54, side), (60, now()), (38, "0.0001"), (40, 2), (44, price),
            (59, 1), *more,
        )  # fmt: skip

    def refused(self) -> bytes:
        """An order that is refused, by the gateway or by the router."""
        draw = self.draw
        wrong: Field = draw.choice(((44, "1.005"), (38, "99999999"), (55, "NOTHING"), (54, 9), (40, "Z")))
        fields: dict[int, str | int | bytes] = {
            11: b"r-%d" % draw.randrange(10**12), 21: 1, 55: "BTCUSDT", 54: 1, 60: now(), 38: "0.0001", 40: 2,
            44: "50.00", 59: 1,
        }  # fmt: skip
        return self.message("D", *(fields | dict([wrong])).items())

    def send(self, kind: str, *fields: Field) -> None:
        self.write(self.message(kind, *fields))

    def write(self, data: bytes) -> None:
        if self.socket is None:
            raise ConnectionError("there is no connection")
        self.socket.settimeout(WRITE_S)
        self.socket.sendall(data)

    def read(self, for_s: float) -> int:
        """Take what comes for so long; how many bytes that was. What asks for something gets no answer."""
        taken, until = 0, time.monotonic() + for_s
        while self.socket is not None and (left_s := until - time.monotonic()) > 0:
            self.socket.settimeout(left_s)
            try:
                data = self.socket.recv(READ_SIZE)
            except TimeoutError:
                break
            if not data:
                raise ConnectionError("the venue has closed the connection")
            taken += len(data)
        return taken

    def close(self, *, rudely: bool = False) -> None:
        """End the connection: by FIN, or by RST."""
        if self.socket is None:
            return
        with contextlib.suppress(OSError):
            if rudely:
                self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.socket.close()
        self.socket = None
