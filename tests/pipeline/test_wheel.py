"""The wheel, where there is neither compiler, Node nor this checkout: `lockstep demo` works in any folder."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
import venv
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.pages import ROOT

NO_TOOLS = {"PATH": "/nothing"}
PORT = 8080
READY_S = 120
TRADES = 3


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Made by this build: what is compiled already is not compiled again."""
    folder = tmp_path_factory.mktemp("wheel")
    made = subprocess.run(
        [sys.executable, "setup.py", "--quiet", "bdist_wheel", "--dist-dir", str(folder)],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    (found,) = folder.glob("*.whl")
    return found


def test_a_wheel_has_one_package_and_no_source_of_c(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0] for name in names if ".dist-info/" not in name} == {"lockstep"}
    assert [name for name in names if name.endswith((".c", ".pyx"))] == []
    assert "lockstep/procs/api/web/index.html" in names
    assert "lockstep/config/demo.toml" in names
    assert sum(name.endswith(".so") for name in names) == len(list((ROOT / "lockstep").rglob("*.pyx")))


@pytest.fixture
def python(wheel: Path, tmp_path: Path) -> Path:
    """Of an environment that pip has filled from the wheel and the registry, without a compiler."""
    home = tmp_path / "environment"
    venv.create(home, symlinks=True, with_pip=True)
    pip = ["-m", "pip", "--quiet", "--disable-pip-version-check", "install", "--only-binary", ":all:"]
    subprocess.run([home / "bin" / "python", *pip, wheel], env={**os.environ, **NO_TOOLS}, cwd=tmp_path, check=True)
    return home / "bin" / "python"


@pytest.fixture
def demo(python: Path, tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], Path]]:
    """`lockstep demo` in an empty folder, with what it prints in the file `log` there."""
    with socket.socket() as port:
        port.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            port.bind(("127.0.0.1", PORT))
        except OSError:
            pytest.skip(f"port {PORT}, which the demo's api has, is taken")
    folder = tmp_path / "anywhere"
    folder.mkdir()
    with (folder / "log").open("w") as log:
        running = subprocess.Popen(
            [python.with_name("lockstep"), "demo", "--seed", "7"], cwd=folder, stdout=log, stderr=log, text=True,
            env={**NO_TOOLS, "HOME": str(tmp_path)}, start_new_session=True,
        )  # fmt: skip
    yield running, folder
    if running.poll() is None:
        running.terminate()
        running.wait()


def answer(path: str) -> bytes:
    """Of the demo's api; nothing while it does not answer."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{PORT}{path}", timeout=5) as response:
            return bytes(response.read())
    except OSError:
        return b""


@pytest.mark.interop
def test_the_demo_lives_in_any_folder(demo: tuple[subprocess.Popen[str], Path]) -> None:
    running, folder = demo
    deadline_s = time.monotonic() + READY_S
    while len(json.loads(answer("/api/v3/trades?symbol=BTCUSDT") or b"[]")) < TRADES:
        assert running.poll() is None, (folder / "log").read_text()
        assert time.monotonic() < deadline_s, (folder / "log").read_text()
        time.sleep(0.1)  # trades come when they come: only asking again tells
    assert b"<title>" in answer("/")
    assert f"Open http://127.0.0.1:{PORT} and log in as TRADER1, password demo" in (folder / "log").read_text()
    assert {path.name for path in folder.iterdir()} == {"lockstep-data", "log"}
    running.send_signal(signal.SIGINT)
    assert running.wait(READY_S) == 0, (folder / "log").read_text()
