"""A venue, its attackers and its honest clients: what was drawn, and what must be true at the end."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from random import Random

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from tests.adversary.honest import PATIENCE_S, SYMBOL, Honest, LateError
from tests.pipeline.conftest import RunningVenue

SEED = int(os.environ.get("LOCKSTEP_ADVERSARY_SEED", "7"))  # `make test` is the same each time; a soak is not
SOAK_S = float(os.environ.get("SOAK_S", "600"))
ATTACKERS = (("fix", "TRADER5"), ("fix", "TRADER6"), ("feed", "feed"))
TOLD = 12  # acts before a failure that are shown


class Feed(threading.Thread):
    """An honest reader of trades."""

    def __init__(self, connection: ClientConnection) -> None:
        super().__init__(daemon=True)
        self._connection = connection
        self.trades: list[int] = []

    def run(self) -> None:
        with contextlib.suppress(ConnectionClosed):  # `check` finds that it has ended
            for message in self._connection:
                event = json.loads(message)
                if event["e"] == "trade":  # the last one says that the venue stops
                    self.trades.append(event["t"])

    def check(self, count: int) -> None:
        """All trades have come, each once."""
        deadline_s = time.monotonic() + PATIENCE_S
        while len(self.trades) < count:
            assert time.monotonic() < deadline_s, f"the feed told {len(self.trades)} of {count} trades"
            assert self.is_alive(), "the feed has cut off who reads all"
            time.sleep(0.01)  # they are read by the other thread
        assert len(self.trades) == len(set(self.trades)) == count
        assert self.trades == sorted(self.trades)


class Siege:
    """One run of `seed` against `venue`, which runs."""

    def __init__(self, venue: RunningVenue, seed: int) -> None:
        self.venue = venue
        self.seed = seed
        self.honest = Honest(venue.fix_port, venue.log.parent, Random(f"{seed} honest"))
        self.logs = [venue.log.parent / f"{name}.acts" for _, name in ATTACKERS]

    def run(self, for_s: float) -> None:
        """Nobody who is honest notices anything."""
        with self.told(), self.honest_ones() as feed:
            with self.attacked():
                self.honest.work(for_s)
            feed.check(len(self.honest.traded))
            self.check()

    @contextlib.contextmanager
    def honest_ones(self) -> Iterator[Feed]:
        with connect(f"ws://127.0.0.1:{self.venue.market_port}/ws/{SYMBOL.lower()}@trade") as connection:
            feed = Feed(connection)
            feed.start()
            self.honest.begin()
            try:
                yield feed
            finally:
                self.honest.end()
        feed.join()

    @contextlib.contextmanager
    def attacked(self) -> Iterator[None]:
        """Those who mean harm are at it for the length of the block; none may end before."""
        processes = [
            subprocess.Popen([
                sys.executable, "-m", "tests.adversary", kind, name,
                str(self.venue.fix_port if kind == "fix" else self.venue.market_port), str(self.seed), str(log),
            ], stderr=subprocess.PIPE)
            for (kind, name), log in zip(ATTACKERS, self.logs, strict=True)
        ]  # fmt: skip
        try:
            yield
            for process in processes:
                assert process.poll() is None, process.stderr.read().decode() if process.stderr else ""
        finally:
            for process in processes:
                process.kill()
                process.communicate()

    @contextlib.contextmanager
    def told(self) -> Iterator[None]:
        """A failure names the seed, and the acts that went before it."""
        began_s = time.monotonic()
        try:
            yield
        except AssertionError as error:
            since_s = error.since_s if isinstance(error, LateError) else time.monotonic()
            lines = [line for log in self.logs if log.exists() for line in log.read_text().splitlines()]
            acts = sorted((line for line in lines if line[:1].isdigit()), key=lambda line: float(line.split()[0]))
            before = [line for line in acts if float(line.split()[0]) <= since_s][-TOLD:]
            meanwhile = [line for line in acts if float(line.split()[0]) > since_s][:TOLD]
            raise AssertionError(
                "\n".join([
                    f"LOCKSTEP_ADVERSARY_SEED={self.seed}, {time.monotonic() - began_s:.1f} s after its start: {error}",
                    f"acts until {since_s:.3f}:", *before, "and then:", *meanwhile,
                    "the venue said:", self.venue.log.read_text()[-3000:], *self.complaints(),
                ])
            ) from error  # fmt: skip

    def complaints(self) -> list[str]:
        """The last errors in the logs of the venue's processes."""
        logs = sorted((self.venue.folder / "data" / "log").glob("*.log"))
        lines = [f"{log.stem}: {line}" for log in logs for line in log.read_text(errors="replace").splitlines()]
        return [line for line in lines if "Error" in line or '"level":"error"' in line][-2 * TOLD :]

    def check(self) -> None:
        """No process has died, everything agrees, and the venue stops and starts as ever."""
        restarts = {host["name"]: host["restarts"] for host in self.venue.status()["hosts"]}
        assert not any(restarts.values()), f"restarts: {restarts}"
        self.venue.verify()
        assert self.venue.stop() == 0, self.venue.log.read_text()
        said = "".join(path.read_text() for path in (self.venue.folder / "data" / "log").glob("*.log*"))
        assert "Traceback" not in said, said[-3000:]
        self.venue.start()
        self.honest.reconnect(self.honest.buyer)
        self.honest.reconnect(self.honest.seller)
        self.honest.trade(time.monotonic())
        self.venue.verify()
