"""`lockstep demo` that runs a venue, too: only where no other venue would be taken for it."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from lockstep.cli.terminal import DEMO_CONFIG
from tests.console import lockstep
from tests.ports import free_port


@pytest.mark.parametrize("section", ["fix", "market_data", "api"])
def test_no_venue_is_run_where_another_one_listens(tmp_path: Path, section: str) -> None:
    """Its market would begin at the other one."""
    ports = {"fix": ("9878", free_port()), "market_data": ("8081", free_port()), "api": ("8080", free_port())}
    text = DEMO_CONFIG.read_text()
    for shipped, port in ports.values():
        text = text.replace(f"\nport = {shipped}", f"\nport = {port}")
    config = tmp_path / "venue.toml"
    config.write_text(text)
    with socket.create_server(("127.0.0.1", ports[section][1])):
        answer = lockstep("demo", "--run", config)
    assert answer.returncode == 2
    assert f"{section}.port {ports[section][1]}: address already in use" in answer.stderr
    assert not (tmp_path / "lockstep-data").exists()
