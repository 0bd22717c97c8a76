"""The run that commands look at: one whose supervisor lives."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec
import pytest
from msgspec import structs

from lockstep.cli.errors import UsageError
from lockstep.cli.running import attach
from lockstep.cli.terminal import stopped
from lockstep.core.files import atomic_file
from lockstep.core.venue.venue import Manifest, manifest_of
from lockstep.shm.segment import RoleLock
from tests.cli.nodes.secondary import Secondary


def test_what_a_killed_supervisor_left_is_no_run(tmp_path: Path) -> None:
    """Else `rejoin` after a kill -9 filled the database as far as that run had committed, behind the journal's cut."""
    secondary = Secondary(tmp_path / "data")
    assert attach(secondary.data) is None
    with secondary.runs():
        assert attach(secondary.data) is not None
        file = manifest_of(secondary.data)
        killed = structs.replace(Manifest.load(file), pid=os.getppid())
        atomic_file.replace(file, msgspec.json.encode(killed))
        assert attach(secondary.data) is None
        assert RoleLock.holder(secondary.data / "venue.lock") == os.getpid()
        atomic_file.replace(file, b'{"of": "another version"}')
        with pytest.raises(UsageError, match="is run by another version of the software"):
            attach(secondary.data)
    with stopped(secondary.data):  # as rejoin does
        assert attach(secondary.data) is None
