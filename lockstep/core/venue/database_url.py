"""Where the venue's PostgreSQL is: the one that the configuration names, or the embedded one's own socket.

It starts nothing, and needs no driver.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path
from urllib.parse import quote

from lockstep.config.schema import Config, ReplicationSection
from lockstep.core.venue import node

NAME = "lockstep"  # of the embedded server's database
# A socket's path has at most 107 bytes (sockaddr_un); PostgreSQL's ends in "/.s.PGSQL." and its port.
MAX_SOCKET_FOLDER_BYTES = 107 - len("/.s.PGSQL.65535")


def of(config: Config, data: Path) -> str:
    """For any client of libpq."""
    return config.database.url or embedded(data, own_port(config, data))


def embedded(data: Path, port: int) -> str:
    """Of the server under `data`; `port` is 0 where no other node's server reaches it."""
    folder = quote(str(socket_folder(data)), safe="")
    return f"postgresql://postgres@/{NAME}?host={folder}{f'&port={port}' if port else ''}"


def socket_folder(data: Path) -> Path:
    """The server's own folder, or, where its path is too long for a socket, one that is named after it."""
    folder = data.resolve() / "postgres"
    if len(os.fsencode(folder)) <= MAX_SOCKET_FOLDER_BYTES:
        return folder
    return Path(tempfile.gettempdir()) / f"lockstep-{hashlib.sha256(os.fsencode(folder)).hexdigest()[:16]}"


def own_port(config: Config, data: Path) -> int:
    """The port of the embedded server, which it has for another node's; 0 if there is none."""
    return config.replication.own_database if has_peer(config.replication, data) else 0


def has_peer(settings: ReplicationSection, data: Path) -> bool:
    """Whether the node in `data` has the other one's certificate, with which its server is known to the other's."""
    return settings.node is not None and (node.folder_of(data) / "peer.pem").exists()
