"""What real clients sent to a stub of this dialect, byte by byte: it is read, its signature verified, its order taken.

`recorded.jsonl` has one request of each kind that ccxt, ccxt.pro, python-binance and nautilus_trader make, with keys of
both kinds, and the code of the answer where it was an error. tests/interop/README.md says how it was made.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from lockstep.procs.api.binance import order_forms as forms
from lockstep.procs.api.binance import ws_requests
from lockstep.procs.api.binance.errors import ApiError
from lockstep.procs.api.binance.parameters import Parameters, of_request
from lockstep.procs.api.binance.routes import REST, Route, Security, weight_of
from lockstep.procs.api.binance.signatures import check_signature, check_time
from lockstep.procs.api.login.signing_keys import Ed25519Key, HmacKey, Key
from tests.api.binance.probe import Probe

RECORDED = [json.loads(line) for line in (Path(__file__).parent / "recorded.jsonl").read_text().splitlines()]
SEED = hashlib.sha256(b"TRADER1-demo-ed25519").digest()
KEYS: dict[bytes, Key] = {
    b"TRADER1-demo-key": HmacKey(b"TRADER1-demo-secret"),
    b"TRADER1-demo-ed25519": Ed25519Key(Ed25519PrivateKey.from_private_bytes(SEED).public_key().public_bytes_raw()),
}
GENERATED = [b"g1", b"g2", b"g3"]
CHECKS: dict[str, Callable[[Parameters, Probe], object]] = {
    "order_place": lambda sent, probe: probe.check(forms.read_order(sent, b"g")),
    "order_test": lambda sent, probe: probe.check(forms.read_order(sent, b"g")),
    "cancel_replace": lambda sent, probe: probe.check(forms.read_cancel_replace(sent, b"c", b"g").order),
    "oco_place": lambda sent, probe: probe.check_list(forms.read_oco(sent, GENERATED)),
    "old_oco_place": lambda sent, probe: probe.check_list(forms.read_old_oco(sent, GENERATED)),
    "oto_place": lambda sent, probe: probe.check_list(forms.read_oto(sent, GENERATED)),
    "order_cancel": lambda sent, _: forms.read_cancel(sent, b"g"),
    "order_status": lambda sent, _: forms.read_target(sent),
}


def named(row: dict[str, Any]) -> str:
    what = json.loads(row["message"])["method"] if "message" in row else f"{row['method']} {row['path']}"
    return f"{row['client']}: {what}"


def examine(route: Route, sent: Parameters, key: str | None, probe: Probe) -> None:
    """All that the server asks before it sends an order into the venue."""
    if route.security is Security.SIGNED:
        assert key is not None
        now_us = 1000 * int(sent.require(b"timestamp")) + 100_000
        check_time(sent, now_us)
        check_signature(sent, KEYS[key.encode()])
    sent.expect(route.parameters)
    assert weight_of(route, sent) > 0
    if route.name in CHECKS:
        CHECKS[route.name](sent, probe)


@pytest.mark.parametrize("row", RECORDED, ids=named)
def test_a_clients_request_is_understood(row: dict[str, Any]) -> None:
    code = 0
    try:
        if "message" in row:
            request = ws_requests.read(row["message"].encode())
            key = (request.parameters.get(b"apiKey") or b"").decode()
            examine(request.route, request.parameters, key, Probe())
        else:
            sent = of_request(row["query"].encode("latin-1"), row["body"].encode("latin-1"))
            examine(REST[row["method"], row["path"]], sent, row["key"], Probe())
    except ApiError as error:
        code = error.code
    # That an order does not exist is not known here.
    assert code == (0 if row["code"] == -2013 else row["code"])


def test_every_client_has_sent_orders() -> None:
    senders = {row["client"] for row in RECORDED if "order" in (row.get("path") or row["message"])}
    assert senders == {"ccxt 4.5.90", "ccxt.pro 4.5.90", "python-binance 1.0.37", "nautilus_trader 1.221.0"}


def test_a_changed_byte_is_a_wrong_signature() -> None:
    row = next(row for row in RECORDED if row.get("path") == "/api/v3/order" and row["method"] == "POST")
    changed = row["body"].replace("side=BUY", "side=SELL")
    assert changed != row["body"]
    with pytest.raises(ApiError, match="Signature for this request is not valid"):
        check_signature(of_request(row["query"].encode(), changed.encode()), KEYS[row["key"].encode()])
