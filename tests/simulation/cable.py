"""The network between two nodes: connections that are cut, delayed and half-open, come late, or come again.

It stands where the sockets of `replicator.transport` do, and takes what those take. A connection keeps the order
of its bytes, as TCP does, so what it can show the link is whole frames of another connection.
"""

from __future__ import annotations

from collections import deque
from random import Random

from lockstep.procs.replicator.handshake import LinkError
from lockstep.procs.replicator.link import Link
from tests.models.journal import crc32c

HEADER = 96
KIND_AT, NONCE_AT, NUMBER_AT, SIZE_AT = 14, 16, 24, 32
HELLO, FENCE, HANDOVER = 1, 7, 8
ASKS_TO_LEAD = (FENCE, HANDOVER)
MAX_UNREAD = 1 << 20  # bytes under way that a connection takes
MAX_OLD = 400  # frames of earlier connections that are kept
HANDSHAKE_NS = 3 * 10**9
RETRY_NS = 50_000_000


class Way:
    """One direction of a connection: chunks of whole frames, each with the time at which it arrives."""

    def __init__(self, network: Network) -> None:
        self._network = network
        self.chunks: deque[tuple[int, bytes]] = deque()
        self.frames: list[bytes] = []  # all that its sender ever wrote
        self.added = 0  # frames of others that came between, where a link is to take them
        self.is_over = False  # the sender has hung up behind what is under way

    def write(self, data: bytes) -> None:
        for frame in frames_of(data):
            self.frames.append(frame)
            self._put(frame if not self.added else restamped(frame, nonce_of(frame), number_of(frame) + self.added))

    def put_in(self, frame: bytes, *, fits: bool) -> None:
        """A frame of another connection comes next; one that `fits` has this one's nonce and number."""
        if fits and self.frames:
            self.added += 1
            frame = restamped(frame, nonce_of(self.frames[-1]), number_of(self.frames[-1]) + self.added)
        self._put(frame)

    def read(self, room: int) -> bytes:
        """What has arrived, at most `room` bytes."""
        found = bytearray()
        while self.chunks and len(found) < room and self.chunks[0][0] <= self._network.now_ns:
            if self._network.is_cut:
                break
            due_ns, data = self.chunks.popleft()
            space = room - len(found)
            found += data[:space]
            if len(data) > space:
                self.chunks.appendleft((due_ns, data[space:]))
        return bytes(found)

    @property
    def is_full(self) -> bool:
        return sum(len(data) for _, data in self.chunks) >= MAX_UNREAD

    @property
    def has_ended(self) -> bool:
        """Whether the receiver knows that the sender has hung up."""
        return self.is_over and not self.chunks and not self._network.is_cut

    def _put(self, data: bytes) -> None:
        network = self._network
        due_ns = network.now_ns + network.draw.randint(0, network.delay_ns)
        self.chunks.append((max(due_ns, self.chunks[-1][0]) if self.chunks else due_ns, data))


class End:
    """One end of a connection, as `lockstep.procs.replicator.transport.Connection` is one."""

    def __init__(self, into: Way, out: Way, peer: str) -> None:
        self.peer = peer
        self.received = 0
        self.trouble = ""
        self.is_open = True
        self.into = into
        self.out = out

    def fileno(self) -> int:
        return -1

    def pump(self, link: Link) -> int:
        if not self.is_open:
            raise ConnectionError(self.trouble or "the connection is closed")
        moved = self._read(link)
        if not moved and self.into.has_ended:
            self.trouble = "the peer has hung up"
            self.close()
            raise ConnectionError(f"{self.peer}: {self.trouble}")
        return moved + self._write(link)

    def refuse(self, link: Link, error: LinkError, now_ns: int) -> None:
        link.refuse(error, now_ns)
        if self.is_open:
            self._write(link)
        self.close()

    def close(self) -> None:
        self.is_open = False
        self.out.is_over = True

    def _read(self, link: Link) -> int:
        moved = 0
        while data := self.into.read(len(room := link.room())):
            room[: len(data)] = data
            link.received(len(data))
            moved += len(data)
        self.received += moved
        return moved

    def _write(self, link: Link) -> int:
        data = bytes(link.unsent())
        if not data or self.out.is_full:
            return 0
        link.sent(len(data))
        self.out.write(data)
        return len(data)


class Network:
    """What is between the nodes. While `is_cut` nothing arrives, and nobody is told. `reaches`: where somebody listens.

    `takes_stale` is a bug: frames of old connections look as if they were of this one.
    """

    def __init__(self, draw: Random, delay_ns: int) -> None:
        self.draw = draw
        self.delay_ns = delay_ns
        self.now_ns = 0
        self.is_cut = False
        self.takes_stale = False
        self.reaches: dict[str, Acceptor] = {}
        self.ends: list[tuple[End, End]] = []  # of each connection: who dialled, and who accepted
        self.old: deque[bytes] = deque(maxlen=MAX_OLD)

    def connect(self, address: str) -> End | None:
        """Dial; None where nobody listens."""
        acceptor = self.reaches.get(address)
        if acceptor is None:
            return None
        there, back = Way(self), Way(self)
        dialled, accepted = End(back, there, address), End(there, back, "10.0.0.9:40000")
        self.ends.append((dialled, accepted))
        acceptor.waiting.append((self.now_ns + self.draw.randint(0, self.delay_ns), accepted))
        return dialled

    def hang_up(self, end: End) -> None:
        """A process that had this end is gone."""
        end.close()

    def tidy(self) -> None:
        """Keep what connections that are over have said: their frames may come again."""
        for pair in [pair for pair in self.ends if not pair[0].is_open and not pair[1].is_open]:
            self.ends.remove(pair)
            for way in (pair[0].out, pair[1].out):
                self.old.extend(way.frames[-MAX_OLD // 4 :])

    def break_all(self) -> bool:
        """Every connection ends, for both ends."""
        found = [end for pair in self.ends for end in pair if end.is_open]
        for end in found:
            end.out.chunks.clear()
            end.close()
        return bool(found)

    def repeat_frame(self) -> bool:
        """A frame of an old connection comes in one that is up, the more likely one that does something."""
        ways = [(end.into, end.out) for pair in self.ends for end in pair if end.is_open and end.received]
        strong = [frame for frame in self.old if kind_of(frame) in ASKS_TO_LEAD]
        frames = strong or list(self.old)
        if not ways or not frames:
            return False
        frame = self.draw.choice(frames)
        dialled = [pair[0].out for pair in self.ends if pair[0].is_open and pair[0].received]
        way = dialled[0] if dialled and kind_of(frame) in ASKS_TO_LEAD else self.draw.choice(ways)[0]
        way.put_in(frame, fits=self.takes_stale)
        return True

    def repeat_connection(self) -> bool:
        """All that who dialled once has said comes again, as a connection of its own."""
        hellos = [at for at, frame in enumerate(self.old) if kind_of(frame) == HELLO]
        if not hellos or not self.reaches:
            return False
        ghost = self.connect(self.draw.choice(sorted(self.reaches)))
        assert ghost is not None
        at = self.draw.choice(hellos)
        ghost.out.write(b"".join(list(self.old)[at : at + 5]))
        if self.draw.random() < 0.5:
            ghost.close()
        ghost.is_open = False  # nobody reads what it is answered
        return True


class Acceptor:
    """As `lockstep.procs.replicator.transport.Acceptor`: connections come in any order once they have arrived."""

    def __init__(self, network: Network, address: str) -> None:
        self.address = address
        self.trouble = ""
        self.waiting: list[tuple[int, End]] = []
        self._network = network
        network.reaches[address] = self

    def poll(self, _now_ns: int) -> End | None:
        network = self._network
        here = [each for each in self.waiting if each[0] <= network.now_ns and each[1].into.chunks]
        if not here or network.is_cut:
            return None
        chosen = network.draw.choice(here)
        self.waiting.remove(chosen)
        return chosen[1]

    def close(self) -> None:
        if self._network.reaches.get(self.address) is self:
            del self._network.reaches[self.address]
        for _, end in self.waiting:
            end.close()
        self.waiting.clear()


class Dialer:
    """As `lockstep.procs.replicator.transport.Dialer`."""

    def __init__(self, network: Network, address: str) -> None:
        self.address = address
        self.trouble = ""
        self.is_stranger = False
        self._network = network
        self._connection: End | None = None
        self._next_ns = self._since_ns = 0

    def poll(self, now_ns: int) -> End | None:
        network = self._network
        if (self._connection is not None and self._connection.is_open) or now_ns < self._next_ns:
            return None
        self._connection = None
        if network.is_cut:
            self._since_ns = self._since_ns or now_ns
            if now_ns - self._since_ns >= HANDSHAKE_NS:
                self.trouble, self._since_ns = f"{self.address}: no answer within 3 s", 0
            return None
        self._connection = network.connect(self.address)
        self._next_ns, self._since_ns = now_ns + RETRY_NS, 0
        if self._connection is None:
            self.trouble = f"{self.address}: connection refused"
        return self._connection

    def close(self) -> None:
        """A connection that was given out stays."""


def frames_of(data: bytes) -> list[bytes]:
    """Whole frames, as a link writes them."""
    found, at = [], 0
    while at < len(data):
        end = at + HEADER + int.from_bytes(data[at + SIZE_AT : at + SIZE_AT + 4], "little")
        found.append(data[at:end])
        at = end
    return found


def kind_of(frame: bytes) -> int:
    return int.from_bytes(frame[KIND_AT : KIND_AT + 2], "little")


def nonce_of(frame: bytes) -> int:
    return int.from_bytes(frame[NONCE_AT : NONCE_AT + 8], "little")


def number_of(frame: bytes) -> int:
    return int.from_bytes(frame[NUMBER_AT : NUMBER_AT + 8], "little")


def restamped(frame: bytes, nonce: int, number: int) -> bytes:
    """The same frame as one of another connection, or of another place in it."""
    made = bytearray(frame)
    made[NONCE_AT : NUMBER_AT + 8] = nonce.to_bytes(8, "little") + number.to_bytes(8, "little")
    made[8:12] = crc32c(bytes(made[12:HEADER])).to_bytes(4, "little")
    return bytes(made)
