"""Sends a copy of a running venue: what `lockstep backup` copies, as a stream to standard output.

    python -m lockstep.cli.backup.sending --manifest FILE

The replicator of a node that leads starts it for a secondary that begins anew, and kills it when that has gone. It
gives way to all others, reads no faster than `replication.catch_up_mb_s`, and changes nothing of the venue.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg

from lockstep.cli.backup import pace
from lockstep.cli.backup.pace import Pace
from lockstep.cli.backup.repository import File, Point, RepositoryError
from lockstep.cli.backup.stream import Writer
from lockstep.cli.backup.taking import Taking
from lockstep.core.journal.format import JournalError
from lockstep.core.venue.parent_death import die_with
from lockstep.core.venue.venue import Manifest
from lockstep.procs.batcher.database import UnavailableError

MEGA = 10**6


class Sending:
    """Where a backup's contents go that nobody keeps here: into the stream of `writer`, each once."""

    def __init__(self, writer: Writer, folder: Path) -> None:
        self.folder = folder  # for messages
        self._writer = writer
        self._known: dict[tuple[str, str], File] = {}
        self._sources: dict[str, Path] = {}

    def points(self) -> list[Point]:
        """No copy was sent before."""
        return []

    def object(self, sha256: str) -> Path:
        """Where the content is that was sent with this checksum."""
        return self._sources[sha256]

    def find(self, path: str, known: str) -> File | None:
        """The file at `path` that is known as this, if it was sent."""
        return self._known.get((path, known))

    def add(self, path: str, source: Path, size: int, speed: Pace, known: str = "") -> File:
        """Send the first `size` bytes of `source`. EOFError, OSError."""
        file = self.add_content(path, pace.chunks(source, size, speed), known)
        self._sources[file.sha256] = source
        return file

    def add_content(self, path: str, content: Iterator[bytes], known: str = "") -> File:
        """The same for content from elsewhere."""
        return self.note(File(path, *self._writer.file(path, content), known))

    def note(self, file: File) -> File:
        """Remember what a file that was sent is known as."""
        if file.known:
            self._known[file.path, file.known] = file
        return file


def main() -> None:
    """Ends with 0 once all is written, else with 1 and a line that says why."""
    die_with(os.getppid())
    parser = argparse.ArgumentParser(prog="python -m lockstep.cli.backup.sending", description=__doc__)
    parser.add_argument("--manifest", type=Path, required=True, help="the run's")
    manifest = Manifest.load(parser.parse_args().manifest)
    pace.give_way()
    writer = Writer(sys.stdout.buffer)
    speed = Pace(manifest.config.replication.catch_up_mb_s * MEGA)
    try:
        writer.point(Taking(manifest.config, Sending(writer, Path(manifest.data)), speed).take())
    except (RepositoryError, JournalError, OSError, EOFError, psycopg.Error, UnavailableError) as error:
        sys.exit(" ".join(str(error).split()))


if __name__ == "__main__":
    main()
