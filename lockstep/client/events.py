"""An account's events (`/v1/stream`): each once, in order, over any number of connections.

docs/protocols/stream.md says what comes on which channel, and how a state is kept by it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

import msgspec
from msgspec import Struct
from websockets.asyncio.client import ClientConnection, connect

from lockstep.client.errors import VenueError
from lockstep.client.market import AWAY, MAX_BYTES, OPEN_S, RETRY_S
from lockstep.client.v1 import V1, Balance, Fill, Order

SILENT_S = 10.0  # heartbeats come each second
BEGIN_ANEW = ("TOO_OLD", "AHEAD")
PASSING = ("SESSIONS_AWAY", "VENUE_BUSY", "TOO_MANY_REQUESTS", "SESSION_ENDED")  # another try, or token, helps


class AccountEvent(Struct, frozen=True):
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
    said: dict[str, Any] = {}


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
                async with connect(url, open_timeout=OPEN_S, compression=None, max_size=MAX_BYTES) as socket:
                    await self._begin(socket)
                    while True:
                        said = await self._take(socket)
                        if said.get("channel") == "session":
                            await self._log_in(socket)
                            continue
                        if said.get("is_last"):
                            self._unseen.discard(said["channel"])
                        if not self._unseen:
                            self.position = said.get("position", self.position)
                        if said["channel"] != "heartbeat":
                            yield msgspec.convert({**said, "said": said}, AccountEvent)
            except AWAY:
                pass  # a connection more or less: what was told meanwhile comes by the next one
            except VenueError as error:
                if error.status and error.status < 500:
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
        self._unseen = set((await self._ask(socket, subscription))["channels"])

    async def _log_in(self, socket: ClientConnection) -> None:
        self._token = await self._person.token(self._token)
        await self._ask(socket, {"method": "login", "token": self._token})

    async def _ask(self, socket: ClientConnection, request: dict[str, object]) -> dict[str, Any]:
        """Return the result of a request, which precedes all that comes of it. VenueError."""
        await socket.send(msgspec.json.encode({"id": 1, **request}).decode())
        while (said := await self._take(socket)).get("id") != 1:
            pass
        if error := said.get("error"):
            status = 503 if error["code"] in PASSING else 400
            raise VenueError(error["code"], error["detail"], status, error)
        result: dict[str, Any] = said["result"]
        return result

    async def _take(self, socket: ClientConnection) -> dict[str, Any]:
        async with asyncio.timeout(SILENT_S):
            return msgspec.json.decode(await socket.recv(), type=dict[str, Any])
