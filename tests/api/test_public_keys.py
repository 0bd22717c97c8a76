"""Public keys as people paste them: what is taken, and how others are refused."""

from __future__ import annotations

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from lockstep.core.schema.records import KeyKind
from lockstep.procs.api.public_keys import NoPublicKeyError, public_key_of

RSA = rsa.generate_private_key(65537, 2048)
ED25519 = ed25519.Ed25519PrivateKey.generate()
SPKI = PublicFormat.SubjectPublicKeyInfo


def pem(key: rsa.RSAPublicKey | ed25519.Ed25519PublicKey | ec.EllipticCurvePublicKey) -> str:
    return key.public_bytes(Encoding.PEM, SPKI).decode()


def wrapped(der: bytes) -> str:
    return f"-----BEGIN PUBLIC KEY-----\n{base64.encodebytes(der).decode()}-----END PUBLIC KEY-----\n"


def numbers(modulus: int, exponent: int = 65537) -> str:
    """The PEM of numbers that the library makes no key of."""

    def field(tag: int, content: bytes) -> bytes:
        size = len(content)
        length = (
            bytes([size])
            if size < 128
            else bytes([0x80 + (size.bit_length() + 7) // 8]) + size.to_bytes((size.bit_length() + 7) // 8)
        )
        return bytes([tag]) + length + content

    integers = [field(2, value.to_bytes(value.bit_length() // 8 + 1)) for value in (modulus, exponent)]
    algorithm = bytes.fromhex("300d06092a864886f70d0101010500")
    return wrapped(field(0x30, algorithm + field(3, b"\0" + field(0x30, b"".join(integers)))))


def refusal(text: str) -> str:
    with pytest.raises(NoPublicKeyError) as refused:
        public_key_of(text)
    return str(refused.value)


@pytest.mark.parametrize("bits", [2048, 2056, 3072, 4096])
def test_an_rsa_key_is_its_modulus(bits: int) -> None:
    key = rsa.generate_private_key(65537, bits).public_key()
    modulus = key.public_numbers().n.to_bytes(bits // 8)
    for text in (pem(key), f"\r\n  {pem(key)}\n ", pem(key).replace("\n", "\r\n"), numbers(key.public_numbers().n)):
        assert public_key_of(text) == (KeyKind.RSA, modulus)


def test_an_ed25519_key_is_its_bytes() -> None:
    raw = ED25519.public_key().public_bytes_raw()
    for text in (pem(ED25519.public_key()), base64.b64encode(raw).decode()):
        assert public_key_of(text) == (KeyKind.ED25519, raw)


@pytest.mark.parametrize("form", [PrivateFormat.PKCS8, PrivateFormat.TraditionalOpenSSL])
def test_a_private_key_is_named_as_such(form: PrivateFormat) -> None:
    private = RSA.private_bytes(Encoding.PEM, form, NoEncryption()).decode()
    for text in (private, pem(RSA.public_key()) + private):
        assert "private key" in refusal(text)
        assert private.splitlines()[1] not in refusal(text)


def test_a_weak_rsa_key_is_refused() -> None:
    modulus = RSA.public_key().public_numbers().n
    assert "1024 bits" in refusal(numbers(modulus >> 1024 | 1 << 1023 | 1))
    assert "2047 bits" in refusal(numbers(modulus >> 1 | 1))
    assert "4097 bits" in refusal(numbers(1 << 4096 | 1))
    assert "exponent is 3" in refusal(numbers(modulus, 3))
    assert "exponent is 65539" in refusal(numbers(modulus, 65539))
    assert "even" in refusal(numbers(modulus - 1))


def test_nothing_else_is_a_key() -> None:
    good = pem(RSA.public_key())
    der = RSA.public_key().public_bytes(Encoding.DER, SPKI)
    others = [
        "", "key", "AAAA", base64.b64encode(der).decode(), good + good, good + "x", f"x{good}", good[:-40],
        good.replace("PUBLIC KEY", "RSA PUBLIC KEY"), good.replace("PUBLIC KEY", "CERTIFICATE"),
        RSA.public_key().public_bytes(Encoding.PEM, PublicFormat.PKCS1).decode(),
        RSA.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode(),
        pem(ec.generate_private_key(ec.SECP256R1()).public_key()), wrapped(der + b"\0"), wrapped(der[:-1]),
        wrapped(b""), good.replace("MII", "M!I", 1), "-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----",
    ]  # fmt: skip
    for text in others:
        assert "not a public key" in refusal(text), text
