"""Who signed a request, and when: its parameters, its timestamp and its window.

Traps of the dialect: the signature is of the bytes as they were sent; times may be microseconds. It looks no key up,
and the time is given.
"""

from __future__ import annotations

import re

from lockstep.procs.api.binance.codes import NOT_PERMITTED
from lockstep.procs.api.binance.errors import ApiError, Number, illegal_characters, missing
from lockstep.procs.api.binance.parameters import Parameters
from lockstep.procs.api.login.signing_keys import Key

DEFAULT_WINDOW_US = 5_000_000
MOST_WINDOW_US = 60_000_000
AHEAD_US = 1_000_000  # how far a client's clock may be before the venue's
FIRST_MICROSECONDS = 10**14  # a smaller timestamp is milliseconds: of before the year 5138

API_KEY = re.compile(rb"[A-Za-z0-9_-]{1,64}", re.ASCII)
TIMESTAMP_SIZE = 20
WINDOW_DIGITS = 8
WINDOW = re.compile(rb"([0-9]{1,8})\.([0-9]{1,3})", re.ASCII)


def key_name(header: bytes | None) -> bytes:
    """The API key's name from X-MBX-APIKEY, or from `apiKey`. ApiError."""
    if not header:
        raise ApiError(401, Number.KEY_FORMAT, "API-key format invalid.")
    if not API_KEY.fullmatch(header):
        raise ApiError(401, Number.KEY_FORMAT, "API-key format invalid.")
    return header


def not_permitted() -> ApiError:
    """The key does not exist, was revoked, has expired, lacks the scope or may not come from this address."""
    return ApiError(*NOT_PERMITTED)


def check_time(parameters: Parameters, now_us: int) -> int:
    """Whether a signed request comes within its window; returns until when, in microseconds, it may. ApiError.

    The rule is `timestamp < now + 1000 and now - timestamp <= recvWindow`, in milliseconds.
    """
    sent_us = timestamp_us(parameters.get(b"timestamp"))
    window_us = window_of(parameters.get(b"recvWindow"))
    if sent_us >= now_us + AHEAD_US:
        text = "Timestamp for this request was 1000ms ahead of the server's time."
        raise ApiError(400, Number.INVALID_TIMESTAMP, text)
    if now_us - sent_us > window_us:
        text = "Timestamp for this request is outside of the recvWindow."
        raise ApiError(400, Number.INVALID_TIMESTAMP, text)
    return sent_us + window_us


def timestamp_us(value: bytes | None) -> int:
    if value is None:
        raise missing("timestamp")
    if len(value) > TIMESTAMP_SIZE or not value.isdigit():
        raise illegal_characters("timestamp", "^[0-9]{1,20}$")
    moment = int(value)
    return moment if moment >= FIRST_MICROSECONDS else 1000 * moment


def window_of(value: bytes | None) -> int:
    """recvWindow, which is milliseconds with at most three decimals, in microseconds."""
    if value is None:
        return DEFAULT_WINDOW_US
    is_whole = value.isdigit() and len(value) <= WINDOW_DIGITS
    window_us = 1000 * int(value) if is_whole else _fractional_window_of(value)
    if window_us > MOST_WINDOW_US:
        raise ApiError(400, Number.INVALID_RECV_WINDOW, "recvWindow must be less than 60000")
    return window_us


def _fractional_window_of(value: bytes) -> int:
    match = WINDOW.fullmatch(value)
    if match is None:
        raise illegal_characters("recvWindow", "^([0-9]{1,8})(\\.[0-9]{1,3})?$")
    return 1000 * int(match[1]) + int(match[2].ljust(3, b"0"))


def check_signature(parameters: Parameters, key: Key) -> bytes:
    """Return the bytes that `key` signed: what was sent, or its encoded form. ApiError if it signed neither.

    A signature can be written in several ways, and what it signs can be sent in several ways; the signed bytes are the
    same in all of them, so they identify the request.
    """
    signature = parameters.signature
    if signature is None:
        raise missing("signature")
    if key.verifies(parameters.signed, signature):
        return parameters.signed
    encoded = parameters.encoded()
    if encoded is None or not key.verifies(encoded, signature):
        raise ApiError(400, Number.INVALID_SIGNATURE, "Signature for this request is not valid.")
    return encoded
