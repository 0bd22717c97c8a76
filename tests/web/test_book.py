"""The page's book is the publisher's, after each difference that it gets, however many are lost."""

from __future__ import annotations

import json
import os
import random
import subprocess
import zlib
from pathlib import Path
from typing import IO, Any

import pytest

from lockstep.procs.publisher import answers
from lockstep.procs.publisher.kinds import Cadence, Kind
from tests.publisher.exchange import BUY, SELL, Exchange
from tests.publisher.test_feed import live_feed, sent
from tests.web.test_units import NODE, WEB

SEED = int(os.environ.get("LOCKSTEP_FUZZ_SEED", "0")) or random.SystemRandom().randrange(1, 2**32)
DIFFERENCES = 100_000
LOST = 1 / 500
LATE = 3  # differences, at most, from where a whole book was asked for until it is there
ALL = 5000
MIDDLE, AWAY, OPEN = 1000, 25, 120  # ticks, and orders


def write(lines: IO[str]) -> int:
    """What the publisher says of a book that random orders move; how many gaps a reader will find."""
    draw = random.Random(SEED)
    exchange = Exchange()
    feed = live_feed(exchange, Kind.DEPTH_100)
    told, gaps, late = 0, 0, 0
    whole: Any = json.loads(answers.depth(feed, 1, ALL) or b"")  # what the reader begins with
    was_lost = False
    while told < DIFFERENCES:
        if len(exchange.orders) > OPEN:
            exchange.cancel(draw.choice(exchange.orders))
        else:
            side = draw.choice((BUY, SELL))
            away = draw.randint(-3, AWAY)
            exchange.new(side, MIDDLE - away if side == BUY else MIDDLE + away, draw.randint(1, 9))
        if draw.random() < 0.3:
            continue  # one difference tells of several orders
        feed.poll()
        feed.tick(Cadence.MS_100)
        for difference in sent(feed, Kind.DEPTH_100):
            told += 1
            if draw.random() < LOST:
                was_lost = True
                continue
            book = answers.depth(feed, 1, ALL)
            assert book is not None
            if was_lost:
                was_lost, gaps, late, whole = False, gaps + 1, draw.randint(0, LATE), json.loads(book)
            given, late = (whole, 0) if whole is not None and late == 0 else (None, late - 1)
            whole = whole if given is None else None
            lines.write(json.dumps([difference, given, zlib.crc32(book)]) + "\n")
    return gaps


def test_each_of_100000_differences(tmp_path: Path) -> None:
    if not (WEB / "node_modules" / "@preact").exists():
        pytest.skip("what the page is made with is not here: make page")
    print(f"LOCKSTEP_FUZZ_SEED={SEED}")
    with (tmp_path / "lines").open("w") as lines:
        gaps = write(lines)
    with (tmp_path / "lines").open() as lines:
        done = subprocess.run(
            [NODE, "test/follow.ts"], cwd=WEB, stdin=lines, capture_output=True, text=True, check=False
        )
    assert done.returncode == 0, done.stderr
    counted = json.loads(done.stdout)
    assert 50 < counted["gaps"] <= gaps
    assert counted["compared"] > DIFFERENCES * (1 - LOST * 2 * (2 + LATE))
