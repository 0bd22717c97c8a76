"""A wire between a client and a venue, which can be cut."""

from __future__ import annotations

import contextlib
import socket
import threading

READ_SIZE = 1 << 16


class Relay:
    """Forwards each connection to `port` of this machine, until it is `cut`; those that are made later are whole."""

    def __init__(self, port: int) -> None:
        self._target = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._wires: list[socket.socket] = []
        self._is_open = threading.Event()
        self._is_open.set()
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self, *, for_good: bool = False) -> None:
        """Break what is connected; `for_good`: new connections wait until it is mended."""
        if for_good:
            self._is_open.clear()
        wires, self._wires = self._wires, []
        for wire in wires:
            with contextlib.suppress(OSError):
                wire.shutdown(socket.SHUT_RDWR)

    def mend(self) -> None:
        """Let clients connect again."""
        self._is_open.set()

    def _accept(self) -> None:
        while True:
            near, _ = self._listener.accept()
            self._is_open.wait()
            try:
                far = socket.create_connection(("127.0.0.1", self._target))
            except OSError:
                near.close()
                continue
            self._wires += (near, far)
            for source, sink in ((near, far), (far, near)):
                threading.Thread(target=_forward, args=(source, sink), daemon=True).start()


def _forward(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(READ_SIZE):
            sink.sendall(data)
    for end in (source, sink):
        with contextlib.suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
