"""What a FIX client that means harm does: each act is a sentence of it, with all details drawn from the seed.

An act needs no answer and checks nothing. It begins with a session that may be logged on, and may leave anything.
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable, Iterator

from lockstep.client.fix.message import Field, encoded, now
from lockstep.client.fix.orders import limit_order
from tests.adversary import fix_bytes
from tests.adversary.fix_bytes import MAX_MESSAGE, spoilt
from tests.adversary.peer import OWN_ADDRESS, VENUE, Peer

SILENT = 24  # sockets of one act; several acts open more than an address may have
ONE_WRITE = 130_000  # bytes: what took a gateway down once
HONEST = ("TRADER1", "TRADER2")


def ask_again_and_again(peer: Peer) -> None:
    """ResendRequests for everything, in one write, with the answers unread."""
    data = b""
    while len(data) < peer.draw.choice((1_000, 20_000, ONE_WRITE)):
        begin = peer.draw.choice((1, 1, 1, 2, peer.draw.randint(1, 2**31), 0))
        data += peer.message("2", (7, begin), (16, peer.draw.choice((0, 0, begin, 999_999, 1))))
    peer.write(data)


def ask_and_read(peer: Peer) -> None:
    peer.send("2", (7, 1), (16, 0))
    peer.read(peer.draw.random())


def huge_test_requests(peer: Peer) -> None:
    size = peer.draw.choice((MAX_MESSAGE - 300, MAX_MESSAGE - 300, MAX_MESSAGE + 300))
    for _ in range(peer.draw.randint(1, 300)):
        peer.send("1", (112, peer.draw.randbytes(size // 2).hex()))


def garble(peer: Peer) -> None:
    for _ in range(peer.draw.randint(1, 100)):
        right = peer.draw.choice((
            peer.order, peer.refused, lambda: peer.message("2", (7, 1), (16, 0)), lambda: peer.message("1", (112, "x")),
            lambda: peer.message("F", (11, "c"), (41, "o"), (55, "BTCUSDT"), (54, 1), (60, now())),
            lambda: peer.message("4", (123, "Y"), (36, peer.next_out)),
            lambda: peer.message("A", (98, 0), (108, 30), (553, peer.name), (554, "x")),
        ))()  # fmt: skip
        peer.write(spoilt(right, peer.draw))


def oversized(peer: Peer) -> None:
    draw = peer.draw
    peer.write(draw.choice((
        encoded(peer.version, [(35, "0")], length=draw.choice((999_999_999, MAX_MESSAGE, 2**64, -1))),
        peer.message("1", (112, b"x" * draw.choice((MAX_MESSAGE, 10 * MAX_MESSAGE, 1 << 20)))),
        b"8=FIX.4.4\x019=" + b"9" * 100_000,
        b"8=" * 50_000,
        draw.randbytes(draw.choice((10, 5_000, 200_000))),
    )))  # fmt: skip


def in_pieces(peer: Peer) -> None:
    """A message byte by byte, or its first half only."""
    data = peer.order()
    if peer.draw.random() < 0.5:
        peer.write(data[: peer.draw.randrange(len(data))])
        peer.close(rudely=peer.draw.random() < 0.5)
        return
    for at in range(len(data)):
        peer.write(data[at : at + 1])


def strange_ids(peer: Peer) -> None:
    for _ in range(peer.draw.randint(1, 30)):
        name = fix_bytes.client_id(peer.draw)
        peer.write(peer.draw.choice((
            lambda name=name: peer.order(name),
            lambda name=name: peer.order(name, (58, fix_bytes.value(peer.draw))),
            lambda name=name: peer.message(
                "F", (11, name), (41, fix_bytes.client_id(peer.draw)), (55, "BTCUSDT"), (54, 1), (60, now())
            ),
        ))())  # fmt: skip


def same_ids(peer: Peer) -> None:
    """What was sent once comes again: as it is, as PossResend, as PossDup."""
    for _ in range(peer.draw.randint(1, 50)):
        known = peer.draw.choice(peer.ids or [b"first"])
        flags: tuple[Field, ...] = peer.draw.choice(((), ((97, "Y"),), ((43, "Y"), (122, now())), ((43, "Y"),)))
        number = peer.draw.choice((None, None, 1, max(1, peer.next_out - 5)))
        header: list[Field] = [
            (35, "D"),
            (49, peer.name),
            (56, "LOCKSTEP"),
            (34, number or peer.next_out),
            *flags,
            (52, now()),
        ]
        peer.next_out += number is None
        peer.write(encoded(peer.version, [*header, *limit_order(known, 1, "100.00", "0.0001")]))


def refused_orders(peer: Peer) -> None:
    """Thousands of orders that are refused, with the answers unread."""
    for _ in range(peer.draw.randint(1, 30)):
        peer.write(b"".join(peer.refused() for _ in range(100)))


def resting_orders(peer: Peer) -> None:
    for _ in range(peer.draw.randint(1, 10)):
        peer.write(b"".join(peer.order() for _ in range(100)))
    if peer.draw.random() < 0.5:
        peer.send("q", (11, f"all{peer.draw.randrange(10**9)}"), (530, 7), (60, now()))


def behind_logout(peer: Peer) -> None:
    """A Logout and orders in one write."""
    peer.write(peer.message("5") + b"".join(peer.order() for _ in range(peer.draw.randint(1, 5))))
    peer.read(0.2)


def sequence_games(peer: Peer) -> None:
    draw = peer.draw
    for _ in range(draw.randint(1, 5)):
        to = draw.choice((0, 1, peer.next_out - 3, peer.next_out + 10, 2**31, 2**32 - 1, 2**32, -1))
        peer.send("4", (36, to), *draw.choice(((), ((123, "Y"),), ((123, "N"),), ((123, "Y"), (43, "Y")))))
        if draw.random() < 0.3:
            peer.next_out = draw.choice((1, peer.next_out + 5, peer.next_out + 10**6, 2**32 - 2))
        peer.send("0")


def strange_logons(peer: Peer) -> None:
    draw = peer.draw
    peer.connect()
    peer.write(peer.message("A", *draw.choice((
        [(98, 0), (108, draw.choice((0, -1, 10**9, "x"))), (553, peer.name), (554, "demo")],
        [(98, 9), (108, 30), (553, peer.name), (554, "demo")],
        [(98, 0), (108, 30), (553, b"\xff\0" * 20), (554, b"\0")],
        [(98, 0), (108, 30), (553, peer.name), (554, "x" * 3000)],
        [(98, 0), (108, 30), (141, "Y"), (553, peer.name), (554, "demo")],
        [],
    ))))  # fmt: skip
    if draw.random() < 0.5:
        peer.write(peer.message("A", (98, 0), (108, 30), (141, "Y"), (553, peer.name), (554, "demo")))
        peer.next_out = 2
    peer.read(0.1)


def guess(peer: Peer) -> None:
    """Wrong passwords: for the accounts of who is honest, or from where they come. For both the venue may refuse."""
    peer.close()
    address = peer.draw.choice((OWN_ADDRESS, VENUE))
    for _ in range(peer.draw.randint(1, 12)):
        name = peer.draw.choice(("NOBODY", peer.name) if address == VENUE else (*HONEST, "NOBODY", peer.name))
        fields: list[Field] = [(35, "A"), (49, name), (56, "LOCKSTEP"), (34, 1), (52, now()), (98, 0), (108, 30)]
        with _connection(peer, address) as guessing:
            guessing.sendall(encoded("FIX.4.4", [*fields, (553, name), (554, f"guess{peer.draw.random()}")]))


def silent_sockets(peer: Peer) -> None:
    """Connections that say nothing, or nothing whole."""
    with contextlib.ExitStack() as held:
        address = peer.draw.choice((OWN_ADDRESS, VENUE))
        for _ in range(SILENT):
            silent = held.enter_context(_connection(peer, address))
            if peer.draw.random() < 0.3:
                silent.sendall(b"8=FIX.4.4\x019=")
        with contextlib.suppress(ConnectionError):  # the session goes on or not; meanwhile they are there
            peer.read(peer.draw.choice((0.2, 1.0)))


def half_open(peer: Peer) -> None:
    """Our end is closed, or all is dropped at once, with messages under way."""
    assert peer.socket is not None
    peer.write(b"".join(peer.order() for _ in range(20)))
    if peer.draw.random() < 0.5:
        peer.socket.shutdown(socket.SHUT_WR)
        peer.read(0.3)
    peer.close(rudely=True)


def idle(peer: Peer) -> None:
    """Time in which the venue can answer; few of these clients read."""
    peer.read(peer.draw.choice((0.05, 0.5)))


@contextlib.contextmanager
def _connection(peer: Peer, address: str) -> Iterator[socket.socket]:
    made = socket.create_connection((VENUE, peer.port), timeout=1, source_address=(address, 0))
    with made:
        yield made


ACTS: tuple[Callable[[Peer], None], ...] = (
    ask_again_and_again, ask_and_read, huge_test_requests, garble, oversized, in_pieces, strange_ids, same_ids,
    refused_orders, resting_orders, behind_logout, sequence_games, strange_logons, guess, silent_sockets, half_open,
    idle, idle,
)  # fmt: skip
