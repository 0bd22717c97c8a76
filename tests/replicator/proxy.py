"""A TCP proxy between two nodes, turned by hand: it carries bytes slowly, changes them, keeps them back, or cuts."""

from __future__ import annotations

import random
import socket
import struct
from contextlib import suppress

ALL = 1 << 20
RESET = struct.pack("ii", 1, 0)  # SO_LINGER: closing sends a reset


class Pipe:
    """What goes from one end to the other."""

    def __init__(self, source: socket.socket, target: socket.socket) -> None:
        self.source, self.target = source, target
        self.held = bytearray()
        self.is_ended = False

    def turn(self, rate: int, spoil: random.Random | None) -> None:
        """Move up to `rate` bytes, one of which is changed where there is a `spoil`. OSError: an end has gone."""
        if not self.is_ended and len(self.held) < ALL:
            with suppress(BlockingIOError):
                data = self.source.recv(rate)
                self.is_ended = not data
                self.held += data
        if self.held and spoil is not None:
            self.held[spoil.randrange(len(self.held))] ^= 1 << spoil.randrange(8)
        with suppress(BlockingIOError):
            if self.held:
                del self.held[: self.target.send(self.held[:rate])]
        if self.is_ended and not self.held:
            self.target.shutdown(socket.SHUT_WR)


class Proxy:
    """Listens on `port`, and carries each connection to `to`. `turn` moves what `rate` lets through.

    `is_mute`: it reads and writes nothing, and closes nothing, as a link whose cable is out.
    """

    def __init__(self, to: int) -> None:
        self.to = to
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.listener.setblocking(False)
        self.port: int = self.listener.getsockname()[1]
        self.rate = ALL
        self.is_mute = False
        self.spoil: random.Random | None = None
        self.carried: list[tuple[Pipe, Pipe]] = []
        self.connections = 0
        self._nowhere: list[socket.socket] = []

    def turn(self) -> None:
        """One step of everything."""
        if self.is_mute:
            return
        self._accept()
        spoil, self.spoil = self.spoil, None
        for pair in tuple(self.carried):
            try:
                for pipe in pair:
                    pipe.turn(self.rate, spoil)
                    spoil = None if pipe.held else spoil
            except OSError:
                self._drop(pair)

    def cut(self, *, politely: bool) -> None:
        """End every connection: with a reset, or in order, in the middle of whatever is under way."""
        for pair in tuple(self.carried):
            if not politely:
                for pipe in pair:
                    pipe.source.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            self._drop(pair)

    def orphan(self) -> None:
        """Cut what came in, and keep what went out as it is: the server sees a connection that goes on beside the next
        one, and gets what was kept back of it late."""
        for to_server, to_client in self.carried:
            with suppress(BlockingIOError, OSError):
                to_server.held += to_server.source.recv(ALL)
            to_server.source.close()
            nowhere, to_server.source = socket.socketpair()
            nowhere.setblocking(False)
            to_server.source.setblocking(False)
            to_client.target = to_server.source
            self._nowhere.append(nowhere)

    def close(self) -> None:
        self.cut(politely=True)
        self.listener.close()
        while self._nowhere:
            self._nowhere.pop().close()

    def _accept(self) -> None:
        with suppress(BlockingIOError):
            while True:
                client, _ = self.listener.accept()
                self.connections += 1
                try:
                    server = socket.create_connection(("127.0.0.1", self.to))
                except OSError:
                    client.close()
                    continue
                for each in (client, server):
                    each.setblocking(False)
                    each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # else the kernel's timers play, too
                self.carried.append((Pipe(client, server), Pipe(server, client)))

    def _drop(self, pair: tuple[Pipe, Pipe]) -> None:
        self.carried.remove(pair)
        for pipe in pair:
            pipe.source.close()
            pipe.target.close()
