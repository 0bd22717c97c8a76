"""One connection of a client that means harm: it logs on where it has to, and never waits for long.

It checks nothing: what must hold beside it is seen by who is honest.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import time
from random import Random

from lockstep.client.fix.message import Field
from lockstep.client.fix.orders import limit_order
from lockstep.client.fix.session import Writer
from tests.passwords import PASSWORD

WRITE_S = 0.5  # a venue that reads no further lets the writer wait: it goes on with something else
READ_SIZE = 1 << 16
VENUE = "127.0.0.1"
OWN_ADDRESS = "127.0.0.9"


class Peer(Writer):
    """The session of `name`, by any number of connections. OSError if the venue had enough."""

    def __init__(self, port: int, name: str, draw: Random) -> None:
        super().__init__(name, draw.choice(("FIX.4.4", "FIX.4.4", "FIX.4.2")))
        self.port = port
        self.draw = draw
        self.address = OWN_ADDRESS
        self.ids: list[bytes] = []
        self.socket: socket.socket | None = None

    def connect(self) -> socket.socket:
        """A connection without a logon."""
        self.close()
        self.socket = socket.create_connection((VENUE, self.port), timeout=WRITE_S, source_address=(self.address, 0))
        return self.socket

    def log_on(self, *fields: Field, reset: bool | None = None) -> None:
        """A connection with a Logon, whose answer is not awaited."""
        self.connect()
        if reset or (reset is None and self.draw.random() < 0.5):
            self.next_out = 1
            fields += ((141, "Y"),)
        self.send("A", (98, 0), (108, 30), (553, self.name), (554, PASSWORD), *fields)

    def order(self, cl_ord_id: bytes | None = None, *more: Field) -> bytes:
        """An order of the instruments that are the adversary's."""
        draw = self.draw
        if cl_ord_id is None:
            cl_ord_id = b"%s-%d" % (self.name.encode(), draw.randrange(10**12))
            self.ids.append(cl_ord_id)
            del self.ids[:-200]
        side, price = draw.choice(((1, "100.00"), (2, "90000.00"), (1, "60000.00"), (2, "60000.00")))
        symbol = draw.choice(("BTCUSDT", "ETHUSDT"))
        return self.message("D", *limit_order(cl_ord_id, side, price, "0.0001", symbol), *more)

    def refused(self) -> bytes:
        """An order that is refused, by the gateway or by the router."""
        draw = self.draw
        wrong: Field = draw.choice(((44, "1.005"), (38, "99999999"), (55, "NOTHING"), (54, 9), (40, "Z")))
        right = limit_order(b"r-%d" % draw.randrange(10**12), 1, "50.00", "0.0001")
        return self.message("D", *(dict(right) | dict([wrong])).items())

    def send(self, kind: str, *fields: Field) -> None:
        self.write(self.message(kind, *fields))

    def write(self, data: bytes) -> None:
        if self.socket is None:
            raise ConnectionError("there is no connection")
        self.socket.settimeout(WRITE_S)
        self.socket.sendall(data)

    def read(self, for_s: float) -> int:
        """Read for this long, and answer nothing; returns how many bytes came."""
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
