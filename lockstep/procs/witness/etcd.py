"""A client of etcd's JSON gateway: a request and its answer, within a hard limit of time.

It knows keys, transactions and leases, and not what they are for. HTTP is h11's business.
"""

from __future__ import annotations

import asyncio
import base64
import json
import ssl
from collections.abc import Sequence
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import h11

READ_BYTES = 65_536
MAX_ANSWER_BYTES = 1 << 20


class EtcdError(Exception):
    """etcd does not do it: it is away, slow, or answers what it should not. Whether it has done it is not known."""


class RefusedError(EtcdError):
    """etcd has answered that it does not do it."""


class Entry(NamedTuple):
    """A key as etcd has it: revision 0 where there is none."""

    value: bytes = b""
    revision: int = 0
    lease: int = 0


class Lease(NamedTuple):
    """A lease, and how long etcd keeps it from the request on."""

    id: int
    ttl_s: int


class Put(NamedTuple):
    """What a transaction writes: a key that ends with a lease, or one without."""

    key: str
    value: bytes
    lease: int = 0


class Etcd:
    """The members of an etcd cluster at `urls`; the one that answered last is asked first. A request may take
    `timeout_s` at each.
    """

    def __init__(self, urls: Sequence[str], timeout_s: float, context: ssl.SSLContext | None = None) -> None:
        self._urls = list(urls)
        self._timeout_s = timeout_s
        self._context = context
        self._at: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self._http = h11.Connection(h11.CLIENT)

    async def read(self, keys: Sequence[str]) -> list[Entry]:
        """The keys as they are at one moment, of a majority of the cluster. EtcdError."""
        answer = await self._ask("kv/txn", {"success": [{"request_range": {"key": _text(key)}} for key in keys]})
        return [_entry(each) for each in answer.get("responses", [])]

    async def write(self, puts: Sequence[Put], only_if: dict[str, int]) -> bool:
        """Write all, or nothing where a key's revision is not that of `only_if` (0: it is not there). EtcdError."""
        compare = [
            {"key": _text(key), "target": "MOD", "result": "EQUAL", "mod_revision": str(revision)}
            for key, revision in only_if.items()
        ]
        success = [
            {"request_put": {"key": _text(put.key), "value": _text(put.value), "lease": str(put.lease)}} for put in puts
        ]
        return bool((await self._ask("kv/txn", {"compare": compare, "success": success})).get("succeeded"))

    async def grant(self, ttl_s: int) -> Lease:
        """A new lease; etcd may make it longer than asked. EtcdError."""
        answer = await self._ask("lease/grant", {"TTL": str(ttl_s), "ID": "0"})
        return Lease(_number(answer, "ID"), _number(answer, "TTL"))

    async def renew(self, lease: int) -> int:
        """Begin a lease from its beginning: for how many seconds; 0 if it has ended. EtcdError."""
        return _number((await self._ask("lease/keepalive", {"ID": str(lease)})).get("result", {}), "TTL")

    async def revoke(self, lease: int) -> None:
        """End a lease, and with it its keys. EtcdError, also where it has ended already."""
        await self._ask("lease/revoke", {"ID": str(lease)})

    def close(self) -> None:
        """Hang up."""
        if self._at is not None:
            self._at[1].transport.abort()
            self._at = None

    async def _ask(self, what: str, body: dict[str, Any]) -> dict[str, Any]:
        troubles = []
        for _ in range(len(self._urls)):
            url = self._urls[0]
            try:
                async with asyncio.timeout(self._timeout_s):
                    return await self._exchange(url, f"/v3/{what}", json.dumps(body).encode())
            except RefusedError:
                raise
            except TimeoutError:
                troubles.append(f"{url} does not answer within {self._timeout_s:g} s")
            except (OSError, ssl.SSLError) as error:
                troubles.append(f"{url} can't be reached: {error.strerror or error}")
            except (EtcdError, h11.ProtocolError, ValueError) as error:
                troubles.append(f"{url}: {error}")
            except asyncio.CancelledError:
                self.close()
                raise
            self.close()
            self._urls.append(self._urls.pop(0))
        raise EtcdError("; ".join(troubles))

    async def _exchange(self, url: str, target: str, body: bytes) -> dict[str, Any]:
        parts = urlsplit(url)
        if self._at is None or self._at[0].at_eof():
            self.close()
            context = self._context if parts.scheme == "https" else None
            self._at = await asyncio.open_connection(parts.hostname, parts.port, ssl=context)
            self._http = h11.Connection(h11.CLIENT)
        reader, writer = self._at
        headers = [("Host", parts.netloc), ("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
        for event in (
            h11.Request(method="POST", target=target, headers=headers),
            h11.Data(data=body),
            h11.EndOfMessage(),
        ):
            writer.write(self._http.send(event) or b"")
        status, answer = await self._answer(reader)
        if self._http.our_state is h11.DONE and self._http.their_state is h11.DONE:
            self._http.start_next_cycle()
        else:
            self.close()
        try:
            found = json.loads(answer)
        except ValueError:
            raise EtcdError(f"is no etcd of version 3: it answers {status} to {target}") from None
        if status != 200 or not isinstance(found, dict) or "error" in found:
            said = found.get("error", found) if isinstance(found, dict) else found
            raise RefusedError(f"{url} answers {status}: {said}")
        return found

    async def _answer(self, reader: asyncio.StreamReader) -> tuple[int, bytes]:
        status, answer = 0, bytearray()
        while True:
            event = self._http.next_event()
            if event is h11.NEED_DATA:
                self._http.receive_data(await reader.read(READ_BYTES))
            elif isinstance(event, h11.Response):
                status = event.status_code
            elif isinstance(event, h11.Data):
                answer += event.data
                if len(answer) > MAX_ANSWER_BYTES:
                    raise EtcdError("answers too much")
            elif isinstance(event, h11.EndOfMessage):
                return status, bytes(answer)
            elif isinstance(event, h11.ConnectionClosed):
                raise EtcdError("hung up")


def _text(value: str | bytes) -> str:
    return base64.b64encode(value.encode() if isinstance(value, str) else value).decode()


def _number(answer: Any, key: str) -> int:
    """A number of an answer, which leaves out what is 0."""
    return int(answer.get(key, 0))


def _entry(response: dict[str, Any]) -> Entry:
    found = response.get("response_range", {}).get("kvs", [])
    if not found:
        return Entry()
    kv = found[0]
    return Entry(base64.b64decode(kv.get("value", "")), _number(kv, "mod_revision"), _number(kv, "lease"))
