"""A FIX session over TCP, and orders on it: it beats, asks for what it missed and repeats what the venue has missed."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Callable
from decimal import Decimal
from typing import cast

from lockstep.client.errors import NO_ANSWER, VenueError
from lockstep.client.fix.message import Field, Message
from lockstep.client.fix.orders import BUY, SELL, Report, cancel_order, limit_order, report_of
from lockstep.client.fix.session import Session

LOGON_S = 20.0  # a core that starts again answers when it has
LOGOUT_S = 2.0
BEATS = 4  # looks at the clock in an interval
SILENT = 2 * BEATS  # looks since the next message came: a venue that lives beats each interval
MAX_UNREAD = 1 << 26  # bytes that wait for the venue
MAX_REPORTS = 100_000  # that nobody has asked for: then the oldest go
APPLICATION = tuple("389jr")

Amount = Decimal | str


class FixClient(Session, asyncio.Protocol):
    """An account's session over any number of connections: numbers continue, nothing is lost, and nothing comes twice.

    `connect` once, and again when `ended` is set: `why` says what has ended it. Reports come by `report`, or as
    messages to `hears`, if it is given.
    """

    def __init__(
        self, name: str, password: str, *, host: str = "127.0.0.1", port: int = 9878, target: str = "LOCKSTEP",
        heartbeat_s: int = 30, hears: Callable[[Message], None] | None = None,
    ) -> None:  # fmt: skip
        super().__init__(name, target=target)
        self.ended = asyncio.Event()
        self.ended.set()
        self.why = "there was none yet"
        self._address = host, port
        self._password = password
        self._heartbeat_s = heartbeat_s
        self._hears = hears or self._keep
        self._reports: deque[Report] = deque(maxlen=MAX_REPORTS)
        self._heard = asyncio.Event()  # a report has come, or none will
        self._answered = asyncio.Event()  # the Logon is
        self._writable = asyncio.Event()
        self._transport: asyncio.Transport | None = None
        self._beat: asyncio.TimerHandle | None = None
        self._sent_s = 0.0
        self._silent = 0
        self._run = f"{time.time_ns() // 10**6:x}"
        self._orders = 0

    # Connection

    async def connect(self, *, reset: bool = False) -> None:
        """Connect and log on; `reset` begins both sides' numbers at 1. VenueError where that is refused or fails."""
        self.cut()
        self.begin(reset=reset)
        self._answered.clear()
        self.ended.clear()
        try:
            async with asyncio.timeout(LOGON_S):
                await asyncio.get_running_loop().create_connection(lambda: self, *self._address)
                logon: list[Field] = [(98, 0), (108, self._heartbeat_s), (553, self.name), (554, self._password)]
                self.send("A", *logon, *([(141, "Y")] if reset else []))
                await self._answered.wait()
        except (OSError, TimeoutError) as error:
            raise VenueError(NO_ANSWER, f"{self._address}: {str(error) or type(error).__name__}.") from error
        finally:
            if not self._answered.is_set():  # also where this was cancelled
                self.cut()
                self.ended.set()
        if self.ended.is_set():
            raise VenueError("LOGON_REFUSED", self.why)

    async def log_out(self) -> None:
        """End the connection in order. The session's numbers stay, for the next one."""
        self.send("5")
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.ended.wait(), LOGOUT_S)
        self.cut()

    def cut(self, why: str = "the connection was dropped") -> None:
        """Drop the connection."""
        if self._transport is not None:
            self._transport.abort()
            self._lost(why)

    # Orders

    async def place(
        self, symbol: str, side: str, quantity: Amount, price: Amount, *fields: Field, client_order_id: str = ""
    ) -> str:
        """Send a limit order that is good till cancelled; `fields` are more of FIX's. Returns its ClOrdID."""
        id = client_order_id or self._new_id()
        await self._request("D", *limit_order(id, _side(side), str(price), str(quantity), symbol), *fields)
        return id

    async def replace(self, original_id: str, symbol: str, side: str, quantity: Amount, price: Amount) -> str:
        """Ask to give an order another price and total quantity. Returns its new ClOrdID."""
        id = self._new_id()
        await self._request("G", (41, original_id), *limit_order(id, _side(side), str(price), str(quantity), symbol))
        return id

    async def cancel(self, original_id: str, symbol: str, side: str) -> str:
        """Ask to cancel an order. Returns the request's ClOrdID."""
        id = self._new_id()
        await self._request("F", *cancel_order(id, original_id, _side(side), symbol))
        return id

    async def report(self, client_order_id: str = "") -> Report:
        """Return the next report, or of an id its next one or a Reject: those before are dropped. VenueError where the
        connection has ended, and no report is left."""
        while True:
            await self._arrival()
            report = self._reports.popleft()
            if not client_order_id or report.client_order_id in (client_order_id, ""):
                return report

    async def _arrival(self) -> None:
        """Wait until there is a report. VenueError where none can come."""
        while not self._reports:
            if self.ended.is_set():
                raise VenueError(NO_ANSWER, f"The connection has ended: {self.why}.")
            self._heard.clear()
            await self._heard.wait()

    async def _request(self, kind: str, *fields: Field) -> None:
        """Send a message, once the venue reads."""
        while not (self._writable.is_set() or self.ended.is_set()):
            await self._writable.wait()
        self.send(kind, *fields)

    def _keep(self, message: Message) -> None:
        self._reports.append(report_of(message))
        self._heard.set()

    def _new_id(self) -> str:
        self._orders += 1
        return f"{self._run}-{self._orders}"

    # What the transport calls

    def write(self, data: bytes) -> None:
        """Nothing where there is no connection: the venue asks for it after the next logon."""
        if self._transport is not None:
            self._transport.write(data)
            self._sent_s = time.monotonic()
            if self._transport.get_write_buffer_size() > MAX_UNREAD:
                self.cut("the venue does not read")

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is none by name
        self._writable.set()
        self._silent = 0
        self._look()

    def connection_lost(self, error: Exception | None) -> None:
        if self._transport is not None and self._transport.is_closing():  # else it is an earlier one that has ended now
            self._lost(str(error) if error is not None else "the venue closed the connection")

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    def data_received(self, data: bytes) -> None:
        self.reader.add(data)
        try:
            for message in self.reader.all():
                if self._transport is None:
                    return
                self._handle(message)
        except VenueError as error:
            self._lost(error.text)

    def _handle(self, message: Message) -> None:
        kind = message[35]
        if kind == "5" and not self._answered.is_set():  # a refused Logon: this has no number
            self._lost(message.get(58, "the venue refuses the logon"))
            return
        if kind == "A":
            self._answered.set()  # also behind a gap
        if self.take(message):
            if self._writable.is_set():
                self._silent = 0
            if kind == "5":
                self.send("5")
                self._lost(message.get(58, "the venue logged out"))
            elif kind in APPLICATION:
                self._hears(message)

    def _look(self) -> None:
        """Beat, if nothing else was said for most of an interval, and look again; end it where the venue says nothing
        new, or does not read."""
        if self._transport is None or not self._heartbeat_s:
            return
        if self._silent > SILENT:
            self.cut("the venue is silent" if self._writable.is_set() else "the venue does not read")
            return
        self._silent += self._answered.is_set()
        pace_s = self._heartbeat_s / BEATS
        if self._answered.is_set() and time.monotonic() - self._sent_s > self._heartbeat_s - pace_s:
            self.send("0")
        self._beat = asyncio.get_running_loop().call_later(pace_s, self._look)

    def _lost(self, why: str) -> None:
        transport, self._transport = self._transport, None
        if transport is None:
            return
        if not transport.is_closing():
            transport.close()  # what is written is still sent, to a venue that reads
            asyncio.get_running_loop().call_later(LOGOUT_S, transport.abort)
        if self._beat is not None:
            self._beat.cancel()
        self.why = why
        for event in (self.ended, self._answered, self._heard, self._writable):
            event.set()


def _side(side: str) -> int:
    return {"buy": BUY, "sell": SELL}[side.lower()]
