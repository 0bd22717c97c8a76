"""An etcd in simulated time: keys with revisions, transactions that compare them, leases that end; a node's way to it.

Requests and answers take time, and get lost where a node is cut off; one that is late is done when nobody waits for its
answer any more.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random
from typing import Any, TypeVar, cast

import msgspec

from lockstep.procs.witness.etcd import Entry, EtcdError, Lease, Put, RefusedError
from lockstep.procs.witness.record import State
from tests.simulation.turns import Turn

SECOND_NS = 10**9
FAST = 0.1  # of a second: so much faster may its clock be than a node's
LATE_NS = SECOND_NS // 2  # it looks for leases that have ended so often
NEAR_NS, FAR_NS = 20_000_000, 600_000_000  # for one way, of a request or of its answer


T = TypeVar("T")


class Request:
    """On its way, then done, then answered."""

    def __init__(self, node: str, what: Callable[[], Any], due_ns: int) -> None:
        self.node = node
        self.what = what
        self.due_ns = due_ns
        self.is_done = self.is_answered = False
        self.answer: Any = None
        self.refusal: RefusedError | None = None


class Cluster:
    """While it `is_away` it answers nobody, and the nodes that are `cut` don't reach it. `owned` is told who is to lead
    whenever that changes, and `owner` is who was at last, whatever it has forgotten since.
    """

    def __init__(self, draw: Random, owned: Callable[[str], None]) -> None:
        self.is_away = self.is_slow = self.has_forgotten = False
        self.cut: set[str] = set()
        self.now_ns = 0
        self._owned = owned
        self.owner = ""
        self._draw = draw
        self._keys: dict[str, Entry] = {}
        self._past: list[dict[str, Entry]] = [{}]  # the keys after each change
        self._revision = 1
        self._leases: dict[int, tuple[int, int]] = {}  # for how many seconds each is, and when it ends
        self._requests: list[Request] = []

    def pass_to(self, now_ns: int) -> None:
        """Time has passed: leases have ended, requests and answers have arrived."""
        self.now_ns = now_ns
        for lease in [lease for lease, (_, end_ns) in self._leases.items() if end_ns <= now_ns]:
            self._end(lease)
        for request in [request for request in self._requests if request.due_ns <= now_ns]:
            if self.is_away or request.node in self.cut:
                self._requests.remove(request)
            elif not request.is_done:
                self._do(request)
            else:
                request.is_answered = True
                self._requests.remove(request)

    def send(self, node: str, what: Callable[[], Any]) -> Request:
        request = Request(node, what, self.now_ns + self._way_ns())
        self._requests.append(request)
        return request

    # What it is asked

    def read(self, keys: Sequence[str]) -> list[Entry]:
        return [self._keys.get(key, Entry()) for key in keys]

    def write(self, puts: Sequence[Put], only_if: dict[str, int]) -> bool:
        if any(self._keys.get(key, Entry()).revision != revision for key, revision in only_if.items()):
            return False
        if any(put.lease and put.lease not in self._leases for put in puts):
            raise RefusedError("requested lease not found")
        self._revision += 1
        for put in puts:
            self._keys[put.key] = Entry(put.value, self._revision, put.lease)
        self._past.append(dict(self._keys))
        state = self.state()
        if state is not None and state.owner != self.owner:
            self.owner = state.owner
            self._owned(state.owner)
        return True

    def grant(self, ttl_s: int) -> Lease:
        lease = self._draw.getrandbits(62) + 1
        self._begin(lease, ttl_s)
        return Lease(lease, ttl_s)

    def renew(self, lease: int) -> int:
        if lease not in self._leases:
            return 0
        self._begin(lease, self._leases[lease][0])
        return self._leases[lease][0]

    def revoke(self, lease: int) -> None:
        if lease not in self._leases:
            raise RefusedError("requested lease not found")
        self._end(lease)

    # What befalls it

    @property
    def changes(self) -> int:
        """How many changes ago it can be restored to."""
        return len(self._past) - 1

    def state(self, back: int = 0) -> State | None:
        """What it knows of the venue, or knew `back` changes ago."""
        keys = self._past[-1 - back] if back else self._keys
        found = [entry for key, entry in keys.items() if key.endswith("/state")]
        return msgspec.json.decode(found[0].value, type=State) if found else None

    def restore(self, back: int) -> None:
        """Have it as it was `back` changes ago; the leases that it had then begin anew."""
        self._keys = dict(self._past[-1 - back])
        self.has_forgotten = True
        for entry in self._keys.values():
            if entry.lease:
                self._begin(entry.lease, self._leases.get(entry.lease, (2, 0))[0])

    def empty(self) -> None:
        """Remove the venue's keys, as those who run it do."""
        self._keys.clear()
        self._past = [{}]
        self.has_forgotten = False

    def calm(self) -> None:
        self.is_away = self.is_slow = False
        self.cut.clear()

    def _do(self, request: Request) -> None:
        try:
            request.answer = request.what()
        except RefusedError as error:
            request.refusal = error
        request.is_done = True
        request.due_ns = self.now_ns + self._way_ns()

    def _begin(self, lease: int, ttl_s: int) -> None:
        lasts_ns = int(ttl_s * SECOND_NS * (1 - self._draw.uniform(0, FAST)))
        self._leases[lease] = (ttl_s, self.now_ns + lasts_ns + self._draw.randint(0, LATE_NS))

    def _end(self, lease: int) -> None:
        del self._leases[lease]
        for key in [key for key, entry in self._keys.items() if entry.lease == lease]:
            del self._keys[key]

    def _way_ns(self) -> int:
        return self._draw.randint(0, FAR_NS if self.is_slow else NEAR_NS)


class Client:
    """A node's way to it, as `lockstep.procs.witness.etcd.Etcd` is one: a request may take `timeout_s`."""

    def __init__(self, cluster: Cluster, node: str, timeout_s: float) -> None:
        self._cluster = cluster
        self._node = node
        self._timeout_ns = int(timeout_s * SECOND_NS)

    async def read(self, keys: Sequence[str]) -> list[Entry]:
        return await self._ask(lambda: self._cluster.read(keys))

    async def write(self, puts: Sequence[Put], only_if: dict[str, int]) -> bool:
        return await self._ask(lambda: self._cluster.write(puts, only_if))

    async def grant(self, ttl_s: int) -> Lease:
        return await self._ask(lambda: self._cluster.grant(ttl_s))

    async def renew(self, lease: int) -> int:
        return await self._ask(lambda: self._cluster.renew(lease))

    async def revoke(self, lease: int) -> None:
        await self._ask(lambda: self._cluster.revoke(lease))

    def close(self) -> None:
        """What is under way stays so."""

    async def _ask(self, what: Callable[[], T]) -> T:
        end_ns = self._cluster.now_ns + self._timeout_ns
        request = self._cluster.send(self._node, what)
        while not request.is_answered:
            if self._cluster.now_ns >= end_ns:
                raise EtcdError("etcd does not answer in time")
            await Turn()
        if request.refusal is not None:
            raise request.refusal
        return cast(T, request.answer)
