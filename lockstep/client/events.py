"""An account's events (`/v1/stream`): each once, in order, over any number of connections.

docs/protocols/stream.md says what comes on which channel, and how a state is kept by it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

import msgspec
from websockets.asyncio.client import ClientConnection

from lockstep.client.decoding import Said, from_builtins, from_json
from lockstep.client.errors import GARBLED, VenueError
from lockstep.client.socket import AWAY, RETRY_S, connected
from lockstep.client.v1 import V1, Balance, Fill, Order

SILENT_S = 10.0  # heartbeats come each second
BEGIN_ANEW = ("TOO_OLD", "AHEAD")
PASSING = ("SESSIONS_AWAY", "VENUE_BUSY", "TOO_MANY_REQUESTS", "SESSION_ENDED")  # another try, or token, helps


class Result(Said, frozen=True):
    """What a request has come to: the channels that are subscribed then."""

    channels: tuple[str, ...] = ()


class Answer(Said, frozen=True):
    """What answers request `id`; a message has none."""

    id: int | None = None
    result: Result = Result()
    error: dict[str, Any] | None = None


class AccountEvent(Said, frozen=True):
    """A message: something that happened, or with an `image` what there is before all that follows.

    `said` is the whole of it, also what has no field here.
    """

    channel: str
    position: str = ""  # none where a channel has ended
    seq: int = 0
    event: str = ""
    order: Order | None = None
    fill: Fill | None = None
    balance: Balance | None = None
    image: list[Any] | None = None
    is_last: bool = False
    said: dict[str, Any] = msgspec.field(default_factory=dict)


class Events:
    """What happens to the account of `person` on some channels, behind `position`; without one, images come first.

    `position` is behind the last message that was yielded: keep it, and another program resumes there.
    """

    def __init__(self, person: V1, channels: Sequence[str] = ("orders", "balances"), position: str = "") -> None:
        self.position = position
        self._person = person
        self._channels = list(channels)
        self._unseen: set[str] = set()  # channels whose images are not whole yet: there is no position to resume from
        self._token = ""

    async def follow(self) -> AsyncIterator[AccountEvent]:
        """Yield what comes. VenueError where it can't go on, such as wrong passwords; a venue that is away is tried
        again each RETRY_S."""
        url = f"ws{self._person.http.url.removeprefix('http')}/v1/stream"
        while True:
            try:
                async with connected(url) as socket:
                    await self._begin(socket)
                    told = self.position
                    while True:
                        said = await self._take(socket)
                        event = from_builtins({**said, "said": said}, AccountEvent)
                        if event.channel == "session":
                            await self._log_in(socket)
                            continue
                        if event.event and event.position:
                            if event.position <= told:
                                raise VenueError(GARBLED, f"{event.position} comes behind {told}.")
                            told = event.position
                        if event.is_last:
                            self._unseen.discard(event.channel)
                        if not self._unseen:
                            self.position = event.position or self.position
                        if event.channel != "heartbeat":
                            yield event
            except AWAY:
                pass  # a connection more or less: what was told meanwhile comes by the next one
            except VenueError as error:
                if error.code == GARBLED or 0 < error.status < 500:
                    raise
            await asyncio.sleep(RETRY_S)  # only trying again tells whether the venue is back

    async def _begin(self, socket: ClientConnection) -> None:
        await self._log_in(socket)
        subscription: dict[str, object] = {"method": "subscribe", "channels": self._channels}
        try:
            if self.position:
                await self._ask(socket, subscription | {"resume": self.position})
                return
        except VenueError as error:
            if error.code not in BEGIN_ANEW:
                raise
            self.position = ""
        self._unseen = set((await self._ask(socket, subscription)).channels)

    async def _log_in(self, socket: ClientConnection) -> None:
        self._token = await self._person.token(self._token)
        await self._ask(socket, {"method": "login", "token": self._token})

    async def _ask(self, socket: ClientConnection, request: dict[str, object]) -> Result:
        """Return the result of a request, which precedes all that comes of it. VenueError."""
        await socket.send(msgspec.json.encode({"id": 1, **request}).decode())
        async with asyncio.timeout(SILENT_S):
            while (answer := from_builtins(await self._take(socket), Answer)).id != 1:
                pass
        if (error := answer.error) is not None:
            code = str(error.get("code"))
            raise VenueError(code, str(error.get("detail")), 503 if code in PASSING else 400, error)
        return answer.result

    async def _take(self, socket: ClientConnection) -> dict[str, Any]:
        async with asyncio.timeout(SILENT_S):
            return from_json(await socket.recv(), dict[str, Any])
