"""Signatures against keys made and used by other means, and the window of time at each of its edges."""

from __future__ import annotations

import base64
import hashlib
import json
import subprocess
from pathlib import Path
from urllib.parse import quote

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, PSS, AsymmetricPadding, PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256, SHA512, HashAlgorithm
from hypothesis import given
from hypothesis import strategies as st

from lockstep.procs.api.binance.errors import ApiError
from lockstep.procs.api.binance.parameters import of_json, of_request
from lockstep.procs.api.binance.signatures import check_signature, check_time, key_name, not_permitted
from lockstep.procs.api.login.signing_keys import Ed25519Key, HmacKey, Key, RsaKey
from lockstep.procs.api.public_keys import public_key_of

NOW_US = 1_700_000_000_000_000
SEED = hashlib.sha256(b"TRADER1-demo-ed25519").digest()


def slow_hmac(secret: bytes, text: bytes) -> bytes:
    """HMAC-SHA256 as RFC 2104 writes it."""
    key = (hashlib.sha256(secret).digest() if len(secret) > 64 else secret).ljust(64, b"\0")
    inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in key) + text).digest()
    return hashlib.sha256(bytes(byte ^ 0x5C for byte in key) + inner).digest()


def code_of(query: bytes, key: Key) -> int:
    with pytest.raises(ApiError) as caught:
        check_signature(of_request(query, b""), key)
    return caught.value.code


def test_the_example_of_binances_documentation_is_verified() -> None:
    secret = b"NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j"
    query = (
        b"symbol=LTCBTC&side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=0.1"
        b"&recvWindow=5000&timestamp=1499827319559"
    )
    signature = b"c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71"
    check_signature(of_request(query + b"&signature=" + signature, b""), HmacKey(secret))
    check_signature(of_request(b"", query + b"&signature=" + signature.upper()), HmacKey(secret))


@given(st.binary(min_size=1, max_size=100), st.from_regex(r"[a-z]{1,5}=[A-Za-z0-9.]{1,20}", fullmatch=True))
def test_hmac_is_that_of_a_slow_twin_and_of_no_other_secret(secret: bytes, query: str) -> None:
    signature = slow_hmac(secret, query.encode()).hex().encode()
    signed = query.encode() + b"&signature=" + signature
    check_signature(of_request(signed, b""), HmacKey(secret))
    assert code_of(signed, HmacKey(secret + b"x")) == -1022


@pytest.mark.parametrize("change", [b"", b"0", b"zz", b"%20", b" "])
def test_a_signature_of_another_form_is_not_valid(change: bytes) -> None:
    signature = slow_hmac(b"secret", b"a=1").hex().encode()
    wrong = signature[:-2] + change if change else signature[:-1] + (b"0" if signature[-1:] != b"0" else b"1")
    assert code_of(b"a=1&signature=" + wrong, HmacKey(b"secret")) == -1022


def test_without_a_signature_it_is_a_mandatory_parameter_that_is_missing() -> None:
    with pytest.raises(ApiError, match="Mandatory parameter 'signature' was not sent") as caught:
        check_signature(of_request(b"a=1", b""), HmacKey(b"secret"))
    assert caught.value.code == -1102


@given(st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=30))
def test_ed25519_signatures_come_encoded_once_twice_or_not(value: str) -> None:
    private = Ed25519PrivateKey.from_private_bytes(SEED)
    key = Ed25519Key(private.public_key().public_bytes_raw())
    query = f"a={quote(value)}"
    signature = base64.b64encode(private.sign(query.encode())).decode()
    for sent in (quote(signature, safe=""), signature, quote(quote(signature, safe=""), safe="")):
        check_signature(of_request(f"{query}&signature={sent}".encode(), b""), key)
    assert code_of(f"{query}&b=1&signature={quote(signature, safe='')}".encode(), key) == -1022


@pytest.mark.parametrize("bits", [2048, 2056, 4096])
def test_rsa_signatures_are_pkcs_1_with_sha_256(bits: int) -> None:
    """Of another text, another padding or another hash they are none."""
    private = generate_private_key(65_537, bits)
    key = RsaKey(private.public_key().public_numbers().n.to_bytes((bits + 7) // 8))
    query = b"a=1&timestamp=1"

    def sent(text: bytes, padding: AsymmetricPadding, hash: HashAlgorithm) -> bytes:
        return query + b"&signature=" + quote(base64.b64encode(private.sign(text, padding, hash)), safe="").encode()

    check_signature(of_request(sent(query, PKCS1v15(), SHA256()), b""), key)
    pss = PSS(MGF1(SHA256()), PSS.MAX_LENGTH)
    for wrong in (sent(b"a=2", PKCS1v15(), SHA256()), sent(query, PKCS1v15(), SHA512()), sent(query, pss, SHA256())):
        assert code_of(wrong, key) == -1022
    for signature in (b"", b"AAAA", b"A" * 684):
        assert code_of(query + b"&signature=" + signature, key) in (-1022, -1102, -1105)


def test_a_number_has_one_signature_of_rsa() -> None:
    """The number plus the modulus, or behind zeros, is another text of the same number, and none."""
    private = generate_private_key(65_537, 2048)
    modulus = private.public_key().public_numbers().n
    key = RsaKey(modulus.to_bytes(256))
    sums = 0
    for number in range(100):
        raw = private.sign(b"a=%d" % number, PKCS1v15(), SHA256())
        larger = int.from_bytes(raw) + modulus
        others = [larger.to_bytes(257), b"\0" + raw, raw + b"\0", raw[:-1], raw[1:]]
        if larger < 1 << 2048:
            sums += 1
            others.append(larger.to_bytes(256))
        assert key.verifies(b"a=%d" % number, base64.b64encode(raw))
        assert not any(key.verifies(b"a=%d" % number, base64.b64encode(other)) for other in others)
    print(f"{sums} sums have the length of the modulus")


def test_a_signature_of_openssl_is_verified(tmp_path: Path) -> None:
    """Made as Binance's documentation says: openssl dgst -sha256 -sign."""
    private, public, text = tmp_path / "private.pem", tmp_path / "public.pem", tmp_path / "text"
    text.write_bytes(b"symbol=BTCUSDT&timestamp=1")
    for command in (
        f"openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out {private}",
        f"openssl pkey -in {private} -pubout -out {public}",
        f"openssl dgst -sha256 -sign {private} -out {tmp_path / 'signature'} {text}",
    ):
        subprocess.run(command.split(), check=True, capture_output=True)
    signature = quote(base64.b64encode((tmp_path / "signature").read_bytes()), safe="")
    sent = of_request(text.read_bytes() + f"&signature={signature}".encode(), b"")
    assert check_signature(sent, RsaKey(public_key_of(public.read_text()).material)) == text.read_bytes()


@pytest.mark.parametrize("signature", [b"abc", b"%00", b"====", b"QUJD", b"a" * 87, b"%3D"])
def test_what_is_no_ed25519_signature_is_not_valid(signature: bytes) -> None:
    key = Ed25519Key(Ed25519PrivateKey.from_private_bytes(SEED).public_key().public_bytes_raw())
    with pytest.raises(ApiError) as caught:
        check_signature(of_request(b"a=1&signature=" + signature, b""), key)
    assert caught.value.code in (-1022, -1100)


def test_websocket_parameters_are_signed_as_they_are_or_percent_encoded() -> None:
    for client_id in (b"a b", b"a+b"):
        signed = b"apiKey=K&newClientOrderId=" + client_id + b"&returnRateLimits=false&timestamp=1"
        signature = slow_hmac(b"secret", signed).hex()
        sent = {"timestamp": 1, "newClientOrderId": "a b", "returnRateLimits": False, "apiKey": "K"}
        raw = json.dumps({**sent, "signature": signature})
        check_signature(of_json(raw.encode()), HmacKey(b"secret"))
    with pytest.raises(ApiError):
        check_signature(of_json(raw.replace('"K"', '"L"').encode()), HmacKey(b"secret"))


@pytest.mark.parametrize(
    ("sent_us", "window", "code"),
    [
        (NOW_US, None, 0),
        (NOW_US + 999_000, None, 0),
        (NOW_US + 1_000_000, None, -1021),
        (NOW_US - 5_000_000, None, 0),
        (NOW_US - 5_001_000, None, -1021),
        (NOW_US - 60_000_000, "60000", 0),
        (NOW_US - 60_001_000, "60000", -1021),
        (NOW_US - 1_000, "0", -1021),
        (NOW_US, "0", 0),
        (NOW_US, "60001", -1131),
        (NOW_US, "60000.001", -1131),
        (NOW_US, "5000.5", 0),
        (NOW_US, "-1", -1100),
        (NOW_US, "1e3", -1100),
        (NOW_US, "NaN", -1100),
        (NOW_US, "5000.", -1100),
    ],
)
def test_a_timestamp_counts_in_milliseconds_and_in_microseconds(sent_us: int, window: str | None, code: int) -> None:
    suffix = "" if window is None else f"&recvWindow={window}"
    for moment in (sent_us, sent_us // 1000):
        sent = of_request(f"timestamp={moment}{suffix}".encode(), b"")
        if code == 0:
            assert check_time(sent, NOW_US) >= NOW_US
        else:
            with pytest.raises(ApiError) as caught:
                check_time(sent, NOW_US)
            assert caught.value.code == code


def test_a_microsecond_decides() -> None:
    def sent(moment: int) -> object:
        return check_time(of_request(f"timestamp={moment}&recvWindow=1.001".encode(), b""), NOW_US)

    assert sent(NOW_US - 1001) == NOW_US
    for moment in (NOW_US - 1002, NOW_US + 1_000_000):
        with pytest.raises(ApiError):
            sent(moment)
    sent(NOW_US + 999_999)


def test_the_texts_are_those_that_clients_look_for() -> None:
    for moment, text in (
        (NOW_US // 1000 + 1000, "Timestamp for this request was 1000ms ahead of the server's time."),
        (NOW_US // 1000 - 5001, "Timestamp for this request is outside of the recvWindow."),
    ):
        with pytest.raises(ApiError, match=text):
            check_time(of_request(f"timestamp={moment}".encode(), b""), NOW_US)


@pytest.mark.parametrize(
    "query", [b"a=1", b"timestamp=x", b"timestamp=-1", b"timestamp=1.5", b"timestamp=" + b"9" * 40]
)
def test_a_timestamp_is_mandatory_and_digits(query: bytes) -> None:
    with pytest.raises(ApiError) as caught:
        check_time(of_request(query, b""), NOW_US)
    assert caught.value.code == (-1102 if query == b"a=1" else -1100)


@pytest.mark.parametrize("header", [None, b"", b"a b", b"x" * 65, b"\xff", b"a\n", "\u0661".encode()])
def test_what_is_no_key_is_told_so(header: bytes | None) -> None:
    with pytest.raises(ApiError, match="API-key format invalid") as caught:
        key_name(header)
    assert (caught.value.status, caught.value.code) == (401, -2014)


def test_a_key_that_does_not_exist_has_the_same_answer_as_one_without_the_scope() -> None:
    assert key_name(b"TRADER1-demo-key") == b"TRADER1-demo-key"
    assert not_permitted().fields() == {
        "code": -2015, "msg": "Invalid API-key, IP, or permissions for action."
    }  # fmt: skip
