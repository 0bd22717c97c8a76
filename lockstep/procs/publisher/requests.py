"""The requests that clients send over an open WebSocket, and the answers to them, as text.

It is pure: text in, a request or a refusal out; the server carries the request out.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec

METHODS = ("SUBSCRIBE", "UNSUBSCRIBE", "LIST_SUBSCRIPTIONS", "SET_PROPERTY", "GET_PROPERTY")
COMBINED = "combined"  # the only property: whether messages come as {"stream", "data"}
# The codes of Binance's stream servers: what is wrong with the request, and that it is not JSON at all.
UNKNOWN_PROPERTY = 0
INVALID_VALUE = 1
INVALID_REQUEST = 2
INVALID_JSON = 3
MAX_ID_CHARS = 36

Id = int | str | None


class Request(NamedTuple):
    """A well-formed request. `params` are stream names; `combined` is what SET_PROPERTY sets that property to."""

    method: str
    params: tuple[str, ...]
    id: Id
    combined: bool = False


class BadRequest(Exception):  # noqa: N818 - it is what HTTP calls it
    """A request that can't be carried out: the answer's code and text, and its id as far as it could be read."""

    def __init__(self, code: int, text: str, request_id: Id = None) -> None:
        super().__init__(text)
        self.code = code
        self.text = text
        self.id = request_id

    def answer(self) -> bytes:
        """As Binance documents it, and as its servers send it: ccxt fails a call by `error`, and waits without it."""
        error = {"code": self.code, "msg": self.text}
        return msgspec.json.encode({"error": error, **error, "id": self.id})


def answer(result: Any, request_id: Id, **more: Any) -> bytes:
    """The answer to a request that was carried out; the id comes back with the type it was sent with."""
    return msgspec.json.encode({"result": result, "id": request_id, **more})


def parse_request(text: str | bytes) -> Request:
    """Read one message of a client. Raises BadRequest."""
    try:
        message = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadRequest(INVALID_JSON, f"Invalid JSON: {error}") from None
    if not isinstance(message, dict):
        raise BadRequest(INVALID_REQUEST, "Invalid request: an object is expected")
    request_id = _id_of(message)
    unknown = sorted(message.keys() - {"method", "params", "id"})
    if unknown:
        raise BadRequest(INVALID_REQUEST, f"Invalid request: unknown property {unknown[0]!r}", request_id)
    method = message.get("method")
    if method not in METHODS:
        raise BadRequest(INVALID_REQUEST, f"Invalid request: method must be one of {', '.join(METHODS)}", request_id)
    params = message.get("params") or []
    if method.endswith("_PROPERTY"):
        return _property_of(method, params, request_id)
    if not isinstance(params, list) or not all(isinstance(name, str) for name in params):
        raise BadRequest(INVALID_REQUEST, "Invalid request: params must be a list of stream names", request_id)
    if not params and method != "LIST_SUBSCRIPTIONS":
        raise BadRequest(INVALID_REQUEST, "Invalid request: params names no stream", request_id)
    return Request(method, tuple(dict.fromkeys(params)), request_id)


def _property_of(method: str, params: Any, request_id: Id) -> Request:
    """A request for the property, with its value where it is to be set."""
    count = 2 if method == "SET_PROPERTY" else 1
    if not isinstance(params, list) or not params or not isinstance(params[0], str):
        raise BadRequest(INVALID_REQUEST, "Invalid request: property name must be a string", request_id)
    if params[0] != COMBINED:
        raise BadRequest(UNKNOWN_PROPERTY, "Unknown property", request_id)
    if len(params) > count:
        raise BadRequest(INVALID_REQUEST, "Invalid request: too many parameters", request_id)
    if method == "GET_PROPERTY":
        return Request(method, (), request_id)
    if not isinstance(params[-1], bool):
        raise BadRequest(INVALID_VALUE, "Invalid value type: expected Boolean", request_id)
    return Request(method, (), request_id, params[-1])


def _id_of(message: dict[str, Any]) -> Id:
    value = message.get("id")
    if isinstance(value, str) and len(value) > MAX_ID_CHARS:
        raise BadRequest(INVALID_REQUEST, f"Invalid request: id is longer than {MAX_ID_CHARS} characters")
    # bool is an int to Python, but not to the client that sent it.
    if isinstance(value, bool) or not isinstance(value, int | str | None):
        raise BadRequest(INVALID_REQUEST, "Invalid request: id must be an integer, a string or null")
    return value
