"""Plays order → event scripts: what a trader would write on a napkin, checked line by line.

`tests.scenarios.matching.script_syntax` has the language; this drives a book and its model with it, and knows no rule.
"""

from __future__ import annotations

import re

from lockstep.core.schema.records import (
    AccountLimits,
    Activate,
    Code,
    Event,
    ExtTerms,
    ListKind,
    MassCancel,
    Phase,
    PhaseChange,
    Side,
    Tick,
)
from tests.matcher.pair import BTC, Pair, cancel, instrument, leg, limits, replace
from tests.scenarios.matching.script_syntax import Words, duration

CANCEL = re.compile(r"cancel (?P<name>\w+)")
REPLACE = re.compile(r"replace (?P<name>\w+) (?P<lots>\d+) @ (?P<price>\d+)(?P<more>(?: [\w-]+)*)")
ACTIVATE = re.compile(r"activate (?P<name>\w+)(?P<without> without funds)?")
MASS_CANCEL = re.compile(r"(?:mass cancel(?: of (?P<target>\w+))?|(?P<own>\w+) cancels all)(?: (?P<side>buys|sells))?")
QUEUE = re.compile(r"book (?P<price>\d+):(?P<orders>.*)")
LIST = re.compile(r"(?P<first>.+) (?P<kind>or|then) (?P<second>\w+ (?:buys|sells) .+)")
OPERATOR = 1_000_000


class Script:
    """One script, and the book and its model that it plays on."""

    def __init__(self, pair: Pair) -> None:
        self.pair = pair
        self.words = Words()

    def play(self, text: str) -> None:
        """AssertionError, naming the line, where an event or a queue is not as the script says."""
        expected: list[str] = []
        actual: list[str] = []
        asked = ""
        for number, raw in enumerate([*text.splitlines(), "end"], 1):
            line = raw.partition("#")[0].strip()
            if line.startswith("->"):
                expected.append(line[2:].strip())
            elif line:
                assert actual == expected, f"before line {number}, {asked!r} gave {actual}, not {expected}"
                asked, expected, actual = line, [], []
                if line != "end":
                    actual = self.step(line)

    def step(self, line: str) -> list[str]:
        """Carry out the line; its outcome, in words."""
        if match := QUEUE.fullmatch(line):
            self.compare_queue(match)
            return []
        texts = (self.words.tell(event) for event in self.ask(line))
        return [text for text in texts if text]

    def ask(self, line: str) -> list[Event]:
        if match := CANCEL.fullmatch(line):
            return self.pair.send(cancel(self.words.ids[match["name"]]))
        if match := REPLACE.fullmatch(line):
            return self.replace(match)
        if match := ACTIVATE.fullmatch(line):
            verdict = Code.INSUFFICIENT_BALANCE if match["without"] else Code.OK
            return self.pair.send(Activate(order_id=self.words.ids[match["name"]], instrument=BTC, verdict=verdict))
        if match := MASS_CANCEL.fullmatch(line):
            return self.mass_cancel(match)
        first, *words = line.split()
        match first:
            case "phase":
                return self.pair.send(PhaseChange(cl_ord_id=b"", instrument=BTC, phase=Phase[words[0]]))
            case "wait":
                self.pair.now_ns += duration(words[0])
                return self.pair.send(Tick())
            case "limits":
                return self.pair.send(limits(**self.words.read_limits(words)))
            case "instrument":
                return self.pair.send(instrument(reference_price_ticks=int(words[1]), collar_bps=int(words[3])))
            case "group":
                return [event for owner in words for event in self.pair.send(self.grouped(owner))]
            case _:
                return self.enter(line)

    def enter(self, line: str) -> list[Event]:
        now_ns, seq = self.pair.now_ns, self.pair.seq
        match = LIST.fullmatch(line)
        if match is None:
            one = self.words.read_order(line, now_ns)
            self.words.call(one.name, seq + (1 if one.terms is None else 2))
            return self.pair.send(one.order, one.terms)
        first = self.words.read_order(match["first"], now_ns)
        second = self.words.read_order(match["second"], now_ns, owner=first.owner)
        kind = ListKind.OCO if match["kind"] == "or" else ListKind.OTO
        leg_at = seq + (1 if second.terms is None else 2)
        self.words.call(second.name, leg_at)
        self.words.call(first.name, leg_at + (1 if first.terms is None else 2))
        return self.pair.send(first.order, first.terms, leg(second.order, kind), second.terms)

    def replace(self, match: re.Match[str]) -> list[Event]:
        terms, _ = self.words.read_more(match["more"].split(), self.pair.now_ns)
        command = replace(self.words.ids[match["name"]], int(match["price"]), int(match["lots"]))
        return self.pair.send(command, ExtTerms(**terms) if terms else None)

    def mass_cancel(self, match: re.Match[str]) -> list[Event]:
        target = match["own"] or match["target"]
        number = self.words.account(target) if target else 0
        side = {"buys": Side.BUY, "sells": Side.SELL}.get(match["side"] or "", 0)
        asks = number if match["own"] else OPERATOR
        return self.pair.send(MassCancel(cl_ord_id=b"", instrument=BTC, target=number, side=side, account=asks))

    def grouped(self, owner: str) -> AccountLimits:
        return AccountLimits(
            cl_ord_id=b"", target=self.words.account(owner), max_open_orders=0, max_orders=0, window_ms=0,
            self_trade_group=1, self_trade=0, fee_tier=0,
        )  # fmt: skip

    def compare_queue(self, match: re.Match[str]) -> None:
        """The queue at a price as `a1 3, ann 5`; `a2 2 of 9` for an iceberg that shows 2."""
        listing = self.pair.model.listings[BTC]
        price = int(match["price"])
        rows = [
            f"{self.words.names[order.order_id]} "
            + (f"{order.shown_lots} of {order.leaves_lots}" if order.display_lots else f"{order.leaves_lots}")
            for side in Side
            for order in listing.sides[side].get(price, ())
        ]
        actual = ", ".join(rows)
        assert actual == match["orders"].strip(), f"{match[0]!r}: at {price} stands {actual or 'nothing'}"
