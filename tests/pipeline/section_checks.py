"""What shows that a node that runs and leads has what each section of its configuration says, by the section's name."""

from __future__ import annotations

import json
import os
import ssl
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
from websockets.sync.client import connect

from lockstep.config.loader import load
from lockstep.config.schema import Config
from lockstep.core.journal.journal import JournalReader
from lockstep.core.schema.layout import unpack_command
from lockstep.core.schema.records import Epoch
from lockstep.core.venue import database_url
from lockstep.core.venue.topology import derive
from lockstep.procs.witness import report
from tests.broken import require
from tests.pipeline.conftest import RunningVenue
from tests.pipeline.every_setting import PEM
from tests.pipeline.pair import within

PATIENCE_S = 30


class Node:
    """A node that leads, its configuration, what `lockstep status` says, and the symbols that its api lists."""

    def __init__(self, running: RunningVenue, alert: Path) -> None:
        self.running = running
        self.alert = alert
        self.config: Config = load(running.config)
        self.status = running.status()
        self.shown = json.loads(running.command("show", "--json").stdout)
        api = self.config.api
        trusted = ssl.create_default_context(cafile=running.config.parent.parent / PEM)
        url = f"https://{api.address}:{api.port}/api/v3/exchangeInfo"
        with urllib.request.urlopen(url, timeout=PATIENCE_S, context=trusted) as answer:
            self.listed = {each["symbol"]: each for each in json.load(answer)["symbols"]}

    def account(self, name: str) -> dict[str, Any]:
        """Return what `lockstep show` says of an account."""
        return next(each for each in self.shown["accounts"] if each["name"] == name)


def fix(node: Node) -> None:
    client = node.running.client("EVERYONE")
    client.connect()
    client.order("every", "buy", "9.95", "1", "EVERYUSDT")
    client.await_report("every", "0")
    client.close()


def market_data(node: Node) -> None:
    section = node.config.market_data
    with connect(f"ws://{section.address}:{section.port}/ws", open_timeout=PATIENCE_S):
        pass


def database(node: Node) -> None:
    with psycopg.connect(database_url.of(node.config, node.running.data)) as connection:

        def listed() -> bool:
            found = connection.execute("SELECT symbol FROM instruments").fetchall()
            return ("EVERYUSDT",) in found

        within(listed, "the database lacks an instrument")


def rings(node: Node) -> None:
    sizes = {ring["ring"]: ring["capacity"] for ring in node.status["rings"]}
    require(sizes["log"] == node.config.rings.log, str(sizes))


def journal(node: Node) -> None:
    segments = [*(node.running.data / "journal").glob("*.journal")] or [*(node.running.data / "journal").iterdir()]
    size = node.config.journal.segment_bytes
    require(any(each.stat().st_size == size for each in segments), str(segments))


def snapshots(node: Node) -> None:
    require(node.running.command("snapshot").returncode == 0, "no snapshot")


def client_ids(node: Node) -> None:
    epochs = [
        command
        for record in JournalReader(node.running.data / "journal")
        if isinstance(command := unpack_command(record), Epoch)
    ]
    require(epochs[-1].id_window_s == node.config.client_ids.window_s, str(epochs[-1]))


def processes(node: Node) -> None:
    names = {host["name"] for host in node.status["hosts"]}
    require(names == {host.name for host in derive(node.config).hosts} and "matcher.2" in names, str(names))
    pinned = os.sched_getaffinity(node.running.pids()["publisher"])
    require(pinned == {node.config.processes.cpus["publisher"]}, str(pinned))


def alerts(node: Node) -> None:
    within(node.alert.exists, "no alert was sent")


def metrics(node: Node) -> None:
    section = node.config.metrics
    with urllib.request.urlopen(f"http://{section.address}:{section.port}/health/leader", timeout=PATIENCE_S) as answer:
        require(answer.read() == b"ok\n", "it does not lead")


def fee_tiers(node: Node) -> None:
    require({"tier": 1, "maker_fee_ppm": 5, "taker_fee_ppm": 6} in node.shown["fee_tiers"], str(node.shown))


def assets(node: Node) -> None:
    require(node.account("EVERYONE")["position_limits"] == {"EVERY": "100.0000"}, "EVERY has no four decimals")


def accounts(node: Node) -> None:
    everyone = node.account("EVERYONE")
    require(
        (everyone["fee_tier"], everyone["self_trade"], everyone["max_orders"]) == (1, "CANCEL_BOTH", 40), str(everyone)
    )


CHECKS: dict[str, Callable[[Node], None]] = {
    "venue": lambda node: require(node.status["venue"] == "every-setting", node.status["venue"]),
    "fix": fix,
    "market_data": market_data,
    "api": lambda node: require("EVERYUSDT" in node.listed, str(node.listed)),
    "database": database,
    "rings": rings,
    "journal": journal,
    "snapshots": snapshots,
    "client_ids": client_ids,
    "processes": processes,
    "alerts": alerts,
    "metrics": metrics,
    "replication": lambda node: require(node.running.data.joinpath("run", "link.json").exists(), "no link"),
    "witness": lambda node: require(report.of(node.running.data).leader == node.config.replication.node, "no lease"),
    "assets": assets,
    "instruments": lambda node: require("0.05" in json.dumps(node.listed["EVERYUSDT"]["filters"]), "no instrument"),
    "fee_tiers": fee_tiers,
    "accounts": accounts,
}
