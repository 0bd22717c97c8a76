"""Finds the command that kills the core each time, by a careful replay in a process of its own (LOG-22).

It only names the command: the operator decides what to do about it.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from lockstep.config.schema import Config
from lockstep.core.venue.topology import Topology
from lockstep.core.venue.venue import Manifest

STUCK_S = 20.0  # on one command: it hangs, which is as bad as dying
LOOK_S = 0.2
NOTE_SIZE = 8

# What runs the careful replay, given a manifest and a file for its note.
CarefulCommand = Callable[[Path, Path], Sequence[str]]


def command_of(manifest: Path, note: Path) -> Sequence[str]:
    """How a careful replay is started."""
    return (
        sys.executable,
        "-m",
        "lockstep.core.recovery.poison_probe",
        "--manifest",
        str(manifest),
        "--note",
        str(note),
    )


async def find(config: Config, topology: Topology, data: Path, command: CarefulCommand) -> int | None:
    """The record at which a replay of the stopped venue's journal dies or hangs; None if it does not."""
    folder = data / "run"
    for each in (folder, data / "log"):
        each.mkdir(mode=0o700, parents=True, exist_ok=True)
    manifest, note = folder / "careful.json", folder / "careful"
    manifest.write_bytes(msgspec.json.encode(Manifest("", "", str(data), config, topology)))
    note.write_bytes(bytes(NOTE_SIZE))
    with (data / "log" / "careful.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(*command(manifest, note), stdout=log, stderr=log)
        try:
            survived = await _watch(process, note)
        finally:
            if process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    process.kill()
                await process.wait()
    seq = _noted(note)
    manifest.unlink()
    note.unlink()
    return None if survived or seq == 0 else seq


async def _watch(process: asyncio.subprocess.Process, note: Path) -> bool:
    """Wait for the end, or until it is stuck; returns whether it survived everything."""
    seen, waited_s = 0, 0.0
    while waited_s < STUCK_S:
        with contextlib.suppress(TimeoutError):
            return await asyncio.wait_for(process.wait(), LOOK_S) == 0
        now = _noted(note)
        # Before the first command it loads the snapshot, which may take any time.
        waited_s = waited_s + LOOK_S if now == seen != 0 else 0.0
        seen = now
    return False


def _noted(note: Path) -> int:
    return int.from_bytes(note.read_bytes()[:NOTE_SIZE], "little")
