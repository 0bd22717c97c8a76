"""HTTP to one venue: connections that are kept, answers as bytes, and every failure as a VenueError."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, TypeVar

import httpx
from msgspec import Struct

from lockstep.client.decoding import from_json
from lockstep.client.errors import NO_ANSWER, VenueError

TIMEOUT_S = 30.0  # for all of an answer
MAX_BYTES = 1 << 26  # of an answer
MAX_COOKIES = 16
T = TypeVar("T")


class Answer(Struct, frozen=True):
    """What a request is answered."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Http:
    """A venue's api at `url`, such as "http://127.0.0.1:8080". A proxy of the environment is not used."""

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")
        self._client = self._new()

    async def send(
        self, method: str, target: str, content: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Return the answer, whatever its status. VenueError (NO_ANSWER) where there is none, or no end of it."""
        body = bytearray()
        try:
            async with (
                asyncio.timeout(TIMEOUT_S),
                self._client.stream(method, target, content=content, headers=headers) as answer,
            ):
                async for part in answer.aiter_raw():
                    body += part
                    if len(body) > MAX_BYTES:
                        raise VenueError(NO_ANSWER, f"{answer.url} answers with more than {MAX_BYTES} bytes.")
        except (httpx.HTTPError, httpx.InvalidURL, ValueError, TimeoutError) as error:  # also of what is no Location
            raise VenueError(NO_ANSWER, f"{self.url}: {str(error) or type(error).__name__}.") from error
        if len(self.cookies.jar) > MAX_COOKIES:
            self.cookies.clear()
        return Answer(answer.status_code, answer.headers, bytes(body))

    @property
    def cookies(self) -> httpx.Cookies:
        """The cookies that the venue has set, such as a session's refresh token."""
        return self._client.cookies

    async def close(self) -> None:
        """End the connections, and forget the cookies; the next request connects again."""
        ended, self._client = self._client, self._new()
        await ended.aclose()

    def _new(self) -> httpx.AsyncClient:
        verify = self.url.startswith("https")  # certificates take a while to load
        plain = {"Accept-Encoding": "identity"}  # a few bytes could be any number of them
        return httpx.AsyncClient(base_url=self.url, headers=plain, timeout=None, verify=verify, trust_env=False)


def decoded(answer: Answer, type: type[T]) -> T:
    """Return the body of an answer as `type`, an empty one as null. Raises VenueError where it is something else."""
    return from_json(answer.body or b"null", type, NO_ANSWER)


def refusal(answer: Answer, text: str) -> VenueError:
    """Return a refusal as an error; its field `text` says what is wrong."""
    try:
        said = decoded(answer, dict[str, Any])
    except VenueError:
        said = {}
    code = said.get("code")
    code = code if isinstance(code, int | str) else answer.status
    return VenueError(code, str(said.get(text, "")), answer.status, said)
