"""What all tests of backups start from."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.backup.backups import Backups


@pytest.fixture
def backups(tmp_path: Path) -> Backups:
    return Backups(tmp_path)
