"""HTTP to one venue: connections that are kept, answers as bytes, and every failure as a VenueError."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from typing import Any, TypeVar

import httpx
import msgspec

from lockstep.client.errors import NO_ANSWER, VenueError

TIMEOUT_S = 30.0
T = TypeVar("T")


class Http:
    """A venue's api at `url`, such as "http://127.0.0.1:8080". A proxy of the environment is not used."""

    def __init__(self, url: str, *, timeout_s: float = TIMEOUT_S, verify: ssl.SSLContext | bool = True) -> None:
        self.url = url.rstrip("/")
        verify = verify if url.startswith("https") else False  # certificates take a while to load
        self._client = httpx.AsyncClient(base_url=self.url, timeout=timeout_s, verify=verify, trust_env=False)

    async def send(
        self, method: str, target: str, content: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> httpx.Response:
        """Return the answer, whatever its status. Raises VenueError (NO_ANSWER) where there is none."""
        try:
            return await self._client.request(method, target, content=content, headers=headers)
        except httpx.HTTPError as error:
            raise VenueError(NO_ANSWER, f"{self.url}: {error or type(error).__name__}.") from error

    @property
    def cookies(self) -> httpx.Cookies:
        """The cookies that the venue has set, such as a session's refresh token."""
        return self._client.cookies

    async def close(self) -> None:
        """End the connections."""
        await self._client.aclose()


def decoded(answer: httpx.Response, type: type[T]) -> T:
    """Return the body of an answer as `type`. Raises VenueError where it is something else."""
    try:
        return msgspec.json.decode(answer.content, type=type)
    except msgspec.MsgspecError as error:
        raise VenueError(NO_ANSWER, f"{answer.url} does not answer as a venue does: {error}.") from error


def said_by(answer: httpx.Response) -> dict[str, Any]:
    """Return what a refusal says, {} if that is no JSON object."""
    try:
        return msgspec.json.decode(answer.content, type=dict[str, Any])
    except msgspec.MsgspecError:
        return {}
