"""`lockstep flow` end to end: flow of our own making against the oracle book, and a real day where it is at hand."""

from __future__ import annotations

import gzip
import itertools
import json
import os
import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from lockstep.core.schema.records import (
    Cancel,
    ExtClientId,
    Instrument,
    NewOrder,
    OrderType,
    Replace,
    Side,
    TimeInForce,
    Traded,
)
from tests.forked import lockstep
from tests.models.book import Book
from tests.pipeline.conftest import RunningVenue
from tests.pipeline.pair import within

LOBSTER = Path(__file__).parents[4] / "shared" / "data" / "lobster"
COMMANDS = 1000
ROWS_OF_A_DAY = 155_935
MORNING = 10_000  # rows of it
EMPTY_LEVEL = {1: (-9999999999, 0), -1: (9999999999, 0)}


class Author:
    """Writes a command file and the book after each command, as the oracle sees it."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.book = Book()
        self.book.apply(_instrument())
        self.commands: list[str] = []
        self.rows: list[str] = []
        self.open: dict[str, NewOrder] = {}
        self._seq = 1

    def write(self, count: int) -> None:
        for _ in range(count):
            choice = self.random.random()
            if choice < 0.6 or not self.open:
                self._submit(immediate=self.random.random() < 0.15)
            elif choice < 0.85:
                self._cancel()
            else:
                self._reduce()
            row = len(self.rows)
            self.commands.append(f"{row},C")
            self.rows.append(self._row())

    def _submit(self, *, immediate: bool) -> None:
        self._seq += 1
        name = f"o{self._seq}"
        buy = self.random.random() < 0.5
        order = NewOrder(
            seq=self._seq, cl_ord_id=name.encode(), instrument=1, account=1 if buy else 2,
            side=Side.BUY if buy else Side.SELL, ord_type=OrderType.LIMIT,
            time_in_force=TimeInForce.IOC if immediate else TimeInForce.GTC,
            price_ticks=self.random.randint(995, 1002) if buy else self.random.randint(998, 1005),
            quantity_lots=self.random.randint(1, 9),
        )  # fmt: skip
        self.book.apply(order)
        if not immediate:
            self.open[name] = order
        letter, side = "A" if immediate else "N", 1 if buy else -1
        self.commands.append(f"{len(self.rows)},{letter},{name},{side},{order.price_ticks * 100},{order.quantity_lots}")

    def _target(self) -> tuple[str, NewOrder, int] | None:
        """An open order that still rests, and how much of it; forgets those that are gone."""
        while self.open:
            name = self.random.choice(list(self.open))
            order = self.open[name]
            resting = self.book.listings[1].orders.get(order.seq)
            if resting is not None:
                return name, order, resting.leaves_lots
            del self.open[name]
        return None

    def _cancel(self) -> None:
        target = self._target()
        if target is None:
            return self._submit(immediate=False)
        name, order, _ = target
        self._mean(name)
        self.book.apply(Cancel(seq=self._seq, cl_ord_id=b"", instrument=1, order_id=order.seq, account=order.account))
        del self.open[name]
        self.commands.append(f"{len(self.rows)},X,{name}")
        return None

    def _reduce(self) -> None:
        target = self._target()
        if target is None or target[2] < 2:
            return self._submit(immediate=False)
        name, order, left = target
        by = self.random.randint(1, left - 1)
        self._mean(name)
        total = self.book.listings[1].orders[order.seq].filled_lots + left - by
        self.book.apply(
            Replace(
                seq=self._seq, cl_ord_id=name.encode(), instrument=1, order_id=order.seq, account=order.account,
                price_ticks=order.price_ticks, quantity_lots=total,
            )
        )  # fmt: skip
        self.commands.append(f"{len(self.rows)},R,{name},{by}")
        return None

    def _mean(self, name: str) -> None:
        self._seq += 2
        self.book.apply(ExtClientId(seq=self._seq - 1, orig_cl_ord_id=name.encode()))

    def _row(self) -> str:
        sides = {side: self._levels(side) for side in (-1, 1)}
        return ",".join(f"{a[0]},{a[1]},{b[0]},{b[1]}" for a, b in zip(sides[-1], sides[1], strict=True))

    def _levels(self, side: int) -> list[tuple[int, int]]:
        depth = self.book.depth(1, Side.BUY if side == 1 else Side.SELL)[:5]
        shown = [(price * 100, quantity) for price, quantity, _ in depth]
        return shown + [EMPTY_LEVEL[side]] * (5 - len(shown))


def _instrument() -> Instrument:
    return Instrument(
        seq=1, symbol=b"FLOW", instrument=1, base_asset=1, quote_asset=2, tick_mantissa=1, lot_mantissa=1,
        price_scale=2, quantity_scale=0, matcher=1, reference_price_ticks=0, unit_value=100, lot_units=1,
        collar_bps=500, maker_fee_ppm=0, taker_fee_ppm=0,
    )  # fmt: skip


class LobsterAuthor(Author):
    """Writes the messages that LOBSTER would have recorded of the same market, one book row each."""

    def write(self, count: int) -> None:
        super().write(count)
        self.commands = [line for line in self.commands if not line.endswith(",C")]

    def lobster(self) -> tuple[list[str], list[str]]:
        """Messages and rows: the commands are played again, and what came of each is written down."""
        self.book = Book()
        self.book.apply(_instrument())
        messages: list[str] = []
        rows: list[str] = []
        ids: dict[str, int] = {}
        for number, line in enumerate(self.commands):
            said = self._messages(f"{34200 + number}.5", line.split(",")[1:], ids)
            messages += said
            rows += [self._row()] * len(said)
        return messages, rows

    def _messages(self, time: str, parts: list[str], ids: dict[str, int]) -> list[str]:
        kind, name = parts[0], parts[1]
        resting = self.book.listings[1].orders
        if kind in ("N", "A"):
            ids[name] = len(ids) + 1
            return self._submitted(time, name, ids, int(parts[2]), int(parts[3]) // 100, int(parts[4]))
        order = resting.get(ids[name])
        if order is None:
            return []
        by = order.leaves_lots if kind == "X" else min(int(parts[2]), order.leaves_lots)
        side = 1 if order.side == Side.BUY else -1
        if by == order.leaves_lots:
            self.book.apply(Cancel(seq=10**6, cl_ord_id=b"", instrument=1, order_id=order.order_id))
            return [f"{time},3,{order.order_id},{by},{order.price_ticks * 100},{side}"]
        self.book.apply(
            Replace(
                seq=10**6, cl_ord_id=b"", instrument=1, order_id=order.order_id, price_ticks=order.price_ticks,
                quantity_lots=order.filled_lots + order.leaves_lots - by,
            )
        )  # fmt: skip
        return [f"{time},2,{order.order_id},{by},{order.price_ticks * 100},{side}"]

    def _submitted(
        self, time: str, name: str, ids: dict[str, int], side: int, price_ticks: int, quantity: int
    ) -> list[str]:
        """An order that trades shows as executions of those it meets, and nothing of it rests here."""
        best = self.book.depth(1, Side.SELL if side == 1 else Side.BUY)[:1]
        crosses = bool(best) and (best[0][0] - price_ticks) * side <= 0
        events = self.book.apply(
            NewOrder(
                seq=ids[name], cl_ord_id=name.encode(), instrument=1, account=1, ord_type=OrderType.LIMIT,
                side=Side.BUY if side == 1 else Side.SELL, price_ticks=price_ticks, quantity_lots=quantity,
                time_in_force=TimeInForce.IOC if crosses else TimeInForce.GTC,
            )
        )  # fmt: skip
        trades = [event for event in events if isinstance(event, Traded)]
        if not crosses:
            return [f"{time},1,{ids[name]},{quantity},{price_ticks * 100},{side}"]
        return [f"{time},4,{t.maker_order_id},{t.quantity_lots},{t.price_ticks * 100},{-side}" for t in trades]


@pytest.fixture(scope="module")
def venue(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningVenue]:
    """One for all plays: each has an instrument and accounts of its own, and the last one ends it."""
    running = RunningVenue(tmp_path_factory.mktemp("venue"))
    running.start()
    yield running
    if running.process is not None:
        running.stop()


def on(venue: RunningVenue, symbol: str, buyer: str, seller: str) -> tuple[str, ...]:
    return ("--config", str(venue.config), "--symbol", symbol, "--buyer", buyer, "--seller", seller)


def test_a_raw_message_file_is_played_as_what_it_records(tmp_path: Path, venue: RunningVenue) -> None:
    seed = int(os.environ.get("LOCKSTEP_FLOW_SEED", random.SystemRandom().randrange(10**9)))
    print(f"LOCKSTEP_FLOW_SEED={seed}")
    author = LobsterAuthor(seed)
    author.write(COMMANDS)
    messages, rows = author.lobster()
    (tmp_path / "message.csv").write_text("\n".join(messages) + "\n")
    (tmp_path / "book.csv").write_text("\n".join(rows) + "\n")
    options = ("--levels", "5", "--json", *on(venue, "ETHUSDT", "TRADER3", "TRADER4"))
    answer = flow(tmp_path / "message.csv", tmp_path / "book.csv", *options)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    outcome = json.loads(answer.stdout)
    assert outcome["agreed"] == outcome["checkpoints"] > COMMANDS // 2


@pytest.fixture
def written(tmp_path: Path) -> tuple[Path, Path]:
    """A command file and its book file; the seed is printed, LOCKSTEP_FLOW_SEED repeats it."""
    seed = int(os.environ.get("LOCKSTEP_FLOW_SEED", random.SystemRandom().randrange(10**9)))
    print(f"LOCKSTEP_FLOW_SEED={seed}")
    author = Author(seed)
    author.write(COMMANDS)
    commands, book = tmp_path / "commands.csv", tmp_path / "book.csv"
    commands.write_text("\n".join(author.commands) + "\n")
    book.write_text("\n".join(author.rows) + "\n")
    return commands, book


def flowing(commands: Path, book: Path, *options: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "lockstep", "flow", str(commands), "--book", str(book), *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def flow(commands: Path, book: Path, *options: str) -> subprocess.CompletedProcess[str]:
    return lockstep("flow", commands, "--book", book, *options)


def test_books_agree_with_the_oracle_on_a_venue_of_the_flows_own(written: tuple[Path, Path]) -> None:
    answer = flow(*written, "--levels", "5", "--json")
    assert answer.returncode == 0, answer.stdout + answer.stderr
    outcome = json.loads(answer.stdout)
    assert (outcome["commands"], outcome["checkpoints"], outcome["agreed"]) == (COMMANDS, COMMANDS, COMMANDS)
    assert outcome["verified"] is True


def test_a_running_venue_is_joined_and_a_wrong_book_is_shown(written: tuple[Path, Path], venue: RunningVenue) -> None:
    commands, book = written
    rows = book.read_text().splitlines()
    wrong = COMMANDS // 2
    price, size, rest = rows[wrong].split(",", 2)
    rows[wrong] = f"{price},{int(size) + 1},{rest}"
    book.write_text("\n".join(rows) + "\n")
    answer = flow(commands, book, "--levels", "5", *on(venue, "SOLUSDT", "TRADER1", "TRADER2"))
    assert answer.returncode == 1, answer.stdout + answer.stderr
    assert f"row {wrong}," in answer.stdout
    assert f"{COMMANDS - 1:,} of {COMMANDS:,} checkpoints agree" in answer.stdout


@pytest.mark.skipif(not LOBSTER.is_dir(), reason=f"the AMZN day is not at hand (looked for {LOBSTER})")
@pytest.mark.timeout(300)
@pytest.mark.parametrize("rows", [MORNING, pytest.param(ROWS_OF_A_DAY, marks=pytest.mark.soak)])
def test_a_real_day_agrees_at_every_checkpoint(tmp_path: Path, rows: int) -> None:
    """Its beginning, and in `make soak` all of it."""
    commands, book = tmp_path / "commands.csv", tmp_path / "book.csv"
    with gzip.open(LOBSTER / "AMZN_2012-06-21_orderbook_5.csv.gz", "rt") as day:
        book.write_text("".join(itertools.islice(day, rows)))
    with gzip.open(LOBSTER / "AMZN_2012-06-21_commands.csv.gz", "rt") as day:
        commands.write_text("".join(itertools.takewhile(lambda line: int(line.partition(",")[0]) < rows, day)))
    answer = flow(commands, book, "--json")
    assert answer.returncode == 0, answer.stdout + answer.stderr
    outcome = json.loads(answer.stdout)
    assert (outcome["checkpoints"], outcome["agreed"], outcome["refused"]) == (rows, rows, 0)
    assert outcome["verified"] is True


@pytest.mark.parametrize(
    ("options", "reason"),
    [(("--levels", "6"), "--levels is 1 to 5"), (("--durability", "maybe"), "--durability is none or local")],
)
def test_an_option_that_makes_no_sense_is_refused(
    written: tuple[Path, Path], options: tuple[str, ...], reason: str
) -> None:
    answer = flow(*written, *options)
    assert answer.returncode == 2
    assert reason in answer.stderr


def test_a_book_file_that_is_too_short_is_refused(written: tuple[Path, Path]) -> None:
    commands, book = written
    book.write_text("\n".join(book.read_text().splitlines()[:10]) + "\n")
    answer = flow(commands, book)
    assert answer.returncode == 2
    assert "which has 10 rows" in answer.stderr


def test_a_venue_that_dies_during_a_play_ends_it_with_a_line(written: tuple[Path, Path], venue: RunningVenue) -> None:
    os.kill(venue.pids()["publisher"], signal.SIGSTOP)  # a driver waits for books: this play can't be over
    log = venue.data / "log" / "gateway.log"
    before = log.read_text().count('"logon"')
    with flowing(*written, *on(venue, "BTCUSDT", "TRADER5", "TRADER6")) as play:
        within(lambda: log.read_text().count('"logon"') == before + 2, "nobody has logged on")
        venue.kill_all()
        said, _ = play.communicate(timeout=60)
    assert play.returncode == 1, said
    assert "the play failed: " in said
    assert "Traceback" not in said
