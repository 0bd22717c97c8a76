"""A QuickFIX client, with its own data dictionary: it reconnects by its own means, to any of its addresses."""

from __future__ import annotations

import queue
import sys
import time
from pathlib import Path
from typing import Any

import pytest

quickfix = pytest.importorskip("quickfix", reason="QuickFIX is not installed: make interop builds it")

SETTINGS = """
[DEFAULT]
ConnectionType=initiator
ReconnectInterval=1
FileStorePath={store}
FileLogPath={store}
StartTime=00:00:00
EndTime=00:00:00
HeartBtInt=30
UseDataDictionary=Y
DataDictionary={dictionary}
{addresses}
SocketNodelay=Y

[SESSION]
BeginString={version}
SenderCompID={name}
TargetCompID=LOCKSTEP
"""


class Application(quickfix.Application):  # type: ignore[misc,name-defined]
    """Hands received messages to the test, and puts credentials into the logon."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name
        self.session: Any = None
        self.messages: queue.Queue[Any] = queue.Queue()
        self.rejects: list[str] = []

    def onCreate(self, session: Any) -> None:  # noqa: N802
        self.session = session

    def onLogon(self, _session: Any) -> None:  # noqa: N802
        self.messages.put("logon")

    def onLogout(self, _session: Any) -> None:  # noqa: N802
        self.messages.put("logout")

    def toAdmin(self, message: Any, _session: Any) -> None:  # noqa: N802
        kind = message.getHeader().getField(35)
        if kind == "A":
            message.setField(553, self.name)
            message.setField(554, "demo")
        elif kind == "3":
            self.rejects.append(message.toString())

    def fromAdmin(self, message: Any, _session: Any) -> None:  # noqa: N802
        if message.getHeader().getField(35) == "3":
            self.rejects.append(message.toString())

    def toApp(self, _message: Any, _session: Any) -> None:  # noqa: N802
        """Nothing to add to an application message."""

    def fromApp(self, message: Any, _session: Any) -> None:  # noqa: N802
        self.messages.put({tag: message.getField(tag) for tag in REPORT_TAGS if message.isSetField(tag)})


REPORT_TAGS = (
    6, 11, 14, 17, 31, 32, 37, 38, 39, 41, 44, 54, 55, 58, 99, 102, 103, 111, 150, 151, 152, 211, 378, 434, 531, 636,
)  # fmt: skip


class Trader:
    """A QuickFIX initiator in its own thread; one that can't connect to a port tries the next one."""

    def __init__(self, folder: Path, name: str, version: str, *ports: int) -> None:
        dictionary = Path(sys.prefix) / "share" / "quickfix" / f"{version.replace('.', '')}.xml"
        path = folder / f"{name}.cfg"
        addresses = "\n".join(
            f"SocketConnectHost{number or ''}=127.0.0.1\nSocketConnectPort{number or ''}={port}"
            for number, port in enumerate(ports)
        )
        path.write_text(
            SETTINGS.format(store=folder / name, dictionary=dictionary, addresses=addresses, version=version, name=name)
        )
        settings = quickfix.SessionSettings(str(path))
        self.version = version
        self.running = False
        self.application = Application(name)
        self._parts = (settings, quickfix.FileStoreFactory(settings), quickfix.FileLogFactory(settings))
        self.initiator = quickfix.SocketInitiator(self.application, self._parts[1], settings, self._parts[2])

    def start(self) -> None:
        self.initiator.start()
        self.running = True
        while (happened := self.take()) != "logon":
            assert happened == "logout", happened  # a gateway that is not its session's

    def stop(self) -> None:
        """Log out, and forget what came until then. QuickFIX must not be asked twice."""
        if self.running:
            self.running = False
            self.initiator.stop()  # returns when its thread has ended
            self.application.messages = queue.Queue()

    def take(self) -> Any:
        return self.application.messages.get(timeout=30)

    def await_report(self, cl_ord_id: str, exec_type: str) -> dict[int, str]:
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            message = self.take()
            if isinstance(message, dict) and (message.get(11), message.get(150)) == (cl_ord_id, exec_type):
                return message
        raise AssertionError(f"no report of {cl_ord_id} with ExecType {exec_type}")

    def send(self, kind: str, *fields: tuple[int, str]) -> None:
        message = quickfix.Message()
        message.getHeader().setField(35, kind)
        for tag, value in (*fields, (60, time.strftime("%Y%m%d-%H:%M:%S", time.gmtime()))):
            message.setField(tag, value)
        assert quickfix.Session.sendToTarget(message, self.application.session)

    def send_list(self, kind: str, *orders: tuple[tuple[int, str], ...]) -> None:
        """A NewOrderList of these orders; each begins with its ClOrdID."""
        message = quickfix.Message()
        message.getHeader().setField(35, "E")
        for tag, value in ((66, "L1"), (394, "3"), (68, str(len(orders))), (1385, kind)):
            message.setField(tag, value)
        for fields in orders:
            group = quickfix.Group(73, 11)
            for tag, value in fields:
                group.setField(tag, value)
            message.addGroup(group)
        assert quickfix.Session.sendToTarget(message, self.application.session)

    def order(self, cl_ord_id: str, side: str, price: str, quantity: str) -> None:
        self.send(
            "D", (11, cl_ord_id), (21, "1"), (55, "ETHUSDT"), (54, side), (38, quantity), (40, "2"), (44, price),
            (59, "1"),
        )  # fmt: skip
