"""A venue with its api for a while, journal `local`, and how its rows are told: rates and percentiles."""

from __future__ import annotations

import os
import tomllib
from array import array
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from bench.api_load import Link, ListeningLink, Script, ask
from lockstep.cli import throwaway

SYMBOL = "BENCH"
BUYER = "BUYER"
API = """
[api]
port = {port}
request_weight_per_minute = 0
orders_per_10_s = 0
orders_per_day = 0
"""
SHARES = (("p50", 0.5), ("p99", 0.99))


def write_config(folder: Path) -> Path:
    """The configuration of a venue whose accounts have demo keys, in `folder`."""
    config = throwaway.write_config(folder, SYMBOL, "local", API.format(port=throwaway.free_port()))
    config.write_text(config.read_text().replace('password = "demo"', 'password = "demo"\ndemo_keys = true'))
    return config


def api_port(config: Path) -> int:
    """Where the api of a configuration listens."""
    return int(tomllib.loads(config.read_text())["api"]["port"])


@contextmanager
def running(write: Callable[[Path], Path] = write_config) -> Iterator[Path]:
    """The venue that `write` configures, for the time of the block; the path of its configuration."""
    os.sync()  # this measurement must not wait for what the last one wrote
    with throwaway.folder(None) as folder:
        config = write(folder)
        with throwaway.running(config):
            throwaway.await_database(config)
            yield config


def rate(links: Sequence[Link], requests: list[bytes]) -> float:
    """Answers a second, at full speed."""
    took_ns = ask(list(links), Script(requests), 0, array("q", bytes(8 * len(requests))))
    return len(requests) / took_ns * 1e9


def latencies(
    links: Sequence[Link], requests: list[bytes], per_s: float, listener: ListeningLink | None = None
) -> list[int]:
    """Nanoseconds from when each was due until its answer came, or its report: an open loop at this rate; sorted."""
    out = array("q", bytes(8 * len(requests)))
    ask(list(links), Script(requests), int(1e9 / per_s), out, listener)
    return sorted(out)


def percentiles(row: str, ordered: Sequence[int], what: str) -> list[dict[str, object]]:
    """The rows of what `latencies` returned."""
    return [
        {"row": row, "value": ordered[int(len(ordered) * share)] / 1e6, "unit": "ms", "what": f"{what}, {name}"}
        for name, share in SHARES
    ]
