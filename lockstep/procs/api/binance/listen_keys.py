"""Listen keys: names by which a client opens an account's stream without a signature, for an hour at a time.

A listen key follows from the API key, the rights of its account and the venue's key, so it outlives a restart, and
no one else can make it. It ends unless its client keeps it, with its API key, and with the account's rights: after
another password or role, or a lock by an operator, the API key has another listen key.
"""

from __future__ import annotations

import base64
import hmac
import struct
from collections.abc import Callable

from lockstep.core.schema.enums import KeyScope
from lockstep.core.venue.venue_key import VenueKey
from lockstep.procs.api.binance.account_answers import listen_key_answer
from lockstep.procs.api.binance.caller import Call
from lockstep.procs.api.binance.errors import listen_key_unknown, unavailable
from lockstep.procs.api.desk import Desk
from lockstep.procs.api.keys import ApiKey

VALID_NS = 3600 * 10**9
SIZE = 48  # characters: four bytes of the key's number and 32 of proof, as base64
NUMBER = struct.Struct(">I")


class ListenKeys:
    """Handlers of userDataStream, and what a name stands for."""

    def __init__(self, desk: Desk, venue_key: Callable[[], VenueKey | None]) -> None:
        self._desk = desk
        self._venue_key = venue_key
        self._until_ns: dict[int, int] = {}  # by the key's number; 0: closed

    async def listen_key_create(self, call: Call) -> bytes:
        """The listen key of the API key, good for an hour from now."""
        assert call.api_key is not None
        self._until_ns[call.api_key.number] = call.now_ns + VALID_NS
        return listen_key_answer(self._name(call.api_key).decode())

    async def listen_key_keep(self, call: Call) -> bytes:
        """Another hour."""
        self._until_ns[self._own(call).number] = call.now_ns + VALID_NS
        return b"{}"

    async def listen_key_close(self, call: Call) -> bytes:
        """The end of it, and of its streams."""
        self._until_ns[self._own(call).number] = 0
        return b"{}"

    def find(self, name: bytes, now_ns: int) -> ApiKey | None:
        """The API key that a listen key stands for now, or None."""
        key = self._named(name)
        if (
            key is None
            or not key.may(KeyScope.READ, now_ns)
            or not now_ns < self._until_ns.setdefault(key.number, now_ns + VALID_NS)
        ):
            return None
        return key

    def _own(self, call: Call) -> ApiKey:
        named = call.sent.get(b"listenKey")
        key = self._named(named) if named is not None else call.api_key
        if key is None or call.api_key is None or key.account != call.api_key.account:
            raise listen_key_unknown()
        return key

    def _named(self, name: bytes) -> ApiKey | None:
        if len(name) != SIZE:
            return None
        try:
            (number,) = NUMBER.unpack(base64.b64decode(name, altchars=b"-_", validate=True)[:4])
        except ValueError:
            return None
        key = self._desk.keys.numbered(number)
        return key if key is not None and hmac.compare_digest(self._name(key), name) else None

    def _name(self, key: ApiKey) -> bytes:
        venue_key = self._venue_key()
        if venue_key is None:
            raise unavailable("the venue has no key")
        rights = self._desk.accounts.rights_of(key.account)
        proof = venue_key.proof(b"listen key", b"%d " % rights + key.name)
        return base64.urlsafe_b64encode(NUMBER.pack(key.number) + proof)
