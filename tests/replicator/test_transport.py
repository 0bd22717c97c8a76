"""Connections between two nodes on real sockets: plain and TLS, wrong peers, crowds, and ends at any byte."""

from __future__ import annotations

import os
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, suppress
from itertools import count, pairwise
from pathlib import Path
from time import monotonic

import pytest

from lockstep.procs.replicator import certificates
from lockstep.procs.replicator.certificates import Credentials
from lockstep.procs.replicator.link import Link
from lockstep.procs.replicator.transport import (
    FIRST_DELAY_NS,
    HANDSHAKE_NS,
    MAX_DELAY_NS,
    MAX_PENDING,
    Acceptor,
    Connection,
    Dialer,
    parse_address,
)

BATCH = b"SLREPL01" + bytes(range(1, 251)) * 491  # about a whole batch, with its header
PATIENCE_S = 20


class Buffers(Link):
    """A link's two buffers without its frames: what is `put` goes out, and what came is in `got`."""

    def __init__(self, to_send: bytes = b"") -> None:
        super().__init__(1, 0)
        self.to_send = to_send
        self.told = 0
        self.got = bytearray()
        self._room = bytearray(200_000)

    def room(self) -> memoryview:
        return memoryview(self._room)

    def received(self, size: int) -> None:
        self.got += self._room[:size]

    def unsent(self) -> memoryview:
        return memoryview(self.to_send)[self.told :]

    def sent(self, size: int) -> None:
        self.told += size

    @property
    def is_sent(self) -> bool:
        return self.told == len(self.to_send)


class Full(Buffers):
    """A link that takes nothing."""

    def room(self) -> memoryview:
        return memoryview(b"")


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Nodes a and b, paired with each other, and c, which took a's certificate and is unknown to a."""
    root = tmp_path_factory.mktemp("nodes")
    made = {node: certificates.make(node) for node in "abc"}
    for node, peer in (("a", "b"), ("b", "a"), ("c", "a")):
        folder = root / node
        folder.mkdir()
        (folder / "key.pem").write_bytes(b"".join(made[node]))
        (folder / "peer.pem").write_bytes(made[peer][1])
    return {node: root / node for node in "abc"}


@pytest.fixture(params=["plain", "TLS"])
def ends(request: pytest.FixtureRequest, folders: dict[str, Path]) -> Iterator[tuple[Acceptor, Dialer]]:
    a, b = (Credentials(folders[node]) if request.param == "TLS" else None for node in "ab")
    acceptor = Acceptor("127.0.0.1:0", a)
    yield acceptor, Dialer(f"127.0.0.1:{acceptor.port}", b)
    acceptor.close()


def until(condition: Callable[[], bool], step: Callable[[int], object], per_turn_ns: int = 1000) -> None:
    """Turn by turn, by a clock of its own that goes on by `per_turn_ns` each turn."""
    end = monotonic() + PATIENCE_S
    for turn in count():
        if condition():
            return
        step(turn * per_turn_ns)
        if monotonic() > end:
            break
    raise AssertionError("it has not come to that")


def close(*ends: Connection | Acceptor) -> None:
    for end in ends:
        end.close()


def connect(acceptor: Acceptor, dialer: Dialer, sent: bytes = b"") -> tuple[Connection, Connection, Buffers, Buffers]:
    """Both ends, and what they carry; the dialler's end has begun with `sent`, as a secondary begins with its hello."""
    near, far = Buffers(sent or BATCH), Buffers()
    ends: dict[str, Connection] = {}

    def step(now_ns: int) -> None:
        if "near" not in ends and (dialled := dialer.poll(now_ns)):
            ends["near"] = dialled
        if "near" in ends:
            ends["near"].pump(near)
        if "far" not in ends and (accepted := acceptor.poll(now_ns)):
            ends["far"] = accepted

    until(lambda: len(ends) == 2, step)
    return ends["near"], ends["far"], near, far


def trouble_of(dialer: Dialer, acceptor: Acceptor, both: bool = True) -> tuple[str, str]:
    """What the two say, once both (or the acceptor alone) have found that they get no connection of use."""
    open_now: list[Connection] = []
    buffers = Buffers(BATCH[:232])  # as long as a greeting

    def step(now_ns: int) -> None:
        open_now.extend(filter(None, (dialer.poll(now_ns), acceptor.poll(now_ns))))
        for connection in tuple(open_now):
            try:
                connection.pump(buffers)
            except ConnectionError:
                open_now.remove(connection)

    until(lambda: bool(acceptor.trouble and (dialer.trouble or not both)), step)
    return dialer.trouble, acceptor.trouble


def test_batches_go_both_ways_at_once(ends: tuple[Acceptor, Dialer]) -> None:
    near, far, a, b = connect(*ends, BATCH * 8)
    b.to_send += BATCH[::-1] * 8
    until(lambda: len(a.got) == len(b.got) == 8 * len(BATCH), lambda _: (near.pump(a), far.pump(b)))
    assert b.got == BATCH * 8
    assert a.got == BATCH[::-1] * 8
    assert near.received == far.received == 8 * len(BATCH)
    assert near.pump(a) == far.pump(b) == 0
    assert ends[1].trouble == ends[0].trouble == ""
    close(near, far)


def test_sockets_wait_for_nothing_and_notice_a_dead_peer(ends: tuple[Acceptor, Dialer]) -> None:
    near, far, _, _ = connect(*ends)
    for connection in (near, far):
        raw = socket.socket(fileno=connection.fileno())
        assert raw.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        assert raw.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        assert not os.get_blocking(connection.fileno())
        raw.detach()
        connection.close()
        assert connection.fileno() == -1


def test_a_peer_that_reads_nothing_holds_up_nobody(ends: tuple[Acceptor, Dialer]) -> None:
    near, far, a, b = connect(*ends)
    a.to_send += BATCH * 300
    full = Full()
    until(lambda: near.pump(a) == 0, lambda _: far.pump(full))
    assert not a.is_sent
    assert near.pump(a) == 0
    a.to_send += BATCH  # what is written again is longer by now
    until(lambda: a.is_sent, lambda _: (far.pump(b), near.pump(a)))
    until(lambda: len(b.got) == 302 * len(BATCH), lambda _: far.pump(b))
    assert b.got == BATCH * 302
    close(near, far)


def test_a_half_open_peer_is_silence_and_no_error(ends: tuple[Acceptor, Dialer]) -> None:
    near, far, a, b = connect(*ends)
    until(lambda: len(b.got) == len(BATCH), lambda _: (near.pump(a), far.pump(b)))
    assert [near.pump(a) for _ in range(100)] == [0] * 100
    close(near, far)


@pytest.mark.parametrize("cut", [1, 95, 96, 50_000])
def test_a_close_in_the_middle_of_a_frame_gives_what_came_and_then_an_error(
    ends: tuple[Acceptor, Dialer], cut: int
) -> None:
    near, far, a, b = connect(*ends, BATCH[: 8 + cut])
    until(lambda: a.is_sent, lambda _: near.pump(a))
    near.close()
    near.close()
    with pytest.raises(ConnectionError, match="hung up"):
        until(lambda: False, lambda _: far.pump(b))
    assert b.got == BATCH[: 8 + cut]
    assert not far.is_open
    with pytest.raises(ConnectionError, match="hung up"):
        far.pump(b)


def test_what_was_said_before_hanging_up_arrives_though_the_other_side_was_not_read(
    ends: tuple[Acceptor, Dialer],
) -> None:
    near, far, a, b = connect(*ends)
    until(lambda: a.is_sent, lambda _: near.pump(a))
    refusing = Full(BATCH * 100 + b"go away")
    until(lambda: far.pump(refusing) == 0, lambda _: None)
    far.close()  # over a whole batch that nobody has read, and before the peer has read anything
    with pytest.raises(ConnectionError):
        until(lambda: False, lambda _: near.pump(a))
    assert len(a.got) == refusing.told > len(BATCH)
    assert b.got == b""


def test_a_dialer_dials_again_after_a_pause_that_grows_to_a_second() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as free:
        port = free.getsockname()[1]
    dialer = Dialer(f"127.0.0.1:{port}", None)
    told: list[str] = []
    attempts: list[int] = []
    for ms in range(10_000):
        dialer.poll(ms * 1_000_000)
        if dialer._next_ns not in attempts and dialer.trouble:
            attempts.append(dialer._next_ns)
        if not told or told[-1] != dialer.trouble:
            told.append(dialer.trouble)
    assert told == ["", f"127.0.0.1:{port}: connection refused"] or told == told[1:]
    gaps = [later - earlier for earlier, later in pairwise(attempts)]
    assert gaps[0] < 3 * FIRST_DELAY_NS
    assert max(gaps) <= MAX_DELAY_NS + 5_000_000
    assert 10 < len(attempts) < 25


def test_a_dialer_holds_one_connection_and_dials_again_when_it_ends(ends: tuple[Acceptor, Dialer]) -> None:
    acceptor, dialer = ends
    near, far, _, b = connect(acceptor, dialer)
    assert dialer.poll(10**12) is None
    near.close()
    found: list[Connection] = []

    def step(now_ns: int) -> None:
        acceptor.poll(10**12 + now_ns)
        found.extend(filter(None, (dialer.poll(10**12 + now_ns),)))

    until(lambda: bool(found), step)
    assert found[0] is not near
    far.close()
    found[0].close()
    assert b.got == b""


def test_a_dialer_that_is_hung_up_on_at_once_keeps_its_reason_and_its_pause() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        dialer = Dialer(f"127.0.0.1:{server.getsockname()[1]}", None)
        dialled = 0
        told: set[str] = set()
        server.setblocking(False)
        connection: Connection | None = None
        for ms in range(4000):
            with suppress(BlockingIOError):
                server.accept()[0].close()
                dialled += 1
            connection = dialer.poll(ms * 1_000_000) or connection
            if connection and connection.is_open:
                with suppress(ConnectionError):
                    connection.pump(Buffers())
            told.add(dialer.trouble)
    assert 4 <= dialled <= 12
    assert len(told - {""}) == 1
    assert "hung up" in dialer.trouble


def test_a_peer_that_says_nothing_in_the_handshake_is_given_up(folders: dict[str, Path]) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as mute:
        dialer = Dialer(f"127.0.0.1:{mute.getsockname()[1]}", Credentials(folders["b"]))
        until(lambda: bool(dialer.trouble), dialer.poll, HANDSHAKE_NS // 1000)
        assert dialer.trouble.endswith("no answer within 3 s")
        dialer.close()


def test_a_crowd_that_says_nothing_does_not_keep_the_peer_out(ends: tuple[Acceptor, Dialer]) -> None:
    acceptor, dialer = ends
    with ExitStack() as crowd:
        for number in range(1000):
            crowd.enter_context(socket.create_connection(("127.0.0.1", acceptor.port)))
            acceptor.poll(number)
        assert len(acceptor._pending) <= MAX_PENDING
        near, far, a, b = connect(acceptor, dialer)
        until(lambda: len(b.got) == len(BATCH), lambda _: (near.pump(a), far.pump(b)))
        assert acceptor.poll(2 * HANDSHAKE_NS) is None
        assert acceptor._pending == []
        assert "has said nothing" in acceptor.trouble
        close(near, far)


@pytest.mark.parametrize(
    ("said", "why"),
    [(b"GET / HTTP/1.1\r\n", "no greeting"), (b"SLRE", "hung up"), (b"\x16\x03\x01\x02\x00\x01\x00\x01", "speaks TLS")],
)
def test_who_greets_otherwise_than_a_node_is_sent_away(said: bytes, why: str) -> None:
    acceptor = Acceptor("127.0.0.1:0", None)
    with closing(socket.create_connection(("127.0.0.1", acceptor.port))) as stranger:
        stranger.sendall(said)
        if why == "hung up":
            acceptor.poll(0)
            stranger.shutdown(socket.SHUT_WR)
            until(lambda: bool(acceptor.trouble), lambda now: acceptor.poll(now), HANDSHAKE_NS // 1000)
            why = "nothing"
        else:
            until(lambda: bool(acceptor.trouble), lambda now: acceptor.poll(now))
    assert why in acceptor.trouble
    acceptor.close()


def test_a_peer_that_knows_no_tls_and_a_node_that_does_not(folders: dict[str, Path]) -> None:
    paired, plain = Acceptor("127.0.0.1:0", Credentials(folders["a"])), Acceptor("127.0.0.1:0", None)
    told, heard = trouble_of(Dialer(f"127.0.0.1:{paired.port}", None), paired)
    assert "hung up before it said anything" in told
    assert "speaks no TLS as a paired node does" in heard
    told, heard = trouble_of(Dialer(f"127.0.0.1:{plain.port}", Credentials(folders["b"])), plain)
    assert "hung up in the TLS handshake" in told
    assert "it speaks TLS, and this node is not paired" in heard
    close(paired, plain)


def test_another_certificate_than_the_peers_is_refused_by_either(folders: dict[str, Path]) -> None:
    acceptor = Acceptor("127.0.0.1:0", Credentials(folders["a"]))
    dialer = Dialer(f"127.0.0.1:{acceptor.port}", Credentials(folders["c"]))
    told, heard = trouble_of(dialer, acceptor)
    assert dialer.is_stranger
    assert "refuses this node's certificate" in told
    assert "not the one that this node is paired with" in heard
    acceptor.close()
    stranger = Acceptor("127.0.0.1:0", Credentials(folders["c"]))
    dialer = Dialer(f"127.0.0.1:{stranger.port}", Credentials(folders["b"]))
    told, heard = trouble_of(dialer, stranger)
    assert dialer.is_stranger
    assert "not the one that this node is paired with" in told
    assert "refuses this node's certificate" in heard
    stranger.close()


def test_a_certificate_that_the_peer_signed_is_not_the_peers(folders: dict[str, Path], tmp_path: Path) -> None:
    forged(folders["b"], tmp_path)
    acceptor = Acceptor("127.0.0.1:0", Credentials(folders["a"]))
    (tmp_path / "peer.pem").write_bytes((folders["b"] / "peer.pem").read_bytes())
    _, heard = trouble_of(Dialer(f"127.0.0.1:{acceptor.port}", Credentials(tmp_path)), acceptor, both=False)
    assert "not the one that this node is paired with" in heard
    acceptor.close()


def forged(signer: Path, folder: Path) -> None:
    """A key, and a certificate for it that the key of `signer` has signed in its own name."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    authority = x509.load_pem_x509_certificate((signer / "key.pem").read_bytes())
    signing = serialization.load_pem_private_key((signer / "key.pem").read_bytes(), None)
    assert isinstance(signing, ec.EllipticCurvePrivateKey)
    private, own = certificates.make("b")
    made = x509.load_pem_x509_certificate(own)
    signed = x509.CertificateBuilder(
        authority.subject, made.subject, made.public_key(), 7, certificates.VALID_FROM, certificates.VALID_UNTIL
    ).sign(signing, hashes.SHA256())
    (folder / "key.pem").write_bytes(private + signed.public_bytes(serialization.Encoding.PEM))


def test_an_earlier_tls_is_refused(folders: dict[str, Path]) -> None:
    acceptor = Acceptor("127.0.0.1:0", Credentials(folders["a"]))
    old = Credentials(folders["b"]).context(server=False)
    old.minimum_version, old.maximum_version = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_2
    with closing(socket.create_connection(("127.0.0.1", acceptor.port))) as raw:
        raw.setblocking(False)
        spoken = old.wrap_socket(raw, do_handshake_on_connect=False)
        with suppress(ssl.SSLWantReadError):
            spoken.do_handshake()
        until(lambda: bool(acceptor.trouble), acceptor.poll)
        spoken.close()
    assert "speaks no TLS as a paired node does" in acceptor.trouble
    acceptor.close()


def test_renewed_certificates_count_from_the_next_connection_on(folders: dict[str, Path], tmp_path: Path) -> None:
    a, b = tmp_path / "a", tmp_path / "b"
    for folder in (a, b):
        folder.mkdir()
        for file in folders[folder.name].iterdir():
            (folder / file.name).write_bytes(file.read_bytes())
    acceptor = Acceptor("127.0.0.1:0", Credentials(a))
    dialer = Dialer(f"127.0.0.1:{acceptor.port}", Credentials(b))
    first = connect(acceptor, dialer)
    for folder, peer in ((a, b), (b, a)):
        private, own = certificates.make(folder.name)
        for file, content in ((folder / "key.pem", private + own), (peer / "peer.pem", own)):
            (file.parent / "new").write_bytes(content)
            (file.parent / "new").replace(file)
    near, far, mine, theirs = first
    until(lambda: len(theirs.got) == len(BATCH), lambda _: (near.pump(mine), far.pump(theirs)))
    close(near, far)
    near, far, _, _ = connect(acceptor, Dialer(f"127.0.0.1:{acceptor.port}", Credentials(b)))
    close(near, far, acceptor)


def test_files_that_are_missing_or_damaged_are_trouble_and_no_crash(folders: dict[str, Path], tmp_path: Path) -> None:
    assert Credentials.of(tmp_path) is None
    (tmp_path / "peer.pem").write_bytes((folders["b"] / "peer.pem").read_bytes())
    paired = Credentials.of(tmp_path)
    assert paired is not None
    acceptor = Acceptor("127.0.0.1:0", paired)
    dialer = Dialer(f"127.0.0.1:{acceptor.port}", paired)
    until(lambda: bool(dialer.trouble and acceptor.trouble), lambda now: (dialer.poll(now), acceptor.poll(now)))
    assert "key.pem" in dialer.trouble
    assert "pair the two nodes again" in acceptor.trouble
    (tmp_path / "key.pem").write_text("-----BEGIN NOTHING-----\n")
    dialer = Dialer(f"127.0.0.1:{acceptor.port}", paired)
    until(lambda: bool(dialer.trouble), dialer.poll)
    assert str(tmp_path) in dialer.trouble
    acceptor.close()


def test_an_address_is_of_either_family() -> None:
    acceptor = Acceptor("[::1]:0", None)
    near, far, _, _ = connect(acceptor, Dialer(f"[::1]:{acceptor.port}", None))
    assert far.peer.startswith("[::1]:")
    close(near, far, acceptor)


def test_addresses() -> None:
    assert parse_address("10.0.0.7:9900") == ("10.0.0.7", 9900)
    assert parse_address("[::1]:9900") == ("::1", 9900)
    for wrong in ("", "9900", ":9900", "::1:9900", "[10.0.0.7]:1", "10.0.0.7:b", "10.0.0.7:70000", "[]:1", "b.org:1"):
        with pytest.raises(ValueError, match="no address and port"):
            parse_address(wrong)


@pytest.mark.parametrize("address", ["10.0.0.7:9900", "0.0.0.0:0", "[2001:db8::1]:9900"])
def test_nothing_leaves_the_machine_unprotected(address: str) -> None:
    for make in (Dialer, Acceptor):
        with pytest.raises(ValueError, match="not paired"):
            make(address, None)
