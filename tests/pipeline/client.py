"""A FIX client as a user would write one, on simplefix: a socket, a parser, and sequence numbers that it remembers."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Callable

import simplefix


class FixClient:
    """One session. `next_in` and `next_out` live as long as the object, through any number of connections.

    `received` has every message of the venue once and in sequence, however often it came.
    """

    def __init__(self, port: int, name: str, *, password: str = "demo", version: str = "FIX.4.4") -> None:
        self.port = port
        self.name = name
        self.password = password
        self.version = version
        self.next_out = 1
        self.next_in = 1
        self.sent: dict[int, simplefix.FixMessage] = {}
        self.received: list[simplefix.FixMessage] = []
        self.connects = 0
        self._asked_to = 0
        self._socket: socket.socket | None = None
        self._parser = simplefix.FixParser()

    def message(self, msg_type: str, *fields: tuple[int, object]) -> simplefix.FixMessage:
        """A message with the session's header; numbered when it is sent."""
        message = simplefix.FixMessage()
        message.append_pair(8, self.version)
        message.append_pair(35, msg_type)
        message.append_pair(49, self.name)
        message.append_pair(56, "LOCKSTEP")
        for tag, value in fields:
            message.append_pair(tag, value)
        return message

    def send(self, msg_type: str, *fields: tuple[int, object]) -> int:
        """Send a message under the next number, which it returns."""
        message = self.message(msg_type)
        message.append_pair(34, self.next_out)
        message.append_utc_timestamp(52, precision=3)
        for tag, value in fields:
            message.append_pair(tag, value)
        self.sent[self.next_out] = message
        self.next_out += 1
        self._write(message)
        return self.next_out - 1

    def _write(self, message: simplefix.FixMessage) -> None:
        if self._socket is None:
            raise ConnectionError("there is no connection")
        self._socket.sendall(message.encode())

    def connect(self, *, reset: bool = False, timeout_s: float = 30) -> None:
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
        self._parser = simplefix.FixParser()
        self._asked_to = 0
        if reset:
            self.next_in = self.next_out = 1
        self._socket = socket.create_connection(("127.0.0.1", self.port), timeout=5)
        fields: list[tuple[int, object]] = [(98, 0), (108, 30), (553, self.name), (554, self.password)]
        self.send("A", *fields, *([(141, "Y")] if reset else []))
        answer = self._read(30)
        assert answer.get(35) == b"A", f"the answer to {self.name}'s Logon is {answer}"
        self._take(answer)
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

    def receive(self, timeout_s: float = 30) -> simplefix.FixMessage:
        """The next message in sequence. Session messages are handled as they come, and returned too."""
        deadline = time.monotonic() + timeout_s
        while True:
            message = self._read(max(0.001, deadline - time.monotonic()))
            if self._take(message):
                return message

    def _read(self, timeout_s: float) -> simplefix.FixMessage:
        while (message := self._parser.get_message()) is None:
            if self._socket is None:
                raise ConnectionError("there is no connection")
            self._socket.settimeout(timeout_s)
            data = self._socket.recv(65536)
            if not data:
                raise ConnectionError("the venue closed the connection")
            self._parser.append_buffer(data)
        return message

    def _take(self, message: simplefix.FixMessage) -> bool:
        """Whether the message is the next in sequence; above a gap, what is missing is asked for once."""
        number, kind = int(message.get(34)), message.get(35)
        if kind == b"2" and number >= self.next_in:
            self._resend(int(message.get(7)), int(message.get(16)))
        if number > self.next_in:
            if self.next_in > self._asked_to:
                self._asked_to = number
                self.send("2", (7, self.next_in), (16, 0))
            return False
        if number < self.next_in:
            assert message.get(43) == b"Y", f"{self.next_in} is the next number, and this came: {message}"
            return False
        self.next_in = int(message.get(36)) if kind == b"4" else number + 1
        if kind == b"1":
            self.send("0", (112, message.get(112)))
        self.received.append(message)
        return True

    def _resend(self, begin: int, end: int) -> None:
        """Answer a ResendRequest: application messages again with PossDupFlag, the rest as gap fills."""
        last = end or self.next_out - 1
        for number in range(begin, last + 1):
            original = self.sent.get(number)
            message = self.message("4" if original is None or _is_admin(original) else original.get(35).decode())
            message.append_pair(34, number)
            message.append_pair(43, "Y")
            message.append_utc_timestamp(52, precision=3)
            message.append_pair(122, original.get(52) if original else message.get(52))
            if message.get(35) == b"4":
                message.append_pair(123, "Y")
                message.append_pair(36, number + 1)
            else:
                for tag, value in original.pairs if original else ():
                    if int(tag) not in (8, 9, 10, 34, 35, 49, 52, 56):
                        message.append_pair(int(tag), value)
            self._write(message)

    def await_message(
        self, wanted: Callable[[simplefix.FixMessage], bool], timeout_s: float = 30
    ) -> simplefix.FixMessage:
        """Receive until a message is `wanted`, and return that one."""
        deadline = time.monotonic() + timeout_s
        while True:
            message = self.receive(deadline - time.monotonic())
            if wanted(message):
                return message

    def await_report(self, cl_ord_id: str, exec_type: str, timeout_s: float = 30) -> simplefix.FixMessage:
        """Receive until the ExecutionReport of that ClOrdID and ExecType."""
        return self.await_message(
            lambda m: m.get(35) == b"8" and m.get(11) == cl_ord_id.encode() and m.get(150) == exec_type.encode(),
            timeout_s,
        )

    def order(self, cl_ord_id: str, side: str, price: str, quantity: str, symbol: str = "BTCUSDT") -> None:
        """Send a limit order, good till cancelled."""
        side_code = {"buy": 1, "sell": 2}[side]
        self.send(
            "D", (11, cl_ord_id), (21, 1), (55, symbol), (54, side_code), (60, _now()), (38, quantity), (40, 2),
            (44, price), (59, 1),
        )  # fmt: skip

    def cancel(self, cl_ord_id: str, orig: str, side: str, symbol: str = "BTCUSDT") -> None:
        """Ask to cancel the order sent as `orig`."""
        side_code = {"buy": 1, "sell": 2}[side]
        self.send("F", (11, cl_ord_id), (41, orig), (55, symbol), (54, side_code), (60, _now()))

    def replace(self, cl_ord_id: str, orig: str, side: str, price: str, quantity: str, symbol: str = "BTCUSDT") -> None:
        """Ask to give the order sent as `orig` another price and total quantity."""
        side_code = {"buy": 1, "sell": 2}[side]
        self.send(
            "G", (11, cl_ord_id), (41, orig), (21, 1), (55, symbol), (54, side_code), (60, _now()), (38, quantity),
            (40, 2), (44, price),
        )  # fmt: skip


def _is_admin(message: simplefix.FixMessage) -> bool:
    return message.get(35) in (b"0", b"1", b"2", b"3", b"4", b"5", b"A")


def _now() -> str:
    return time.strftime("%Y%m%d-%H:%M:%S.000", time.gmtime())
