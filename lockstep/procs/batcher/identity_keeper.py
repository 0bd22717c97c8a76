"""Keeps schema `identity` going the way that the node's role says, beside the batcher: whoever leads publishes it.

Its thread and its tunnels are all that it has; it never touches a row of the log, and nothing waits for it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path

import psycopg

from lockstep.config.schema import ReplicationSection
from lockstep.core.diagnostics.log_lines import log
from lockstep.core.venue import node
from lockstep.core.venue.database_url import has_peer
from lockstep.procs.batcher import identity
from lockstep.procs.batcher.database import Embedded
from lockstep.procs.batcher.identity import IdentityError
from lockstep.procs.batcher.tunnel import Tunnel

LOOK_S = 2.0
PATIENCE_S = 15.0
HERE = "127.0.0.1"
PURPOSE = b"lockstep identity"


class IdentityKeeper:
    """Of the node in `data`, which has been paired. `tell` is told why the schema does not follow, or ""."""

    def __init__(self, data: Path, settings: ReplicationSection, server: Embedded, tell: Callable[[str], None]) -> None:
        self._data = data
        self._settings = settings
        self._server = server
        self._tell = tell
        self._told: str | None = None
        self._wrong_s = 0.0  # since when, where something is
        self._arranged: tuple[str, list[int]] = "", []  # the role, and for which keys
        self._tunnels: list[Tunnel] = []
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="identity", daemon=True)

    @staticmethod
    def of(
        data: Path, settings: ReplicationSection, server: object, tell: Callable[[str], None]
    ) -> IdentityKeeper | None:
        """The one of the node in `data`; None if that is not paired, or its server is somebody else's."""
        if not isinstance(server, Embedded) or not has_peer(settings, data):
            return None
        return IdentityKeeper(data, settings, server, tell)

    async def start(self) -> None:
        """Open the way to the other host, if it is another one, and begin."""
        try:
            for tunnel in tunnels(self._data, self._settings):
                await tunnel.start()
                self._tunnels.append(tunnel)
        except OSError as error:
            log.error("schema identity has no way to the other node", reason=str(error))
        self._thread.start()

    async def stop(self) -> None:
        """Say that it ends; the thread may be waiting for a server, and ends with the process."""
        self._stopping.set()
        for tunnel in self._tunnels:
            await tunnel.stop()

    def _run(self) -> None:
        while not self._stopping.wait(LOOK_S):
            if not self._server.is_running():
                continue  # the loader starts it, and says why where it can't
            try:
                self._say(self._look())
            except (IdentityError, psycopg.Error, OSError, ValueError, node.RoleError) as error:
                self._say(" ".join(str(error).split()))

    def _look(self) -> str:
        """Arrange what the role asks for, if that is not done; what is wrong with it."""
        role = "follows" if node.load(self._data).is_secondary else "leads"
        keys = _stamps(node.folder_of(self._data))
        if (role, keys) != self._arranged:
            self._arrange(role)
            self._arranged = role, keys
            log.info("schema identity", node=role)
        problem = identity.state(self._server.url, self._server.log).problem
        if problem.startswith(identity.LOST):
            log.warning("schema identity is copied again", reason=problem)
            self._arrange(role, again=True)
        return problem

    def _arrange(self, role: str, *, again: bool = False) -> None:
        password = shared_password(node.folder_of(self._data))
        identity.prepare(self._server.url, password)
        if role == "follows":
            aside = self._data / "set-aside" / f"{datetime.now(UTC):%Y-%m-%dT%H-%M-%S.%fZ}" / "identity"
            peer = identity.address(self._settings.peer_database, password)
            identity.follow(self._server.url, peer, aside, again=again)
        elif missing := identity.lead(self._server.url):
            log.error("schema identity was not copied whole from the other node before it ended", tables=missing)

    def _say(self, problem: str) -> None:
        """Tell what is wrong, once it has been so for longer than a start or a change of roles takes."""
        now_s = time.monotonic()
        if not problem:
            self._wrong_s = 0.0
        elif not self._wrong_s:
            self._wrong_s = now_s
        if problem == self._told or (problem and now_s - self._wrong_s < PATIENCE_S):
            return
        self._told = problem
        self._tell(problem)
        if problem:
            log.warning("schema identity does not follow", reason=problem)


def _stamps(folder: Path) -> list[int]:
    """What changes when one of the node's keys is another one. OSError."""
    return [(folder / name).stat().st_mtime_ns for name in ("key.pem", "peer.pem")]


def tunnels(data: Path, settings: ReplicationSection) -> list[Tunnel]:
    """In and out, between two hosts; none within one, where each server reaches the other by itself. OSError."""
    if ip_address(settings.address).is_loopback and ip_address(settings.peer_address).is_loopback:
        return []
    from lockstep.procs.replicator.certificates import CertificateError, Credentials

    credentials = Credentials(node.folder_of(data))
    try:
        come, go = credentials.context(server=True), credentials.context(server=False)
    except CertificateError as error:
        raise OSError(str(error)) from error
    here, there = (HERE, settings.own_database), (settings.peer_address, settings.peer_database)
    return [
        Tunnel((settings.address, settings.own_database), here, come, None),
        Tunnel((HERE, settings.peer_database), there, None, go),
    ]


def shared_password(folder: Path) -> str:
    """What only the two nodes can work out, each from its own key and the other's certificate. OSError, ValueError."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    from lockstep.procs.replicator.certificates import KEY, PEER

    key = serialization.load_pem_private_key((folder / KEY).read_bytes(), None)
    peer = x509.load_pem_x509_certificate((folder / PEER).read_bytes()).public_key()
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(peer, ec.EllipticCurvePublicKey):
        raise ValueError(f"the keys in {folder} are not of `lockstep pair`")
    return HKDF(hashes.SHA256(), 32, None, PURPOSE).derive(key.exchange(ec.ECDH(), peer)).hex()
