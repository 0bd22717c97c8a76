"""A failed open closes nothing: a descriptor that it was never given may be anyone's."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from lockstep.core.files.disk import FolderDisk
from lockstep.core.intake.refused_ids import RefusedIds
from lockstep.core.journal.journal import JournalReader
from lockstep.core.journal.writer import JournalWriter
from lockstep.procs.batcher.reader import Reader
from lockstep.procs.batcher.spool import Spool
from lockstep.procs.gateway.lookup import Lookup
from lockstep.procs.gateway.store import Store
from lockstep.procs.gateway.store_reader import Scan

NO_FOLDER = Path("/dev/null/none")
FAILING: dict[str, Callable[[], object]] = {
    "store, no folder": lambda: Store(NO_FOLDER, RefusedIds()),
    "spool, no folder": lambda: Spool(NO_FOLDER),
    "journal, no folder": lambda: JournalWriter(NO_FOLDER, "none", 8192),
}
OWNERS: tuple[Callable[..., Any], ...] = (
    FolderDisk, JournalReader, JournalWriter, Lookup, Reader, Scan, Spool, Store,
)  # fmt: skip


@pytest.fixture
def first(tmp_path: Path) -> Iterator[os.stat_result]:
    """Descriptor 0 in a process that begins without a standard input: some other file's."""
    kept = os.dup(0)
    with (tmp_path / "somebody's").open("wb") as file:
        os.dup2(file.fileno(), 0)
        yield os.fstat(0)
    os.dup2(kept, 0)
    os.close(kept)


@pytest.mark.parametrize("make", FAILING.values(), ids=FAILING.keys())
def test_what_cannot_be_opened_closes_no_other(first: os.stat_result, make: Callable[[], object]) -> None:
    with pytest.raises(OSError, match="/dev/null"):
        make()
    assert os.path.samestat(os.fstat(0), first)


@pytest.mark.parametrize("owner", OWNERS, ids=lambda owner: owner.__name__)
def test_what_is_asked_for_wrongly_closes_no_other(first: os.stat_result, owner: Callable[..., Any]) -> None:
    with pytest.raises(TypeError):
        owner()
    assert os.path.samestat(os.fstat(0), first)
