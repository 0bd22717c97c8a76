"""A key that a person makes on the page, and the lines that it shows with it: programs trade by them, as they are."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from playwright.sync_api import Page, expect

from tests.interop.environments import python_of
from tests.interop.freqtrade_bot import Bot
from tests.pipeline.conftest import RunningVenue, one_for_all
from tests.web.conftest import Watched
from tests.web.test_account import account_of, prove

pytestmark = pytest.mark.interop
CLIENT_S = 120
PAIRS = ["BTC/USDT"]


@pytest.fixture(scope="module")
def venue(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningVenue]:
    with one_for_all(tmp_path_factory) as running:
        yield running


def lines(page: Page, client: str) -> str:
    """What the page shows for a client."""
    page.get_by_role("button", name=client, exact=True).click()
    expect(page.get_by_role("button", name=client, exact=True)).to_have_attribute("aria-pressed", "true")
    return page.get_by_test_id("snippet").inner_text()


def run(client: str, code: str, folder: Path) -> str:
    """What lines print, in their client's environment."""
    done = subprocess.run(
        [python_of(client), "-c", code], cwd=folder, capture_output=True, text=True, check=False, timeout=CLIENT_S
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_pages_lines_work_as_they_are(venue: RunningVenue, watched: tuple[Page, Watched], tmp_path: Path) -> None:
    page, seen = watched
    seen.allow("status of 403")
    account_of(page, "TRADER1")
    page.get_by_label("trade:").check()
    page.get_by_test_id("key-make").click()
    prove(page)
    order = 'print(venue.create_limit_buy_order("BTC/USDT", 0.1, 41000)["status"])'
    total, status = run("ccxt", lines(page, "ccxt") + order, tmp_path).splitlines()
    assert "'USDT': 100000000.0" in total
    assert status == "open"
    opened = 'print([each["price"] for each in client.get_open_orders(symbol="BTCUSDT")])'
    assert "['41000.00000000']" in run("python_binance", lines(page, "python-binance") + opened, tmp_path)

    assert venue.api_port is not None
    bot = Bot(tmp_path / "bot", venue.api_port, PAIRS, "TRADER2")
    config = tmp_path / "bot" / "config.json"
    shown = json.loads(lines(page, "freqtrade"))["exchange"]
    whole = {**json.loads(config.read_text()), "exchange": {**shown, "pair_whitelist": PAIRS}}
    config.write_text(json.dumps(whole))
    with bot:
        (dollars,) = [each for each in bot.ask("balance")["currencies"] if each["currency"] == "USDT"]
    assert dollars["used"] == 4100


PRIVATE_KEYS = [Ed25519PrivateKey.generate(), generate_private_key(65_537, 2048)]


@pytest.mark.parametrize("key", PRIVATE_KEYS, ids=["ed25519", "rsa"])
def test_so_they_do_with_a_private_key(
    watched: tuple[Page, Watched], tmp_path: Path, key: Ed25519PrivateKey | RSAPrivateKey
) -> None:
    page, seen = watched
    seen.allow("status of 403")
    (tmp_path / "private.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    account_of(page, "TRADER3")
    page.get_by_test_id("key-kind").select_option("own")
    page.get_by_test_id("key-public").fill(
        key.public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        .decode()
    )
    page.get_by_test_id("key-make").click()
    prove(page)
    assert "'USDT': 100000000.0" in run("ccxt", lines(page, "ccxt"), tmp_path)
    assert "'100000000.00000000'" in run("python_binance", lines(page, "python-binance"), tmp_path)
