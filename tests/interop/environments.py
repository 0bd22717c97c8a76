"""An environment of its own for each client of the API: their requirements differ. `make interop` makes them once.

python tests/interop/environments.py        # makes what is missing, in build/clients
"""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

FOLDER = Path(__file__).parents[2] / "build" / "clients"
# Only what is compiled already, but for a small module that is nowhere.
WHEELS = ("--only-binary", ":all:", "--no-binary", "sdnotify")
CLIENTS = {
    "freqtrade": ("freqtrade>=2026.9",),
    "nautilus_trader": ("nautilus_trader==1.221.0",),
    "ccxt": ("ccxt>=4.5", "aiohttp<4"),
    "python_binance": ("python-binance>=1.0.37", "cryptography>=44"),
}  # the largest first


def python_of(client: str) -> Path:
    """The interpreter of a client's environment."""
    return FOLDER / client / "bin" / "python"


def make(client: str) -> None:
    """Make a client's environment, unless it is there and whole. CalledProcessError."""
    whole = FOLDER / client / "whole"
    if whole.exists() and whole.read_text() == repr(CLIENTS[client]):
        return
    print(f"setting up {client}, once", flush=True)
    subprocess.run([sys.executable, "-m", "venv", "--clear", FOLDER / client], check=True)
    pip: list[str | Path] = [python_of(client), "-m", "pip", "--quiet", "--disable-pip-version-check", "install"]
    subprocess.run([*pip, *WHEELS, *CLIENTS[client]], check=True)
    whole.write_text(repr(CLIENTS[client]))


if __name__ == "__main__":
    with ThreadPoolExecutor(2) as pool:
        for _ in pool.map(make, CLIENTS):
            pass
