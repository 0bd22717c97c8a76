"""The requests of `/v1/stream` and the answers to them, as text. It carries nothing out."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

MOST_BYTES = 16_384
MOST_CHANNELS = 64

Id = int | Annotated[str, Meta(max_length=36)] | None
Channels = Annotated[list[Annotated[str, Meta(max_length=64)]], Meta(min_length=1, max_length=MOST_CHANNELS)]


class _Request(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="method"):
    """`id` comes back in the answer."""

    id: Id = None


class Login(_Request, frozen=True, kw_only=True, tag="login"):
    """Who it is: an access token of a session. Sent again with another one, the stream goes on."""

    token: Annotated[str, Meta(max_length=4096)]


class Subscribe(_Request, frozen=True, kw_only=True, tag="subscribe"):
    """Channels that begin with an image, or go on behind a position."""

    channels: Channels
    resume: str | None = None


class Unsubscribe(_Request, frozen=True, kw_only=True, tag="unsubscribe"):
    """Channels that end."""

    channels: Channels


class Ping(_Request, frozen=True, kw_only=True, tag="ping"):
    """It is answered."""


Request = Login | Subscribe | Unsubscribe | Ping


class _Identified(Struct):
    id: Id = None


class RequestError(Exception):
    """A request that is not carried out: a code that never changes its meaning, and what to do about it."""

    def __init__(self, code: str, detail: str, **more: Any) -> None:
        super().__init__(code)
        self.code = code
        self.detail = detail
        self.more = more


def read(message: bytes) -> Request:
    """Read one message of a client. RequestError."""
    if len(message) > MOST_BYTES:
        raise RequestError("BAD_REQUEST", f"A request has {MOST_BYTES} bytes at most.")
    try:
        request: Request = msgspec.json.decode(message, type=Request)
    except msgspec.ValidationError as error:
        raise RequestError("INVALID", str(error)) from None
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        raise RequestError("BAD_REQUEST", "This is no JSON.") from None
    return request


def id_of(message: bytes) -> Id:
    """The id of a request that may be none."""
    try:
        return msgspec.json.decode(message, type=_Identified).id
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return None


def answer(id: Id, result: dict[str, Any]) -> bytes:
    return msgspec.json.encode({"id": id, "result": result})


def refusal(id: Id, error: RequestError) -> bytes:
    return msgspec.json.encode({"id": id, "error": {"code": error.code, "detail": error.detail, **error.more}})
