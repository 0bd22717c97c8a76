"""Two nodes' data folders whose histories part: real journals of a real core, a real message store, no process.

Node `a` led, and went on alone; node `b` has what both share, and then leads an epoch of its own.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from lockstep import config
from lockstep.config.schema import Config
from lockstep.core.intake.refused_ids import RefusedIds
from lockstep.core.journal.writer import JournalWriter
from lockstep.core.schema.layout import pack, unpack_event
from lockstep.core.schema.records import Deposit, Epoch, Traded
from lockstep.procs.gateway.opening import Room
from lockstep.procs.gateway.store import Store
from lockstep.procs.router.sequencer import RULES
from tests.gateway.store_entries import add_report, write_out
from tests.models.journal import stamp
from tests.pipeline.conftest import DEMO
from tests.router.requests import cancel, order
from tests.router.rig import Rig

SEGMENT_BYTES = 8 * 4096
NOBODY = "postgresql://127.0.0.1:1/nobody"


def write(journal: Path, records: list[bytes], batch: int = 1) -> None:
    """Append records, by default each in a batch of its own: so a segment has seven."""
    with JournalWriter(journal, "none", SEGMENT_BYTES) as writer:
        for at in range(0, len(records), batch):
            writer.append(records[at : at + batch])


def epoch(seq: int, number: int) -> bytes:
    """The record by which a node begins to lead."""
    began = Epoch(seq=seq, epoch=number, time_ns=2**62, rules_version=RULES, members=1, boot_id=b"other" * 3)
    return stamp(pack(began))


class Parted:
    """`common` is the last record that both have, `last` the last of node `a`; `older` is an order from before."""

    def __init__(self, folder: Path) -> None:
        self.rig = rig = Rig().lead()
        self.older = self.ask(order(1, "older", side=2, quantity_lots=5))
        self.common = len(rig.log)
        self.numbers = [len(rig.events[ring]) for ring in (0, 1, 2)]
        self.fills = self.ask(order(2, "fills", side=1, quantity_lots=3))
        self.rests = self.ask(order(3, "rests", side=1, price_ticks=90))
        rig.send(*cancel(3, "leaves", "rests", side=1))
        self.poor = self.ask(order(4, "poor", side=2, quantity_lots=10**9))
        rig.send(Deposit(account=4, asset=1, amount=7, cl_ord_id=b"paid", session=5, time_ns=rig.now))
        rig.run()
        rig.tick()
        self.last = len(rig.log)
        self.a, self.b = folder / "a" / "data", folder / "b" / "data"
        write(self.a / "journal", rig.log[: self.common])
        shutil.copytree(self.a, self.b)
        write(self.a / "journal", rig.log[self.common :])
        write(self.b / "journal", [epoch(self.common + 1, 2)])
        self.file = folder / "a" / "venue.toml"
        text = re.sub(r"^data = .*$", f'data = "{self.a}"', DEMO.read_text(), flags=re.MULTILINE)
        text = text.replace('# node = "a"', 'node = "a"').replace('url = ""', f'url = "{NOBODY}"')
        self.file.write_text(text)
        self.config: Config = config.load(self.file)

    def ask(self, *records: object) -> int:
        """Send a request, and let all be done; the record that it is in."""
        count = len(self.rig.log)
        self.rig.send(*records)  # type: ignore[arg-type]
        self.rig.run()
        return next(each.seq for each in self.rig.commands(count) if type(each) is type(records[-1]))

    @property
    def trade(self) -> Traded:
        return next(each for each in map(unpack_event, self.rig.events[1]) if isinstance(each, Traded))

    def report(self) -> Path:
        """Have gateway 1 of node `a` tell of the older order, and both sides of the trade; its store."""
        store = Store(self.a / "gateway.1", RefusedIds(), room=Room(1 << 20))
        number = self.trade.number
        add_report(store, 1, 1, 1, self.numbers[1], 2, told("T1", self.older, "older", "0"))
        add_report(store, 1, 2, 1, number, 2, told("T1", self.older, "older", "F"))
        add_report(store, 2, 1, 1, number, 1, told("T2", self.fills, "fills", "F"))
        write_out(store)
        return self.a / "gateway.1"


def told(name: str, order_id: int, text: str, kind: str) -> bytes:
    """What matters of an execution report."""
    return f"8=FIX.4.4\x0135=8\x0149=LOCKSTEP\x0156={name}\x0137={order_id}\x0111={text}\x01150={kind}\x01".encode()
