"""A FIX order client: logs on, enters a limit order, changes its price, cancels it, and prints every report.

    python docs/examples/fix_orders.py [PORT [USER]]

It needs `simplefix`. It keeps nothing on disk, so it starts its session's numbers at 1 each time (141=Y). A client that
must not miss a report keeps both numbers and lets the venue resend (docs/protocols/fix.md).
"""

from __future__ import annotations

import socket
import sys
import time

import simplefix


class Session:
    """One FIX.4.4 session over one connection: numbers what it sends, and answers the venue's test requests."""

    def __init__(self, port: int, user: str, password: str) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port))
        self._parser = simplefix.FixParser()
        self._user = user
        self._number = 0
        self.send("A", "98=0", "108=30", "141=Y", f"553={user}", f"554={password}")
        assert self.receive().get(35) == b"A", "the venue refused the logon"

    def send(self, msg_type: str, *fields: str) -> None:
        self._number += 1
        message = simplefix.FixMessage()
        message.append_strings(["8=FIX.4.4", f"35={msg_type}", f"49={self._user}", "56=LOCKSTEP", f"34={self._number}"])
        message.append_utc_timestamp(52)
        message.append_strings(fields)
        self._socket.sendall(message.encode())

    def receive(self) -> simplefix.FixMessage:
        """The next message that is not about the session itself."""
        while True:
            while (message := self._parser.get_message()) is None:
                data = self._socket.recv(4096)
                if not data:
                    raise ConnectionError("the venue closed the connection")
                self._parser.append_buffer(data)
            if message.get(35) == b"1":  # TestRequest: a Heartbeat answers it
                self.send("0", f"112={message.get(112).decode()}")
            elif message.get(35) != b"0":
                return message

    def close(self) -> None:
        self.send("5")
        while self.receive().get(35) != b"5":
            pass
        self._socket.close()


def report(message: simplefix.FixMessage) -> str:
    """What matters of an ExecutionReport (8) or OrderCancelReject (9)."""
    names = {35: "MsgType", 37: "OrderID", 11: "ClOrdID", 39: "OrdStatus", 44: "Price", 151: "LeavesQty", 58: "Text"}
    return "  ".join(f"{name}={message.get(tag).decode()}" for tag, name in names.items() if message.get(tag))


def main(port: int = 9878, user: str = "TRADER1") -> None:
    session = Session(port, user, "demo")
    run = f"{time.time_ns():x}"  # each ClOrdID can be used once, so this run has its own
    terms = ("55=BTCUSDT", "54=1", "60=20260101-00:00:00", "38=0.5", "40=2")

    session.send("D", f"11={run}-new", *terms, "44=50000.00", "59=1")
    print(report(session.receive()))  # OrdStatus 0: it rests in the book

    session.send("G", f"11={run}-up", f"41={run}-new", *terms, "44=50001.00")
    print(report(session.receive()))  # OrdStatus 0 at the new price, under the new ClOrdID

    session.send("F", f"11={run}-end", f"41={run}-up", *terms[:3])
    print(report(session.receive()))  # OrdStatus 4: cancelled

    session.close()


if __name__ == "__main__":
    main(*(kind(argument) for kind, argument in zip((int, str), sys.argv[1:], strict=False)))
