"""QuickFIX, the engine that most FIX users run, against a real demo venue: with its own data dictionary checking us."""

from __future__ import annotations

import queue
import sys
import time
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.pipeline.conftest import RunningVenue

pytestmark = pytest.mark.interop

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
SocketConnectHost=127.0.0.1
SocketConnectPort={port}
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
    """A QuickFIX initiator in its own thread."""

    def __init__(self, folder: Path, port: int, name: str, version: str) -> None:
        dictionary = Path(sys.prefix) / "share" / "quickfix" / f"{version.replace('.', '')}.xml"
        path = folder / f"{name}.cfg"
        path.write_text(
            SETTINGS.format(store=folder / name, dictionary=dictionary, port=port, version=version, name=name)
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
        assert self.take() == "logon"

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


def numbers(report: dict[int, str], *tags: int) -> tuple[Decimal, ...]:
    return tuple(Decimal(report[tag]) for tag in tags)


@pytest.fixture
def traders(venue: RunningVenue, tmp_path: Path, version: str) -> Iterator[tuple[Trader, Trader]]:
    pair = tuple(Trader(tmp_path, venue.fix_port, name, version) for name in ("TRADER1", "TRADER2"))
    try:
        for trader in pair:
            trader.start()
        yield pair  # type: ignore[misc]
    finally:
        for trader in pair:
            trader.stop()


@pytest.mark.parametrize("version", ["FIX.4.2", "FIX.4.4"])
def test_quickfix_rests_trades_replaces_cancels_and_reconnects(traders: tuple[Trader, Trader], version: str) -> None:
    maker, taker = traders
    fill_type = {"FIX.4.2": "2", "FIX.4.4": "F"}[version]
    partial_type = {"FIX.4.2": "1", "FIX.4.4": "F"}[version]

    maker.order("q1", "2", "2000.00", "3")
    order_id = maker.await_report("q1", "0")[37]
    taker.order("q2", "1", "2001.00", "1")
    fill = taker.await_report("q2", fill_type)
    assert (*numbers(fill, 31, 32, 151), fill[39]) == (2000, 1, 0, "2")
    passive = maker.await_report("q1", partial_type)
    assert (passive[37], *numbers(passive, 14), passive[39]) == (order_id, 1, "1")

    maker.send(
        "G", (11, "q3"), (41, "q1"), (21, "1"), (55, "ETHUSDT"), (54, "2"), (38, "2"), (40, "2"), (44, "2000.00")
    )
    replaced = maker.await_report("q3", "5")
    assert (replaced[41], *numbers(replaced, 38, 151)) == ("q1", 2, 1)

    maker.stop()
    taker.order("q4", "1", "2000.00", "0.25")
    taker.await_report("q4", fill_type)
    maker.start()
    missed = maker.await_report("q3", partial_type)
    assert numbers(missed, 14) == (Decimal("1.25"),)

    maker.send("F", (11, "q5"), (41, "q3"), (55, "ETHUSDT"), (54, "2"), (38, "2"))
    cancelled = maker.await_report("q5", "4")
    assert (cancelled[41], *numbers(cancelled, 151)) == ("q3", 0)
    maker.send("F", (11, "q6"), (41, "q3"), (55, "ETHUSDT"), (54, "2"), (38, "2"))
    refused = maker.take()
    assert (refused[11], refused[41], refused[434]) == ("q6", "q3", "1")
    assert maker.application.rejects == taker.application.rejects == []


@pytest.mark.parametrize("version", ["FIX.4.4"])
def test_quickfix_goes_on_with_its_numbers_after_the_venue_was_killed(
    traders: tuple[Trader, Trader], venue: RunningVenue, version: str
) -> None:
    assert version == "FIX.4.4"
    maker, taker = traders
    maker.order("v1", "1", "1500.00", "1")
    maker.await_report("v1", "0")
    venue.kill()
    venue.start()
    for trader in traders:  # each attempt to connect meanwhile was a logout too
        while trader.take() != "logon":
            continue
    taker.order("v2", "2", "1500.00", "1")
    taker.await_report("v2", "F")
    assert maker.await_report("v1", "F")[39] == "2"
    assert maker.application.rejects == taker.application.rejects == []


@pytest.mark.parametrize("version", ["FIX.4.2", "FIX.4.4"])
def test_quickfix_takes_every_report_of_stops_icebergs_lists_and_budgets(
    traders: tuple[Trader, Trader], version: str
) -> None:
    maker, taker = traders
    fill_type = {"FIX.4.2": "2", "FIX.4.4": "F"}[version]
    name = version[-1]
    symbol = ((21, "1"), (55, "SOLUSDT"))

    def limit(cl_ord_id: str, side: str, price: str, quantity: str) -> tuple[tuple[int, str], ...]:
        return ((11, cl_ord_id + name), *symbol, (54, side), (38, quantity), (40, "2"), (44, price), (59, "1"))

    maker.send("D", *limit("ice", "2", "150", "2"), (111, "0.5"))
    shown = maker.await_report("ice" + name, "0")
    assert numbers(shown, 111, 38) == (Decimal("0.5"), Decimal(2))
    taker.send("D", *limit("hit", "1", "150", "1"))
    taker.await_report("hit" + name, fill_type)
    taker.send("D", (11, "stop" + name), *symbol, (54, "1"), (38, "0.1"), (40, "3"), (99, "160"))
    stop = taker.await_report("stop" + name, "0")
    assert (stop.get(636), numbers(stop, 99)) == ({"FIX.4.2": None, "FIX.4.4": "N"}[version], (Decimal(160),))
    taker.send("D", (11, "trail" + name), *symbol, (54, "2"), (38, "0.1"), (40, "P"), (18, "a"), (211, "5"))
    assert numbers(taker.await_report("trail" + name, "0"), 211) == (Decimal(5),)
    taker.send("D", (11, "spend" + name), *symbol, (54, "1"), (152, "31"), (40, "1"), (59, "3"))
    spent = numbers(taker.await_report("spend" + name, "4"), 152, 14, 151)
    assert spent == (Decimal(31), Decimal("0.2066"), Decimal(0))
    maker.send_list("2", limit("first", "1", "100", "0.1"), limit("then", "2", "170", "0.1"))
    maker.await_report("first" + name, "0")
    maker.await_report("then" + name, "0")
    maker.send("F", (11, "off" + name), (41, "first" + name), *symbol[1:], (54, "1"))
    assert maker.await_report("then" + name, "4")[39] == "4"
    taker.send("D", *limit("last", "1", "160", "5"))
    maker.send("D", *limit("up", "2", "160", "0.1"))
    assert taker.await_report("stop" + name, "D")[378] == {"FIX.4.2": "4", "FIX.4.4": "8"}[version]
    if version == "FIX.4.4":
        for trader in traders:
            trader.send("q", (11, trader.application.name), (530, "7"))
            while (report := trader.take()).get(531) is None:
                assert report[11]
            assert report[531] == "7"
    assert maker.application.rejects == taker.application.rejects == []
