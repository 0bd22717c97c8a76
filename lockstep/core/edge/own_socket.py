"""Sockets by which processes of one venue speak with each other, and with its own user.

A name is abstract, so it needs no disk, full or not, and ends with its process. Another user's process is no peer.
"""

from __future__ import annotations

import os
import socket
import struct

CREDENTIALS = struct.Struct("3i")  # pid, uid, gid of SO_PEERCRED


def name_of(boot_id: str, agent: str) -> str:
    """The name of an agent's socket, in this run of its venue."""
    return f"lockstep-{boot_id}-{agent}"


def is_own(connected: socket.socket) -> bool:
    """Whether the other end runs as this process's user, or as root."""
    found = connected.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, CREDENTIALS.size)
    return CREDENTIALS.unpack(found)[1] in (0, os.geteuid())


def listener(name: str) -> socket.socket:
    """A socket that listens by that name, and never blocks. OSError if the name is taken."""
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    made.setblocking(False)
    made.bind(f"\0{name}")
    made.listen()
    return made
