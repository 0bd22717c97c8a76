"""A siege on a disk that is full: new orders may be refused, and nothing else; with room all goes on by itself."""

from __future__ import annotations

import time

from tests.adversary.honest import PATIENCE_S, ROUND_S, SYMBOL, Honest
from tests.adversary.siege import Siege
from tests.pipeline.conftest import RunningVenue
from tests.pipeline.test_database import await_database
from tests.small_disk import SmallDisk

FULL = "JOURNAL_FULL"


def run_full(disk: SmallDisk, seed: int, for_s: float) -> None:
    """The whole story on a `disk` that is the venue's own."""
    venue = RunningVenue(disk.folder)
    venue.log = disk.folder.parent / "run.log"  # its output goes to a terminal, not to this disk
    venue.start()
    try:
        siege = Siege(venue, seed)
        with siege.told(), siege.honest_ones() as feed:
            honest = siege.honest
            for _ in range(int(for_s / ROUND_S)):
                honest.rest(time.monotonic())
            with siege.attacked():
                honest.work(for_s / 4)
                disk.fill()
                honest.work(for_s / 2, lambda due_s: _while_full(siege, disk, due_s))
                disk.empty()
                _await_room(honest)
                honest.work(for_s / 4)
            feed.check(len(honest.traded))
            await_database(venue)  # where its server was starting when the disk filled, it is started again
            siege.check()
    finally:
        if venue.process is not None:
            venue.stop()


def _while_full(siege: Siege, disk: SmallDisk, due_s: float) -> None:
    """Cancels pass, status requests are answered, and an order is taken, or refused for lack of room."""
    honest = siege.honest
    disk.fill()
    honest.take_back(due_s)
    if honest.rounds % 10 == 0:
        siege.venue.status()
        _offer(honest)
        honest.due_s = time.monotonic()  # a command takes a while to begin: nothing is planned for that time


def _offer(honest: Honest) -> bool:
    """Send an order: whether it was taken. What refuses it is the disk, nothing else."""
    name = f"offer-{honest.draw.randrange(10**9)}"
    honest.buyer.order(name, "buy", "1.00", "0.001", SYMBOL)
    report = honest.buyer.await_message(lambda message: (message[35], message.get(11)) == ("8", name), PATIENCE_S)
    if report.get(150) == "8":
        assert report.get(58, "").startswith(FULL), report
        return False
    honest.resting.append(name)
    return True


def _await_room(honest: Honest) -> None:
    """The venue finds by itself that there is room again."""
    deadline_s = time.monotonic() + PATIENCE_S
    while not _offer(honest):
        assert time.monotonic() < deadline_s, f"orders are refused {PATIENCE_S:g} s after there was room again"
        time.sleep(ROUND_S)
