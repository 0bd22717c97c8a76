"""People at the demo venue's own API: they register, log in, make keys, trade, and operate; what they may not, they
can't."""

from __future__ import annotations

import base64
import contextlib
import hmac
import json
import os
import signal
import threading
import time
from collections.abc import Iterator
from decimal import Decimal
from functools import partial
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode

import pyotp
import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ec import generate_private_key as generate_ec_key
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from websockets.sync.client import connect

from lockstep.procs.api.v1.auth import REGISTERED_BY_ADDRESS
from tests.cli.operate.commands import OTHER, REFUSED, operate
from tests.passwords import PASSWORD
from tests.pipeline.api_client import ApiClient, RefusedError
from tests.pipeline.conftest import RunningVenue, one_for_all
from tests.pipeline.person import AwayError, Person, ProblemError

GOOD = "quiet-lantern-under-snow"
BETTER = "seven-grey-herons-waiting"


@pytest.fixture(scope="module")
def venue(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningVenue]:
    with one_for_all(tmp_path_factory) as running:
        yield running


def person(venue: RunningVenue, name: str = "", password: str = GOOD) -> Person:
    """Somebody; who has registered and logged in, if given a name."""
    assert venue.api_port is not None
    made = Person(venue.api_port)
    if name:
        made.post("/auth/register", name=name, password=password)
        made.log_in(name, password)
    return made


def operator(venue: RunningVenue, name: str = "OPERATOR1", *, proved: bool = True) -> Person:
    made = person(venue)
    made.log_in(name, PASSWORD)
    if proved:
        made.prove(PASSWORD)
    return made


def refused(status: int, code: str) -> Any:
    return pytest.raises(ProblemError, match=rf"^{status} .*'code': '{code}'")


def kill_api(venue: RunningVenue, person: Person) -> None:
    """Kill the api, and wait until it answers the person again."""
    os.kill(venue.pids()["api"], signal.SIGKILL)
    deadline = time.monotonic() + 20
    while True:
        try:
            person.get("/account")
            return
        except OSError:
            assert time.monotonic() < deadline
            time.sleep(0.05)  # nothing tells a client that a port is open again


def balance(who: Person, asset: str) -> tuple[float, float]:
    """Free and held; the amounts of these tests are exact as floats."""
    found = next(row for row in who.get("/account/balances") if row["asset"] == asset)
    return float(found["free"]), float(found["held"])


def test_a_newcomer_registers_is_welcomed_and_trades_with_a_fix_session(venue: RunningVenue) -> None:
    newcomer = person(venue)
    assert newcomer.post("/auth/register", name="newcomer", password=GOOD)["status"] == "open"
    with refused(400, "NAME_USED"):
        newcomer.post("/auth/register", name="newcomer", password=GOOD)
    with refused(422, "WEAK_PASSWORD"):
        newcomer.post("/auth/register", name="other", password="password1")
    newcomer.log_in("newcomer", GOOD)
    assert balance(newcomer, "USDT") == (100_000, 0)
    fix = venue.client("TRADER5")
    fix.connect()
    placed = newcomer.post(
        "/orders", symbol="BTCUSDT", side="buy", type="limit", price="41000", quantity="0.1", client_order_id="n1"
    )
    assert placed["order"]["status"] == "new"
    assert balance(newcomer, "USDT") == (95_900, 4_100)
    fix.order("f1", "sell", "41000", "0.04", symbol="BTCUSDT")
    fix.await_report("f1", "F")
    # Its refusal stands in the log behind the trade: what is asked after it has the trade, also where FIX was first.
    with refused(400, "DUPLICATE_CLIENT_ID"):
        newcomer.post(
            "/orders", symbol="BTCUSDT", side="buy", type="limit", price="1", quantity="1", client_order_id="n1"
        )
    order = newcomer.get(f"/orders/{placed['order']['order_id']}")
    assert (order["status"], order["filled"], order["value"]) == ("partially_filled", "0.0400", "1640.00000000")
    (fill,) = newcomer.get("/fills?symbol=BTCUSDT")
    assert (fill["liquidity"], fill["price"], fill["quantity"], fill["side"]) == ("maker", "41000.00", "0.0400", "buy")
    assert newcomer.get("/orders/by-client-id/n1")["order_id"] == order["order_id"]
    assert [each["status"] for each in newcomer.delete("/orders")["orders"]] == ["cancelled"]
    assert newcomer.get("/orders/open") == []
    fix.close()


def test_refused_registrations_do_not_count_against_an_address(venue: RunningVenue) -> None:
    stranger = person(venue)
    for number in range(REGISTERED_BY_ADDRESS + 1):
        with refused(422, "WEAK_PASSWORD"):
            stranger.post("/auth/register", name=f"stranger{number}", password="letmein1")
    stranger.post("/auth/register", name="stranger", password=GOOD)


def test_whatever_is_wrong_with_a_login_is_one_answer(venue: RunningVenue) -> None:
    somebody = person(venue, "oneanswer")
    said = []
    for name, password, code in (("oneanswer", "wrong", ""), ("nobody", GOOD, ""), ("nobody\0", GOOD, "1")):
        with pytest.raises(ProblemError) as found:
            person(venue).log_in(name, password, code)
        said.append(found.value.said)
    assert said[0]["code"] == "LOGIN_FAILED"
    assert said == [said[0]] * 3
    assert "HttpOnly" in somebody.set_cookie
    assert "SameSite=strict" in somebody.set_cookie
    assert "Path=/v1/auth" in somebody.set_cookie


def test_a_second_factor_is_asked_for_and_each_code_counts_once(venue: RunningVenue) -> None:
    """LOG-30."""
    somebody = person(venue, "factor")
    with refused(403, "PROOF_NEEDED"):
        somebody.post("/auth/mfa")
    somebody.prove(GOOD)
    setup = somebody.post("/auth/mfa")
    totp = pyotp.TOTP(setup["secret"])
    with refused(422, "INVALID"):
        somebody.post("/auth/mfa/confirm", setup=setup["setup"], code="000000x")
    with refused(422, "INVALID"):
        person_of_other = person(venue, "factor2")
        person_of_other.prove(GOOD)
        person_of_other.post("/auth/mfa/confirm", setup=setup["setup"], code=totp.now())
    code = totp.now()
    codes = somebody.post("/auth/mfa/confirm", setup=setup["setup"], code=code)["recovery_codes"]
    assert somebody.get("/account")["recovery_codes_left"] == 10
    for wrong in ("", code, "123456"):  # none, one that was used, and a wrong one
        with refused(401, "LOGIN_FAILED"):
            person(venue).log_in("factor", GOOD, wrong)
    again = person(venue)
    again.log_in("factor", GOOD, codes[0])
    with refused(401, "LOGIN_FAILED"):
        person(venue).log_in("factor", GOOD, codes[0])
    with refused(401, "LOGIN_FAILED"):
        again.prove(password=GOOD)
    again.prove(code=codes[1])
    assert again.get("/account")["recovery_codes_left"] == 8
    again.delete("/auth/mfa")
    person(venue).log_in("factor", GOOD)


def test_a_recovery_code_gives_another_password_once(venue: RunningVenue) -> None:
    somebody = person(venue, "forgetful")
    somebody.prove(GOOD)
    setup = somebody.post("/auth/mfa")
    code = pyotp.TOTP(setup["secret"]).now()
    codes = somebody.post("/auth/mfa/confirm", setup=setup["setup"], code=code)["recovery_codes"]
    for name, recovery in (("forgetful", "AAAA"), ("TRADER1", codes[2]), ("nobody", codes[2])):
        with refused(401, "LOGIN_FAILED"):
            person(venue).post("/auth/reset", name=name, recovery_code=recovery, password="letmein1")
    with refused(422, "WEAK_PASSWORD"):  # only a right code has a password looked at, and is not used up by a weak one
        person(venue).post("/auth/reset", name="forgetful", recovery_code=codes[2], password="letmein1")
    person(venue).post("/auth/reset", name="forgetful", recovery_code=codes[2], password=BETTER)
    with refused(401, "SESSION_ENDED"):
        somebody.get("/account")
    with refused(401, "LOGIN_FAILED"):
        person(venue).post("/auth/reset", name="forgetful", recovery_code=codes[2], password=GOOD)
    person(venue).log_in("forgetful", BETTER, codes[3])


def test_two_operators_let_an_owner_take_another_password(venue: RunningVenue, monkeypatch: pytest.MonkeyPatch) -> None:
    """LOG-34."""
    owner = person(venue, "lost")
    owner.prove(GOOD)
    setup = owner.post("/auth/mfa")
    owner.post("/auth/mfa/confirm", setup=setup["setup"], code=pyotp.TOTP(setup["secret"]).now())
    first, second = operator(venue), operator(venue, "OPERATOR2")
    path = "/operator/accounts/lost/password-reset"
    with refused(403, "NOT_ALLOWED"):
        owner.post(path)
    with refused(403, "ROLE_NOT_ALLOWED"):
        first.post("/operator/accounts/OPERATOR1/password-reset")
    proposed = first.post(path, takes_factor=True)
    code = proposed["code"]

    def reset(code: str, name: str = "lost") -> None:
        person(venue).post("/auth/reset-by-code", name=name, code=code, password=BETTER)

    with refused(401, "LOGIN_FAILED"):
        reset(code)
    with refused(403, "SAME_OPERATOR"):
        first.post(f"{path}/{proposed['proposal']}/approve")
    second.post(f"{path}/{proposed['proposal']}/approve")
    (waits,) = second.get("/operator/password-resets")
    assert (waits["account"], waits["proposed_by"], waits["is_approved"]) == ("lost", "OPERATOR1", True)
    for wrong, name in (("A" + code, "lost"), ("", "lost"), (code, "TRADER1"), (code, "nobody")):
        with refused(401, "LOGIN_FAILED"):
            reset(wrong, name)
    assert owner.get("/account")["has_second_factor"], "nothing has changed yet"
    reset(code.lower())
    with refused(401, "SESSION_ENDED"):
        owner.get("/account")
    with refused(401, "LOGIN_FAILED"):
        person(venue).log_in("lost", GOOD)
    with refused(401, "LOGIN_FAILED"):
        reset(code)
    again = person(venue)
    again.log_in("lost", BETTER)
    assert not again.get("/account")["has_second_factor"]
    assert first.get("/operator/password-resets") == []
    monkeypatch.setenv("LOCKSTEP_OPERATOR_PASSWORD", PASSWORD)
    told = operate(venue, "password-reset", "propose", "lost")
    approval = ("password-reset", "approve", "lost", str(told["details"]["proposal"]))
    assert operate(venue, *approval, code=REFUSED)["code"] == "SAME_OPERATOR"
    operate(venue, *approval, by=OTHER)
    while not first.get("/operator/password-resets")[0]["is_approved"]:
        pass  # a command of the shell is done before the api has read of it
    reset(told["details"]["code"])


def test_a_key_that_is_made_here_signs_requests_until_it_is_revoked(venue: RunningVenue) -> None:
    """LOG-30."""
    somebody = person(venue, "keyed")
    with refused(403, "PROOF_NEEDED"):
        somebody.post("/keys", scopes=["read"])
    somebody.prove(GOOD)
    made = somebody.post("/keys", scopes=["read", "trade"], addresses=["127.0.0.1", "2001:db8::/32"])
    assert made["key"]["addresses"] == ["127.0.0.1/32", "2001:db8::/32"]
    client = signing(venue, made)
    assert client.signed("GET", "account")["canTrade"] is True
    client.order("k1", "BUY", "100.00", "1", "SOLUSDT")
    reads = signing(venue, somebody.post("/keys", scopes=["read"]))
    with pytest.raises(RefusedError, match="-2015"):
        reads.order("k2", "BUY", "100.00", "1", "SOLUSDT")
    elsewhere = signing(venue, somebody.post("/keys", scopes=["read"], addresses=["192.0.2.0/24"]))
    with pytest.raises(RefusedError, match="-2015"):
        elsewhere.signed("GET", "account")
    rotated = signing(venue, somebody.ask("POST", f"/keys/{made['key']['name']}/rotate"))
    with pytest.raises(RefusedError, match="-2015"):
        client.signed("GET", "account")
    assert [order["clientOrderId"] for order in rotated.signed("GET", "openOrders")] == ["k1"]
    somebody.delete(f"/keys/{rotated.key}")
    with pytest.raises(RefusedError, match="-2015"):
        rotated.signed("GET", "account")
    for wrong in WRONG_KEYS:
        with refused(422, "INVALID"):
            somebody.post("/keys", **wrong)
    with refused(404, "NOT_FOUND"):
        somebody.delete("/keys/TRADER1-demo-key")
    assert len(somebody.get("/keys")) == 2


def pem_of(key: RSAPrivateKey | EllipticCurvePrivateKey) -> str:
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


WRONG_KEYS: list[dict[str, Any]] = [
    {"scopes": []},
    {"scopes": ["all"]},
    {"scopes": ["read"], "addresses": ["x"]},
    {"scopes": ["read"], "expires": 1},
    {"scopes": ["read"], "public_key": "AAAA"},
    {"scopes": ["read"], "public_key": pem_of(generate_private_key(65_537, 1024))},
    {"scopes": ["read"], "public_key": pem_of(generate_private_key(3, 2048))},
    {"scopes": ["read"], "public_key": pem_of(generate_ec_key(SECP256R1()))},
    {"scopes": ["read"], "public_key": "-----BEGIN PRIVATE KEY-----\nMC4C\n-----END PRIVATE KEY-----"},
    {"scopes": ["read"], "more": 1},
]


def test_rsa_keys_sign_also_when_the_api_has_started_again(venue: RunningVenue) -> None:
    owner = operator(venue, "TRADER7")
    keys = []
    for bits in (2048, 4096):
        name, private = f"r{bits}", generate_private_key(65_537, bits)
        made = owner.post("/keys", scopes=["read", "trade"], addresses=["127.0.0.0/8"], public_key=pem_of(private))
        assert (made["key"]["kind"], made["secret"]) == ("rsa", "")
        keys.append((made, private))
        client = signing_by_rsa(venue, made, private)
        client.order(name, "BUY", "100.00", "1", "SOLUSDT")
        with connect(f"ws://127.0.0.1:{venue.api_port}/ws-api/v3") as socket:
            text = signed(private, urlencode({"apiKey": client.key, "timestamp": time.time_ns() // 10**6}))
            socket.send(json.dumps({"id": 1, "method": "account.status", "params": dict(parse_qsl(text))}))
            assert json.loads(socket.recv(20))["result"]["canTrade"] is True
            socket.send(json.dumps({"id": 2, "method": "session.logon", "params": dict(parse_qsl(text))}))
            assert json.loads(socket.recv(20))["error"]["code"] == -4056
    kill_api(venue, owner)
    short, long = (signing_by_rsa(venue, *key) for key in keys)
    for client in (short, long):
        assert {order["clientOrderId"] for order in client.signed("GET", "openOrders")} == {"r2048", "r4096"}
    short.signed("DELETE", "openOrders", symbol="SOLUSDT")
    owner.delete(f"/keys/{long.key}")
    with pytest.raises(RefusedError, match="-2015"):
        long.signed("GET", "account")
    assert short.signed("GET", "openOrders") == []


def signing_by_rsa(venue: RunningVenue, made: dict[str, Any], private: RSAPrivateKey) -> ApiClient:
    client = signing(venue, made)
    client.sign = partial(signed, private)  # type: ignore[method-assign]
    return client


def signed(private: RSAPrivateKey, query: str) -> str:
    signature = base64.b64encode(private.sign(query.encode(), PKCS1v15(), SHA256())).decode()
    return f"{query}&signature={quote(signature, safe='')}"


def signing(venue: RunningVenue, made: dict[str, Any]) -> ApiClient:
    assert venue.api_port is not None
    client = ApiClient(venue.api_port, "TRADER1")
    client.key = made["key"]["name"]
    secret = made["secret"].encode()
    client.sign = lambda query: f"{query}&signature={hmac.new(secret, query.encode(), 'sha256').hexdigest()}"  # type: ignore[method-assign]
    return client


def test_a_session_ends_at_once_where_its_owner_ends_it(venue: RunningVenue) -> None:
    one, two = person(venue, "sessions"), person(venue)
    two.log_in("sessions", GOOD)
    listed = one.get("/auth/sessions")
    assert [each["is_this"] for each in listed] == [False, True]
    with refused(404, "NOT_FOUND"):
        person(venue, "sessions2").delete(f"/auth/sessions/{listed[0]['id']}")
    for odd in ("x", "%00", "%F0%9F%98%80" * 20):
        with refused(404, "NOT_FOUND"):
            one.delete(f"/auth/sessions/{odd}")
    one.delete(f"/auth/sessions/{listed[0]['id']}")
    with refused(401, "SESSION_ENDED"):
        two.get("/account")
    stolen = Person(venue.api_port or 0)
    stolen.cookie = one.cookie
    stolen.post("/auth/refresh")
    one.post("/auth/refresh")  # as if that answer had got lost
    stolen.post("/auth/refresh")
    with refused(401, "SESSION_ENDED"):
        one.post("/auth/refresh")  # its cookie was used elsewhere: both have ended
    with refused(401, "SESSION_ENDED"):
        stolen.get("/account")


def loses(somebody: Person, path: str, **body: object) -> None:
    """Have something done whose answer does not reach the browser."""
    kept = somebody.token, somebody.cookie
    somebody.post(path, **body)
    somebody.token, somebody.cookie = kept


def test_an_answer_that_got_lost_logs_nobody_out(venue: RunningVenue) -> None:
    somebody = person(venue, "unlucky")
    loses(somebody, "/auth/refresh")
    somebody.post("/auth/refresh")
    loses(somebody, "/auth/step-up", password=GOOD)
    with refused(401, "SESSION_ENDED"):
        somebody.get("/account")
    somebody.post("/auth/refresh")
    with refused(403, "PROOF_NEEDED"):
        somebody.post("/keys", scopes=["read"])
    somebody.prove(GOOD)
    somebody.post("/keys", scopes=["read"])
    somebody.post("/auth/refresh")
    somebody.post("/keys", scopes=["read"])  # it is proved still


def test_another_password_ends_all_sessions_but_the_one_that_changed_it(venue: RunningVenue) -> None:
    one, two = person(venue, "changes"), person(venue)
    two.log_in("changes", GOOD)
    with refused(403, "LOGIN_FAILED"):
        one.post("/auth/password", current="wrong", password=BETTER)
    with refused(422, "WEAK_PASSWORD"):
        one.post("/auth/password", current=GOOD, password="letmein1")
    one.post("/auth/password", current=GOOD, password=BETTER)
    assert one.get("/account")["name"] == "changes"
    with refused(401, "SESSION_ENDED"):
        two.get("/account")
    with refused(401, "LOGIN_FAILED"):
        person(venue).log_in("changes", GOOD)


class Repeating(threading.Thread):
    """One connection of a session that cancels all its orders over and over, until it is refused."""

    def __init__(self, venue: RunningVenue, token: str) -> None:
        super().__init__(daemon=True)
        self._person = person(venue)
        self._person.token = token
        self.accepted: list[int] = []
        self.accepts = threading.Event()  # at least one was
        self.refusal: ProblemError | None = None

    def run(self) -> None:
        while self.refusal is None:
            try:
                self.accepted.append(self._person.delete("/orders")["seq"])
                self.accepts.set()
            except ProblemError as error:
                self.refusal = error


@pytest.mark.parametrize("way", ["lock", "log-out", "log-out elsewhere"])
def test_nothing_under_way_is_accepted_after_a_session_end(venue: RunningVenue, way: str) -> None:
    """LOG-30. Commands of several connections race with the end of their session."""
    owner, other, admin = person(venue, f"races-{way[:7]}{len(way)}"), person(venue), operator(venue)
    name = owner.get("/account")["name"]
    for round in range(4):
        owner.log_in(name, GOOD)
        other.log_in(name, GOOD)
        racing = [Repeating(venue, owner.token) for _ in range(4)]
        for each in racing:
            each.start()
        for each in racing:
            assert each.accepts.wait(20), "no command was accepted"
        match way:
            case "lock":
                path = f"/operator/accounts/{name}/kill-switch"
                ended = admin.put(path, scope="account", is_on=True)["seq"]
                admin.put(path, scope="account", is_on=False)
            case "log-out":
                owner.post("/auth/logout")
                ended = other.delete("/orders")["seq"]
            case _:
                other.end_other_sessions()
                ended = other.delete("/orders")["seq"]
        for each in racing:
            each.join()
            assert each.refusal is not None
            assert (each.refusal.status, each.refusal.code) == (401, "SESSION_ENDED"), round
            assert max(each.accepted) < ended, round


ORDERS = [
    {"type": "market", "quantity": "0.01"},
    {"type": "market", "budget": "10"},
    {"type": "limit", "price": "1000", "quantity": "0.01", "post_only": True, "slide": True},
    {"type": "limit", "price": "1000", "quantity": "0.02", "display": "0.01", "time_in_force": "day"},
    {"type": "limit", "price": "1000", "quantity": "0.02", "minimum": "0.01", "time_in_force": "ioc"},
    {"type": "limit", "price": "1000", "quantity": "0.02", "time_in_force": "gtd", "expires": 4_000_000_000_123},
    {"type": "limit", "price": "1000", "quantity": "0.02", "time_in_force": "at_the_open", "self_trade": "decrement"},
    {"type": "stop", "stop_price": "5000", "quantity": "0.01"},
    {"type": "stop_limit", "stop_price": "5000", "price": "5100", "quantity": "0.01"},
    {"type": "trailing_stop", "trail": "100", "quantity": "0.01"},
]


@pytest.fixture(scope="module")
def trader(venue: RunningVenue) -> Person:
    """With a market of its own: ETHUSDT has traded, at 2,000, and has a bid and an offer."""
    made = person(venue)
    made.log_in("TRADER6", PASSWORD)
    other = person(venue)
    other.log_in("TRADER7", PASSWORD)
    for side, price in (("buy", "1990"), ("sell", "2010"), ("sell", "2000")):
        other.post("/orders", symbol="ETHUSDT", side=side, type="limit", price=price, quantity="1")
    made.post("/orders", symbol="ETHUSDT", side="buy", type="limit", price="2000", quantity="1")
    return made


@pytest.mark.parametrize("order", ORDERS, ids=lambda order: "-".join(map(str, order)))
def test_every_order_of_the_venue_can_be_sent_in_its_own_terms(trader: Person, order: dict[str, Any]) -> None:
    placed = trader.post("/orders", symbol="ETHUSDT", side="buy", **order)["order"]
    for name, sent in order.items():
        shown = placed[name]
        assert Decimal(shown) == Decimal(sent) if name not in ("type", "time_in_force", "self_trade") else shown == sent
    assert trader.get(f"/orders/{placed['order_id']}") == placed
    trader.delete("/orders?symbol=ETHUSDT")


def test_an_open_order_gets_other_terms(trader: Person) -> None:
    placed = trader.post("/orders", symbol="ETHUSDT", side="buy", type="limit", price="1000", quantity="0.5")["order"]
    path = f"/orders/{placed['order_id']}"
    changed = trader.put(path, price="1001", quantity="0.4", client_order_id="changed1")["order"]
    assert (changed["price"], changed["quantity"], changed["client_order_id"]) == ("1001.00", "0.4000", "changed1")
    stop = trader.post("/orders", symbol="ETHUSDT", side="buy", type="stop", stop_price="5000", quantity="0.1")["order"]
    assert trader.put(f"/orders/{stop['order_id']}", stop_price="5001")["order"]["stop_price"] == "5001.00"
    trail = trader.post("/orders", symbol="ETHUSDT", side="buy", type="trailing_stop", trail="90", quantity="0.1")
    assert trader.put(f"/orders/{trail['order']['order_id']}", quantity="0.2")["order"]["trail"] == "90.00"
    for wrong in ({}, {"price": "x"}, {"price": "1.001"}, {"quantity": "-1"}, {"quantity": "1e3"}, {"more": "1"}):
        with pytest.raises(ProblemError, match=r"^4"):
            trader.put(path, **wrong)
    assert len(trader.delete("/orders?symbol=ETHUSDT&side=sell")["orders"]) == 0
    assert len(trader.delete("/orders?symbol=ETHUSDT")["orders"]) == 3


def test_lists_of_two_are_placed_in_the_venues_terms(trader: Person) -> None:
    leg = {"symbol": "ETHUSDT", "side": "buy", "quantity": "0.1"}
    listed = trader.post("/order-lists", kind="oco", orders=[
        leg | {"type": "limit", "price": "1000"}, leg | {"type": "stop", "stop_price": "5000"},
    ])["orders"]  # fmt: skip
    assert [order["status"] for order in listed] == ["new", "new"]
    assert listed[0]["list_id"] == listed[1]["list_id"] is not None
    assert len(trader.delete(f"/orders/{listed[0]['order_id']}")["orders"]) == 2
    with refused(400, "LIST_QUANTITIES_DIFFER"):
        trader.post("/order-lists", kind="oco", orders=[
            leg | {"type": "limit", "price": "1000"}, leg | {"type": "stop", "stop_price": "5000", "quantity": "1"},
        ])  # fmt: skip
    for first, second, field in (
        ({"price": "1000.001"}, {"stop_price": "5000"}, "orders[0].price"),
        ({"price": "1000"}, {"stop_price": "5000.001"}, "orders[1].stop_price"),
        ({"price": "1000", "post_only": True, "time_in_force": "ioc"}, {"stop_price": "5000"}, "orders[0].post_only"),
        ({"price": "1000", "time_in_force": "ioc"}, {"stop_price": "5000"}, "kind"),
    ):
        with pytest.raises(ProblemError) as error:
            trader.post("/order-lists", kind="oco", orders=[
                leg | {"type": "limit"} | first, leg | {"type": "stop"} | second,
            ])  # fmt: skip
        assert error.value.field == field


WRONG_ORDERS = [
    ({}, 422, "INVALID"),
    ({"symbol": "NONE", "side": "buy", "type": "market", "quantity": "1"}, 400, "UNKNOWN_SYMBOL"),
    ({"symbol": "ETHUSDT", "side": "buy", "type": "limit", "quantity": "1"}, 400, "PRICE_MISSING"),
    ({"symbol": "ETHUSDT", "side": "buy", "type": "limit", "quantity": "1", "price": "NaN"}, 400, "NOT_A_NUMBER"),
    ({"symbol": "ETHUSDT", "side": "buy", "type": "limit", "quantity": "1e400", "price": "1"}, 400, "NOT_A_NUMBER"),
    (
        {"symbol": "ETHUSDT", "side": "buy", "type": "limit", "quantity": "9" * 30, "price": "1"},
        400,
        "NUMBER_TOO_LARGE",
    ),
    ({"symbol": "ETHUSDT", "side": "buy", "type": "limit", "quantity": 1, "price": "1"}, 422, "INVALID"),
    ({"symbol": "ETHUSDT", "side": "buy", "type": "trailing_stop", "quantity": "1"}, 400, "TRAIL_MISSING"),
    ({"symbol": "ETHUSDT", "side": "buy", "type": "market", "quantity": "1", "client_order_id": "a b"}, 422, "INVALID"),
    ({"symbol": "ETHUSDT", "side": "buy", "type": "market", "quantity": "1", "client_order_id": "é"}, 422, "INVALID"),
    ({"symbol": "ETHUSDT", "side": "buy", "type": "market", "quantity": "1", "expires": -1}, 422, "INVALID"),
    ({"symbol": "ETHUSDT", "side": "buy", "type": "market", "quantity": "1", "account": 1}, 422, "INVALID"),
]


@pytest.mark.parametrize(("order", "status", "code"), WRONG_ORDERS, ids=lambda value: str(value)[:60])
def test_a_wrong_order_is_one_clear_problem(trader: Person, order: dict[str, Any], status: int, code: str) -> None:
    with refused(status, code):
        trader.post("/orders", **order)
    assert trader.get("/orders/open?symbol=ETHUSDT") == []


def test_a_request_without_its_body_is_told_so(trader: Person) -> None:
    with pytest.raises(ProblemError) as error:
        trader.ask("POST", "/orders")
    assert (error.value.status, error.value.code, error.value.field) == (422, "INVALID", None)
    assert error.value.said["detail"] == "This asks for a body, as JSON."


def test_an_order_is_valid_until_a_time(trader: Person) -> None:
    """Of an order, of both of a list, and of a change."""
    past, future = 1_000_000_000_000, 4_000_000_000_000
    order = {"symbol": "ETHUSDT", "side": "buy", "type": "limit", "price": "1", "quantity": "1"}
    with refused(400, "VALID_UNTIL_PASSED"):
        trader.post("/orders", **order, valid_until=past)
    placed = trader.post("/orders", **order, valid_until=future)["order"]
    with refused(400, "VALID_UNTIL_PASSED"):
        trader.ask("PUT", f"/orders/{placed['order_id']}", {"price": "2", "valid_until": past})
    with refused(422, "INVALID"):
        trader.ask("PUT", f"/orders/{placed['order_id']}", {"valid_until": future})
    changed = trader.ask("PUT", f"/orders/{placed['order_id']}", {"price": "2", "valid_until": future})["order"]
    assert changed["order_id"] == placed["order_id"]
    second = {**order, "valid_until": past}
    with refused(400, "VALID_UNTIL_PASSED"):
        trader.post("/order-lists", kind="oto", orders=[order, second])
    trader.delete("/orders")


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"null", b'{"name":"a","name":"b"}', b"\xff", b'"' + b"x" * 20000 + b'"', b"[" * 20000]
)
def test_a_body_that_is_no_request_is_one_clear_problem(venue: RunningVenue, body: bytes) -> None:
    with pytest.raises(ProblemError) as found:
        person(venue).ask("POST", "/auth/login", body)
    assert found.value.status in (400, 422)


def test_nobody_reaches_what_is_anothers(venue: RunningVenue, trader: Person) -> None:
    placed = trader.post("/orders", symbol="ETHUSDT", side="buy", type="limit", price="1", quantity="1")["order"]
    thief = person(venue, "thief")
    path = f"/orders/{placed['order_id']}"
    for method, body in (("GET", None), ("DELETE", None), ("PUT", {"quantity": "0.5"})):
        with refused(404, "NOT_FOUND"):
            thief.ask(method, path, body)
    for path in ("/operator/accounts", "/operator/accounts/TRADER6/balances", "/account/audit?of_all=true"):
        with refused(403, "NOT_ALLOWED"):
            thief.get(path)
    thief.prove(GOOD)
    commands: list[tuple[str, str, dict[str, object]]] = [
        ("PUT", "/operator/instruments/ETHUSDT/phase", {"phase": "halt"}),
        ("PUT", "/operator/accounts/TRADER6/kill-switch", {"is_on": True}),
        ("PUT", "/operator/accounts/thief/role", {"role": "operator"}),
        ("POST", "/operator/deposits", {"account": "thief", "asset": "BTC", "amount": "1"}),
        ("POST", "/operator/orders/cancel", {}),
        ("POST", "/operator/adjustments", {"account": "thief", "asset": "BTC", "by": "1"}),
    ]
    for method, path, wanted in commands:
        with refused(403, "NOT_ALLOWED"):
            thief.ask(method, path, wanted)
    trader.delete("/orders")


def test_an_operator_halts_moves_money_with_another_and_stops_an_account(venue: RunningVenue) -> None:
    victim = person(venue, "victim")
    first, second = operator(venue), operator(venue, "OPERATOR2")
    with refused(403, "ROLE_NOT_ALLOWED"):  # or he would be two
        first.put("/operator/accounts/victim/role", role="operator")
    with refused(403, "PROOF_NEEDED"):
        operator(venue, proved=False).put("/operator/instruments/SOLUSDT/phase", phase="halt")
    first.put("/operator/instruments/SOLUSDT/phase", phase="halt", id="halt-1")
    with refused(400, "DUPLICATE_CLIENT_ID"):
        first.put("/operator/instruments/SOLUSDT/phase", phase="halt", id="halt-1")
    assert venue_phase(victim) == "halt"
    first.put("/operator/instruments/SOLUSDT/phase", phase="continuous")
    assert venue_phase(victim) == "continuous"
    first.post("/operator/deposits", account="victim", asset="BTC", amount="1.5")
    proposal = first.post("/operator/adjustments", account="victim", asset="BTC", by="-0.25")["seq"]
    with pytest.raises(ProblemError, match="SAME_OPERATOR"):
        first.post(f"/operator/adjustments/{proposal}/approve")
    second.post(f"/operator/adjustments/{proposal}/approve")
    assert balance(victim, "BTC") == (1.25, 0)
    victim.post("/orders", symbol="SOLUSDT", side="buy", type="limit", price="1", quantity="1")
    first.put("/operator/accounts/victim/kill-switch", is_on=True)
    with refused(401, "SESSION_ENDED"):
        victim.get("/account")
    victim.log_in("victim", GOOD)
    with refused(400, "KILL_SWITCH"):
        victim.post("/orders", symbol="SOLUSDT", side="buy", type="limit", price="1", quantity="1")
    assert first.post("/operator/orders/cancel", account="victim")["count"] == 1
    for wrong in ("1e400", "0", "-1", "1/3", "٣", "9" * 20, "0.000000001"):
        with pytest.raises(ProblemError, match=r"^4"):
            first.post("/operator/deposits", account="victim", asset="BTC", amount=wrong)
    assert ("looked at balances", "victim") in [
        (row["action"], row["subject"]) for row in _looked(second) if row["account"] == "OPERATOR2"
    ]


def _looked(who: Person) -> list[dict[str, Any]]:
    who.get("/operator/accounts/victim/balances")
    return who.get("/account/audit?of_all=true")  # type: ignore[no-any-return]


def venue_phase(who: Person) -> str:
    return str(who.get("/instruments/SOLUSDT")["phase"])


def test_who_stops_himself_trades_no_more_until_an_operator_lets_him(venue: RunningVenue) -> None:
    somebody = person(venue, "stops")
    somebody.post("/orders", symbol="SOLUSDT", side="buy", type="limit", price="1", quantity="1")
    assert somebody.post("/kill-switch")["cancelled"] == 1
    with refused(400, "KILL_SWITCH"):
        somebody.post("/orders", symbol="SOLUSDT", side="buy", type="limit", price="1", quantity="1")
    operator(venue).put("/operator/accounts/stops/kill-switch", is_on=False)
    somebody.post("/orders", symbol="SOLUSDT", side="buy", type="limit", price="1", quantity="1")


def test_requests_of_other_sites_and_under_other_names_get_nothing(venue: RunningVenue) -> None:
    somebody = person(venue, "browser")
    for headers in ({"Origin": "https://evil.example"}, {"Origin": "null"}, {"Host": "evil.example"}):
        with pytest.raises(AssertionError):  # no problem of /v1: it is refused before
            somebody.ask("POST", "/auth/refresh", **headers)
    assert somebody.ask("GET", "/venue")["name"]
    for name in ("x-content-type-options", "referrer-policy", "content-security-policy", "cache-control"):
        assert name in somebody.headers


def test_a_description_and_a_page_of_it_are_served(venue: RunningVenue) -> None:
    described = person(venue).get("/openapi.json")
    assert described["openapi"].startswith("3.1")
    assert {"/v1/orders", "/v1/auth/login", "/v1/keys", "/v1/operator/accounts"} <= set(described["paths"])
    nothing = person(venue)
    with refused(404, "NOT_FOUND"):
        nothing.get("/nothing")
    with refused(405, "METHOD_NOT_ALLOWED"):
        nothing.delete("/venue")


def test_sessions_and_what_the_log_has_outlive_the_api(venue: RunningVenue) -> None:
    somebody = person(venue, "outlives")
    somebody.prove(GOOD)
    key = somebody.post("/keys", scopes=["read"])
    loses(somebody, "/auth/refresh")
    kill_api(venue, somebody)
    assert somebody.get("/account")["name"] == "outlives"
    assert signing(venue, key).signed("GET", "account")["balances"]
    somebody.post("/auth/refresh")


def test_who_falls_silent_has_no_orders_whatever_dies(venue: RunningVenue) -> None:
    """LOG-33: the whole venue is killed while the time runs, and FIX hears of it as of any mass cancel."""
    somebody = person(venue)
    somebody.log_in("TRADER8", PASSWORD)
    assert somebody.get("/orders/cancel-after") == {"due": None}
    for wrong in (0, -1, 86_401, "soon"):
        with refused(422, "INVALID"):
            somebody.put("/orders/cancel-after", seconds=wrong)
    far = somebody.put("/orders/cancel-after", seconds=86_400)["due"]
    assert somebody.get("/orders/cancel-after") == {"due": far}
    assert somebody.delete("/orders/cancel-after") == {"due": None}
    somebody.post("/orders", symbol="SOLUSDT", side="buy", type="limit", price="1", quantity="1", client_order_id="x1")
    fix = venue.client("TRADER8")
    fix.connect()
    fix.order("x2", "buy", "1", "1", symbol="SOLUSDT")
    fix.await_report("x2", "0")
    due = somebody.put("/orders/cancel-after", seconds=1)["due"]
    assert due < far
    fix.cut()
    venue.kill_all()
    venue.start()
    back = person(venue)
    back.token, somebody = somebody.token, back
    deadline = time.monotonic() + 20
    while True:
        with contextlib.suppress(AwayError):  # the database starts, too
            if not somebody.get("/orders/open"):
                break
        assert time.monotonic() < deadline
        time.sleep(0.05)  # till the moment comes
    assert somebody.get("/orders/cancel-after") == {"due": None}
    cancelled = somebody.get("/orders/by-client-id/x1")
    assert (cancelled["status"], cancelled["changed"] >= due) == ("cancelled", True)
    fix.connect()
    fix.await_report("x2", "4")
    fix.close()


def test_the_bounds_of_what_may_be_left_out_hold(venue: RunningVenue) -> None:
    who = person(venue, "bounded")
    late = "253402300800000"  # the first moment of the year 10000
    for path, field in (
        ("/orders?symbol=BTCUSDT&since=-1", "since"), ("/orders?symbol=BTCUSDT&first=0", "first"),
        (f"/fills?symbol=BTCUSDT&until={late}", "until"), ("/fills?symbol=BTCUSDT&order_id=0", "order_id"),
        ("/withdrawals?before=0", "before"), ("/account/audit?before=0", "before"),
    ):  # fmt: skip
        with refused(422, "INVALID") as problem:
            who.get(path)
        assert problem.value.field == field
    with refused(422, "INVALID"):
        operator(venue).get(f"/operator/at?time={late}")
    for text in ("account=%00", "account=TRADER1%00", "symbol=%00"):
        with refused(422, "INVALID"):
            operator(venue).get(f"/operator/at?seq=1&{text}")
    with refused(400, "BAD_REQUEST"):
        who.ask("PUT", "/account/profile", b'{"display_name":"\xff"}')
