"""Ports that stay free until a test's own server listens on them, and while that server is down."""

from __future__ import annotations

import socket
from collections import deque

# A port that nobody listens on is anyone's: each connection that another test makes takes one. A socket that is bound,
# and never listens, keeps it: who listens there sets SO_REUSEADDR, as servers do, and nobody else is given it.
MOST = 400
_kept: deque[socket.socket] = deque()


def free_port(following: int = 0) -> int:
    """A port that is free now, as are so many behind it; they are kept for this process until it wants 400 more."""
    while True:
        first = _keep(0)
        assert first is not None
        port = int(first.getsockname()[1])
        held = [first]
        for each in range(port + 1, port + 1 + following):
            behind = _keep(each)
            if behind is None:
                break
            held.append(behind)
        if len(held) == 1 + following:
            _kept.extend(held)
            while len(_kept) > MOST:
                _kept.popleft().close()
            return port
        for kept in held:
            kept.close()


def _keep(port: int) -> socket.socket | None:
    """A socket bound to the port (0: to any that is free); None if somebody else has it."""
    kept = socket.socket()
    try:
        kept.bind(("127.0.0.1", port))  # without SO_REUSEADDR: only to one that nobody has bound
    except (OSError, OverflowError):
        kept.close()
        return None
    kept.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    return kept
