"""Where a gateway answers `lockstep status --sessions` and `lockstep disconnect`: a socket for the venue's own user.

Its name is abstract, so it needs no disk, full or not, and ends with its process. Whoever runs as another user gets no
answer; the command makes sure that an operator asks, as with the operators' ring.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable

import msgspec
from msgspec import Struct

from lockstep.core.edge.own_socket import is_own, listener
from lockstep.core.operations.status import SessionStatus

PAGE = 256  # sessions of one answer: the gateway does nothing else while it looks at them
MAX_AT_ONCE = 8
REQUEST_S = 2.0
MAX_REQUEST_BYTES = 4096
ANSWER_S = 15.0  # that the asker waits: a client gets some seconds to log out


class List(Struct, frozen=True, forbid_unknown_fields=True, tag=True):
    """Asks for the sessions from number `first` on."""

    first: int = 0


class Disconnect(Struct, frozen=True, forbid_unknown_fields=True, tag=True):
    """Asks to log a session out and end its connection."""

    session: str
    operator: str
    reason: str


class Listed(Struct, frozen=True):
    """Sessions, and the number to continue with (0: there are no more)."""

    sessions: list[SessionStatus]
    next: int


class Disconnected(Struct, frozen=True):
    """Whether the session was connected; if so, it no longer is. `says` has it in words."""

    was_connected: bool
    says: str


class ControlError(RuntimeError):
    """The gateway gave no answer."""


Request = List | Disconnect
Answer = Listed | Disconnected


class Control:
    """The gateway's end. `answer` carries a request out."""

    def __init__(self, name: str, answer: Callable[[Request], Awaitable[Answer]]) -> None:
        self._name = name
        self._answer = answer
        self._server: asyncio.Server | None = None
        self._open = 0

    async def open(self) -> None:
        """Listen. OSError if the name is taken."""
        listening = listener(self._name)
        self._server = await asyncio.start_unix_server(self._serve, sock=listening, limit=MAX_REQUEST_BYTES)

    def close(self) -> None:
        if self._server is not None:
            self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open += 1
        try:
            if self._open <= MAX_AT_ONCE and is_own(writer.get_extra_info("socket")):
                async with asyncio.timeout(REQUEST_S):
                    line = await reader.readline()
                writer.write(msgspec.json.encode(await self._answer(msgspec.json.decode(line, type=Request))))
        except (TimeoutError, ValueError, msgspec.MsgspecError):
            pass  # no request: no answer
        finally:
            self._open -= 1
            writer.close()


def ask(name: str, request: Request) -> bytes:
    """Ask the gateway with this name; returns its answer as JSON. ControlError if there is none."""
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connected:
            connected.settimeout(ANSWER_S)
            connected.connect(f"\0{name}")
            if not is_own(connected):
                raise ControlError("another user's process answers in the gateway's place")
            connected.sendall(msgspec.json.encode(request) + b"\n")
            answer = b"".join(iter(lambda: connected.recv(65536), b""))
    except OSError as error:
        raise ControlError(f"the gateway does not answer: {error.strerror or error}") from None
    if not answer:
        raise ControlError("the gateway does not answer: it has too much to do, or is another user's")
    return answer


def sessions(name: str) -> list[SessionStatus]:
    """All sessions of a gateway. ControlError."""
    found: list[SessionStatus] = []
    first = 0
    while True:
        page = msgspec.json.decode(ask(name, List(first)), type=Listed)
        found += page.sessions
        first = page.next
        if not first:
            return found


def disconnect(name: str, request: Disconnect) -> Disconnected:
    """End a session at a gateway. ControlError."""
    return msgspec.json.decode(ask(name, request), type=Disconnected)
