"""The tests' careful FIX client on a simulated wire: it remembers what it received, whatever happens.

It is loud about everything that the FIX session protocol doesn't allow the venue.
"""

from __future__ import annotations

from random import Random

from lockstep.client.fix.message import SOH, Field, Message, utc_text
from lockstep.client.fix.session import POSS_RESEND, Session
from tests.broken import BrokenError, require
from tests.invariants import ReportContent
from tests.passwords import PASSWORD
from tests.simulation.network import Wire

NOT_AVAILABLE = "4"  # a BusinessRejectReason
LEAVING_NS = 2 * 10**9  # within which a Logout is answered, or there is no venue to do so
RESETTERS = 0.15  # how many traders have numbers begin at 1 now and then when they log on


class Trader(Session):
    """FIX session `number` of the account called `name`.

    `told` is every report by its ExecID; `waiting` has the ids of requests that were never answered; `answers` how
    requests were answered that have an answer.
    """

    def __init__(self, name: str, number: int, draw: Random) -> None:
        super().__init__(name, draw.choice(("FIX.4.4", "FIX.4.4", "FIX.4.2")))
        self.number = number
        self.draw = draw
        self.heartbeat_s = draw.choice((1, 5, 10))
        self.wire: Wire | None = None
        self.received: dict[int, Message] = {}
        self.sent_by: dict[int, object] = {}  # the node that each came from
        self.told: dict[str, ReportContent] = {}
        self.waiting: dict[str, list[Field]] = {}
        self.answers: dict[str, str] = {}
        self.refusals: dict[str, str] = {}
        self.logged_on = False
        self.resets = 0
        self.is_resetting = False  # until the venue has said that it did
        self.behind_logout: set[str] = set()  # orders that must not be taken
        self._left_ns = 0
        self.was_garbled = False  # on this connection: what came behind may be lost with it
        self.was_lost_ever = False
        self.is_untold = False  # another host has begun with a snapshot, and repeats no report of before it
        self.resets_at_logon = draw.random() < RESETTERS
        self.last_sent_ns = 0
        self.repeated = 0
        self.ended = 0
        self.utc_ns = 0
        self.echo = 0
        self.echoed: set[str] = set()

    # Connection

    def connect(self, wire: Wire) -> None:
        self.wire = wire
        self.logged_on = False
        self._left_ns = 0
        self.was_garbled = False
        fields: list[Field] = [(98, 0), (108, self.heartbeat_s), (553, self.name), (554, PASSWORD)]
        if self.resets_at_logon and self.draw.random() < 0.5:
            self.is_resetting = True
        self.begin(reset=self.is_resetting)
        if self.is_resetting:
            self.received.clear()
            self.resets += 1
            fields.append((141, "Y"))
        self.send("A", *fields)

    def drop(self) -> None:
        """The connection is gone."""
        self.wire = None
        self.logged_on = False
        self.ended += 1

    def poll(self, utc_ns: int) -> int:
        """Take what has arrived, and keep the session alive."""
        self.utc_ns = utc_ns
        if self.wire is None:
            return 0
        data = self.wire.receive()
        work = self._take_all(data) if data else 0
        if self.wire is not None and not self.wire.open:
            self.drop()
        elif self._left_ns and utc_ns - self._left_ns > LEAVING_NS:
            self._leave()
        elif self.logged_on and utc_ns - self.last_sent_ns > self.heartbeat_s * 10**9:
            self.send("0")
        return work

    # What it sends

    def now(self) -> str:
        return utc_text(self.utc_ns)

    def write(self, data: bytes) -> None:
        self.last_sent_ns = self.utc_ns
        if self.wire is not None:
            self.wire.send(data)

    def request(self, msg_type: str, cl_ord_id: str, *fields: Field) -> None:
        """Send a request that has to be answered."""
        full: list[Field] = [(11, cl_ord_id), *fields]
        if msg_type in ("D", "F", "G"):
            self.waiting.setdefault(cl_ord_id, full if msg_type == "D" else [])
        self.send(msg_type, *full)

    def leave(self, cl_ord_id: str, *fields: Field) -> None:
        """Log out, with an order after it in the same write: it counts as never sent, and must not be taken."""
        assert self.wire is not None
        time = self.now()
        logout = self.encoded("5", self.next_out, (), time)
        self.sent[self.next_out] = ("5", (), time)
        self.next_out += 1
        self.behind_logout.add(cl_ord_id)
        self.wire.send(logout + self.encoded("D", self.next_out, [(11, cl_ord_id), *fields], time))
        self.logged_on = False
        self._left_ns = self.last_sent_ns = self.utc_ns

    def ask_again(self, cl_ord_id: str) -> None:
        """Send an order once more, as it was: its fate is not known (LOG-24)."""
        fields = self.waiting[cl_ord_id]
        self.send("D", *fields, (POSS_RESEND, "Y"))

    def ask_everything(self) -> None:
        """Ask for all messages that the session was ever sent, and for an echo after them."""
        self.repeated = 0
        self.send("2", (7, 1), (16, 0))
        self.echo += 1
        self.send("1", (112, f"echo{self.echo}"))

    @property
    def has_all_again(self) -> bool:
        return f"echo{self.echo}" in self.echoed

    def garble(self, kind: int) -> None:
        """Send what no parser may take for a message, or a message with an old number."""
        assert self.wire is not None
        self.was_garbled = True
        good = self.encoded("0", self.next_out, (), self.now())
        if kind == 0:
            self.wire.send(good[:-4] + b"999\x01")  # a wrong checksum: the message is ignored
        elif kind == 1:
            self.wire.send(b"8=FIX.4.4\x019=5\x01" + self.draw.randbytes(9) + SOH)
        else:
            # PossDup of what was surely received: dropped.
            self.write(self.encoded("0", 1, (), self.now(), original=self.now()))

    # What it is sent

    def _take_all(self, data: bytes) -> int:
        self.reader.add(data)
        work = 0
        while self.wire is not None and (message := self.reader.next()) is not None:
            work += 1
            self._hear(message)
        return work

    def _hear(self, message: Message) -> None:
        kind, number = message[35], int(message[34])
        if kind == "5":
            text = message.get(58, "")
            require("too low" not in text, f"{self.name}, whose next number is {self.next_out}, is told {text}")
        if kind == "5" and not self.logged_on:
            self._leave()
            return
        if kind == "A":
            if message.get(141) == "Y":
                self.is_resetting = False
                self.next_in = number
                self.waiting = {key: value for key, value in self.waiting.items() if value}
            self.logged_on = True
        expected = self.next_in
        if self.take(message):
            if kind != "4":
                self.received[number] = message
                self.sent_by[number] = self.wire.home if self.wire is not None else None
            self._handle(kind, message)
        elif number < expected:
            self._compare(number, message)

    def _compare(self, number: int, message: Message) -> None:
        """A message that comes again is the same. Of another node's numbers a node repeats none, but those that it had
        given itself and could not send (docs/simulation.md).
        """
        before = self.received.get(number)
        self.repeated += 1
        if self.wire is not None and self.sent_by.get(number) is not self.wire.home:
            return
        if before is None or message[35] == "4":
            if message[35] == "4" and not self.was_lost_ever:
                end = int(message[36])
                gone = [n for n in range(number, end) if n in self.received and self.received[n][35] in "89rNj"]
                require(not gone, f"{self.name}: a resend leaves out {gone}, which were sent")
            return
        same = {tag: value for tag, value in message.items() if tag not in (9, 10, 43, 52, 122)}
        was = {tag: value for tag, value in before.items() if tag not in (9, 10, 43, 52, 122)}
        require(same == was, f"{self.name} was sent {was} and again {same}")

    def _leave(self) -> None:
        if self.wire is not None:
            self.wire.cut()
        self.drop()

    def _handle(self, kind: str, message: Message) -> None:
        match kind:
            case "0" if 112 in message:
                self.echoed.add(message[112])
            case "5":
                self.send("5")
                self._leave()
            case "8":
                self._report(message)
            case "9":
                self._answer(message[11], "9")
            case "j" if message.get(380) == NOT_AVAILABLE:  # no room for it for a second: it was not taken
                self._answer(message[379], "busy")
                self.refusals.setdefault(message[379], message[58])
            case "3" | "j":
                raise BrokenError(f"{self.name} is told {message}")

    def _report(self, message: Message) -> None:
        status = message[150] == "I" or message.get(20) == "3"
        self._answer(message[11], message[39])
        if message[39] == "8":
            self.refusals.setdefault(message[11], message.get(58, ""))
        if status or "-" not in message[17]:
            return
        told = ReportContent(
            message[17], message[37], message[11], message[150], message.get(151, ""), message.get(32, ""),
            message.get(31, ""),
        )  # fmt: skip
        before = self.told.get(told.exec_id)
        if before is not None:
            require(before == told, f"{self.name} was told {before} and then {told}")
            require(message.get(97) == "Y", f"{self.name} is told {told} twice, not as a repeat")
        self.told[told.exec_id] = told

    def _answer(self, cl_ord_id: str, how: str) -> None:
        require(cl_ord_id not in self.behind_logout, f"{self.name}'s order behind its Logout is answered: {how}")
        self.waiting.pop(cl_ord_id, None)
        self.answers.setdefault(cl_ord_id, how)
