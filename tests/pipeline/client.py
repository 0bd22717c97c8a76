"""The tests' FIX client on a socket that blocks, as a user would run one against a venue."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Callable

from lockstep.client.fix.message import Field, Message, now
from lockstep.client.fix.orders import limit_order
from lockstep.client.fix.session import Session

PATIENCE_S = 60
SIDES = {"buy": 1, "sell": 2}


class FixClient(Session):
    """One session, through any number of connections.

    `received` has every message of the venue once and in sequence, however often it came.
    """

    def __init__(self, port: int, name: str, *, password: str = "demo", version: str = "FIX.4.4") -> None:
        super().__init__(name, version)
        self.port = port
        self.password = password
        self.received: list[Message] = []
        self.connects = 0
        self._socket: socket.socket | None = None

    def write(self, data: bytes) -> None:
        if self._socket is None:
            raise ConnectionError("there is no connection")
        self._socket.sendall(data)

    def connect(self, *, reset: bool = False, timeout_s: float = PATIENCE_S) -> None:
        """Connect and log on, trying again until the venue listens; answers a ResendRequest with what it asks for."""
        deadline = time.monotonic() + timeout_s
        while True:
            with contextlib.suppress(OSError):
                self._log_on(reset)
                return
            assert time.monotonic() < deadline, f"{self.name} could not log on within {timeout_s} s"
            time.sleep(0.05)  # the venue is starting: there is nothing to wait on but its port

    def _log_on(self, reset: bool) -> None:
        self.close()
        self.begin(reset=reset)
        self._socket = socket.create_connection(("127.0.0.1", self.port), timeout=5)
        fields: list[Field] = [(98, 0), (108, 30), (553, self.name), (554, self.password)]
        self.send("A", *fields, *([(141, "Y")] if reset else []))
        answer = self._read(PATIENCE_S)
        assert answer[35] == "A", f"the answer to {self.name}'s Logon is {answer}"
        self.take(answer)
        self.connects += 1

    def cut(self) -> None:
        """Break the connection, whatever thread is reading or writing: it learns of it as of any other."""
        if self._socket is not None:
            self._socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Drop the connection without a word, as a crash would."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def take(self, message: Message) -> bool:
        is_next = super().take(message)
        if is_next:
            self.received.append(message)
        return is_next

    def receive(self, timeout_s: float = PATIENCE_S) -> Message:
        """The next message in sequence. Session messages are handled as they come, and returned too."""
        deadline = time.monotonic() + timeout_s
        while True:
            message = self._read(max(0.001, deadline - time.monotonic()))
            if self.take(message):
                return message

    def _read(self, timeout_s: float) -> Message:
        while (message := self.reader.next()) is None:
            if self._socket is None:
                raise ConnectionError("there is no connection")
            self._socket.settimeout(timeout_s)
            data = self._socket.recv(65536)
            if not data:
                raise ConnectionError("the venue closed the connection")
            self.reader.add(data)
        return message

    def await_message(self, wanted: Callable[[Message], bool], timeout_s: float = PATIENCE_S) -> Message:
        """Receive until a message is `wanted`, and return that one."""
        deadline = time.monotonic() + timeout_s
        while True:
            message = self.receive(deadline - time.monotonic())
            if wanted(message):
                return message

    def await_report(self, cl_ord_id: str, exec_type: str, timeout_s: float = PATIENCE_S) -> Message:
        """Receive until the ExecutionReport of that ClOrdID and ExecType."""
        return self.await_message(lambda m: (m[35], m.get(11), m.get(150)) == ("8", cl_ord_id, exec_type), timeout_s)

    def order(self, cl_ord_id: str, side: str, price: str, quantity: str, symbol: str = "BTCUSDT") -> None:
        """Send a limit order, good till cancelled."""
        self.send("D", *limit_order(cl_ord_id, SIDES[side], price, quantity, symbol))

    def cancel(self, cl_ord_id: str, orig: str, side: str, symbol: str = "BTCUSDT") -> None:
        """Ask to cancel the order sent as `orig`."""
        self.send("F", (11, cl_ord_id), (41, orig), (55, symbol), (54, SIDES[side]), (60, now()))

    def replace(self, cl_ord_id: str, orig: str, side: str, price: str, quantity: str, symbol: str = "BTCUSDT") -> None:
        """Ask to give the order sent as `orig` another price and total quantity."""
        self.send("G", (41, orig), *limit_order(cl_ord_id, SIDES[side], price, quantity, symbol))
