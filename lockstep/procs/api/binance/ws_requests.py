"""Messages of the WebSocket API: a request read strictly, its answer written, with the request's id as it was.

It knows the frame of a message, and `routes` its methods; what a method does is not its affair.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any
from urllib.parse import parse_qs

import msgspec

from lockstep.procs.api.binance.answers import MICROSECOND, MILLISECOND
from lockstep.procs.api.binance.errors import (
    ApiError,
    Number,
    duplicate_parameter,
    illegal_characters,
    illegal_request,
    missing,
    unread_parameters,
)
from lockstep.procs.api.binance.parameters import Parameters, count_members, of_json
from lockstep.procs.api.binance.routes import WS, Route

NO_ID = b"null"
MEMBERS = {"id", "method", "params"}
MOST_ID = 36  # characters of an id that is a string
ID = re.compile(rb'-?[0-9]{1,19}|".{0,216}"', re.ASCII | re.DOTALL)  # a character may take six bytes of JSON
UNITS = {"MILLISECOND": MILLISECOND, "MICROSECOND": MICROSECOND}


class Request(msgspec.Struct, frozen=True):
    """A request: the id to answer with, as JSON, what answers it, and its parameters."""

    id: bytes
    method: str
    route: Route
    parameters: Parameters
    returns_limits: bool


class Terms(msgspec.Struct, frozen=True):
    """What a client chose for its connection, in the URL: the unit of times, and whether answers have rateLimits."""

    unit: int = MILLISECOND
    returns_limits: bool = True


def terms_of(query: bytes) -> Terms | None:
    """The terms in a handshake's query; None where one of them is none."""
    fields = parse_qs(query.decode("latin-1"), keep_blank_values=True)
    units, limits = fields.get("timeUnit", ["MILLISECOND"]), fields.get("returnRateLimits", ["true"])
    unit = UNITS.get(units[0].upper())
    if unit is None or limits[0] not in ("true", "false") or len(units) > 1 or len(limits) > 1:
        return None
    return Terms(unit, limits[0] == "true")


class RequestError(Exception):
    """A request that is none; `id` is what to answer with, `error` what is wrong."""

    def __init__(self, request_id: bytes, error: ApiError) -> None:
        super().__init__(error.text)
        self.id = request_id
        self.error = error


OBJECTS = msgspec.json.Decoder(dict[str, msgspec.Raw])


def _is_id(text: bytes) -> bool:
    """Whether it is an integer, a string of at most `MOST_ID` characters, or null."""
    if text == NO_ID:
        return True
    return ID.fullmatch(text) is not None and (text[:1] != b'"' or len(msgspec.json.decode(text)) <= MOST_ID)


def read(message: bytes, returns_limits: bool = True) -> Request:
    """A request of the WebSocket API. RequestError."""
    members = _members(message)
    request_id = bytes(members.get("id", NO_ID))
    if not _is_id(request_id):
        raise RequestError(NO_ID, illegal_characters("id", "^.{0,36}$"))
    try:
        return _request(request_id, members, count_members(message), returns_limits)
    except ApiError as error:
        raise RequestError(request_id, error) from None


def _members(message: bytes) -> dict[str, msgspec.Raw]:
    try:
        return OBJECTS.decode(message)
    except msgspec.ValidationError:  # JSON, but no object
        raise RequestError(NO_ID, illegal_request()) from None
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        raise RequestError(NO_ID, ApiError(400, Number.INVALID_JSON, "JSON Syntax Error")) from None


def _request(request_id: bytes, members: dict[str, msgspec.Raw], count: int, returns_limits: bool) -> Request:
    if count != len(members):
        raise duplicate_parameter()
    if not members.keys() <= MEMBERS:
        raise unread_parameters(len(members.keys() & MEMBERS), len(members))
    method = msgspec.json.decode(members.get("method", b"null"))
    if not isinstance(method, str):
        raise missing("method")
    route = WS.get(method)
    if route is None:
        raise ApiError(400, Number.UNKNOWN_PARAMETER, "Method is not supported.")
    raw = bytes(members.get("params", b"{}"))
    parameters = of_json(b"{}" if raw == b"null" else raw)
    return Request(request_id, method, route, parameters, _wants_limits(parameters, returns_limits))


def _wants_limits(parameters: Parameters, default: bool) -> bool:
    """Whether the answer is to have rateLimits."""
    wanted = parameters.get(b"returnRateLimits")
    return default if wanted is None else wanted != b"false"


def answer(request_id: bytes, result: bytes, limits: bytes | None = None) -> bytes:
    """The answer to a request; `result` and `limits` (the rows of rateLimits) are JSON."""
    ending = b"}" if limits is None else b',"rateLimits":' + limits + b"}"
    return b'{"id":' + request_id + b',"status":200,"result":' + result + ending


def error_answer(request_id: bytes, error: ApiError, limits: bytes | None = None, now_ms: int = 0) -> bytes:
    """The answer to a request that is refused; where it may come again later, it says when."""
    fields: dict[str, Any] = error.fields()
    if error.retry_after is not None:
        fields["data"] = {"serverTime": now_ms, "retryAfter": now_ms + 1000 * error.retry_after}
    ending = b"}" if limits is None else b',"rateLimits":' + limits + b"}"
    status = b',"status":%d,"error":' % error.status
    return b'{"id":' + request_id + status + msgspec.json.encode(fields) + ending


def subscriptions_answer(subscriptions: Iterable[int]) -> bytes:
    """The result of session.subscriptions: those of the connection's user streams that are open."""
    return msgspec.json.encode([{"subscriptionId": number} for number in subscriptions])


def session_answer(
    api_key: str | None, since: int | None, connected: int, now: int, *, returns_limits: bool, has_streams: bool
) -> bytes:
    """The result of session.logon, session.status and session.logout; without a key nobody is logged on."""
    return msgspec.json.encode(
        {
            "apiKey": api_key,
            "authorizedSince": since,
            "connectedSince": connected,
            "returnRateLimits": returns_limits,
            "serverTime": now,
            "userDataStream": has_streams,
        }
    )
